"""The mean noise of operations: block × operation × bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from plotly import graph_objects as go
from plotly.subplots import make_subplots

from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut
from qabwnas.lut.table import Table
from qabwnas.space import Block
from qabwnas.visualization.axes import WIDE_RANGE, escaped
from qabwnas.visualization.style import SERIES, layout

Cell = tuple[int, int]
"""Index of an operation, index of bit widths."""


def plot_nsr_heatmap(lut: Lut, *, metric: str = "nsr") -> go.Figure:
    """Return heat maps of the mean metric by layer and operation, one for each bit widths of that layer.

    A cell is the mean over all measured candidates of the block whose layer has this operation and these bit widths.

    Args:
        lut: a look-up table with a search space, which says the operations of every candidate.
        metric: the metric, ``nsr`` by default.

    Raises:
        InputError: the LUT has no space, as imported ones, or lacks the metric.

    Complexity: O(candidates × layers).
    """
    if lut.space is None:
        raise InputError("a heat map of operations needs a LUT with a space: an imported one does not name operations")
    lut.metric(metric)
    space = lut.space
    operations = list(dict.fromkeys(o.name for block in space.blocks for o in block.operations))
    widths = [each.name for each in space.bit_widths]
    layers, means = [], []
    for lut_block in lut.blocks:
        block = space.blocks[space.block_index(lut_block.name)]
        sums = np.zeros((block.n_layers, len(operations), len(widths), 2))  # sum and number of candidates
        for table in lut_block.tables:
            _add(sums, block, table, metric, operations, widths)
        with np.errstate(invalid="ignore"):
            means.append(sums[..., 0] / sums[..., 1])
        layers += [f"{lut_block.name}.{layer + 1}" for layer in range(block.n_layers)]
    values = np.concatenate(means)  # (layers, operations, widths)
    return _figure(values, layers, operations, widths, metric)


def _add(
    sums: NDArray[np.float64], block: Block, table: Table, metric: str, operations: list[str], widths: list[str]
) -> None:
    """Add the rows of a table to the sums ``(n_layers, n_operations, n_widths, 2)``."""
    values = table.columns[metric].astype(np.float64)
    known = table.measured.get(metric, np.ones(len(values), dtype=np.bool_))
    if table.rows is None:
        digits = np.stack(np.unravel_index(np.arange(table.n_rows), block.radices))
        of_layers = np.full_like(digits, widths.index(table.widths.name)) if table.widths is not None else None
    else:
        digits, of_layers = table.rows.operations, table.rows.widths
    assert of_layers is not None, "tables of a space have bit widths"
    for number, layer in enumerate(block.layers):
        names = np.array([operations.index(operation.name) for operation in layer.operations])
        cells = (names[digits[number][known]], of_layers[number][known])
        np.add.at(sums[number, ..., 0], cells, values[known])
        np.add.at(sums[number, ..., 1], cells, 1.0)


def _figure(
    values: NDArray[np.float64], layers: list[str], operations: list[str], widths: list[str], metric: str
) -> go.Figure:
    known = values[np.isfinite(values)]
    is_wide = bool(len(known) and 0 < WIDE_RANGE * known.min() < known.max())
    shades = np.log10(values) if is_wide else values
    panels = make_subplots(
        rows=1, cols=len(widths), subplot_titles=widths, shared_yaxes=True, horizontal_spacing=0.02
    )  # fmt: skip
    panels.update_layout(layout(f"Mean {escaped(metric)} of candidates by layer, operation and bit widths"))
    for n in range(len(widths)):
        panels.add_trace(
            go.Heatmap(
                z=shades[:, :, n].T,
                x=[escaped(layer) for layer in layers],
                y=operations,
                customdata=values[:, :, n].T,
                coloraxis="coloraxis",
                hovertemplate="%{x}, %{y}: %{customdata:.4~g}<extra></extra>",
                hoverongaps=False,
            ),
            row=1,
            col=n + 1,
        )
    bar: dict[str, Any] = {"title": {"text": escaped(metric)}}
    if is_wide:
        ticks = np.linspace(shades[np.isfinite(shades)].min(), shades[np.isfinite(shades)].max(), 6)
        bar |= {"tickvals": ticks.tolist(), "ticktext": [f"{10**tick:.3g}" for tick in ticks]}
    panels.update_layout(coloraxis={"colorscale": SERIES, "colorbar": bar})
    panels.update_xaxes(title_text="block.layer")
    panels.update_yaxes(title_text="operation", col=1)
    return panels
