"""The table, whole."""

from dataclasses import replace

import pytest

from qabwnas.report.result import NothingFits, Result, Results, mean_and_deviation
from qabwnas.report.table import nsr_text, results_table, times_line

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
network              encoder    whole    NSR      accuracy     quantised  blocks
──────────────────  ────────  ───────  ─────  ────────────  ────────────  ──────────────────────────────────────────
teacher FP32        277.8 kB  2.28 MB      –        98.50%             –  k5e6 k5e6  float
                                                                          k5e6       float
size_bytes ≤ 62880   61.6 kB  62.6 kB  0.488  98.20% ±0.28  97.50% ±0.00  k7e3 k3e3  w6a6
                                                                          k3e6       w4a4
macs ≤ 9                   –        –      –             –             –  no network fits; it would with macs 663776

accuracy on 800 test images of digits; found networks: mean ± standard deviation of 2 retrainings; seed 7.
On so many images one network's accuracy has a standard error of about 0.46 points."""

WITH_QAT = """\
network          encoder    whole    NSR      accuracy     quantised           QAT  blocks
──────────────  ────────  ───────  ─────  ────────────  ────────────  ────────────  ────────────────
teacher FP32    277.8 kB  2.28 MB      –        98.50%             –             –  k5e6 k5e6  float
                                                                                    k5e6       float
w4a4 front 1/2   49.0 kB  50.0 kB  1.100  98.20% ±0.28  91.00% ±1.41  95.50% ±0.71"""


def test_the_whole_table() -> None:
    assert results_table(Results("digits", "accuracy", 800, 7, [TEACHER, FOUND, NONE])) == TABLE


def test_points_of_fronts_have_one_line_and_tuned_networks_a_column() -> None:
    table = results_table(Results("digits", "accuracy", 800, 7, [TEACHER, POINT]))
    assert table.partition("\n\n")[0] == WITH_QAT


def test_further_metrics_have_columns() -> None:
    rows = [
        TEACHER,
        replace(POINT, totals={"latency_ms[pi]": 0.0175}),
        replace(FOUND, totals={"estimate_ms[x]": 12.3456}),
    ]
    head, _, *lines = results_table(Results("digits", "accuracy", 800, 7, [*rows, NONE])).splitlines()
    assert head.split() == [
        "network", "encoder", "whole", "latency_ms[pi]", "estimate_ms[x]", "NSR", "accuracy", "quantised", "QAT",
        "blocks",
    ]  # fmt: skip
    latency, estimate = (slice(head.index(name), head.index(name) + len(name)) for name in head.split()[3:5])
    cells = [(line[latency].strip(), line[estimate].strip()) for line in lines if line[:1] in ("t", "s", "w", "m")]
    assert cells == [("–", "–"), ("0.0175", "–"), ("–", "12.35"), ("–", "–")]


def test_names_of_networks_are_in_the_second_line() -> None:
    single = replace(FOUND, blocks=["k3e6"], widths=["w8a8"])
    rows: list[Result | NothingFits] = [
        replace(FOUND, network="size_bytes-62.9kB-3fa9c1"),
        single,
        replace(single, family="added", network="choice-0b7d2e"),
        replace(POINT, network="w4a4-front-1of2-1c"),
    ]
    lines = results_table(Results("digits", "accuracy", 800, 7, rows)).splitlines()[2:]
    assert [line.split("  ")[0] for line in lines[:6]] == [
        "size_bytes ≤ 62880",
        "size_bytes-62.9kB-3fa9c1",
        "size_bytes ≤ 62880",
        "size_bytes ≤ 62880",
        "choice-0b7d2e",
        "w4a4-front-1of2-1c",
    ]


def test_a_single_retraining_has_no_deviation() -> None:
    once = Result("size_bytes ≤ 9", "budget", ["k3e3"], ["w8a8"], 9, 5, [0.5], [0.9], [0.8], [], 0.03)
    table = results_table(Results("digits", "accuracy", 100, 0, [once]))
    assert "±" not in table
    assert "90.00%" in table
    assert table.splitlines()[-1].endswith("about 3.00 points.")


def ranked(n: int) -> Results:
    """Networks of which the noisiest scores best, and all others in order."""
    scores = [0.9 - 0.1 * k for k in range(n - 1)] + [0.95]
    rows = [Result(f"r{k}", "mixed", [f"b{k}"], ["w4a4"], 1, 1, [float(k)], [0.99], [s]) for k, s in enumerate(scores)]
    return Results("digits", "accuracy", 100, 0, [TEACHER, *rows, rows[0]])


def test_the_rank_correlation_is_told_of_five_distinct_networks() -> None:
    last = results_table(ranked(5)).splitlines()[-1]
    assert last == "Kendall's τ between low NSR and high final accuracy, 5 networks: 0.20."
    assert "Kendall" not in results_table(ranked(4))


def test_times_are_in_units_that_can_be_read() -> None:
    times = times_line({"teacher": 1.25, "lut": 150.0, "networks": 7200.0})
    assert times == "Time: teacher 1.2 s, lut 2.5 min, networks 2.0 h; together 2.0 h."


def test_large_nsrs_are_short() -> None:
    assert [nsr_text(value) for value in (0.0005, 999.25, 624102280.054)] == ["0.001", "999.250", "6.24e+08"]


def test_mean_and_deviation_are_those_of_a_sample() -> None:
    assert mean_and_deviation([0.1, 0.3]) == pytest.approx((0.2, 0.02**0.5))
    assert mean_and_deviation([0.25]) == (0.25, 0)


def test_a_teacher_made_elsewhere_has_no_operations() -> None:
    """In results of older versions nothing is known of its blocks; now each is named by the module that ends it."""
    integer = Result("teacher INT8", "teacher", [], ["w8a8", "w8a8"], 900, 90, [0.1, 0.2], [0.9], [0.8], [], 0.01)
    full = Result("teacher FP32", "teacher", ["one", "layers.2"], [], 900, 90, [0, 0], [0.9], [], [], 0.01)
    lines = results_table(Results("digits", "accuracy", 100, 0, [full, integer])).splitlines()
    assert [line[-15:] for line in lines[2:4]] == ["one       float", "layers.2  float"]
    assert [line.split()[-1] for line in lines[4:6]] == ["w8a8", "w8a8"]


def test_without_any_network_the_table_still_says_what_was_wanted() -> None:
    table = results_table(Results("digits", "accuracy", 100, 0, [NONE]))
    assert "no network fits; it would with macs 663776" in table
    assert table.endswith("accuracy on 100 test images of digits; seed 0.")
