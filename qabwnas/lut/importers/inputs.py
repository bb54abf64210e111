"""What a user gives an importer: options, and the files of a table with one file per stage."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qabwnas.errors import InputError
from qabwnas.io.numeric import Number
from qabwnas.lut.exchange.layout import TableLayout
from qabwnas.lut.table import Aggregation


@dataclass(frozen=True)
class ImportOptions:
    """Settings of an import that the table does not say itself; a format refuses those that it does not use.

    Attributes:
        aggregate: metric name → ``sum`` or ``max``, for metrics whose aggregation differs from the format's.
        fixed: metric name → what stem and head add; a text may have a unit.
        device: the device of the table's latencies, for formats that do not name it.
        resolution: the side of the network's input image, for formats that mix several.
        layout: what the columns, numbers and text are, for formats without fixed columns.
        higher_is_better: the metrics whose larger totals are better.
    """

    aggregate: Mapping[str, Aggregation] = field(default_factory=dict)
    fixed: Mapping[str, Number] = field(default_factory=dict)
    device: str | None = None
    resolution: int | None = None
    layout: TableLayout = field(default_factory=TableLayout)
    higher_is_better: Collection[str] = ()

    @property
    def latency_metric(self) -> str:
        """``latency_ms[NAME]``, or ``latency_ms`` if the device has no name."""
        return "latency_ms" if self.device is None else f"latency_ms[{self.device}]"


def stages_of(paths: Sequence[Path], suffix: str, name: re.Pattern[str], example: str) -> dict[int, list[Path]]:
    """Return the files of every stage: stages in order, the files of one stage sorted by name.

    Args:
        paths: files, or folders whose files with ``suffix`` are read.
        name: the pattern of file names, with the stage's number in its first group.

    Raises:
        InputError: a folder has no such file, a name does not match, a file is given twice, or a stage between others
            is missing.
    """
    files = [file for path in paths for file in (_files_in(path, suffix) if path.is_dir() else [path])]
    stages: dict[int, list[Path]] = {}
    for index, file in enumerate(files):
        match = name.fullmatch(file.name)
        if match is None:
            raise InputError(f"{file}: the name does not say its stage, as {example} does")
        if file in files[:index]:
            raise InputError(f"{file}: given twice")
        stages.setdefault(int(match[1]), []).append(file)
    for stage in range(min(stages), max(stages)):
        if stage not in stages:
            raise InputError(
                f"{files[0].parent}: stage {stage} is missing: there are {', '.join(map(str, sorted(stages)))}"
            )
    return {stage: sorted(stages[stage], key=_numbers_in) for stage in sorted(stages)}


def _files_in(folder: Path, suffix: str) -> list[Path]:
    files = sorted(folder.glob(f"*{suffix}"))
    if not files:
        raise InputError(f"{folder}: it has no {suffix} file")
    return files


def _numbers_in(path: Path) -> list[int]:
    """Return the numbers in a name, so that ``_10`` sorts after ``_9``."""
    return [int(number) for number in re.findall(r"\d+", path.name)]
