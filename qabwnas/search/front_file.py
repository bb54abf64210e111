"""Fronts in HDF5 files: format ``qabwnas-front``, of which ``lut/FORMAT.md`` is the contract."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from qabwnas.errors import InputError
from qabwnas.fingerprint import canonical_json
from qabwnas.lut.hdf5_names import decode_names, encode_names
from qabwnas.lut.hdf5_read import INT64, Group, open_file, read_format
from qabwnas.lut.hdf5_write import Kind, create_file, write_array, write_text
from qabwnas.lut.lut import AGGREGATIONS, Metric
from qabwnas.search.backend import NAMES
from qabwnas.search.frontier import Frontier
from qabwnas.search.grid import Grid

KIND = Kind(format="qabwnas-front", newest=1)
_INT32 = np.dtype(np.int32)


def save_front(front: Frontier, path: str | os.PathLike[str], provenance: Mapping[str, Any]) -> None:
    """Write a front atomically.

    Raises:
        OSError: the folder cannot be written.
        InputError: the provenance is not made of JSON values.
    """
    try:
        provenance_json = canonical_json(dict(provenance))
    except (TypeError, ValueError) as error:
        raise InputError(f"provenance: not made of JSON values: {error}") from error
    with create_file(path, KIND) as file:
        write_text(file, "provenance", provenance_json)
        write_text(file, "backend", front.backend)
        file.attrs["n_points"] = len(front)
        metrics = file.create_group("metrics")
        for m, member in enumerate(encode_names(front.metric_names)):
            metric, decimals = front.metrics[m], front.grids[m].decimals
            group = metrics.create_group(member)
            write_text(group, "unit", metric.unit)
            write_text(group, "aggregation", metric.aggregation)
            group.attrs["decimals"] = decimals
            if metric.fixed is not None:
                group.attrs["fixed"] = metric.fixed
            write_array(
                group, "totals", front.units[:, m], dims=("point",), units=(_total_units(metric.unit, decimals),)
            )
        blocks = file.create_group("blocks")
        for b, member in enumerate(encode_names(front.block_names)):
            write_array(blocks.create_group(member), "candidates", front.candidates[:, b], dims=("point",))


def open_front(path: str | os.PathLike[str]) -> Frontier:
    """Read a front that :func:`save_front` wrote.

    Raises:
        OSError: the file cannot be read.
        FormatError: it is not a front, damaged, or of a newer schema.
    """
    root, _ = open_file(path, KIND)
    n_points = root.integer("n_points")
    backend = root.text("backend")
    if n_points < 1 or backend not in NAMES:
        raise root.wrong(f"{n_points} points by the backend {backend!r}")
    metrics_group, blocks_group = root.group("metrics"), root.group("blocks")
    metrics, blocks = _names(metrics_group), _names(blocks_group)
    read = [_read_metric(metrics_group.group(member), name, n_points) for member, name in metrics.items()]
    candidates = [
        blocks_group.group(member).dataset("candidates", _INT32, (n_points,), dims=("point",)).read()
        for member in blocks
    ]
    objective = read[0][2]
    if (objective[1:] < objective[:-1]).any():
        raise metrics_group.wrong("the points are not sorted by the first metric")
    return Frontier(
        metrics=tuple(metric for metric, _, _ in read),
        grids=tuple(grid for _, grid, _ in read),
        block_names=tuple(blocks.values()),
        units=np.column_stack([totals for _, _, totals in read]),
        candidates=np.column_stack(candidates),
        backend=backend,
    )


def is_front(path: str | os.PathLike[str]) -> bool:
    """Return whether a file says that it is a front, of whatever schema; the rest of it is not looked at.

    Raises:
        OSError: the file cannot be read.
        FormatError: it is not HDF5, or damaged.
    """
    return read_format(path) == KIND.format


def provenance_of(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the JSON values that a stored front was given; raises as :func:`open_front`."""
    root, _ = open_file(path, KIND)
    try:
        provenance = json.loads(root.text("provenance"))
    except ValueError as error:
        raise root.wrong(f"the attribute 'provenance' is not JSON: {error}") from error
    if not isinstance(provenance, dict):
        raise root.wrong("the provenance is not a JSON object")
    return provenance


def _total_units(unit: str, decimals: int) -> str:
    return f"1e-{decimals} {unit}".strip()


def _names(group: Group) -> dict[str, str]:
    try:
        names = decode_names(group.members())
    except ValueError as error:
        raise group.wrong(str(error)) from error
    if not names or len(set(names.values())) != len(names):
        raise group.wrong("empty, or a name stands twice")
    return names


def _read_metric(group: Group, name: str, n_points: int) -> tuple[Metric, Grid, Any]:
    unit, aggregation, decimals = group.text("unit"), group.text("aggregation"), group.integer("decimals")
    fixed = group.real("fixed") if group.has_attribute("fixed") else None
    for known in AGGREGATIONS:
        if aggregation == known:
            units = (_total_units(unit, decimals),)
            totals = group.dataset("totals", INT64, (n_points,), dims=("point",), units=units)
            return Metric(name, unit, known, fixed), Grid(decimals), totals.read()
    raise group.wrong(f"the aggregation {aggregation!r} is none of {', '.join(AGGREGATIONS)}")
