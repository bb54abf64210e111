"""Documents: relative links, file paths and Python names in them exist."""

from __future__ import annotations

import ast
import pkgutil
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = (".py", ".pyi", ".hpp", ".cpp", ".md", ".yaml", ".toml")
"""Endings of checked file names; files that runs write end otherwise, such as ``results.json``."""

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
INLINE_CODE = re.compile(r"`([^`\n]+)`")
CODE_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)*/?")
PYTHON_NAME = re.compile(r"qabwnas(?:\.\w+)+")
HISTORY = "CHANGELOG.md"  # it names files of the past


def tracked_files() -> list[str]:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode != 0:
        pytest.skip("this is no git checkout")
    return [name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def documents() -> dict[str, str]:
    return {name: (ROOT / name).read_text(encoding="utf-8") for name in tracked_files() if name.endswith(".md")}


def is_path(code: str, top: set[str]) -> bool:
    """Return whether inline code is the path of a source: a known ending, or a folder of the project first.

    A part in capital letters, as in ``DIR/config.yaml``, is a placeholder.
    """
    if not PATH.fullmatch(code) or any(part.split(".")[0].isupper() for part in code.split("/")[:-1]):
        return False
    name = code.rstrip("/").split("/")[-1]
    if name.split(".")[0].isupper() and not name.endswith(".md"):
        return False
    return code.split("/")[0] in top if "/" in code and not name.endswith(SOURCES) else name.endswith(SOURCES)


def exists(path: str, folder: str, files: list[str]) -> bool:
    """Return whether a path exists from the root, from the package, or ends the path of a file below ``folder``."""
    wanted = path.rstrip("/")
    for base in ("", "qabwnas/"):
        if any(file == base + wanted or file.startswith(f"{base}{wanted}/") for file in files):
            return True
    below = [f"/{file.removeprefix(folder)}" for file in files if file.startswith(folder)]
    return any(file.endswith(f"/{wanted}") or f"/{wanted}/" in file for file in below)


def test_links_lead_to_files() -> None:
    broken = [
        f"{name}: {target}"
        for name, text in documents().items()
        for target in LINK.findall(text)
        if "://" not in target and not (ROOT / name).parent.joinpath(target).exists()
    ]
    assert broken == []


def test_paths_exist() -> None:
    files = tracked_files()
    top = {file.split("/")[0] for file in files if "/" in file}
    missing = []
    for name, text in documents().items():
        folder = name[: name.rfind("/") + 1]
        for code in INLINE_CODE.findall(CODE_BLOCK.sub("", text)):
            if name != HISTORY and is_path(code, top) and not exists(code, folder, files):
                missing.append(f"{name}: {code}")
    assert missing == []


def test_python_names_exist() -> None:
    missing = []
    for name, text in documents().items():
        names = [code for code in INLINE_CODE.findall(text) if PYTHON_NAME.fullmatch(code) and name != HISTORY]
        for language, block in CODE_BLOCK.findall(text):
            if language == "python":
                chains = [ast.unparse(node) for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Attribute)]
                names += [chain for chain in chains if PYTHON_NAME.fullmatch(chain)]
        for dotted in names:
            try:
                pkgutil.resolve_name(dotted)
            except (ImportError, AttributeError):
                missing.append(f"{name}: {dotted}")
    assert missing == []
