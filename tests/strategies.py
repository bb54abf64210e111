"""Hypothesis strategies: small LUTs with ties, duplicates, single candidates, negative values and extreme scales."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.search import Scope
from qabwnas.space import SKIP, BitWidths, Block, mbconvs
from tests.oracle import Limited, Place
from tests.spaces import TINY

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
        blocks.append(LutBlock(f"block{b}", (Table(arrays),)))
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


OPERATIONS = (*mbconvs((3, 5), (3,)), SKIP)
WIDTHS = (BitWidths(4, 4), BitWidths(4, 8), BitWidths(8, 8))


@st.composite
def luts_of_spaces(draw: st.DrawFn) -> Lut:
    """A LUT of a space, with tables of one to three bit widths a block, of at most 1,000 subnets."""
    blocks, tables = [], []
    for b in range(draw(st.integers(1, 3))):
        operations = draw(st.lists(st.sampled_from(OPERATIONS), min_size=1, max_size=2, unique=True))
        if SKIP in operations and len(operations) == 1:
            operations = [*OPERATIONS[:1], SKIP]
        n_layers = draw(st.integers(1, 2))
        blocks.append(Block(f"block{b}", 4, 4, n_layers, 1 if SKIP in operations else 2, 1, tuple(operations)))
        tables.append(draw(st.lists(st.sampled_from(WIDTHS), min_size=1, max_size=3 if b < 2 else 1, unique=True)))
    metrics, columns = [], {}
    for m in range(draw(st.integers(1, 3))):
        values = VALUES[draw(st.sampled_from(sorted(VALUES)))]
        aggregation = draw(st.sampled_from(["sum", "sum", "max"]))
        metrics.append(Metric(f"m{m}", aggregation=aggregation, fixed=draw(st.none() | values)))  # type: ignore[arg-type]
        columns[f"m{m}"] = [
            [draw(st.lists(values, min_size=n, max_size=n)) for _ in of_block]
            for n, of_block in zip([block.n_candidates for block in blocks], tables, strict=True)
        ]
    made = [
        LutBlock(
            block.name,
            tuple(
                Table({name: np.array(of[b][t]) for name, of in columns.items()}, widths)
                for t, widths in enumerate(tables[b])
            ),
        )
        for b, block in enumerate(blocks)
    ]
    return Lut(tuple(metrics), tuple(made), replace(TINY, blocks=tuple(blocks)))


@st.composite
def scopes(draw: st.DrawFn, lut: Lut) -> tuple[Scope, Limited]:
    """A scope that names only what a LUT of a space has, though perhaps nothing is left; and what it says."""
    names = st.sampled_from(lut.block_names)
    weights = draw(st.dictionaries(names, st.sampled_from(["0", "0.5", "1", "2", "1.25", "0.1"])))
    bits: list[str] = []
    everywhere: set[str] = set()
    own: dict[str, set[str]] = {}
    for block in draw(st.lists(st.none() | names, max_size=2)):
        blocks = lut.blocks if block is None else [lut.block(block)]
        offered = sorted({table.widths.name for of in blocks for table in of.tables if table.widths is not None})
        chosen = draw(st.lists(st.sampled_from(offered), min_size=1, max_size=2))
        bits.append(",".join(chosen) if block is None else f"{block}={','.join(chosen)}")
        (everywhere if block is None else own.setdefault(block, set())).update(chosen)
    homogeneous = draw(st.booleans())
    pin, forbid = ([draw(places(lut)) for _ in range(draw(st.integers(0, 2)))] for _ in "pf")
    scope = Scope(
        weights=weights,
        bits=[*bits, "homogeneous"] if homogeneous else bits,
        pin=[text_of(place) for place in pin],
        forbid=[text_of(place) for place in forbid],
    )
    exact = {name: Fraction(weight) for name, weight in weights.items()}
    of_blocks = {name: frozenset(widths) for name, widths in own.items()}
    return scope, Limited(exact, frozenset(everywhere), of_blocks, homogeneous, pin, forbid)


@st.composite
def places(draw: st.DrawFn, lut: Lut) -> Place:
    """An operation or candidate that the LUT of a space has at that place."""
    assert lut.space is not None
    index = draw(st.integers(0, len(lut.blocks) - 1))
    block = lut.space.blocks[index]
    if draw(st.integers(0, 3)) == 0:
        return block.name, None, f"#{draw(st.integers(0, lut.blocks[index].n_candidates - 1))}"
    layer = draw(st.integers(0, block.n_layers - 1))
    operation = draw(st.sampled_from(block.layers[layer].operations)).name
    of_block, of_layer = draw(st.sampled_from([(None, None), (block.name, None), (block.name, layer)]))
    return of_block, of_layer, operation


def text_of(place: Place) -> str:
    block, layer, what = place
    if block is None:
        return what
    return f"{block}={what}" if layer is None else f"{block}/{layer}={what}"
