"""Totals of front points as doubles, against the slow way through Decimal."""

from __future__ import annotations

from typing import cast

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qabwnas.lut.lut import Metric
from qabwnas.search.engine.choices import Choices
from qabwnas.search.front.points import FrontPoints
from qabwnas.search.front.region import FrontRegion
from qabwnas.search.model.grid import LARGEST_UNITS, Grid


@given(st.lists(st.integers(-LARGEST_UNITS, LARGEST_UNITS), max_size=5), st.integers(0, 340))
def test_values_are_the_nearest_doubles(totals: list[int], decimals: int) -> None:
    units = np.array(totals, dtype=np.int64).reshape(-1, 1)
    choices = cast("Choices", None)  # values need none
    front = FrontPoints((Metric("m"),), (Grid(decimals),), (), units, choices, "cpp", FrontRegion((), ()))
    assert front.values("m").tolist() == [float(Grid(decimals).decimal(total)) for total in totals]
