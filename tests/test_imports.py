"""Imports point downwards only, without cycles, and start-up loads only what it needs (ARCHITECTURE.md)."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# From the bottom up. Folders of one level may not import each other.
LEVELS: list[set[str]] = [
    {"errors", "version"},
    {"io", "progress"},
    {"space"},
    {"costs"},
    {"quant", "lut"},
    {"nets", "data", "search"},
    {"train", "measure", "deploy", "report", "bench"},
    {"one_shot", "visualization"},
    {"pipeline", "explore"},
    {"cli"},
    {"__main__"},
]
WITHOUT_TORCH = {"errors", "version", "io", "progress", "space", "costs", "lut", "search", "bench"} | {
    "visualization",
    "explore",
}
PUBLIC_FOLDERS = {"errors", "lut", "pipeline", "search", "space", "version"}  # of the names of `import qabwnas`


def level_of(module: str) -> int:
    """Return the level of ``qabwnas.<folder>…``."""
    folder = module.split(".")[1]
    for level, folders in enumerate(LEVELS):
        if folder in folders:
            return level
    raise AssertionError(f"{module} has no level: add its folder to LEVELS and ARCHITECTURE.md")


def imported(source: str) -> Iterator[str]:
    """Yield every module that a source imports, also inside functions."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            # `from qabwnas import _core` names the module after `import`.
            names = [f"{node.module}.{name.name}" for name in node.names]
            yield from names if node.module == "qabwnas" else [str(node.module)]


def faults(module: str, source: str) -> list[str]:
    """Return the errors in the imports of a module."""
    folder = module.split(".")[1]
    found = []
    for name in imported(source):
        first, _, rest = name.partition(".")
        if first in ("torch", "pydantic") and folder in WITHOUT_TORCH:
            found.append(f"{module} imports {first}")
        if first == "plotly" and folder != "visualization":
            found.append(f"{module} imports plotly")
        if first == "numba" and not module.startswith("qabwnas.search.numba"):
            found.append(f"{module} imports numba")
        if first != "qabwnas" or rest.startswith("_core"):
            continue
        if not rest:
            found.append(f"{module} imports the whole package")
            continue
        if rest.split(".")[0] != folder and level_of(name) >= level_of(module):
            found.append(f"{module} imports {name}")
    return found


SOURCES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "qabwnas").rglob("*.py"))
}
SOURCES.pop("qabwnas")


@pytest.mark.parametrize("module", SOURCES)
def test_imports_run_downwards(module: str) -> None:
    assert faults(module, SOURCES[module].read_text(encoding="utf-8")) == []


def graph() -> dict[str, set[str]]:
    """Return every module of the package with the modules that it imports, also inside functions."""
    modules = {**SOURCES, "qabwnas": ROOT / "qabwnas" / "__init__.py"}
    edges: dict[str, set[str]] = {}
    for module, path in modules.items():
        names = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                full = {f"{node.module}.{name.name}" for name in node.names}
                names |= (full & modules.keys()) or {str(node.module)}
        edges[module] = names & modules.keys() - {module}
    return edges


def cycle(edges: dict[str, set[str]]) -> list[str]:
    """Return the modules of one cycle; empty if there is none."""
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        found = next((found for other in sorted(edges[module]) if (found := visit(other, [*path, module]))), [])
        done.add(module)
        return found

    return next((found for module in sorted(edges) if (found := visit(module, []))), [])


def test_no_files_import_each_other_in_a_cycle() -> None:
    assert cycle(graph()) == []


def test_a_cycle_is_found() -> None:
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


def test_the_package_itself_loads_what_a_search_needs() -> None:
    source = (ROOT / "qabwnas" / "__init__.py").read_text(encoding="utf-8")
    folders = {name.split(".")[1] for name in imported(source) if name.startswith("qabwnas.")}
    assert folders <= PUBLIC_FOLDERS


@pytest.mark.parametrize(
    ("module", "source", "fault"),
    [
        (
            "qabwnas.lut.hdf5.store",
            "from qabwnas.search.api import search",
            "qabwnas.lut.hdf5.store imports qabwnas.search.api",
        ),
        ("qabwnas.costs.roofline", "import qabwnas.lut", "qabwnas.costs.roofline imports qabwnas.lut"),
        (
            "qabwnas.train.loop",
            "def f():\n    from qabwnas import measure",
            "qabwnas.train.loop imports qabwnas.measure",
        ),
        ("qabwnas.lut.hdf5.store", "def f():\n    import torch.nn", "qabwnas.lut.hdf5.store imports torch"),
        ("qabwnas.space.yaml", "from pydantic import Field", "qabwnas.space.yaml imports pydantic"),
        ("qabwnas.search.api", "import numba", "qabwnas.search.api imports numba"),
        ("qabwnas.pipeline.run", "import qabwnas", "qabwnas.pipeline.run imports the whole package"),
    ],
)
def test_an_import_upwards_is_found(module: str, source: str, fault: str) -> None:
    assert faults(module, source) == [fault]


def loaded_by(statement: str) -> set[str]:
    """Return the top-level packages that a new interpreter has loaded after ``statement``."""
    show = "import json, sys; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    command = [sys.executable, "-c", f"{statement}\n{show}"]
    return set(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def test_searching_loads_neither_torch_nor_numba() -> None:
    for statement in ("import qabwnas", "import qabwnas.search"):
        loaded = loaded_by(statement)
        assert "qabwnas" in loaded
        assert not loaded & {"torch", "numba", "h5py", "yaml", "pydantic", "click", "plotly", "sklearn"}


def test_listing_commands_loads_no_command() -> None:
    list_commands = "from qabwnas.cli.main import main; main(['--help'], standalone_mode=False)"
    loaded = loaded_by(f"import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()): {list_commands}")
    assert "click" in loaded
    assert not loaded & {"torch", "numba", "h5py", "yaml", "pydantic", "plotly", "sklearn"}


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_no_source_names_a_folder_of_one_machine() -> None:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listing.returncode != 0:
        pytest.skip("this is not a git checkout")
    personal = re.compile(rb"/(?:home|root|work|Users)/")
    names = [name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]
    assert "pyproject.toml" in names
    assert [name for name in names if personal.search((ROOT / name).read_bytes())] == []
