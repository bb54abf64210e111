"""Put LUTs of the same space together in which different rows are measured: shards of a population."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError, StaleError
from qabwnas.fingerprint import fingerprint
from qabwnas.lut.lut import Lut, LutBlock, Table
from qabwnas.space_yaml import space_to_json


def merge_luts(parts: Mapping[str, Lut]) -> Lut:
    """Return the LUT of all rows that are measured in any part, given parts by the names that messages use.

    Rows that several parts have measured must be equal. What no part has measured stays masked. O(parts × values).

    Raises:
        StaleError: the parts were measured with different things, or are of different spaces, blocks or metrics; the
            message names two parts and what differs.
        InputError: there are no parts, or two have different values in one row.
    """
    if not parts:
        raise InputError("there are no LUTs to merge")
    (first_name, first), *others = parts.items()
    for name, part in others:
        check_same_origin(first_name, first, name, part)
    blocks = []
    for b, block in enumerate(first.blocks):
        tables = (
            _merged({name: part.blocks[b].tables[t] for name, part in parts.items()}, first.metric_names, block.name)
            for t in range(len(block.tables))
        )
        blocks.append(LutBlock(block.name, tuple(tables)))
    return replace(first, blocks=tuple(blocks))


def check_same_origin(name: str, lut: Lut, other_name: str, other: Lut) -> None:
    """Raise StaleError, naming what differs, unless rows of both may stand in one table."""
    differences = [
        *differing("", dict(lut.provenance), dict(other.provenance)),
        *differing("", _structure(lut), _structure(other)),
    ]
    if differences:
        raise StaleError(f"{name} and {other_name} differ in {'; '.join(differences)}")


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


def _merged(tables: Mapping[str, Table], metrics: Sequence[str], block_name: str) -> Table:
    first = next(iter(tables.values()))
    where = block_name if first.widths is None else f"{block_name} {first.widths.name}"
    columns: dict[str, NDArray[np.float64]] = {}
    measured: dict[str, NDArray[np.bool_]] = {}
    for metric in metrics:
        values, known = np.full(first.n_rows, np.nan), np.zeros(first.n_rows, dtype=np.bool_)
        for name, table in tables.items():
            column = table.columns[metric]
            has = table.measured.get(metric, np.ones(table.n_rows, dtype=np.bool_))
            contrary = np.flatnonzero(known & has & (values != column))
            if contrary.size:
                row = int(contrary[0])
                raise InputError(
                    f"{where}: {metric}: row {row} is {column[row]} in {name}, and {values[row]} in another part"
                )
            values[has] = column[has]
            known |= has
        columns[metric] = values
        if not known.all():
            measured[metric] = known
    return replace(first, columns=columns, measured=measured)
