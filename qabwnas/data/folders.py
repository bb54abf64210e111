"""What the folders of a data set contain: files that are used, problems, and files that are skipped. Needs no torch."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qabwnas.errors import InputError, QabwnasError

N_NAMED = 5

Entry = os.DirEntry[str]


@dataclass(kw_only=True)
class Listing(ABC):
    """The contents of one split, found without opening a file.

    Attributes:
        problems: what is missing.
        skipped: paths, relative to the root, that are not part of the data set.
    """

    problems: list[InputError] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of samples."""

    @abstractmethod
    def check(self, progress: Callable[[int], None]) -> tuple[list[QabwnasError], str]:
        """Read every file completely; return what is wrong, in order, and a summary of the contents in words.

        ``progress`` is called with the number of samples that have been read.
        """


def divide(folder: Path, is_used: Callable[[Entry], bool]) -> tuple[list[str], list[str]]:
    """Return the names of a folder's entries that are used, and of the others, both sorted."""
    used: list[str] = []
    skipped: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            (used if is_used(entry) else skipped).append(entry.name)
    return sorted(used), sorted(skipped)


def is_folder(entry: Entry) -> bool:
    """Return whether an entry is a folder that is not hidden."""
    return not entry.name.startswith(".") and entry.is_dir()


def is_file(entry: Entry) -> bool:
    """Return whether an entry is a file that is not hidden (hidden ones are, for example, ``._image.png``).

    A broken link counts as a file: reading it reports the error. Pipes and devices do not count: reading them could
    block for ever.
    """
    if entry.name.startswith("."):
        return False
    return entry.is_file() or (entry.is_symlink() and not os.path.exists(entry.path))


def describe_skipped(root: str | os.PathLike[str], paths: Sequence[str]) -> str:
    """Return one line with the number of skipped ``paths`` in ``root`` and the first few of them."""
    files = "file" if len(paths) == 1 else "files"
    named = ", ".join(paths[:N_NAMED]) + (", …" if len(paths) > N_NAMED else "")
    return f"{os.fspath(root)}: skipped {len(paths)} {files}: {named}"
