"""The stub of the compiled core names what the core has."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import qabwnas

STUB = Path(qabwnas.__file__).with_name("_core.pyi")


def in_stub() -> dict[str, list[str]]:
    """Return the names of the arguments of every function of the stub."""
    functions = [node for node in ast.parse(STUB.read_text()).body if isinstance(node, ast.FunctionDef)]
    return {function.name: [argument.arg for argument in function.args.args] for function in functions}


def in_core() -> dict[str, list[str]]:
    """Return those of the core, from the signatures that pybind11 writes into docstrings."""
    core = pytest.importorskip("qabwnas._core")
    functions = {name: value for name, value in vars(core).items() if callable(value)}
    signatures = {name: value.__doc__.splitlines()[0] for name, value in functions.items()}
    return {name: re.findall(r"[(,] ?(\w+): ", signature) for name, signature in signatures.items()}


def test_functions_and_arguments_are_those_of_the_core() -> None:
    assert in_stub() == in_core()
