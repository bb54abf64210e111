"""Sensitivities and costs per layer, from HAWQ-V3's notebook (Zhen-Dong/HAWQ, ``ILP.ipynb``; Yao et al., ICML 2021).

The notebook holds arrays with one entry per layer, not a file. The table is a CSV with these arrays as columns, under
the notebook's names, and one line per layer, in network order:

- ``layer``: the layer's name. ``group`` is optional: all layers of a group have the same bit width, as the notebook
  ties the convolution of a residual branch to that of the main path. It is empty for a layer without a group.
- ``Hutchinson_trace``: the Hessian's trace divided by the number of parameters.
- ``delta_weights_4bit_square``, ``delta_weights_8bit_square`` …: the squared distance between the weights and the
  quantised weights, for every bit width that can be chosen.
- ``parameters``: their number, and ``bops``: multiply-accumulates, both as plain counts (the notebook divides them by
  2^20 and 10^6). ``latency_int4``, ``latency_int8`` …: milliseconds. Each of these is optional.

A group becomes a block with one candidate per bit width b, ``w4a4`` for 4: ``loss`` is trace × distance, ``size_bytes``
is parameters × b / 8, ``bitops`` is bops × b². All add up over a group's layers and over blocks. Products and sums are
exact before they become doubles, or int64 if doubles do not hold a cost; a RoundingWarning says which costs neither
holds. The notebook leaves out the first and the last layer, and so do the totals.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Context, Decimal, localcontext
from pathlib import Path

import numpy as np

from qabwnas.errors import InputError
from qabwnas.lut.content import LutBlock
from qabwnas.lut.exchange.csv_source import open_named_csv
from qabwnas.lut.exchange.text_table import TextTable
from qabwnas.lut.importers.inputs import ImportOptions
from qabwnas.lut.lut import Lut
from qabwnas.lut.table import Metric, Table
from qabwnas.lut.units import unit_of
from qabwnas.space import BitWidths

_LAYER, _GROUP, _TRACE, _PARAMETERS, _BOPS = "layer", "group", "Hutchinson_trace", "parameters", "bops"
_DISTANCE = re.compile(r"delta_weights_([0-9]+)bit_square")
_LATENCY = re.compile(r"latency_int([0-9]+)")
_EXACT = Context(prec=400)

Cells = dict[str, Decimal]


def read_table(paths: Sequence[Path], options: ImportOptions) -> Lut:
    """Read a ``.csv`` or ``.csv.gz`` table.

    Raises:
        OSError: the file cannot be read.
        InputError: a column is missing or unknown, or a cell is wrong; the message gives file, line and column.
    """
    source = open_named_csv(paths[0])
    widths = _bit_widths(source)
    names = ["loss"]
    names += ["size_bytes"] if _PARAMETERS in source.names else []
    names += ["bitops"] if _BOPS in source.names else []
    names += [options.latency_metric] if any(_LATENCY.fullmatch(name) for name in source.names) else []
    groups: dict[str, tuple[list[str], list[Cells]]] = {}
    for layer, group, cells in _layers(source):
        members = groups.setdefault(group or layer, ([], []))
        members[0].append(layer)
        members[1].append(cells)
    if not groups:
        raise source.wrong("no layers: there are no rows below the header")
    with localcontext(_EXACT):
        results = replace(source, rounded={}, place="block")
        blocks = [
            LutBlock("+".join(layers), tuple(_table(results, b, names, bits, cells) for bits in widths))
            for b, (layers, cells) in enumerate(groups.values())
        ]
    results.warn_of_rounding()
    return Lut(tuple(Metric(name, unit_of(name)) for name in names), tuple(blocks))


def _bit_widths(source: TextTable) -> list[int]:
    """Return the bit widths that can be chosen, after checking the columns."""
    for name in (_LAYER, _TRACE):
        if name not in source.names:
            raise source.wrong(f"there is no column {name!r}", source.header)
    distances = {int(m[1]): m[0] for m in map(_DISTANCE.fullmatch, source.names) if m}
    latencies = {int(m[1]): m[0] for m in map(_LATENCY.fullmatch, source.names) if m}
    if not distances:
        raise source.wrong("there is no column such as 'delta_weights_4bit_square'", source.header)
    for bits, name in distances.items():
        try:
            BitWidths.parse(bits)
        except InputError as error:
            raise source.wrong(str(error), source.header, name) from error
        if latencies and bits not in latencies:
            raise source.wrong(f"there is no column 'latency_int{bits}'", source.header)
    known = {_LAYER, _GROUP, _TRACE, _PARAMETERS, _BOPS, *distances.values()}
    known |= {name for bits, name in latencies.items() if bits in distances}
    for name in source.names:
        if name not in known:
            raise source.wrong("unknown column", source.header, name)
    return sorted(distances)


def _layers(source: TextTable) -> list[tuple[str, str, Cells]]:
    """Return name, group and numbers of every layer."""
    layers: list[tuple[str, str, Cells]] = []
    for line, row in source.rows:
        cells = dict(zip(source.names, row, strict=True))
        layer, group = cells.pop(_LAYER), cells.pop(_GROUP, "")
        if not layer:
            raise source.wrong("the layer has no name", line, _LAYER)
        if any(layer == other for other, _, _ in layers):
            raise source.wrong(f"two layers are named {layer!r}", line, _LAYER)
        layers.append((layer, group, {name: source.decimal(name, line, cell) for name, cell in cells.items()}))
    return layers


def _table(results: TextTable, b: int, names: Sequence[str], bits: int, layers: Sequence[Cells]) -> Table:
    """Return the one row of a group at a bit width; ``results`` notes which costs are rounded, in block ``b``."""
    distance, latency, none = f"delta_weights_{bits}bit_square", f"latency_int{bits}", Decimal(0)
    values = {"loss": sum((layer[_TRACE] * layer[distance] for layer in layers), none)}
    if "size_bytes" in names:
        values["size_bytes"] = sum((layer[_PARAMETERS] for layer in layers), none) * bits / 8
    if "bitops" in names:
        values["bitops"] = sum((layer[_BOPS] for layer in layers), none) * bits**2
    if names[-1] not in values:
        values[names[-1]] = sum((layer[latency] for layer in layers), none)
    # A product of two measurements has more digits than they have, so its rounding deserves no warning.
    columns = {"loss": np.array([float(values.pop("loss"))])}
    columns |= {name: results.numbers(name, [b], [str(value)]) for name, value in values.items()}
    return Table(columns, BitWidths(bits, bits), descriptions=[f"{bits}bit"])
