"""Put LUTs of the same space together in which different rows are measured: shards of a population."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError, StaleError
from qabwnas.io.fingerprint import fingerprint
from qabwnas.lut.lut import Lut, LutBlock, Table
from qabwnas.lut.whole import alike
from qabwnas.space.yaml import space_to_json


def merge_luts(parts: Mapping[str, Lut] | Iterable[tuple[str, Lut]]) -> Lut:
    """Return the LUT of all rows that are measured in any part.

    Rows that several parts have measured must be equal. What no part has measured stays masked. Parts are read one
    after the other and let go: an iterator that opens them holds one open file. O(parts × values).

    Args:
        parts: the LUTs by the names that messages use, or pairs of both.

    Raises:
        StaleError: the parts were measured with different things, or are of different spaces, blocks or metrics; the
            message names two parts and what differs.
        InputError: there are no parts, or two have different values in one row.
    """
    merged: _Merged | None = None
    for name, part in parts.items() if isinstance(parts, Mapping) else parts:
        if merged is None:
            merged = _Merged(name, part)
        else:
            merged.check(name, part)
        merged.add(name, part)
        del part  # before the next is opened
    if merged is None:
        raise InputError("there are no LUTs to merge")
    return merged.lut()


class _Merged:
    """All parts so far. Nothing here lies in the file of one."""

    def __init__(self, name: str, first: Lut) -> None:
        self._name = name
        self._origin = _origin(first)
        self._metrics, self._space, self._provenance = first.metrics, first.space, dict(first.provenance)
        self._block_names = first.block_names
        self._tables = [[_MergedTable(block.where(t), t) for t in block.tables] for block in first.blocks]

    def check(self, name: str, part: Lut) -> None:
        """Raise StaleError, naming what differs, unless rows of the part may stand beside those of the first."""
        differences = [
            difference
            for ours, theirs in zip(self._origin, _origin(part), strict=True)
            for difference in differing("", ours, theirs)
        ]
        if differences:
            raise StaleError(f"{self._name} and {name} differ in {'; '.join(differences)}")

    def add(self, name: str, part: Lut) -> None:
        for block, merged in zip(part.blocks, self._tables, strict=True):
            for table, whole in zip(block.tables, merged, strict=True):
                for metric in self._metrics:
                    whole.add(name, metric.name, table)

    def lut(self) -> Lut:
        blocks = (
            LutBlock(name, tuple(table.table() for table in tables))
            for name, tables in zip(self._block_names, self._tables, strict=True)
        )
        return Lut(self._metrics, tuple(blocks), self._space, self._provenance)


class _MergedTable:
    """The rows of one table that were measured in any part."""

    def __init__(self, where: str, first: Table) -> None:
        self._where = where
        self._widths, self._rows = first.widths, first.rows
        self._descriptions = None if first.descriptions is None else tuple(first.descriptions)
        self._columns: dict[str, NDArray[Any]] = {}
        self._known: dict[str, NDArray[np.bool_]] = {}

    def add(self, name: str, metric: str, table: Table) -> None:
        column = table.columns[metric]
        has = table.measured.get(metric, np.ones(table.n_rows, dtype=np.bool_))
        if metric not in self._columns:
            self._columns[metric], self._known[metric] = np.array(column), np.array(has)
            return
        values, column = alike([self._columns[metric], column])
        contrary = np.flatnonzero(self._known[metric] & has & (values != column))
        if contrary.size:
            row = int(contrary[0])
            raise InputError(
                f"{self._where}: {metric}: row {row} is {column[row]} in {name}, and {values[row]} in another part"
            )
        self._columns[metric] = np.where(has, column, values)
        self._known[metric] |= has

    def table(self) -> Table:
        measured = {metric: known for metric, known in self._known.items() if not known.all()}
        columns = {
            metric: column if metric not in measured or column.dtype != np.float64 else np.where(known, column, np.nan)
            for (metric, column), known in zip(self._columns.items(), self._known.values(), strict=True)
        }
        return Table(columns, self._widths, measured, self._descriptions, self._rows)


def _origin(lut: Lut) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what LUTs whose rows may stand in one table have in common."""
    return dict(lut.provenance), _structure(lut)


def differing(where: str, one: Any, other: Any) -> Iterator[str]:
    """Yield ``field: one → other`` for every leaf of two nested JSON values that is not equal."""
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
        "metrics": {m.name: [m.unit, m.aggregation, m.fixed] for m in lut.metrics},
        "metric_order": list(lut.metric_names),
        "tables": {
            block.name: [[t.widths.name if t.widths else "", t.n_rows] for t in block.tables] for block in lut.blocks
        },
        "rows": {
            block.name: [fingerprint(t.rows.codes.tolist()) for t in block.tables if t.rows] for block in lut.blocks
        },
        "block_order": list(lut.block_names),
    }
