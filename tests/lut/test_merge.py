"""Merging shards: every measured row of every shard; incompatible shards are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qabwnas.errors import InputError, StaleError
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.lut.merge import merge_luts
from qabwnas.space import BitWidths

N_ROWS = 4
ALL = [[True] * N_ROWS, [True] * N_ROWS]
MADE_WITH = {"teacher": "a" * 64, "settings": {"weights": "symmetric"}}


def lut_of(masks: list[list[bool]], seed: int = 0, **provenance: Any) -> Lut:
    """Return two tables of which the masked values are measured."""
    generator = np.random.default_rng(seed)
    tables = []
    for mask, bits in zip(masks, (4, 8), strict=True):
        measured = np.array(mask)
        nsr = np.where(measured, generator.random(N_ROWS), np.nan)
        columns = {"nsr": nsr, "size_bytes": np.arange(N_ROWS) * 10.0 + bits}
        tables.append(Table(columns, BitWidths(bits, bits), {} if measured.all() else {"nsr": measured}))
    metrics = (Metric("nsr"), Metric("size_bytes", "bytes", "sum", 7.0))
    return Lut(metrics, (LutBlock("b1", tuple(tables)),), None, MADE_WITH | provenance)


MASKS = st.lists(st.lists(st.booleans(), min_size=N_ROWS, max_size=N_ROWS), min_size=2, max_size=2)


@settings(deadline=None)
@given(st.lists(MASKS, min_size=1, max_size=4))
def test_a_row_is_measured_if_any_shard_measured_it(masks: list[list[list[bool]]]) -> None:
    merged = merge_luts({str(i): lut_of(mask) for i, mask in enumerate(masks)})
    for t, (table, whole) in enumerate(zip(merged.blocks[0].tables, lut_of(ALL).blocks[0].tables, strict=True)):
        known = np.any([mask[t] for mask in masks], axis=0)
        assert np.array_equal(table.measured.get("nsr", np.ones(N_ROWS, dtype=np.bool_)), known)
        assert ("nsr" in table.measured) == (not known.all())
        assert np.array_equal(table.columns["nsr"][known], whole.columns["nsr"][known])
        assert np.array_equal(table.columns["size_bytes"], whole.columns["size_bytes"])
    assert merged.provenance == MADE_WITH


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lut_of(ALL, teacher="b" * 64), r'^one and two differ in teacher \("a+…a+", "b+…b+"\)$'),
        (lut_of(ALL, settings={"weights": "min"}), r'differ in settings.weights \("symmetric", "min"\)$'),
        (lut_of(ALL, device="cuda"), r'differ in device \(null, "cuda"\)$'),
        (replace(lut_of(ALL), metrics=(Metric("nsr"), Metric("size_bytes"))), r"metrics.size_bytes \("),
        (replace(lut_of(ALL), metrics=(Metric("size_bytes", "bytes", "sum", 7.0), Metric("nsr"))), "metric_order"),
        (replace(lut_of(ALL), blocks=(LutBlock("b2", lut_of(ALL).blocks[0].tables),)), r"tables.b1 .*; tables.b2 "),
        (replace(lut_of(ALL), blocks=(LutBlock("b1", lut_of(ALL).blocks[0].tables[:1]),)), r"tables.b1 \("),
    ],
)
def test_incompatible_shards_are_refused(other: Lut, message: str) -> None:
    with pytest.raises(StaleError, match=message):
        merge_luts({"one": lut_of(ALL), "two": other})


def test_conflicting_rows_are_refused() -> None:
    other = lut_of([[False] * 4, [False, False, True, False]], seed=1)
    with pytest.raises(InputError, match=r"^b1 w8a8: nsr: row 2 is 0\.[0-9]+ in two, and 0\.[0-9]+ in another shard$"):
        merge_luts({"one": lut_of(ALL), "two": other})
    with pytest.raises(InputError, match="no LUTs to merge"):
        merge_luts({})
