"""What the folders of a data set hold: what is used, and what is passed over and has to be told. Needs no torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

N_NAMED = 5

Entry = os.DirEntry[str]


def divide(folder: Path, is_used: Callable[[Entry], bool]) -> tuple[list[str], list[str]]:
    """Return the names of a folder's entries that are used, and of the others, both sorted."""
    used: list[str] = []
    passed_over: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            (used if is_used(entry) else passed_over).append(entry.name)
    return sorted(used), sorted(passed_over)


def is_folder(entry: Entry) -> bool:
    """Whether an entry is a folder, and not a hidden one."""
    return not entry.name.startswith(".") and entry.is_dir()


def is_file(entry: Entry) -> bool:
    """Whether an entry is a file, and not a hidden one such as ``._image.png``.

    A link to nowhere is one: it is told when it is read. Pipes and devices are none: reading them could last for ever.
    """
    if entry.name.startswith("."):
        return False
    return entry.is_file() or (entry.is_symlink() and not os.path.exists(entry.path))


def tell_passed_over(root: str | os.PathLike[str], paths: Sequence[str]) -> str:
    """Return a line with the number of ``paths`` in ``root`` that are passed over, and the first of them."""
    files = "file" if len(paths) == 1 else "files"
    named = ", ".join(paths[:N_NAMED]) + (", …" if len(paths) > N_NAMED else "")
    return f"{os.fspath(root)}: passed over {len(paths)} {files}: {named}"
