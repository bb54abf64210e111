"""What an exported table carries besides its rows: all of a LUT that rows do not say, as one line of JSON.

In CSV it is the comment ``# qabwnas-lut: {…}`` above the header, in Parquet the schema's metadata under that key. A
table without it has metrics that are summed, in the units of their names, without fixed parts. FORMAT.md is the
contract.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qabwnas.errors import FormatError, InputError
from qabwnas.lut.lut import AGGREGATIONS, Lut, Metric, Table
from qabwnas.lut.units import unit_of
from qabwnas.space import SearchSpace
from qabwnas.space.yaml import parse_space, space_to_json

KEY = "qabwnas-lut"
NEWEST = 1


@dataclass(frozen=True)
class TableNotes:
    """What rows of one block and bit widths do not say.

    Attributes:
        described: whether the texts are the table's own; otherwise the space gives them.
        masked: the metrics that have a mask, even if all rows were measured.
    """

    described: bool
    masked: frozenset[str]


@dataclass(frozen=True)
class TableMetadata:
    """What rows do not say; ``tables`` are by the name of the block and the text of the bit widths."""

    metrics: Mapping[str, Metric]
    space: SearchSpace | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[tuple[str, str], TableNotes] = field(default_factory=dict)

    @property
    def has_codes(self) -> bool:
        """Whether rows have a column of codes, because layers have bit widths of their own."""
        return self.space is not None and self.space.policy == "layer"


NOTHING = TableMetadata({})
"""Of a table that carries nothing."""


def bits_of(table: Table) -> str:
    """Return the bit widths as tables name them, empty where they are not known."""
    return "" if table.widths is None else table.widths.name


def metadata_json(lut: Lut) -> str | None:
    """Return what the rows of a LUT do not say, as JSON in ASCII on one line, or ``None`` if they say everything.

    Raises:
        InputError: the provenance is not made of JSON values.
    """
    tables = [(block.name, table) for block in lut.blocks for table in block.tables]
    if lut.space is None and not lut.provenance and all(_says_all(metric, lut) for metric in lut.metrics):
        said = (_notes(table) == _guessed(table) for _, table in tables)
        if all(said):
            return None
    content = {
        "schema_version": NEWEST,
        "metrics": [
            {"name": m.name, "unit": m.unit, "aggregation": m.aggregation, "fixed": m.fixed} for m in lut.metrics
        ],
        "space": None if lut.space is None else space_to_json(lut.space),
        "provenance": dict(lut.provenance),
        "tables": [
            {"block": name, "bits": bits_of(table), "described": notes.described, "masked": sorted(notes.masked)}
            for name, table in tables
            for notes in (_notes(table),)
        ],
    }
    try:
        return json.dumps(content, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"provenance: not made of JSON values: {error}") from error


def parse_metadata(text: str) -> TableMetadata:
    """Return what :func:`metadata_json` wrote.

    Raises:
        FormatError: it is of a newer schema.
        InputError: it is damaged.
    """
    try:
        content = json.loads(text)
        version = content["schema_version"]
        if version > NEWEST:
            raise FormatError(f"written by schema {version}, this reads up to {NEWEST}")
        metrics = [Metric(m["name"], m["unit"], m["aggregation"], m["fixed"]) for m in content["metrics"]]
        space = None if content["space"] is None else parse_space(content["space"])
        notes = {
            (t["block"], t["bits"]): TableNotes(bool(t["described"]), frozenset(t["masked"])) for t in content["tables"]
        }
        return TableMetadata({metric.name: metric for metric in metrics}, space, dict(content["provenance"]), notes)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            "the metadata of an exported table are damaged, as by a spreadsheet that saved them: export it again, or "
            "delete them and give --aggregate and --fixed"
        ) from error


def _says_all(metric: Metric, lut: Lut) -> bool:
    """Return whether a column's name says all of its metric, and the column is not empty."""
    if metric != Metric(metric.name, unit_of(metric.name), AGGREGATIONS[0]):
        return False
    masks = [table.measured.get(metric.name) for block in lut.blocks for table in block.tables]
    return any(mask is None or mask.any() for mask in masks)


def _notes(table: Table) -> TableNotes:
    return TableNotes(table.descriptions is not None, frozenset(table.measured))


def _guessed(table: Table) -> TableNotes:
    """Return what the rows look like to a reader that is told nothing."""
    texts: Sequence[str] = table.descriptions or ()
    return TableNotes(any(texts), frozenset(name for name, mask in table.measured.items() if not mask.all()))
