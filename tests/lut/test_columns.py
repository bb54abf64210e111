"""Adding a metric to a LUT."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qabwnas.errors import InputError
from qabwnas.lut.columns import add_metric
from qabwnas.lut.lut import Lut, Metric

POPULATED = Path(__file__).resolve().parents[1] / "archives" / "v1" / "lut-populated.h5"
METRIC = Metric("latency_ms[pi 4 / a]", "ms", "sum", 0.5)


def test_the_others_stay_and_the_new_one_is_last(tmp_path: Path) -> None:
    lut = Lut.open(POPULATED)
    column = np.arange(12.0)
    column[7] = np.nan
    added = add_metric(lut, METRIC, {"first": column}, {"machine": "made up"})
    added.save(tmp_path / "new.h5")
    again = Lut.open(tmp_path / "new.h5")
    assert again.metrics == (*lut.metrics, METRIC)
    assert again.space == lut.space
    assert again.provenance == {**lut.provenance, "columns": {METRIC.name: {"machine": "made up"}}}
    for block in lut.blocks:
        for name in lut.metric_names:
            np.testing.assert_array_equal(again.block(block.name).column(name), block.column(name))
    mask = again.block("first").measured(METRIC.name)
    assert mask is not None
    assert np.flatnonzero(~mask).tolist() == [7]
    assert again.block("first").column(METRIC.name)[mask].tolist() == [*range(7), *range(8, 12)]
    open_rows = again.block("second").measured(METRIC.name)
    assert open_rows is not None
    assert not open_rows.any()


def test_columns_from_two_devices_keep_both_origins() -> None:
    lut = Lut.open(POPULATED)
    for name in ("a", "b"):
        lut = add_metric(lut, Metric(name), {"first": np.ones(12)}, {"from": name})
    assert lut.provenance["columns"] == {"a": {"from": "a"}, "b": {"from": "b"}}


def test_invalid_columns_are_refused() -> None:
    lut = Lut.open(POPULATED)
    with pytest.raises(InputError, match="the LUT already has a metric 'nsr'"):
        add_metric(lut, Metric("nsr"), {"first": np.ones(12)}, {})
    with pytest.raises(InputError, match="no candidate has a value of 'x'"):
        add_metric(lut, Metric("x"), {"first": np.full(12, np.nan)}, {})
