"""The columns of an exported table, and its metadata: everything in a LUT that rows do not say, as one line of JSON.

Columns: ``block,candidate,choice_description,<one column per metric>``. Blocks are in order of appearance; candidates
count from 0 in each block. A column that is empty everywhere is not a metric; an empty cell in a column with other
values is a row that was not measured. Numbers are decimal text and become the nearest double. The column
``choice_description`` is optional; an optional column ``bits`` (``w4a4``) splits a block into one table per bit width.

In CSV, the metadata are the comment ``# qabwnas-lut: {…}`` above the header; other lines there that begin with ``#``
are comments. In Parquet, they are the schema's metadata under that key. With them, a column ``code`` has the codes of
rows whose layers have bit widths of their own. In a table without metadata, metrics are summed, have the units that
their names state, and have no fixed parts. FORMAT.md is the contract.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qabwnas.errors import FormatError, InputError
from qabwnas.lut.content import LutContent
from qabwnas.lut.table import AGGREGATIONS, Metric, Table
from qabwnas.lut.units import UNITS, unit_of
from qabwnas.space import SearchSpace
from qabwnas.space.yaml import parse_space, space_to_json

BLOCK, CANDIDATE, BITS, DESCRIPTION = "block", "candidate", "bits", "choice_description"
CODE = "code"
HIGHER = "higher_is_better"
RESERVED = (BLOCK, CANDIDATE, BITS, DESCRIPTION)

_OBJECTIVES = ("loss", "nsr")
_WITH_UNIT = re.compile(r"(.*?\S)\s*(?:\[\s*(\S+)\s*\]|\(\s*(\S+)\s*\))")
_NO_NAME = re.compile(r"|Unnamed: [0-9]+")  # what pandas calls a column without a name

METADATA_KEY = "qabwnas-lut"
NEWEST = 2
"""The schema of the metadata; 1 does not say whether higher is better, and is written if that holds for no metric."""


@dataclass(frozen=True)
class TableNotes:
    """What the rows of one block at one bit width do not say.

    Attributes:
        described: whether the descriptions are the table's own; otherwise the space gives them.
        masked: the metrics that have a mask, even if all rows were measured.
    """

    described: bool
    masked: frozenset[str]


@dataclass(frozen=True)
class TableMetadata:
    """What rows do not say; the keys of ``tables`` are block name and bit widths as text."""

    metrics: Mapping[str, Metric]
    space: SearchSpace | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[tuple[str, str], TableNotes] = field(default_factory=dict)

    @property
    def has_codes(self) -> bool:
        """Whether there is a column of codes, because layers have bit widths of their own."""
        return self.space is not None and self.space.policy == "layer"


NO_METADATA = TableMetadata({})


def default_name(label: str) -> str:
    """Return the name that a column has if nothing says so but the label in the header; empty if it has none.

    Case does not matter in the format's own columns, ``loss`` and ``nsr``. A unit in brackets becomes the unit of the
    metric's name: ``Latency [ms]`` and ``latency (ms)`` are ``latency_ms``. Labels in capitals, as of databases, become
    lower case except for their unit: ``SIZE_MB`` is ``size_MB``. Other labels are names as they are, such as
    ``latency_ms[pixel4]``, where the brackets name the device.
    """
    label = label.strip()
    if _NO_NAME.fullmatch(label):
        return ""
    if label.casefold() in (*RESERVED, *_OBJECTIVES):
        return label.casefold()
    match = _WITH_UNIT.fullmatch(label)
    if match is not None and not unit_of(match[1]):
        words = [*match[1].lower().split(), _unit(match[2] or match[3])]
        return "_".join(words) if unit_of("_".join(words)) else label
    if label.isupper() and match is None:
        *words, last = label.split("_")
        return "_".join([*(word.lower() for word in words), _unit(last)])
    return label


def _unit(text: str) -> str:
    """Return a unit in its own case; other texts in lower case."""
    return text if text in UNITS else text.lower()


def bits_text(table: Table) -> str:
    """Return a table's bit widths as in the column ``bits``: empty if they are unknown."""
    return "" if table.widths is None else table.widths.name


def metadata_json(lut: LutContent) -> str | None:
    """Return what the rows of a LUT do not say, as JSON in ASCII on one line; ``None`` if they say everything.

    Raises:
        InputError: the provenance does not consist of JSON values.
    """
    tables = [(block.name, table) for block in lut.blocks for table in block.tables]
    is_default = lut.space is None and not lut.provenance and all(_is_default(metric, lut) for metric in lut.metrics)
    if is_default and all(_notes(table) == _default_notes(table) for _, table in tables):
        return None
    schema = NEWEST if any(metric.higher_is_better for metric in lut.metrics) else 1
    content = {
        "schema_version": schema,
        "metrics": [_metric_content(metric, schema) for metric in lut.metrics],
        "space": None if lut.space is None else space_to_json(lut.space),
        "provenance": dict(lut.provenance),
        "tables": [
            {"block": name, "bits": bits_text(table), "described": notes.described, "masked": sorted(notes.masked)}
            for name, table in tables
            for notes in (_notes(table),)
        ],
    }
    try:
        return json.dumps(content, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"provenance: not JSON values: {error}") from error


def parse_metadata(text: str) -> TableMetadata:
    """Return what :func:`metadata_json` wrote.

    Raises:
        FormatError: the schema is newer.
        InputError: the metadata are damaged.
    """
    try:
        content = json.loads(text)
        version = content["schema_version"]
        if version > NEWEST:
            raise FormatError(f"written by schema {version}, this reads up to {NEWEST}")
        metrics = [
            Metric(m["name"], m["unit"], m["aggregation"], m["fixed"], higher_is_better=version > 1 and m[HIGHER])
            for m in content["metrics"]
        ]
        space = None if content["space"] is None else parse_space(content["space"])
        notes = {
            (t["block"], t["bits"]): TableNotes(bool(t["described"]), frozenset(t["masked"])) for t in content["tables"]
        }
        return TableMetadata({metric.name: metric for metric in metrics}, space, dict(content["provenance"]), notes)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            "the metadata of an exported table are damaged (a spreadsheet that saves a table does this): export it "
            "again, or delete them and give the aggregations and fixed parts"
        ) from error


def _metric_content(metric: Metric, schema: int) -> dict[str, Any]:
    content = {"name": metric.name, "unit": metric.unit, "aggregation": metric.aggregation, "fixed": metric.fixed}
    return content if schema == 1 else {**content, HIGHER: metric.higher_is_better}


def _is_default(metric: Metric, lut: LutContent) -> bool:
    """Return whether a reader without metadata gets this metric from its column: name, values, default aggregation."""
    if metric != Metric(default_name(metric.name) or "?", unit_of(metric.name), AGGREGATIONS[0]):
        return False
    masks = [table.measured.get(metric.name) for block in lut.blocks for table in block.tables]
    return any(mask is None or mask.any() for mask in masks)


def _notes(table: Table) -> TableNotes:
    return TableNotes(table.descriptions is not None, frozenset(table.measured))


def _default_notes(table: Table) -> TableNotes:
    """Return what a reader without metadata assumes."""
    texts: Sequence[str] = table.descriptions or ()
    return TableNotes(any(texts), frozenset(name for name, mask in table.measured.items() if not mask.all()))
