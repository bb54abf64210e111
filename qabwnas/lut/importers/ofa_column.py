"""A once-for-all latency table as a device's column of a LUT that has a space; see :mod:`.ofa` for the format.

A candidate's latency is the sum over its layers, each looked up by its operation, shapes, stride and shortcut: as an
entry that has the expansion, or as one that has the inner channels, without squeeze and excitation and hard swish. A
skip takes no time. A candidate with a layer that is not in the table (or with a dilation, which the format does not
have) was not measured. The table does not say bit widths, so every bit width has the same latency.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.lut.columns import add_metric
from qabwnas.lut.device_results import device_name
from qabwnas.lut.importers.ofa import read_operations
from qabwnas.lut.lut import Lut, Metric
from qabwnas.space import Layer, Operation, SearchSpace, Shape


def add_operations(lut: Lut, path: str | os.PathLike[str], device: str) -> Lut:
    """Return the LUT with the column ``latency_ms[device]`` of a table.

    The fixed part is that of a 3×3 stem and a classifier, and there is none where one of their entries is missing.

    Raises:
        OSError: the table cannot be read.
        InputError: the LUT has no space, or the column already; the table is wrong; no candidate is in it.
    """
    path = Path(path)
    if lut.space is None:
        raise InputError(f"{path}: holds operations, and the LUT has no space that says what candidates are made of")
    operations = read_operations(path)
    columns = {
        name: np.tile(_block(lut.space, lut.space.block_index(name), operations), len(lut.block(name).tables))
        for name in lut.block_names
    }
    metric = Metric(f"latency_ms[{device_name(device, 'device')}]", "ms", "sum", _fixed(lut.space, operations))
    try:
        return add_metric(lut, metric, columns, {"table": path.name, "format": "ofa"})
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _block(space: SearchSpace, b: int, table: Mapping[str, float]) -> NDArray[np.float64]:
    """Return the latency of every candidate, float64 ``(n_candidates,)``, NaN where a layer is not in the table."""
    x = space.block_inputs[b]
    column = np.zeros(1)
    for layer in space.blocks[b].layers:
        y = x.after(layer.out_channels, layer.stride)
        choices = [_layer(layer, operation, x, y, table) for operation in layer.operations]
        column = np.add.outer(column, choices).ravel()
        x = y
    return column


def _layer(layer: Layer, operation: Operation, x: Shape, y: Shape, table: Mapping[str, float]) -> float:
    if operation.is_skip:
        return 0.0
    if layer.dilation != 1:
        return float("nan")
    return _mbconv(x, y, operation, layer.stride, layer.keeps_shape, table)


def _mbconv(
    x: Shape, y: Shape, operation: Operation, stride: int, keeps_shape: bool, table: Mapping[str, float]
) -> float:
    shapes = f"expanded_conv-input:{_hwc(x)}-output:{_hwc(y)}"
    rest = f"kernel:{operation.kernel}-stride:{stride}-idskip:{int(keeps_shape)}"
    by_ratio = f"{shapes}-expand:{operation.expansion}-{rest}"
    by_channels = f"{shapes}-expand:{operation.expansion * x.channels}-{rest}-se:0-hs:0"
    return table.get(by_ratio, table.get(by_channels, float("nan")))


def _fixed(space: SearchSpace, table: Mapping[str, float]) -> float | None:
    """Return what stem and head take, or ``None`` where the table does not have them."""
    stem, head = space.stem, space.head
    if stem.kernel != 3 or head.kind != "classifier":
        return None
    x, last = space.input.after(stem.channels, stem.stride), space.block_inputs[-1]
    parts = [
        table.get(f"Conv-input:{_hwc(space.input)}-output:{_hwc(x)}", float("nan")),
        table.get(f"Logits-input:{_hwc(last)}-output:{head.n_classes}", float("nan")),
    ]
    if stem.separable_channels is not None:
        y = x.after(stem.separable_channels, 1)
        parts.append(_mbconv(x, y, Operation(3, 1), 1, False, table))
    total = sum(parts)
    return None if np.isnan(total) else total


def _hwc(shape: Shape) -> str:
    return f"{shape.height}x{shape.width}x{shape.channels}"
