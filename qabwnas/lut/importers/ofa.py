"""Once-for-all's and ProxylessNAS's latency tables (mit-han-lab/once-for-all, ``latency_lookup_table.py``).

A YAML mapping from a layer (operation, shapes, stride, shortcut) to a mapping with its ``mean``, in milliseconds. Other
members (``count``, ``std``) are in the phone tables that come with that code (``latency_table@note10``)::

    expanded_conv-input:56x56x24-output:28x28x40-expand:6-kernel:5-stride:2-idskip:0:
      mean: 1.25

Shapes are height × width × channels. ``expand`` is the expansion (in ProxylessNAS's tables, which that code downloads),
or the number of inner channels if ``se`` and ``hs`` (squeeze and excitation, hard swish) follow. ``Conv``, ``Conv_1``,
``AvgPool2D``, ``Conv_2`` and ``Logits`` have only shapes. There is no loss, no bit width and no device name.

The format lists layers, not a network: layers of the same shape share an entry, and the order of layers is not stored.
There are two ways to read it:

- :func:`add_operations` adds a latency column to a LUT whose space defines the network. A candidate's latency is the
  sum over its layers. Each is looked up by operation, shapes, stride and shortcut: as an entry with the expansion, or
  as one with the inner channels, without squeeze and excitation and hard swish. A skip takes no time. A candidate with
  a layer that is not in the table (or with a dilation, which the format does not have) was not measured. The table has
  no bit widths, so all bit widths have the same latency.
- :func:`read_table` returns the table itself as a LUT: one block per kind, shapes, stride and shortcut, whose
  candidates are the entries for it. A total counts every block once. It is the latency of a network only if that
  network has every block of the table exactly once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.io.fields import LARGEST_NUMBER
from qabwnas.io.numeric import shown
from qabwnas.io.yaml_reader import read_yaml
from qabwnas.lut.columns import add_metric
from qabwnas.lut.content import LutBlock
from qabwnas.lut.device_results import device_name
from qabwnas.lut.exchange.text_table import TextTable
from qabwnas.lut.importers.inputs import ImportOptions
from qabwnas.lut.lut import Lut
from qabwnas.lut.table import Metric, Table
from qabwnas.space import Layer, Operation, SearchSpace, Shape, mbconv
from qabwnas.space.operation import MBCONV, SE_MBCONV

_EXAMPLE = "expanded_conv-input:56x56x24-output:28x28x40-expand:6-kernel:5-stride:2-idskip:0"
_SHAPES = r"input:[0-9]+(?:x[0-9]+)*-output:[0-9]+(?:x[0-9]+)*"
_PLAIN = re.compile(rf"(?:Conv|Conv_1|Conv_2|AvgPool2D|Logits)-{_SHAPES}")
_MBCONV = re.compile(
    rf"(?P<kind>expanded_conv-{_SHAPES})-(?P<choice>expand:[0-9]+-kernel:[0-9]+)"
    r"-(?P<place>stride:[0-9]+-idskip:[01])(?P<extra>-se:[01]-hs:[01])?"
)


def read_table(paths: Sequence[Path], options: ImportOptions) -> Lut:
    """Read a ``.yaml`` table as blocks, in order of first appearance.

    Raises:
        OSError: the file cannot be read.
        InputError: as :func:`read_operations`.
    """
    places: dict[str, dict[str, float]] = {}
    for key, latency in read_operations(paths[0]).items():
        match = _MBCONV.fullmatch(key)
        place = key if match is None else f"{match['kind']}-{match['place']}"
        choice = key.partition("-")[0] if match is None else match["choice"] + (match["extra"] or "")
        places.setdefault(place, {})[choice] = latency
    metric = Metric(options.latency_metric, "ms")
    blocks = [
        LutBlock(place, (Table({metric.name: np.array(list(found.values()))}, descriptions=list(found)),))
        for place, found in places.items()
    ]
    return Lut((metric,), tuple(blocks))


def read_operations(path: Path) -> Mapping[str, float]:
    """Return milliseconds by key, in the order of the table.

    Raises:
        OSError: the file cannot be read.
        InputError: it is not a YAML mapping, or a key or its ``mean`` is wrong; the message gives the key.
    """
    content = read_yaml(path, exact=True)
    if not isinstance(content, dict) or not content:
        raise InputError(f"{path}: not a mapping of operations")
    cells = []
    for key, entry in content.items():
        if not isinstance(key, str) or not (_PLAIN.fullmatch(key) or _MBCONV.fullmatch(key)):
            raise InputError(f"{path}: {key}: not an operation of the form {_EXAMPLE}")
        mean = entry.get("mean") if isinstance(entry, dict) else None
        if isinstance(mean, bool) or not isinstance(mean, (int, Decimal)) or not 0 <= mean <= LARGEST_NUMBER:
            raise InputError(f"{path}: {key}.mean: {shown(mean)} is not a number of 0 or more")
        cells.append(str(mean))
    table = TextTable(path, ("mean",), (), place="entry")
    means = table.numbers("mean", range(1, len(cells) + 1), cells)
    table.warn_of_rounding()
    return dict(zip(content, means.tolist(), strict=True))


def add_operations(lut: Lut, path: str | os.PathLike[str], device: str) -> Lut:
    """Return the LUT with the column ``latency_ms[device]`` of a table.

    The fixed part is that of a 3×3 stem and a classifier; there is none if one of their entries is missing.

    Raises:
        OSError: the table cannot be read.
        InputError: the LUT has no space, or already has the column; the table is wrong; no candidate is in it.
    """
    path = Path(path)
    if lut.space is None:
        raise InputError(f"{path}: a table of operations needs a LUT with a space, which says what candidates are")
    operations = read_operations(path)
    columns = {
        name: np.tile(_block_latencies(lut.space, lut.space.block_index(name), operations), len(lut.block(name).tables))
        for name in lut.block_names
    }
    metric = Metric(f"latency_ms[{device_name(device, 'device')}]", "ms", "sum", _fixed_latency(lut.space, operations))
    try:
        return add_metric(lut, metric, columns, {"table": path.name, "format": "ofa"})
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _block_latencies(space: SearchSpace, b: int, table: Mapping[str, float]) -> NDArray[np.float64]:
    """Return the latency of every candidate, float64 ``(n_candidates,)``, NaN if a layer is not in the table."""
    x = space.block_inputs[b]
    column = np.zeros(1)
    for layer in space.blocks[b].layers:
        y = x.after(layer.out_channels, layer.stride)
        choices = [_layer_latency(layer, operation, x, y, table) for operation in layer.operations]
        column = np.add.outer(column, choices).ravel()
        x = y
    return column


def _layer_latency(layer: Layer, operation: Operation, x: Shape, y: Shape, table: Mapping[str, float]) -> float:
    if operation.is_skip:
        return 0.0
    if layer.dilation != 1:
        return float("nan")
    return _mbconv_latency(x, y, operation, layer.stride, layer.keeps_shape, table)


def _mbconv_latency(
    x: Shape, y: Shape, operation: Operation, stride: int, keeps_shape: bool, table: Mapping[str, float]
) -> float:
    shapes = f"expanded_conv-input:{_hwc(x)}-output:{_hwc(y)}"
    if operation.path not in (MBCONV, SE_MBCONV):
        return float("nan")
    kernel, expansion = map(int, operation.arguments)
    rest = f"kernel:{kernel}-stride:{stride}-idskip:{int(keeps_shape)}"
    by_channels = f"{shapes}-expand:{expansion * x.channels}-{rest}-se:{int(operation.path == SE_MBCONV)}-hs:0"
    if operation.path == SE_MBCONV:
        return table.get(by_channels, float("nan"))
    by_expansion = f"{shapes}-expand:{expansion}-{rest}"
    return table.get(by_expansion, table.get(by_channels, float("nan")))


def _fixed_latency(space: SearchSpace, table: Mapping[str, float]) -> float | None:
    """Return the latency of stem and head, or ``None`` if the table does not have them."""
    stem, head = space.stem, space.head
    if stem.kernel != 3 or head.kind != "classifier":
        return None
    x, last = space.input.after(stem.channels, stem.stride), space.block_inputs[-1]
    latencies = [
        table.get(f"Conv-input:{_hwc(space.input)}-output:{_hwc(x)}", float("nan")),
        table.get(f"Logits-input:{_hwc(last)}-output:{head.n_classes}", float("nan")),
    ]
    if stem.separable_channels is not None:
        y = x.after(stem.separable_channels, 1)
        latencies.append(_mbconv_latency(x, y, mbconv(3, 1), 1, False, table))
    total = sum(latencies)
    return None if np.isnan(total) else total


def _hwc(shape: Shape) -> str:
    return f"{shape.height}x{shape.width}x{shape.channels}"
