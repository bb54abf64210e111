"""Hypothesis strategies: small LUTs with ties, duplicates, single candidates, negative values and extreme scales."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from qabwnas.lut.lut import Lut, LutBlock, Metric, Table

# Each kind of value is drawn for a whole column, so that a column has one scale and many ties.
VALUES = {
    "few integers": st.integers(-2, 3).map(float),
    "one value": st.just(-7.0),
    "decimals": st.integers(-40, 40).map(lambda i: i / 10),
    "sizes": st.integers(0, 2_000_000).map(float),
    "tiny": st.integers(0, 9).map(lambda i: float(f"{i}e-12")),
    "tiny, negative too": st.integers(-9, 9).map(lambda i: float(f"{i}e-12")),
    "huge": st.integers(-9, 9).map(lambda i: i * 1e15),
    "long": st.integers(-(10**15), 10**15).map(lambda i: i / 1e3),
    "doubles": st.floats(0, 1, width=64, allow_subnormal=False).map(lambda x: round(x, 15)),
}


def lut_from_columns(columns: dict[str, list[list[float]]], metrics: list[Metric] | None = None) -> Lut:
    """A LUT with one table a block: ``columns[metric][block]`` are the candidates' values."""
    metrics = metrics or [Metric(name) for name in columns]
    n_blocks = len(next(iter(columns.values())))
    blocks = []
    for b in range(n_blocks):
        arrays = {name: np.array(values[b], dtype=np.float64) for name, values in columns.items()}
        n_rows = len(next(iter(arrays.values())))
        blocks.append(LutBlock(f"block{b}", (Table(n_rows, arrays),)))
    return Lut(tuple(metrics), tuple(blocks))


@st.composite
def luts(draw: st.DrawFn, min_metrics: int = 1, max_metrics: int = 6, max_subnets: int = 300) -> Lut:
    """A LUT of few subnets, so that the oracle can make all of them; rows may stand in it several times."""
    sizes: list[int] = []
    room = max_subnets
    for _ in range(draw(st.integers(1, 5))):
        sizes.append(draw(st.integers(1, max(1, min(8, room)))))
        room //= sizes[-1]
    metrics, columns = [], {}
    for m in range(draw(st.integers(min_metrics, max_metrics))):
        values = VALUES[draw(st.sampled_from(sorted(VALUES)))]
        aggregation = draw(st.sampled_from(["sum", "sum", "sum", "max"]))
        fixed = draw(st.none() | values)
        metrics.append(Metric(f"m{m}", aggregation=aggregation, fixed=fixed))  # type: ignore[arg-type]
        columns[f"m{m}"] = [draw(st.lists(values, min_size=n, max_size=n)) for n in sizes]
    if draw(st.booleans()):
        for b, n in enumerate(sizes):
            rows = draw(st.lists(st.integers(0, n - 1), min_size=n, max_size=n))
            for blocks in columns.values():
                blocks[b] = [blocks[b][row] for row in rows]
    return lut_from_columns(columns, metrics)
