"""Latencies that were measured on a device, as a column of a LUT; RESULTS.md in this folder is the contract."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import FormatError, InputError
from qabwnas.io.fields import Fields
from qabwnas.lut.columns import add_metric
from qabwnas.lut.content import LutBlock
from qabwnas.lut.exchange.text_table import TextTable, nearest_number
from qabwnas.lut.lut import Lut
from qabwnas.lut.table import Metric
from qabwnas.space import widths_text

FORMAT = "qabwnas-latency"
NEWEST = 1

Statistic = Literal["median", "fastest_quarter", "minimum"]
STATISTICS: tuple[Statistic, ...] = get_args(Statistic)


@dataclass(frozen=True)
class Timing:
    """Milliseconds of repeated runs; fastest quarter and spread may be ``None``."""

    median_ms: Decimal
    fastest_quarter_ms: Decimal | None
    minimum_ms: Decimal
    spread_ms: Decimal | None
    where: str

    def value(self, statistic: Statistic) -> Decimal:
        value: Decimal | None = getattr(self, f"{statistic}_ms")
        if value is None:
            raise InputError(f"{self.where}.{statistic}_ms: missing")
        return value


@dataclass(frozen=True)
class MeasuredCandidate:
    """A candidate's timing; ``bits`` is ``None`` if the results do not say them."""

    candidate: int
    bits: str | None
    timing: Timing

    @property
    def where(self) -> str:
        return self.timing.where


@dataclass(frozen=True)
class DeviceResults:
    """What a results file holds; ``blocks`` are block name → measured candidates."""

    device: str
    machine: str
    runtime: str
    threads: int
    fixed: Timing | None
    blocks: Mapping[str, tuple[MeasuredCandidate, ...]]
    path: Path

    @property
    def metric_name(self) -> str:
        return f"latency_ms[{self.device}]"


def read_results(path: str | os.PathLike[str]) -> DeviceResults:
    """Read a results file.

    Raises:
        OSError: the file cannot be read.
        FormatError: it has another format or a newer schema.
        InputError: it is not JSON, or a member is missing, unknown or wrong; the message gives file and member.
    """
    path = Path(path)
    top = Fields(_parse(path), str(path))
    if top.optional("format") != FORMAT:
        raise FormatError(f"{path}: format: not {FORMAT!r}")
    version = top.integer("schema_version")
    if version > NEWEST:
        raise FormatError(f"{path}: written by schema {version}, this reads up to {NEWEST}")
    results = DeviceResults(
        device=device_name(top.value("device"), top.path("device")),
        machine=top.sentence("machine"),
        runtime=top.sentence("runtime"),
        threads=top.integer("threads"),
        fixed=_timing(top.fields("fixed"), is_complete=True) if _has(top, "fixed") else None,
        blocks=_blocks(top.value("blocks"), top.path("blocks")),
        path=path,
    )
    top.end()
    return results


def add_results(lut: Lut, results: DeviceResults, statistic: Statistic = "median") -> Lut:
    """Return the LUT with the column ``latency_ms[NAME]``; candidates that were not measured are masked.

    Raises:
        InputError: the LUT has no such block or candidate, the candidate has other bit widths, the results do not
            have this statistic, or the LUT already has the column.
    """
    columns = {}
    texts = TextTable(results.path, (), (), place="candidate")
    for name, rows in results.blocks.items():
        if name not in lut.block_names:
            known = ", ".join(lut.block_names)
            raise InputError(f"{results.path}: blocks.{name}: the LUT has no such block; it has {known}")
        columns[name] = _column(lut.block(name), rows, statistic, texts)
    texts.warn_of_rounding()
    fixed = None
    if results.fixed is not None:
        fixed = nearest_number(f"{results.fixed.where}.{statistic}_ms", results.fixed.value(statistic))
    origin = {
        "machine": results.machine,
        "runtime": results.runtime,
        "threads": results.threads,
        "statistic": statistic,
    }
    try:
        return add_metric(lut, Metric(results.metric_name, "ms", "sum", fixed), columns, origin)
    except InputError as error:
        raise InputError(f"{results.path}: {error}") from error


def check_device_name(name: Any) -> str:
    """Return a device's name if a metric's name can have it in brackets; otherwise raise InputError."""
    if not isinstance(name, str) or not name.strip() or set(name) & set("[]=,/\n\r\0"):
        raise InputError(f"{name!r} is not a device's name: text without brackets, '=', ',' or '/'")
    return name


def device_name(name: Any, where: str) -> str:
    """Return a device's name as :func:`check_device_name`, with ``where`` before the message."""
    try:
        return check_device_name(name)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def _parse(path: Path) -> Any:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not a number")

    try:
        return json.loads(
            path.read_text(encoding="utf-8"), parse_float=Decimal, parse_constant=refuse, object_pairs_hook=_unique
        )
    except ValueError as error:  # also of text that is not UTF-8
        raise InputError(f"{path}: not JSON: {error}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the member {next(n for n in names if names.count(n) > 1)!r} appears twice")
    return members


def _has(top: Fields, name: str) -> bool:
    """Return whether a member is not null; raise InputError if it is missing."""
    if not top.contains(name):
        raise InputError(f"{top.path(name)}: missing")
    return top.optional(name) is not None


def _blocks(content: Any, where: str) -> dict[str, tuple[MeasuredCandidate, ...]]:
    if not isinstance(content, dict) or not content:
        raise InputError(f"{where}: not a mapping with at least one block")
    blocks = {}
    for name, rows in content.items():
        if not isinstance(rows, list) or not rows:
            raise InputError(f"{where}.{name}: not a list with at least one candidate")
        found = [_candidate(Fields(row, f"{where}.{name}[{i}]")) for i, row in enumerate(rows)]
        seen: set[int] = set()
        for row in found:
            if row.candidate in seen:
                raise InputError(f"{row.where}: candidate {row.candidate} appears twice")
            seen.add(row.candidate)
        blocks[name] = tuple(found)
    return blocks


def _candidate(fields: Fields) -> MeasuredCandidate:
    bits = fields.text("bits") if fields.has("bits") else None
    candidate = fields.integer("candidate", smallest=0)
    timing = _timing(fields, is_complete=False)
    fields.optional("bits")
    fields.end()
    return MeasuredCandidate(candidate, bits, timing)


def _timing(fields: Fields, is_complete: bool) -> Timing:
    """Read a timing; ``is_complete`` if it has no other fields."""
    fastest, spread = (
        fields.decimal(name) if fields.has(name) else None for name in ("fastest_quarter_ms", "spread_ms")
    )
    timing = Timing(fields.decimal("median_ms"), fastest, fields.decimal("minimum_ms"), spread, fields.where)
    if fastest is not None and fastest > timing.median_ms:
        raise InputError(f"{fields.path('fastest_quarter_ms')}: {fastest} is above the median {timing.median_ms}")
    above, largest = ("median", timing.median_ms) if fastest is None else ("fastest quarter", fastest)
    if timing.minimum_ms > largest:
        raise InputError(f"{fields.path('minimum_ms')}: {timing.minimum_ms} is above the {above} {largest}")
    if is_complete:
        fields.end()
    return timing


def _column(
    block: LutBlock, rows: tuple[MeasuredCandidate, ...], statistic: Statistic, texts: TextTable
) -> NDArray[Any]:
    """Return the values of a block; candidates that were not measured are masked."""
    cells = [""] * block.n_candidates
    for row in rows:
        if row.candidate >= block.n_candidates:
            raise InputError(f"{row.where}.candidate: {row.candidate} is not in 0 … {block.n_candidates - 1}")
        table, index = block.locate(row.candidate)
        of_row = table.widths_of(index)
        widths = None if of_row is None else widths_text(of_row)
        if row.bits is not None and row.bits != widths:
            raise InputError(f"{row.where}.bits: {row.bits!r}, but candidate {row.candidate} of the LUT is {widths}")
        cells[row.candidate] = str(row.timing.value(statistic))
    values = texts.numbers(f"blocks.{block.name}.{statistic}_ms", range(block.n_candidates), cells)
    return np.ma.masked_array(values, mask=[not cell for cell in cells])
