"""Tables that are a file a stage: which stage a file is of is in its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from qabwnas.errors import InputError


def stages_of(paths: Sequence[Path], suffix: str, name: re.Pattern[str], example: str) -> dict[int, list[Path]]:
    """Return the files of every stage, stages in order, the files of one in the order of their names.

    Args:
        paths: files, or folders whose files with ``suffix`` are meant.
        name: of the files, with the stage's number in its first group.

    Raises:
        InputError: a folder has no such file, a name does not match, a file is given twice, or a stage is missing
            between others.
    """
    files = [file for path in paths for file in (_files_in(path, suffix) if path.is_dir() else [path])]
    stages: dict[int, list[Path]] = {}
    for index, file in enumerate(files):
        match = name.fullmatch(file.name)
        if match is None:
            raise InputError(f"{file}: the name does not say which stage it is of, as {example} does")
        if file in files[:index]:
            raise InputError(f"{file}: given twice")
        stages.setdefault(int(match[1]), []).append(file)
    for stage in range(min(stages), max(stages)):
        if stage not in stages:
            raise InputError(
                f"{files[0].parent}: stage {stage} is missing: there are {', '.join(map(str, sorted(stages)))}"
            )
    return {stage: sorted(stages[stage], key=_natural) for stage in sorted(stages)}


def _files_in(folder: Path, suffix: str) -> list[Path]:
    files = sorted(folder.glob(f"*{suffix}"))
    if not files:
        raise InputError(f"{folder}: there is no {suffix} file in it")
    return files


def _natural(path: Path) -> list[int]:
    """The numbers of a name, so that ``_10`` stands behind ``_9``."""
    return [int(number) for number in re.findall(r"\d+", path.name)]
