from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qabwnas.explore.quantities import MAX_STEPS, SliderScale, exact_total, shown_total
from qabwnas.lut.table import Metric
from qabwnas.lut.units import parse_quantity

NAMES = st.sampled_from(["loss", "size_bytes", "latency_ms[pixel 4]", "flops_M", "macs", "energy"])
TOTALS = st.decimals(-(10**15), 10**15, places=4, allow_nan=False)


@given(NAMES, TOTALS, TOTALS)
def test_every_position_of_a_slider_is_an_exact_quantity(name: str, one: Decimal, other: Decimal) -> None:
    smallest, largest = sorted((one, other))
    scale = SliderScale.of(Metric(name), smallest, largest)
    values = [parse_quantity(text, name) for text in scale.texts]
    assert values == [scale.value(position) for position in range(scale.n + 1)]
    assert len(values) <= MAX_STEPS + 2
    if smallest < largest:
        assert values[0] <= smallest < largest <= values[-1]
        assert values == sorted(set(values))


def test_the_step_is_a_round_number() -> None:
    scale = SliderScale.of(Metric("size_bytes"), Decimal(551_652), Decimal(2_354_064))
    assert scale.step == 5_000
    assert scale.texts[:2] == ("0.55 MB", "0.555 MB")


@pytest.mark.parametrize(
    ("metric", "total", "shown"),
    [
        (Metric("size_bytes", "bytes"), "1583104", "1.583 MB"),
        (Metric("size_bytes", "bytes"), "999", "999 bytes"),
        (Metric("latency_ms", "ms"), "12.3456", "12.35 ms"),
        (Metric("macs"), "43997724672", "44 G"),
        (Metric("loss"), "0.711686", "0.7117"),
        (Metric("loss"), "0.00000123456", "1.235e-6"),
        (Metric("energy", "J"), "-12", "-12 J"),
        (Metric("loss"), "0", "0"),
    ],
)
def test_totals_have_four_digits_and_a_unit(metric: Metric, total: str, shown: str) -> None:
    assert shown_total(metric, Decimal(total)) == shown


def test_exact_totals_have_all_digits() -> None:
    assert exact_total(Metric("size_bytes"), Decimal("1583104.25")) == "1,583,104.25 bytes"
    assert exact_total(Metric("size_bytes"), Decimal("800000.0")) == "800,000 bytes"
    assert exact_total(Metric("loss"), Decimal(100)) == "100"
