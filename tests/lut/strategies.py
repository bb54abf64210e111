"""LUTs with all that a LUT can have: any names, units, bit widths, masked rows, descriptions, fixed parts."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st

from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.lut.table import AGGREGATIONS
from qabwnas.space import BitWidths

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
NAMES = TEXT.filter(bool) | st.sampled_from(["a/b", "../x", ".", "..", "%2F", "latency_ms[nvidia_t4]", "layer04+06"])
FINITE = st.floats(allow_nan=False, allow_infinity=False)
WHOLE = st.integers(-(2**63), 2**63 - 1)
WIDTHS = st.none() | st.builds(BitWidths, st.integers(2, 16), st.integers(2, 16))


@st.composite
def tables(draw: st.DrawFn, metrics: list[Metric], widths: BitWidths | None) -> Table:
    n_rows = draw(st.integers(1, 4))
    columns, measured = {}, {}
    for metric in metrics:
        numbers = draw(st.sampled_from([FINITE, FINITE, WHOLE]))
        values = np.array(draw(st.lists(numbers, min_size=n_rows, max_size=n_rows)))
        mask = np.array(draw(st.lists(st.booleans(), min_size=n_rows, max_size=n_rows)))
        if draw(st.booleans()):
            values[~mask] = math.nan if values.dtype == np.float64 else 0
            measured[metric.name] = mask
        columns[metric.name] = values
    texts = st.lists(TEXT, min_size=n_rows, max_size=n_rows)
    return Table(columns, widths, measured, draw(st.none() | texts))


@st.composite
def full_luts(draw: st.DrawFn) -> Lut:
    """A LUT without a space; it need not be searchable."""
    aggregations = st.sampled_from(AGGREGATIONS)
    metrics = [
        draw(
            st.builds(
                Metric, st.just(name), TEXT, aggregations, st.none() | FINITE | WHOLE, higher_is_better=st.booleans()
            )
        )
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
    """Hold two LUTs to the same content, values that were measured bit by bit."""
    assert left.metrics == right.metrics
    assert [type(metric.fixed) for metric in left.metrics] == [type(metric.fixed) for metric in right.metrics]
    assert left.block_names == right.block_names
    assert left.space == right.space
    assert dict(left.provenance) == dict(right.provenance)
    for a, b in zip(left.blocks, right.blocks, strict=True):
        for s, t in zip(a.tables, b.tables, strict=True):
            assert (s.n_rows, s.widths) == (t.n_rows, t.widths)
            assert (s.descriptions is None) == (t.descriptions is None)
            assert list(s.descriptions or ()) == list(t.descriptions or ())
            assert (None if s.rows is None else s.rows.codes.tolist()) == (
                None if t.rows is None else t.rows.codes.tolist()
            )
            assert [n in s.measured for n in left.metric_names] == [n in t.measured for n in left.metric_names]
            for name in left.metric_names:
                known = s.measured.get(name, np.ones(s.n_rows, dtype=np.bool_))
                assert t.measured.get(name, known).tolist() == known.tolist()
                one, other = s.columns[name][known], t.columns[name][known]
                assert one.tolist() == other.tolist()  # whole numbers, which Python compares exactly
                assert one.dtype != np.float64 or other.dtype != np.float64 or one.tobytes() == other.tobytes()
