"""Code of tutorials and how-to pages: every block of shell or Python runs, in order, and prints what the page shows.

A block of text right after such a block is its output. In it, ``…`` stands for any text of a line, and a line ``…``
for any lines.
"""

from __future__ import annotations

import ast
import contextlib
import io
import re
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.docs.conftest import DOCS

SLOW = {
    "how-to/compare-one-shot.md",
    "how-to/export.md",
    "how-to/latency.md",
    "how-to/many-machines.md",
    "how-to/resume.md",
    "how-to/retrain.md",
    "tutorials/device.md",
    "tutorials/own-network.md",
}
"""Pages that train or measure networks."""

FOLDERS = ("tutorials", "how-to", "explanation")
PAGES = [
    "index.md",
    "session.md",
    *sorted(f"{folder}/{path.name}" for folder in FOLDERS for path in (DOCS / folder).glob("*.md")),
]
BLOCK = re.compile(r"^```(sh|python|text)$\n(.*?)^```$(\n\n(?=```text$))?", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """Code of a page, the line at which it begins, and the output that the page shows, if it does."""

    language: str
    code: str
    line: int
    output: str | None


def blocks(text: str) -> list[Block]:
    found: list[Block] = []
    before = None
    for match in BLOCK.finditer(text):
        language, code, followed = match.groups()
        if language != "text":
            found.append(Block(language, code, text.count("\n", 0, match.start()) + 2, None))
        elif before is not None:
            found[-1] = found[-1]._replace(output=code)
        before = followed
    return found


def pattern(output: str) -> str:
    lines = [
        r"(?:.*\n)*?" if line == "…" else "[^\n]*?".join(map(re.escape, line.split("…"))) + r"[ ]*\n"
        for line in output.rstrip("\n").split("\n")
    ]
    return "".join(lines)


def run_shell(block: Block, environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.code],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"line {block.line}: exit code {done.returncode}\n{done.stdout}"
    return done.stdout


def run_python(block: Block, names: dict[str, Any]) -> str:
    """Run Python as a prompt does: a last line that is an expression is printed."""
    tree = ast.parse(block.code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, f"line {block.line}", "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), f"line {block.line}", "eval"), names)
            if value is not None:
                print(value)
    return printed.getvalue()


@pytest.mark.parametrize(
    ("folder", "page"),
    [
        pytest.param(page, page, marks=[pytest.mark.slow] if page in SLOW else [], id=page)
        for page in PAGES
        if blocks((DOCS / page).read_text(encoding="utf-8"))
    ],
    indirect=["folder"],
)
def test_the_code_of_a_page_does_what_it_shows(folder: Path, page: str, environment: dict[str, str]) -> None:  # noqa: ARG001
    names: dict[str, Any] = {}
    for block in blocks((DOCS / page).read_text(encoding="utf-8")):
        printed = run_shell(block, environment) if block.language == "sh" else run_python(block, names)
        if block.output is not None and not re.fullmatch(pattern(block.output), printed.rstrip("\n") + "\n"):
            pytest.fail(f"{page}: the code at line {block.line} prints\n{printed}", pytrace=False)


def test_output_is_compared_line_by_line() -> None:
    found = blocks("```sh\necho\n```\n\n```text\na … c\n…\nz\n```\n\n```python\n1\n```\n\nprose\n\n```text\nb\n```\n")
    assert [(block.language, block.line, block.output) for block in found] == [
        ("sh", 2, "a … c\n…\nz\n"),
        ("python", 12, None),
    ]
    for printed, fits in (("a b c\nz\n", True), ("a b c\nx\ny\nz\n", True), ("a b c\n", False), ("a b\nc\nz\n", False)):
        assert bool(re.fullmatch(pattern("a … c\n…\nz\n"), printed)) is fits


def test_the_page_of_own_code_shows_the_code_of_the_example() -> None:
    folder = DOCS / "own_network"
    shown = [block.code for block in blocks((folder / "README.md").read_text(encoding="utf-8"))]
    files = [(folder / "mynet" / name).read_text(encoding="utf-8") for name in ("operations.py", "ghost.py")]
    assert shown == [text[text.index("class ") :] for text in files]
