"""Fronts in pages: arrays decode to the exact totals, and thinned ones keep their promise for all budgets."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qabwnas.visualization.page.embedded_front import LADDER, embedded_front, kept_points
from tests.visualization.fronts import small_front, small_lut

TYPES = {"uint16": "<u2", "uint32": "<u4", "float64": "<f8", "int64": "<i8"}


def decoded(packed: dict[str, str]) -> list[int]:
    values = np.frombuffer(base64.b64decode(packed["base64"]), TYPES[packed["type"]])
    return [int(value) for value in values.tolist()]


@pytest.mark.parametrize("metrics", [("nsr", "size_bytes"), ("macs", "nsr", "size_bytes")])
def test_totals_and_choices_are_those_of_the_front(metrics: tuple[str, ...]) -> None:
    front = small_front(*metrics)
    content = embedded_front(front, small_lut())
    for m, metric in enumerate(content["metrics"]):
        assert decoded(metric["units"]) == front.units[:, m].tolist()
        assert metric["decimals"] == front.grids[m].decimals
    for b, block in enumerate(content["blocks"]):
        which = decoded(block["which"])
        assert [block["candidates"][each] for each in which] == front.candidates[:, b].tolist()
        assert [block["texts"][each] for each in which] == [answer.descriptions[block["name"]] for answer in front]
    assert content["epsilon"] == 0
    names = [content["metrics"][m]["name"] for m in content["tie_order"]]
    assert names == [metrics[0], *(name for name in small_lut().metric_names if name in metrics[1:])]


@given(
    arrays(np.int64, st.tuples(st.integers(1, 40), st.integers(2, 4)), elements=st.integers(1, 50)), st.integers(1, 20)
)
def test_every_budget_has_a_kept_point_that_is_nearly_the_best(units: np.ndarray, max_points: int) -> None:
    units = units[np.lexsort(units.T[::-1])]
    kept, epsilon = kept_points(units, max_points)
    assert len(kept) <= max_points or epsilon == LADDER[-1]
    for point in units:  # a budget at every point
        fitting = [row[0] for row in units if (row[1:] <= point[1:]).all()]
        shown = [row[0] for row in units[kept] if (row[1:] <= point[1:]).all()]
        assert min(shown) <= (1 + epsilon) * min(fitting)


def test_objectives_of_zero_are_not_thinned() -> None:
    units = np.array([[0, 3], [1, 2], [2, 1]])
    assert kept_points(units, 1)[0].tolist() == [0, 1, 2]
