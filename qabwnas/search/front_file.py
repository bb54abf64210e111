"""Fronts in HDF5 files: format ``qabwnas-front``, of which ``lut/FORMAT.md`` is the contract."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.io.file_kinds import FRONT, check_suffix
from qabwnas.io.fingerprint import canonical_json
from qabwnas.io.hdf5_names import decode_names, encode_names
from qabwnas.io.hdf5_read import INT64, Group, open_file, read_format
from qabwnas.io.hdf5_write import HDF5Format, create_array, create_file, write_text
from qabwnas.lut.table import AGGREGATIONS, Metric
from qabwnas.search.constraints.region import Extent
from qabwnas.search.constraints.scope import Scope
from qabwnas.search.engine.backend import NAMES
from qabwnas.search.engine.choices import ChoiceTable
from qabwnas.search.frontier import Frontier
from qabwnas.search.model.grid import UNLIMITED, Grid

KIND = HDF5Format(name="qabwnas-front", newest=2)
_INT32 = np.dtype(np.int32)
_POINTS_AT_ONCE = 1 << 16


def save_front(front: Frontier, path: str | os.PathLike[str], provenance: Mapping[str, Any]) -> None:
    """Write a front atomically.

    Raises:
        OSError: the folder cannot be written.
        InputError: the name is that of another kind of file, or the provenance is not made of JSON values.
    """
    try:
        provenance_json = canonical_json(dict(provenance))
    except (TypeError, ValueError) as error:
        raise InputError(f"provenance: not made of JSON values: {error}") from error
    check_suffix(path, FRONT)
    with create_file(path, KIND) as file:
        write_text(file, "provenance", provenance_json)
        write_text(file, "backend", front.backend)
        file.attrs["n_points"] = len(front)
        if front.extent.epsilon > 0:
            write_text(file, "epsilon", f"{front.extent.epsilon:f}")
        if front.scope is not None:
            write_text(file, "scope", canonical_json(front.scope.as_json()))
        _write_metrics(file.create_group("metrics"), front)
        blocks = file.create_group("blocks")
        for member in encode_names(front.block_names):
            blocks.create_group(member)
        shape, dims = (len(front.metrics), len(front)), ("metric", "point")
        totals = create_array(file, "totals", shape, INT64, dims, _total_units(front.metrics, front.grids))
        for part in _parts(front):
            totals[:, part] = front.units[part].T
        candidates = create_array(file, "candidates", (len(front), len(front.block_names)), _INT32, ("point", "block"))
        for part in _parts(front):
            candidates[part] = front.candidates_of(np.arange(part.start, part.stop))


def open_front(path: str | os.PathLike[str]) -> Frontier:
    """Open a front that :func:`save_front` wrote; its points are mapped: read when, and where, they are looked at.

    Of schema 1 they are read at once. That they are sorted is found out by the first query.

    Raises:
        OSError: the file cannot be read.
        FormatError: it is not a front, damaged, or of a newer schema.
    """
    root, header = open_file(path, KIND)
    n_points = root.integer("n_points")
    backend = root.text("backend")
    if n_points < 1 or backend not in NAMES:
        raise root.wrong(f"{n_points} points by the backend {backend!r}")
    metrics_group, blocks_group = root.group("metrics"), root.group("blocks")
    metric_members, block_members = _names(metrics_group), _names(blocks_group)
    groups = [metrics_group.group(member) for member in metric_members]
    read = [_read_metric(group, name) for group, name in zip(groups, metric_members.values(), strict=True)]
    metrics, grids = tuple(metric for metric, _ in read), tuple(grid for _, grid in read)
    extent, scope = _read_extent(root, groups), _read_scope(root)
    total_units = _total_units(metrics, grids)
    if header.schema_version == 1:
        units = _columns_of_1(metrics_group, metric_members, "totals", INT64, n_points, total_units)
        no_units = [""] * len(block_members)
        candidates = _columns_of_1(blocks_group, block_members, "candidates", _INT32, n_points, no_units)
    else:
        totals = root.dataset("totals", INT64, (len(metrics), n_points), ("metric", "point"), total_units)
        shape = (n_points, len(block_members))
        units, candidates = totals.map().T, root.dataset("candidates", _INT32, shape, ("point", "block")).map()
    block_names, choices = tuple(block_members.values()), ChoiceTable(candidates)
    provenance = _read_provenance(root)
    return Frontier(metrics, grids, block_names, units, choices, backend, extent, scope, Path(path), provenance)


def is_front(path: str | os.PathLike[str]) -> bool:
    """Return whether a file says that it is a front, of whatever schema; the rest of it is not looked at.

    Raises:
        OSError: the file cannot be read.
        FormatError: it is not HDF5, or damaged.
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


def _parts(front: Frontier) -> Iterator[slice]:
    for start in range(0, len(front), _POINTS_AT_ONCE):
        yield slice(start, min(start + _POINTS_AT_ONCE, len(front)))


def _write_metrics(parent: h5py.Group, front: Frontier) -> None:
    members = encode_names(front.metric_names)
    bounds = front.extent.low, front.extent.high
    for member, metric, grid, low, high in zip(members, front.metrics, front.grids, *bounds, strict=True):
        group = parent.create_group(member)
        write_text(group, "unit", metric.unit)
        write_text(group, "aggregation", metric.aggregation)
        group.attrs["decimals"] = grid.decimals
        if metric.fixed is not None:
            group.attrs["fixed"] = metric.fixed
        if low != -UNLIMITED:
            group.attrs["low"] = low
        if high != UNLIMITED:
            group.attrs["high"] = high


def _total_units(metrics: Sequence[Metric], grids: Sequence[Grid]) -> tuple[str, ...]:
    return tuple(f"1e-{grid.decimals} {metric.unit}".strip() for metric, grid in zip(metrics, grids, strict=True))


def _columns_of_1(
    group: Group, members: Iterable[str], name: str, dtype: np.dtype[Any], n_points: int, units: Sequence[str]
) -> NDArray[Any]:
    """Read what schema 1 has in one dataset a metric or block."""
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
        raise group.wrong("empty, or a name stands twice")
    return names


def _read_metric(group: Group, name: str) -> tuple[Metric, Grid]:
    unit, aggregation, decimals = group.text("unit"), group.text("aggregation"), group.integer("decimals")
    fixed: float | None = None
    if group.has_attribute("fixed"):
        fixed = group.integer("fixed") if group.is_integer("fixed") else group.real("fixed")
    for known in AGGREGATIONS:
        if aggregation == known:
            return Metric(name, unit, known, fixed), Grid(decimals)
    raise group.wrong(f"the aggregation {aggregation!r} is none of {', '.join(AGGREGATIONS)}")


def _read_extent(root: Group, metrics: Sequence[Group]) -> Extent:
    text = root.text("epsilon") if root.has_attribute("epsilon") else "0"
    try:
        epsilon = Decimal(text)
    except InvalidOperation as error:
        raise root.wrong(f"epsilon {text!r} is not a number") from error
    if not 0 <= epsilon <= 1:
        raise root.wrong(f"epsilon {text} is not from 0 to 1")
    low = [group.integer("low") if group.has_attribute("low") else -UNLIMITED for group in metrics]
    high = [group.integer("high") if group.has_attribute("high") else UNLIMITED for group in metrics]
    return Extent(tuple(low), tuple(high), epsilon)


def _read_scope(root: Group) -> Scope | None:
    if not root.has_attribute("scope"):
        return None
    try:
        return Scope.from_json(json.loads(root.text("scope")))
    except ValueError as error:  # of which an InputError is one
        raise root.wrong(f"the attribute 'scope': {error}") from error
