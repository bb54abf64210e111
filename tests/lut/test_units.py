"""Quantities with units, exactly."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qabwnas.errors import InputError
from qabwnas.lut.units import parse_quantity, unit_of


@pytest.mark.parametrize(
    ("metric", "unit"),
    [
        ("size_bytes", "bytes"),
        ("size_MiB", "MiB"),
        ("peak_activation_bytes", "bytes"),
        ("latency_ms[nvidia_t4]", "ms"),
        ("latency_us[raspi4_tf_eager]", "us"),
        ("flops_M", "M"),
        ("params_M", "M"),
        ("gbops", "G"),
        ("kmacs", "k"),
        ("macs", ""),
        ("bitops", ""),
        ("loss", ""),
        ("nsr", ""),
        ("bytes", ""),
        ("top_k", ""),
        ("", ""),
    ],
)
def test_names_state_units(metric: str, unit: str) -> None:
    assert unit_of(metric) == unit


@pytest.mark.parametrize(
    ("text", "metric", "value"),
    [
        ("1.5MB", "size_bytes", "1500000"),
        ("1.5 MiB", "size_bytes", "1572864"),
        ("7kB", "size_bytes", "7000"),
        ("1MB", "size_MiB", "0.95367431640625"),
        ("0.5GiB", "size_MiB", "512"),
        ("20", "latency_ms[pixel4]", "20"),
        ("20us", "latency_ms[pixel4]", "0.02"),
        ("20µs", "latency_ms", "0.02"),
        ("0.1s", "latency_us", "100000"),
        ("300M", "macs", "300000000"),
        ("300M", "flops_M", "300"),
        ("1.2G", "flops_M", "1200"),
        ("500k", "params_M", "0.5"),
        ("34T", "gbops", "34000"),
        ("1e-3", "loss", "0.001"),
        ("-12.50", "loss", "-12.5"),
        (".5", "nsr", "0.5"),
        ("1E6", "size_bytes", "1000000"),
        ("1e3kB", "size_bytes", "1000000"),
        ("0e999999999", "loss", "0"),
    ],
)
def test_quantities(text: str, metric: str, value: str) -> None:
    assert parse_quantity(text, metric) == Decimal(value)


@given(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30),
    st.sampled_from([("GiB", 2**30), ("kB", 1000), ("B", 1)]),
    st.sampled_from([("size_GiB", 2**30), ("size_MB", 10**6), ("size_bytes", 1)]),
)
def test_conversion_is_exact(number: Decimal, given_in: tuple[str, int], metric: tuple[str, int]) -> None:
    value = parse_quantity(f"{number}{given_in[0]}", metric[0])
    assert Fraction(value) == Fraction(number) * given_in[1] / metric[1]


@pytest.mark.parametrize(
    ("text", "metric", "message"),
    [
        ("1.5MB", "loss", "loss: '1.5MB' has a unit, but the metric's name states none; give a plain number"),
        ("2ms", "size_bytes", "the unit 'ms' is not one of B, bytes, kB, KB, MB, GB, KiB, MiB, GiB"),
        ("2MB", "macs", "the unit 'MB' is not one of k, K, M, G, T"),
        ("2 M B", "size_bytes", "the unit 'M B' is not one of"),
        ("nan", "loss", "'nan' is not a number"),
        ("inf", "size_bytes", "'inf' is not a number"),
        ("", "loss", "'' is not a number"),
        ("MB", "size_bytes", "'MB' is not a number"),
        ("1_000", "macs", "the unit '_000' is not one of"),
        ("١", "loss", "is not a number"),
        ("1e400", "loss", "'1e400' is out of range"),
        ("1e-400", "loss", "'1e-400' is out of range"),
    ],
)
def test_invalid_quantities_are_refused(text: str, metric: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_quantity(text, metric)
