"""LUTs with all that a LUT can have: any names, units, bit widths, holes, descriptions, fixed parts."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st

from qabwnas.lut.lut import AGGREGATIONS, Lut, LutBlock, Metric, Table
from qabwnas.space import BitWidths

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
NAMES = TEXT.filter(bool) | st.sampled_from(["a/b", "../x", ".", "..", "%2F", "latency_ms[nvidia_t4]", "layer04+06"])
FINITE = st.floats(allow_nan=False, allow_infinity=False)
WIDTHS = st.none() | st.builds(BitWidths, st.integers(2, 16), st.integers(2, 16))


@st.composite
def tables(draw: st.DrawFn, metrics: list[Metric], widths: BitWidths | None) -> Table:
    n_rows = draw(st.integers(1, 4))
    columns, measured = {}, {}
    for metric in metrics:
        values = np.array(draw(st.lists(FINITE, min_size=n_rows, max_size=n_rows)))
        mask = np.array(draw(st.lists(st.booleans(), min_size=n_rows, max_size=n_rows)))
        if draw(st.booleans()) and not mask.all():
            values[~mask] = math.nan
            measured[metric.name] = mask
        columns[metric.name] = values
    texts = st.lists(TEXT, min_size=n_rows, max_size=n_rows).filter(any)
    return Table(columns, widths, measured, draw(st.none() | texts))


@st.composite
def full_luts(draw: st.DrawFn) -> Lut:
    """A LUT without a space; it need not be searchable."""
    aggregations = st.sampled_from(AGGREGATIONS)
    metrics = [
        draw(st.builds(Metric, st.just(name), TEXT, aggregations, st.none() | FINITE))
        for name in draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    ]
    blocks = [
        LutBlock(
            name, tuple(draw(tables(metrics, w)) for w in draw(st.lists(WIDTHS, min_size=1, max_size=3, unique=True)))
        )
        for name in draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    ]
    provenance = draw(st.dictionaries(TEXT, st.none() | st.integers() | FINITE | TEXT, max_size=2))
    return Lut(tuple(metrics), tuple(blocks), provenance=provenance)


def assert_equal(left: Lut, right: Lut) -> None:
    """Hold two LUTs to the same content, values bit by bit."""
    assert left.metrics == right.metrics
    assert left.block_names == right.block_names
    assert left.space == right.space
    assert dict(left.provenance) == dict(right.provenance)
    for a, b in zip(left.blocks, right.blocks, strict=True):
        for s, t in zip(a.tables, b.tables, strict=True):
            assert (s.n_rows, s.widths) == (t.n_rows, t.widths)
            assert (s.descriptions is None) == (t.descriptions is None)
            assert list(s.descriptions or ()) == list(t.descriptions or ())
            assert [n in s.measured for n in left.metric_names] == [n in t.measured for n in left.metric_names]
            for name in left.metric_names:
                assert s.columns[name].tobytes() == t.columns[name].tobytes()
                if name in s.measured:
                    assert s.measured[name].tolist() == t.measured[name].tolist()
