"""Compiled functions are kept between processes, and no longer than the sources that they were made of."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import qabwnas

CALL = """
from {room}.callee import pair
from {room}.caller import call
print(call(pair), sum(call.stats.cache_hits.values()))
"""
CALLER = """
from {room}.compiled import compiled
from {room}.callee import scale

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
ROOM = "qabwnas.search._numba"


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A copy of the package without anything compiled for Numba, with a function that calls one of another file."""
    package = tmp_path / "qabwnas"
    shutil.copytree(Path(qabwnas.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    room = package / "search" / "_numba"
    (room / "caller.py").write_text(CALLER.format(room=ROOM), encoding="utf-8")
    write_callee(room)
    return room


def write_callee(room: Path, factor: int = 2, name: str = "Pair") -> None:
    text = CALLEE.format(room=ROOM, factor=factor, name=name)
    (room / "callee.py").write_text(text, encoding="utf-8")


def answer(room: Path) -> tuple[int, int]:
    """Return what the function gives in a process of its own, and how many signatures came from a cache."""
    done = subprocess.run(
        [sys.executable, "-c", CALL.format(room=ROOM)], cwd=room.parents[2], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    value, n_hits = done.stdout.split()
    return int(value), int(n_hits)


def test_functions_are_kept_between_processes(room: Path) -> None:
    assert answer(room) == (10, 0)
    assert answer(room) == (10, 1)


def test_a_function_follows_its_callee_in_another_file(room: Path) -> None:
    assert answer(room) == (10, 0)
    write_callee(room, factor=5)
    assert answer(room) == (19, 0)


def test_a_cache_that_names_a_class_which_is_gone_is_not_read(room: Path) -> None:
    assert answer(room) == (10, 0)
    write_callee(room, name="Couple")
    assert answer(room) == (10, 0)
