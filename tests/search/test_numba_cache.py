"""Compiled functions are cached between processes as long as their sources stay the same, if a folder is writable."""

from __future__ import annotations

import compileall
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

import qabwnas
from tests.processes import python

CALL = """
from {room}.inside.callee import pair
from {room}.caller import call
print(call(pair), sum(call.stats.cache_hits.values()))
"""
CALLER = """
from {room}.compiled import compiled
from {room}.inside.callee import scale

@compiled
def call(pair):
    return scale(pair.first) + pair.second
"""
CALLEE = """
from typing import NamedTuple
from {room}.compiled import inner

class {name}(NamedTuple):
    first: int
    second: int

@inner
def scale(value):
    return {factor} * value

pair = {name}(3, 4)
"""
ROOM = "qabwnas.search.numba"
NOTE = (
    "{why}: compiled functions cannot be cached; Numba compiles them in every process, which takes about half a "
    "minute: set NUMBA_CACHE_DIR to a writable folder\n"
)


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A copy of the package without anything compiled for Numba, with a function that calls one of a subfolder."""
    package = tmp_path / "qabwnas"
    shutil.copytree(Path(qabwnas.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    room = package / "search" / "numba"
    (room / "caller.py").write_text(CALLER.format(room=ROOM), encoding="utf-8")
    (room / "inside").mkdir()
    (room / "inside" / "__init__.py").write_text("")
    write_callee(room)
    return room


def write_callee(room: Path, factor: int = 2, name: str = "Pair") -> None:
    text = CALLEE.format(room=ROOM, factor=factor, name=name)
    (room / "inside" / "callee.py").write_text(text, encoding="utf-8")


def run(room: Path, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=room.parents[2],
        env=os.environ | {"PYTHONPATH": str(room.parents[2])} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def answer(room: Path, *, notes: str = "", code: str = CALL, **environment: str) -> tuple[int, int]:
    """Return what the function gives in a process of its own, and how many signatures came from a cache."""
    done = run(room, code.format(room=ROOM), **environment)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(notes, done.stderr), done.stderr
    value, n_hits = done.stdout.split()
    return int(value), int(n_hits)


@pytest.fixture
def nowhere(room: Path) -> dict[str, str]:
    """An environment in which no cache folder can be written, even by root: a file stands in the way of each."""
    (room / "__pycache__").write_text("")
    (room / "file").write_text("")
    return {"HOME": str(room / "file"), "XDG_CACHE_HOME": str(room / "file")}


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.nbc"))


def test_functions_are_kept_between_processes(room: Path) -> None:
    assert answer(room) == (10, 0)
    assert answer(room) == (10, 1)


def test_a_function_follows_its_callee_in_another_file(room: Path) -> None:
    assert answer(room) == (10, 0)
    write_callee(room, factor=5)
    assert answer(room) == (19, 0)


@pytest.mark.slow
def test_a_cache_that_names_a_class_which_is_gone_is_not_read(room: Path) -> None:
    assert answer(room) == (10, 0)
    write_callee(room, name="Couple")
    assert answer(room) == (10, 0)


def test_without_a_writable_folder_it_works_and_one_line_says_what_to_set(
    room: Path, nowhere: dict[str, str], tmp_path: Path
) -> None:
    note = NOTE.format(why=f"cannot write to {room}/__pycache__, {room}/file/numba")
    assert answer(room, notes=note, **nowhere) == (10, 0)
    assert answer(room, notes=note, **nowhere) == (10, 0)
    given = str(tmp_path / "given")
    assert answer(room, **nowhere, NUMBA_CACHE_DIR=given) == (10, 0)
    assert answer(room, **nowhere, NUMBA_CACHE_DIR=given) == (10, 1)


def test_the_folder_of_the_user_is_second_and_never_relative(room: Path, nowhere: dict[str, str]) -> None:
    home = room / "home"
    assert answer(room, **nowhere | {"XDG_CACHE_HOME": str(home)}) == (10, 0)
    assert files(home)
    before = set(room.parents[2].iterdir())
    assert answer(
        room, notes=NOTE.format(why=f"cannot write to {room}/__pycache__"), **nowhere | {"XDG_CACHE_HOME": ""}
    )
    assert set(room.parents[2].iterdir()) == before


def test_a_folder_that_is_given_is_the_only_one_written_to(room: Path) -> None:
    (room / "file").write_text("")
    given = str(room / "file" / "given")
    assert answer(room, notes=NOTE.format(why=f"cannot write to {given}"), NUMBA_CACHE_DIR=given) == (10, 0)
    assert files(room) == []


def test_a_filled_cache_is_read_where_nothing_can_be_written(room: Path) -> None:
    assert answer(room) == (10, 0)
    (room / "file").write_text("")
    assert answer(room, NUMBA_CACHE_DIR=str(room / "file" / "given")) == (10, 1)


def cut_off(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    return content[:-100] + bytes([content[-100] ^ 1]) + content[-99:]


@pytest.mark.parametrize("damage", [cut_off, pytest.param(flipped, marks=pytest.mark.slow)])
def test_a_damaged_file_is_written_anew(room: Path, damage: Callable[[bytes], bytes]) -> None:
    assert answer(room) == (10, 0)
    for file in files(room):
        file.write_bytes(damage(file.read_bytes()))
    assert answer(room) == (10, 0)
    assert answer(room) == (10, 1)


def test_a_disk_that_fills_up_while_functions_are_compiled(room: Path) -> None:
    # CPython 3.11 itself leaves truncated .pyc files on a full disk.
    no_space = "import sys\nsys.dont_write_bytecode = True\n"
    no_space += "import resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nimport numba\n"
    no_space += "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
    note = NOTE.format(why=f"{room}/__pycache__/qabwnas-[0-9a-f]+: File too large")
    assert answer(room, notes=note, code=no_space + CALL) == (10, 0)
    assert list(room.rglob("*.nbc*")) == []
    assert answer(room) == (10, 0)


@pytest.mark.slow
def test_processes_that_compile_at_the_same_time(room: Path) -> None:
    """Each keeps its own signature under its own name, whichever of them writes last."""
    (room / "lone.py").write_text(f"from {ROOM}.compiled import compiled\n@compiled\ndef half(x):\n    return x / 2\n")
    code = f"import sys\nfrom {ROOM}.lone import half\n"
    code += "sys.stdin.readline()\nprint(half({argument}), sum(half.stats.cache_hits.values()))"
    arguments = {"7": "3.5", "7.5": "3.75"}

    def answers() -> dict[str, str]:
        with ExitStack() as stack:
            options = {"cwd": room.parents[2], "stdin": subprocess.PIPE}
            running = {a: stack.enter_context(python(code.format(argument=a), **options)) for a in arguments}
            for process in running.values():
                assert process.stdin is not None
                process.stdin.write("now\n")
                process.stdin.flush()
            return {a: process.communicate()[0].strip() for a, process in running.items()}

    assert answers() == {a: f"{value} 0" for a, value in arguments.items()}
    assert answers() == {a: f"{value} 1" for a, value in arguments.items()}


def test_without_compilation_it_works_too(room: Path) -> None:
    code = "from {room}.inside.callee import pair\nfrom {room}.caller import call\nprint(call(pair), 0)"
    assert answer(room, code=code, NUMBA_DISABLE_JIT="1") == (10, 0)


@pytest.mark.slow
def test_a_package_in_a_zip_file(room: Path, tmp_path: Path) -> None:
    """Its digest is that of its sources there, and the user's folder keeps what is compiled."""
    package = room.parents[2]
    archive = shutil.make_archive(str(tmp_path / "zipped"), "zip", package, "qabwnas")
    environment = {"PYTHONPATH": archive, "XDG_CACHE_HOME": str(tmp_path / "home")}
    code = "import os; os.chdir('/')\nimport sys; sys.path.remove('')\n" + CALL
    assert answer(room, code=code, **environment) == (10, 0)
    assert answer(room, code=code, **environment) == (10, 1)
    write_callee(room, factor=5)
    shutil.make_archive(str(tmp_path / "zipped"), "zip", package, "qabwnas")
    assert answer(room, code=code, **environment) == (19, 0)


@pytest.mark.slow
def test_files_of_the_same_name_in_two_folders(room: Path) -> None:
    """Their functions have the same name and bytecode, and differ in what a global name stands for."""
    for folder, factor in (("inside", 2), ("outside", 5)):
        (room / folder).mkdir(exist_ok=True)
        source = f"from {ROOM}.compiled import compiled\nFACTOR = {factor}\n"
        (room / folder / "same.py").write_text(source + "@compiled\ndef scale(x):\n    return FACTOR * x\n")
    code = "from {room}.inside.same import scale\nfrom {room}.outside.same import scale as other\n"
    code += "print(100 * scale(1) + other(1), sum(other.stats.cache_hits.values()))"
    assert answer(room, code=code) == (205, 0)
    assert answer(room, code=code) == (205, 1)


@pytest.mark.slow
def test_a_package_of_bytecode_alone(room: Path) -> None:
    """Its digest is that of the bytecode, in subfolders too."""

    def leave_bytecode() -> None:
        assert compileall.compile_dir(room.parents[1], quiet=1, legacy=True)
        for source in room.parents[1].rglob("*.py"):
            source.unlink()

    leave_bytecode()
    assert answer(room) == (10, 0)
    assert answer(room) == (10, 1)
    write_callee(room, factor=5)
    leave_bytecode()
    assert answer(room) == (19, 0)


def test_backends_say_where_the_cache_is(room: Path, nowhere: dict[str, str]) -> None:
    code = "from qabwnas.cli.main import main; main(['backends'])"
    listed = run(room, code, **nowhere)
    line = "numba  available, cache: none, set NUMBA_CACHE_DIR to a writable folder"
    assert (listed.returncode, listed.stdout.splitlines()[1][2:], listed.stderr) == (0, line, "")
    listed = run(room, code, **nowhere, NUMBA_CACHE_DIR=str(room / "given"))
    assert re.fullmatch(f"numba  available, cache: {room}/given/qabwnas-[0-9a-f]+", listed.stdout.splitlines()[1][2:])
