"""The table, whole."""

import pytest

from qabwnas.report.result import NothingFits, Result, Results, mean_and_deviation
from qabwnas.report.table import results_table

TEACHER = Result("teacher FP32", "teacher", ["k5e6 k5e6", "k5e6"], [], 2277840, 277840, [0, 0], [0.985], [], [], 0.0045)
FOUND = Result(
    "size_bytes ≤ 62880", "budget", ["k7e3 k3e3", "k3e6"], ["w6a6", "w4a4"], 62612, 61612, [0.4, 0.0881],
    [0.98, 0.984], [0.975] * 2, [], 0.0047,
)  # fmt: skip
POINT = Result(
    "w4a4 front 1/2", "w4a4", ["k7e3 k3e3", "k3e6"], ["w4a4"] * 2, 50000, 49000, [0.5, 0.6],
    [0.98, 0.984], [0.9, 0.92], [0.95, 0.96], 0.0046,
)  # fmt: skip
NONE = NothingFits("macs ≤ 9", "it would with macs 663776")

TABLE = """\
network                 size    NSR      accuracy     quantised  blocks
──────────────────  ────────  ─────  ────────────  ────────────  ──────────────────────────────────────────
teacher FP32        277.8 kB      –        98.50%             –  k5e6 k5e6  float
                                                                 k5e6       float
size_bytes ≤ 62880   62.6 kB  0.488  98.20% ±0.28  97.50% ±0.00  k7e3 k3e3  w6a6
                                                                 k3e6       w4a4
macs ≤ 9                   –      –             –             –  no network fits; it would with macs 663776

accuracy on 800 test images of digits; found networks: mean ± standard deviation of 2 retrainings; seed 7.
On so many images one network's accuracy has a standard error of about 0.46 points."""


def test_the_whole_table() -> None:
    assert results_table(Results("digits", "accuracy", 800, 7, [TEACHER, FOUND, NONE])) == TABLE


def test_a_single_retraining_has_no_deviation() -> None:
    once = Result("size_bytes ≤ 9", ["k3e3"], ["w8a8"], 9, 0.5, [0.9], [0.8])
    table = results_table(Results("digits", "accuracy", 100, 0, [once]))
    assert "±" not in table
    assert "90.00%" in table
    assert table.splitlines()[-1].endswith("about 3.00 points.")


def test_mean_and_deviation_are_those_of_a_sample() -> None:
    assert mean_and_deviation([0.1, 0.3]) == pytest.approx((0.2, 0.02**0.5))
    assert mean_and_deviation([0.25]) == (0.25, 0)
