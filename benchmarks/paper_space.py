"""A seeded LUT of the paper's space: six blocks, 9,738 rows, 7.4e16 networks.

Sizes come from parameter counts, latency from multiply-accumulates with noise. The loss falls with size and rises with
fewer bits, with noise. It replaces a measured LUT where only the speed of the search matters.

The noise determines the size of the fronts: less noise gives larger fronts. It is set so that they are close to those
of the LUT that the targets were measured on (940, 23,000 and 61,000 points over two, three and four metrics): 934,
20,530 and 61,064.
"""

from __future__ import annotations

import numpy as np

from qabwnas.costs import block_costs
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.space.yaml import load_space

LOSS_NOISE = 0.045
LATENCY_NOISE = 0.042


def paper_lut(seed: int = 0) -> Lut:
    """Return the LUT with metrics ``loss``, ``size_bytes``, ``latency_ms``, ``macs``."""
    generator = np.random.default_rng(seed)
    space = load_space("cityscapes-mbv2")
    blocks = []
    for b, block in enumerate(space.blocks):
        tables = []
        for widths in space.bit_widths:
            costs = block_costs(space, b, widths)
            size, macs = costs["size_bytes"], costs["macs"]
            weights = size / widths.weights
            loss = 0.3 * np.exp(-weights / weights.mean()) + 0.2 * 2.0 ** (4 - widths.weights)
            loss *= np.exp(LOSS_NOISE * generator.standard_normal(size.size))
            latency = (
                macs / 1e9 * (0.5 + widths.weights / 16) * np.exp(LATENCY_NOISE * generator.standard_normal(size.size))
            )
            columns = {
                "loss": np.round(loss, 6),
                "size_bytes": size,
                "latency_ms": np.round(latency, 4),
                "macs": macs,
            }
            tables.append(Table(columns, widths))
        blocks.append(LutBlock(block.name, tuple(tables)))
    metrics = (Metric("loss"), Metric("size_bytes", "bytes"), Metric("latency_ms", "ms"), Metric("macs"))
    return Lut(metrics, tuple(blocks), space)
