"""Merge LUTs of the same space in which different rows are measured: shards of a population."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError, StaleError
from qabwnas.io.fingerprint import fingerprint
from qabwnas.lut.arrays import common_type
from qabwnas.lut.content import LutBlock
from qabwnas.lut.lut import Lut
from qabwnas.lut.table import Table
from qabwnas.space.yaml import space_to_json


def merge_luts(shards: Mapping[str, Lut] | Iterable[tuple[str, Lut]]) -> Lut:
    """Return the LUT of all rows that are measured in at least one shard.

    Rows that several shards have measured must be equal. Rows that no shard has measured stay masked. Shards are read
    one after the other: if an iterator opens them, one file is open at a time. O(shards × values).

    Args:
        shards: the LUTs by the names that messages use, or pairs of name and LUT.

    Raises:
        StaleError: the shards were measured under different conditions (provenance), or have different spaces, blocks
            or metrics; the message names two shards and the difference.
        InputError: there are no shards, or two have different values in one row.
    """
    merged: _Merged | None = None
    for name, shard in shards.items() if isinstance(shards, Mapping) else shards:
        if merged is None:
            merged = _Merged(name, shard)
        else:
            merged.check(name, shard)
        merged.add(name, shard)
        del shard  # closes its file before the next is opened
    if merged is None:
        raise InputError("there are no LUTs to merge")
    return merged.lut()


class _Merged:
    """All shards so far, in memory."""

    def __init__(self, name: str, first: Lut) -> None:
        self._name = name
        self._identity = _identity(first)
        self._metrics, self._space, self._provenance = first.metrics, first.space, dict(first.provenance)
        self._block_names = first.block_names
        self._tables = [[_MergedTable(block.where(t), t) for t in block.tables] for block in first.blocks]

    def check(self, name: str, shard: Lut) -> None:
        """Raise StaleError, with the differences, unless rows of the shard can be merged with those of the first."""
        differences = [
            difference
            for first, other in zip(self._identity, _identity(shard), strict=True)
            for difference in differing("", first, other)
        ]
        if differences:
            raise StaleError(f"{self._name} and {name} differ in {'; '.join(differences)}")

    def add(self, name: str, shard: Lut) -> None:
        for block, merged_tables in zip(shard.blocks, self._tables, strict=True):
            for table, merged in zip(block.tables, merged_tables, strict=True):
                for metric in self._metrics:
                    merged.add(name, metric.name, table)

    def lut(self) -> Lut:
        blocks = (
            LutBlock(name, tuple(table.table() for table in tables))
            for name, tables in zip(self._block_names, self._tables, strict=True)
        )
        return Lut(self._metrics, tuple(blocks), self._space, self._provenance)


class _MergedTable:
    """The rows of one table that were measured in at least one shard."""

    def __init__(self, where: str, first: Table) -> None:
        self._where = where
        self._widths, self._rows = first.widths, first.rows
        self._descriptions = None if first.descriptions is None else tuple(first.descriptions)
        self._columns: dict[str, NDArray[Any]] = {}
        self._known: dict[str, NDArray[np.bool_]] = {}

    def add(self, name: str, metric: str, table: Table) -> None:
        column = table.columns[metric]
        measured = table.measured.get(metric, np.ones(table.n_rows, dtype=np.bool_))
        if metric not in self._columns:
            self._columns[metric], self._known[metric] = np.array(column), np.array(measured)
            return
        values, column = common_type([self._columns[metric], column])
        conflicts = np.flatnonzero(self._known[metric] & measured & (values != column))
        if conflicts.size:
            row = int(conflicts[0])
            raise InputError(
                f"{self._where}: {metric}: row {row} is {column[row]} in {name}, and {values[row]} in another shard"
            )
        self._columns[metric] = np.where(measured, column, values)
        self._known[metric] |= measured

    def table(self) -> Table:
        measured = {metric: known for metric, known in self._known.items() if not known.all()}
        columns = {
            metric: column if metric not in measured or column.dtype != np.float64 else np.where(known, column, np.nan)
            for (metric, column), known in zip(self._columns.items(), self._known.values(), strict=True)
        }
        return Table(columns, self._widths, measured, self._descriptions, self._rows)


def _identity(lut: Lut) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what two LUTs must have in common if their rows are merged: provenance and structure."""
    return dict(lut.provenance), _structure(lut)


def differing(where: str, one: Any, other: Any) -> Iterator[str]:
    """Yield ``field (one, other)`` for every leaf of two nested JSON values that is not equal."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in dict.fromkeys([*one, *other]):
            yield from differing(f"{where}.{key}" if where else str(key), one.get(key), other.get(key))
    elif one != other:
        yield f"{where} ({_short(one)}, {_short(other)})"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:20]}…{text[-8:]}"


def _structure(lut: Lut) -> dict[str, Any]:
    return {
        "space": None if lut.space is None else space_to_json(lut.space),
        "metrics": {
            m.name: [m.unit, m.aggregation, m.fixed, *(["higher is better"] if m.higher_is_better else [])]
            for m in lut.metrics
        },
        "metric_order": list(lut.metric_names),
        "tables": {
            block.name: [[t.widths.name if t.widths else "", t.n_rows] for t in block.tables] for block in lut.blocks
        },
        "rows": {
            block.name: [fingerprint(t.rows.codes.tolist()) for t in block.tables if t.rows] for block in lut.blocks
        },
        "block_order": list(lut.block_names),
    }
