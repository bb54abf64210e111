"""Fronts as files: HDF5 (format ``qabwnas-front``, specified in ``lut/FORMAT.md``), and CSV for other programs."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.io.atomic import atomic_path
from qabwnas.io.file_kinds import CSV, FRONT, check_suffix
from qabwnas.io.fingerprint import canonical_json
from qabwnas.io.hdf5_names import decode_names, encode_names
from qabwnas.io.hdf5_read import INT64, Group, open_file, read_format
from qabwnas.io.hdf5_write import HDF5Format, create_array, create_file, write_text
from qabwnas.lut.table import AGGREGATIONS, Metric
from qabwnas.search.constraints.scope import Scope
from qabwnas.search.engine.backend import NAMES
from qabwnas.search.engine.choices import ChoiceTable
from qabwnas.search.front.descriptions import read_descriptions, stored_descriptions, write_descriptions
from qabwnas.search.front.points import FrontPoints
from qabwnas.search.front.region import FrontRegion
from qabwnas.search.model.csv_text import subnet_lines
from qabwnas.search.model.grid import UNLIMITED, Grid

KIND = HDF5Format("qabwnas-front", newest=3, advice={"qabwnas-lut": "`qabwnas front` makes a front of a LUT"})
_INT32 = np.dtype(np.int32)
_POINTS_PER_CHUNK = 1 << 16

Front = TypeVar("Front", bound=FrontPoints)


def write_front(front: FrontPoints, path: str | os.PathLike[str], provenance: Mapping[str, Any]) -> None:
    """Write a front atomically.

    Raises:
        OSError: the folder cannot be written.
        InputError: the name ends like another kind of file, or the provenance is not made of JSON values.
    """
    try:
        provenance_json = canonical_json(dict(provenance))
    except (TypeError, ValueError) as error:
        raise InputError(f"provenance: not made of JSON values: {error}") from error
    check_suffix(path, FRONT)
    # Older readers can read every front that does not maximise a metric.
    is_newest = any(metric.higher_is_better for metric in front.metrics)
    with create_file(path, KIND, schema_version=KIND.newest if is_newest else 2) as file:
        write_text(file, "provenance", provenance_json)
        write_text(file, "backend", front.backend)
        file.attrs["n_points"] = len(front)
        if front.region.epsilon > 0:
            write_text(file, "epsilon", f"{front.region.epsilon:f}")
        if front.scope is not None:
            write_text(file, "scope", canonical_json(front.scope.as_json()))
        _write_metrics(file.create_group("metrics"), front)
        blocks = file.create_group("blocks")
        descriptions = stored_descriptions(front)
        for member, name in zip(encode_names(front.block_names), front.block_names, strict=True):
            group = blocks.create_group(member)
            if descriptions is not None:
                write_descriptions(group, descriptions.texts[name])
        shape, dims = (len(front.metrics), len(front)), ("metric", "point")
        totals = create_array(file, "totals", shape, INT64, dims, _total_units(front.metrics, front.grids))
        for part in _chunks(front):
            totals[:, part] = front.units[part].T
        candidates = create_array(file, "candidates", (len(front), len(front.block_names)), _INT32, ("point", "block"))
        for part in _chunks(front):
            candidates[part] = front.candidates_of(np.arange(part.start, part.stop))


def read_front(path: str | os.PathLike[str], kind: type[Front]) -> Front:
    """Return a front that :func:`write_front` wrote, of the class ``kind``; its points are memory-mapped.

    Points of schema 1 are read at once. The first query checks that points are sorted.

    Raises:
        OSError: the file cannot be read.
        FormatError: it is not a front, is damaged, or has a newer schema.
    """
    root, header = open_file(path, KIND)
    n_points = root.integer("n_points")
    backend = root.text("backend")
    if n_points < 1 or backend not in NAMES:
        raise root.wrong(f"{n_points} points by the backend {backend!r}")
    metrics_group, blocks_group = root.group("metrics"), root.group("blocks")
    metric_members, block_members = _names(metrics_group), _names(blocks_group)
    groups = [metrics_group.group(member) for member in metric_members]
    schema = header.schema_version
    read = [_read_metric(group, name, schema) for group, name in zip(groups, metric_members.values(), strict=True)]
    metrics, grids = tuple(metric for metric, _ in read), tuple(grid for _, grid in read)
    region, scope = _read_region(root, groups), _read_scope(root)
    total_units = _total_units(metrics, grids)
    if schema == 1:
        units = _columns_of_1(metrics_group, metric_members, "totals", INT64, n_points, total_units)
        no_units = [""] * len(block_members)
        candidates = _columns_of_1(blocks_group, block_members, "candidates", _INT32, n_points, no_units)
    else:
        totals = root.dataset("totals", INT64, (len(metrics), n_points), ("metric", "point"), total_units)
        shape = (n_points, len(block_members))
        units, candidates = totals.map().T, root.dataset("candidates", _INT32, shape, ("point", "block")).map()
    block_names, choices = tuple(block_members.values()), ChoiceTable(candidates)
    provenance = _read_provenance(root)
    describe = read_descriptions(blocks_group, block_members)
    largest = _read_largest(groups, metrics)
    source = Path(path), provenance, describe, largest
    return kind(metrics, grids, block_names, units, choices, backend, region, scope, *source)


def write_front_csv(front: FrontPoints, path: str | os.PathLike[str]) -> None:
    """Write one column per metric and one per block, one row per point in order, atomically. Totals are exact decimals.

    Raises:
        OSError: the folder cannot be written.
        InputError: the name ends like another kind of file.
    """
    check_suffix(path, CSV)
    with atomic_path(path) as temporary:
        with temporary.open("w", newline="", encoding="utf-8") as header:
            csv.writer(header).writerow([*front.metric_names, *front.block_names])
        with temporary.open("ab") as lines:
            for part in _chunks(front):
                candidates = front.candidates_of(np.arange(part.start, part.stop))
                lines.write(subnet_lines(front.grids, front.shown_units(front.units[part]), candidates))


def is_front(path: str | os.PathLike[str]) -> bool:
    """Return whether a file says that it is a front, of any schema. The rest of the file is not checked.

    Raises:
        OSError: the file cannot be read.
        FormatError: it is not HDF5, or is damaged.
    """
    return read_format(path) == KIND.name


def _read_provenance(root: Group) -> dict[str, Any]:
    try:
        provenance = json.loads(root.text("provenance"))
    except ValueError as error:
        raise root.wrong(f"the attribute 'provenance' is not JSON: {error}") from error
    if not isinstance(provenance, dict):
        raise root.wrong("the provenance is not a JSON object")
    return provenance


def _chunks(front: FrontPoints) -> Iterator[slice]:
    for start in range(0, len(front), _POINTS_PER_CHUNK):
        yield slice(start, min(start + _POINTS_PER_CHUNK, len(front)))


def _write_metrics(parent: h5py.Group, front: FrontPoints) -> None:
    members = encode_names(front.metric_names)
    bounds = front.region.low, front.region.high
    for member, metric, grid, low, high in zip(members, front.metrics, front.grids, *bounds, strict=True):
        group = parent.create_group(member)
        write_text(group, "unit", metric.unit)
        write_text(group, "aggregation", metric.aggregation)
        group.attrs["decimals"] = grid.decimals
        if metric.fixed is not None:
            group.attrs["fixed"] = metric.fixed
        if metric.higher_is_better:
            group.attrs["higher_is_better"] = np.True_
        if metric.name in front.largest:
            write_text(group, "largest", f"{front.largest[metric.name]:f}")
        if low != -UNLIMITED:
            group.attrs["low"] = low
        if high != UNLIMITED:
            group.attrs["high"] = high


def _total_units(metrics: Sequence[Metric], grids: Sequence[Grid]) -> tuple[str, ...]:
    return tuple(f"1e-{grid.decimals} {metric.unit}".strip() for metric, grid in zip(metrics, grids, strict=True))


def _columns_of_1(
    group: Group, members: Iterable[str], name: str, dtype: np.dtype[Any], n_points: int, units: Sequence[str]
) -> NDArray[Any]:
    """Read columns that schema 1 stores as one dataset per metric or block."""
    columns = [
        group.group(member).dataset(name, dtype, (n_points,), dims=("point",), units=(unit,)).read()
        for member, unit in zip(members, units, strict=True)
    ]
    return np.column_stack(columns)


def _names(group: Group) -> dict[str, str]:
    try:
        names = decode_names(group.members())
    except ValueError as error:
        raise group.wrong(str(error)) from error
    if not names or len(set(names.values())) != len(names):
        raise group.wrong("empty, or a name occurs twice")
    return names


def _read_metric(group: Group, name: str, schema: int) -> tuple[Metric, Grid]:
    unit, aggregation, decimals = group.text("unit"), group.text("aggregation"), group.integer("decimals")
    fixed: float | None = None
    if group.has_attribute("fixed"):
        fixed = group.integer("fixed") if group.is_integer("fixed") else group.real("fixed")
    for known in AGGREGATIONS:
        if aggregation == known:
            higher = schema >= 3 and group.has_attribute("higher_is_better") and group.boolean("higher_is_better")
            return Metric(name, unit, known, fixed, higher_is_better=higher), Grid(decimals)
    raise group.wrong(f"the aggregation {aggregation!r} is none of {', '.join(AGGREGATIONS)}")


def _read_largest(groups: Sequence[Group], metrics: Sequence[Metric]) -> dict[str, Decimal]:
    largest = {}
    for group, metric in zip(groups, metrics, strict=True):
        if group.has_attribute("largest"):
            try:
                largest[metric.name] = Decimal(group.text("largest"))
            except InvalidOperation as error:
                raise group.wrong(f"the attribute 'largest' is not a number: {group.text('largest')!r}") from error
    return largest


def _read_region(root: Group, metrics: Sequence[Group]) -> FrontRegion:
    text = root.text("epsilon") if root.has_attribute("epsilon") else "0"
    try:
        epsilon = Decimal(text)
    except InvalidOperation as error:
        raise root.wrong(f"epsilon {text!r} is not a number") from error
    if not 0 <= epsilon <= 1:
        raise root.wrong(f"epsilon {text} is not from 0 to 1")
    low = [group.integer("low") if group.has_attribute("low") else -UNLIMITED for group in metrics]
    high = [group.integer("high") if group.has_attribute("high") else UNLIMITED for group in metrics]
    return FrontRegion(tuple(low), tuple(high), epsilon)


def _read_scope(root: Group) -> Scope | None:
    if not root.has_attribute("scope"):
        return None
    try:
        return Scope.from_json(json.loads(root.text("scope")))
    except ValueError as error:  # includes InputError
        raise root.wrong(f"the attribute 'scope': {error}") from error
