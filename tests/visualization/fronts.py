"""Fronts of a small space with bit widths, for tests of figures."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.search.frontier import Frontier
from qabwnas.space import BitWidths, Block, mbconvs
from tests.spaces import TINY

WIDTHS = (BitWidths(4, 4), BitWidths(8, 8))


@cache
def small_lut() -> Lut:
    """Two blocks of two layers at w4a4 and w8a8: small networks are noisy, and 8 bits are better than 4."""
    operations = mbconvs((3, 5), (2, 3))
    blocks = [Block("b<1>", 4, 4, 2, 2, 1, tuple(operations)), Block("b2", 4, 6, 1, 2, 1, tuple(operations))]
    rng = np.random.default_rng(1)
    lut_blocks = []
    for block in blocks:
        tables = []
        for widths in WIDTHS:
            macs = rng.integers(1_000, 9_000, block.n_candidates).astype(np.float64)
            noise = np.round(0.4 * rng.uniform(0.8, 1.2, len(macs)) * 8 / widths.weights / np.sqrt(macs / 1_000), 6)
            columns = {"nsr": noise, "size_bytes": macs * widths.weights, "macs": macs}
            tables.append(Table(columns, widths))
        lut_blocks.append(LutBlock(block.name, tuple(tables)))
    metrics = (Metric("nsr"), Metric("size_bytes", "bytes", fixed=1_000.0), Metric("macs"))
    return Lut(metrics, tuple(lut_blocks), replace(TINY, blocks=tuple(blocks), bit_widths=WIDTHS))


@cache
def large_lut() -> Lut:
    """Three blocks at w4a4 and w8a8, whose front over all metrics has some thousand points."""
    rng = np.random.default_rng(0)
    blocks = []
    for b in range(3):
        size, macs = np.round(rng.uniform(1_000, 9_000, (2, 40)))
        nsr = np.round(1e6 / (size + macs + rng.uniform(0, 500, 40)), 3)
        tables = tuple(
            Table({"nsr": nsr / widths.weights, "size_bytes": size * widths.weights, "macs": macs}, widths)
            for widths in WIDTHS
        )
        blocks.append(LutBlock(f"b{b}", tables))
    return Lut((Metric("nsr"), Metric("size_bytes", "bytes"), Metric("macs")), tuple(blocks))


@cache
def small_front(*metrics: str) -> Frontier:
    return Frontier.build(small_lut(), metrics or ("nsr", "size_bytes"))
