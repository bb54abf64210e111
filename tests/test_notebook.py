"""The notebook of the documents: its cells run one after the other, and what they end with has a table or a figure."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

import qabwnas

NOTEBOOK = Path(__file__).resolve().parents[1] / "docs" / "notebook.ipynb"


def run_cell(source: str, names: dict[str, Any]) -> Any:
    """Run a cell, and return the value of its last line as a notebook would show it."""
    *statements, last = ast.parse(source).body
    assert isinstance(last, ast.Expr)
    exec(compile(ast.Module(statements, []), "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)


def test_all_cells_run_and_show_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert not [cell for cell in cells if cell.get("outputs")]  # outputs would grow old
    names: dict[str, Any] = {}
    shown = [run_cell("".join(cell["source"]), names) for cell in cells if cell["cell_type"] == "code"]
    lut, result, front, figure = shown
    assert isinstance(lut, qabwnas.Lut)
    assert "<td>body</td><td>3</td>" in lut._repr_html_()
    assert "<td>0.3</td>" in result._repr_html_()
    assert front._repr_html_().count("<tr>") == len(front) + 1
    assert "plotly" in figure._repr_html_()
