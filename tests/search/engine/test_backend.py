"""Which backend a search takes, and what is said if the compiled core is missing or broken."""

from __future__ import annotations

import subprocess
import sys

import pytest

import qabwnas
from qabwnas.errors import BackendError, InputError
from qabwnas.search.engine.backend import HOW_TO_BUILD, NOT_BUILT, select_backend

NOT_BUILT_CORE = "import sys; sys.modules['qabwnas._core'] = None\n"
BROKEN_CORE = """
import importlib.abc, importlib.util, sys
class Broken(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        return importlib.util.spec_from_loader(name, self) if name == "qabwnas._core" else None
    def exec_module(self, module):
        raise ImportError("undefined symbol: of_the_core")
sys.meta_path.insert(0, Broken())
"""
SELECT = "from qabwnas.search import select_backend\n"


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QABWNAS_BACKEND", raising=False)


def test_without_the_core_the_first_search_says_how_to_get_it_once() -> None:
    found = run(f"{NOT_BUILT_CORE}{SELECT}print(select_backend().name, select_backend().name)")
    assert (found.returncode, found.stdout) == (0, "numba numba\n")
    assert found.stderr == f"qabwnas: {NOT_BUILT}, so searches use the slower Numba fallback; {HOW_TO_BUILD}\n"


def test_who_chooses_numba_is_not_told() -> None:
    found = run(f"{NOT_BUILT_CORE}{SELECT}print(select_backend('numba').name)")
    assert (found.returncode, found.stdout, found.stderr) == (0, "numba\n", "")


def test_a_core_that_was_not_built_cannot_be_forced() -> None:
    found = run(f"{NOT_BUILT_CORE}{SELECT}select_backend('cpp')")
    assert found.returncode == 1
    assert found.stderr.splitlines()[-1] == f"qabwnas.errors.BackendError: {NOT_BUILT}; {HOW_TO_BUILD}"
    assert issubclass(BackendError, ImportError)


@pytest.mark.parametrize("name", ["auto", "cpp"])
def test_a_core_that_was_built_and_cannot_be_loaded_is_an_error(name: str) -> None:
    found = run(f"{BROKEN_CORE}{SELECT}select_backend({name!r})")
    assert found.returncode == 1
    assert found.stderr.splitlines()[-1].endswith("'cpp' cannot be loaded: undefined symbol: of_the_core")


def test_names_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QABWNAS_BACKEND", "fortran")
    with pytest.raises(InputError, match="QABWNAS_BACKEND: 'fortran' is not one of auto, cpp, numba"):
        select_backend()
    with pytest.raises(InputError, match="^backend: 'c' is not one of auto, cpp, numba$"):
        qabwnas.select_backend("c")
