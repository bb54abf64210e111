"""Parts of fronts and thinned fronts: what they hold, what they refuse to be asked, and their files."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import qabwnas
from qabwnas.errors import FormatError, InputError
from qabwnas.lut.lut import Lut, Metric
from qabwnas.search import select_backend
from tests import oracle
from tests.search import BACKENDS
from tests.strategies import lut_from_columns, luts

EXAMPLES = settings(max_examples=100, deadline=None)
Point = tuple[tuple[Fraction, ...], tuple[int, ...]]


def points_of(front: qabwnas.Frontier) -> list[Point]:
    return [
        (tuple(Fraction(total) for total in front.totals(i).values()), tuple(front.choice(i).values()))
        for i in range(len(front))
    ]


def random_lut(n_metrics: int, n_rows: int, n_blocks: int, seed: int, aggregation: list[str] | None = None) -> Lut:
    generator = np.random.default_rng(seed)
    names = [f"m{m}" for m in range(n_metrics)]
    columns = {name: [generator.integers(0, 500, n_rows).tolist() for _ in range(n_blocks)] for name in names}
    return lut_from_columns(
        columns, [Metric(n, aggregation=a) for n, a in zip(names, aggregation or ["sum"] * 9, strict=False)]
    )


@pytest.mark.parametrize("backend", BACKENDS)
@EXAMPLES
@given(lut=luts(), data=st.data())
def test_a_part_is_the_whole_front_within_the_bounds(backend: str, lut: Lut, data: st.DataObject) -> None:
    names = list(lut.metric_names)
    whole = oracle.front(lut, names)
    within, bounds = {}, {}
    for m, name in enumerate(names):
        if data.draw(st.booleans()):
            low, high = sorted(data.draw(st.sampled_from(whole))[0][m] for _ in "ab")
            bounds[m] = low, high
            within[name] = tuple(Decimal(v.numerator) / Decimal(v.denominator) for v in (low, high))
    expected = [p for p in whole if all(low <= p[0][m] <= high for m, (low, high) in bounds.items())]
    if not expected:
        with pytest.raises(InputError, match="no subnet of the front over .* lies within the bounds"):
            qabwnas.Frontier.build(lut, names, within=within, backend=backend)
        return
    assert points_of(qabwnas.Frontier.build(lut, names, within=within, backend=backend)) == expected


@pytest.mark.parametrize("backend", BACKENDS)
@EXAMPLES
@given(lut=luts(min_metrics=2), epsilon=st.sampled_from(["0.001", "0.05", "0.3", "1"]))
def test_a_thinned_front_covers_the_whole_one(backend: str, lut: Lut, epsilon: str) -> None:
    names = list(lut.metric_names)
    assume(all(block.column(names[0]).min() >= 0 for block in lut.blocks))
    assume((lut.metric(names[0]).fixed or 0) >= 0)
    thinned = points_of(qabwnas.Frontier.build(lut, names, epsilon=epsilon, backend=backend))
    assert set(thinned) <= set(oracle.subnets(lut, names))
    assert thinned == sorted(thinned)
    factor = 1 + Fraction(epsilon)
    for vector, _ in oracle.front(lut, names):
        loose = (vector[0] * factor, *vector[1:])
        assert any(oracle.at_most(kept, loose) for kept, _ in thinned)
    for vector, choice in thinned:
        assert not any(oracle.at_most(other, vector) for other, their in thinned if their != choice)


@pytest.mark.parametrize("aggregation", [["sum"] * 4, ["max", "sum", "sum", "max"], ["sum", "max", "max", "max"]])
@pytest.mark.parametrize("n_metrics", [2, 3, 4])
def test_backends_thin_alike(n_metrics: int, aggregation: list[str]) -> None:
    lut = random_lut(n_metrics, 40, 4, seed=n_metrics, aggregation=aggregation)
    names = list(lut.metric_names)
    whole = qabwnas.Frontier.build(lut, names)
    for within in ({}, {names[1]: (None, int(np.median(whole.units[:, 1])))}):
        found = [
            qabwnas.Frontier.build(lut, names, epsilon="0.2", within=within, backend=backend) for backend in BACKENDS
        ]
        for front in found:
            assert np.array_equal(front.units, found[0].units)
            assert np.array_equal(front.candidates, found[0].candidates)


def test_thinning_leaves_far_fewer_points() -> None:
    sizes = np.random.default_rng(1).uniform(10, 100, (6, 20)).round(3)
    lut = lut_from_columns({"loss": (1000 / sizes).round(3).tolist(), "size": sizes.tolist()})
    whole = qabwnas.Frontier.build(lut, ["loss", "size"])
    thinned = qabwnas.Frontier.build(lut, ["loss", "size"], epsilon="0.2")
    assert len(thinned) * 10 < len(whole)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_part_answers_what_it_holds_and_refuses_the_rest(backend: str) -> None:
    lut = random_lut(3, 12, 3, seed=5)
    whole = qabwnas.Frontier.build(lut, ["m0", "m1", "m2"], backend=backend)
    part = qabwnas.Frontier.build(lut, ["m0", "m1", "m2"], within={"m1": (None, 600)}, backend=backend)
    assert 0 < len(part) < len(whole)
    budgets = {"m1": np.arange(0.0, 601.0), "m2": 700.0}
    for one, other in zip(part.query(budgets), whole.query(budgets), strict=True):
        assert (one < 0) == (other < 0)
        assert one < 0 or part.totals(one) == whole.totals(other)
    for refused in ({"m2": 700.0}, {"m1": 601.0}, {"m1": [5.0, np.inf]}):
        with pytest.raises(InputError, match="upper bound on 'm1': a budget at most as large is needed"):
            part.query(refused)
    with pytest.raises(InputError, match="upper bound on 'm1'"):
        part.with_objective("m2").query({"m0": 700.0})
    upper = qabwnas.Frontier.build(lut, ["m0", "m1"], within={"m0": (300, None)}, backend=backend)
    with pytest.raises(InputError, match="a lower bound on 'm0': the best subnet may lie below it"):
        upper.query({"m1": 600.0})


def test_an_extent_is_stored(tmp_path: Path) -> None:
    lut = random_lut(3, 12, 3, seed=5)
    front = qabwnas.Frontier.build(lut, ["m0", "m1", "m2"], within={"m1": (200, "600.5")}, epsilon="0.01")
    front.save(tmp_path / "front.h5")
    opened = qabwnas.Frontier.open(tmp_path / "front.h5")
    assert opened.region == front.region
    assert (opened.region.low[1], opened.region.high[1], opened.region.epsilon) == (200, 600, Decimal("0.01"))
    with pytest.raises(InputError, match="thinned by epsilon 0.01, for its first metric only"):
        opened.with_objective("m1")


@pytest.mark.parametrize("epsilon", ["much", "2", "NaN"])
def test_a_damaged_extent_is_refused(tmp_path: Path, epsilon: str) -> None:
    import h5py

    qabwnas.Frontier.build(random_lut(2, 5, 2, seed=5), ["m0", "m1"]).save(tmp_path / "front.h5")
    with h5py.File(tmp_path / "front.h5", "a") as file:
        file.attrs["epsilon"] = epsilon
    with pytest.raises(FormatError, match="epsilon"):
        qabwnas.Frontier.open(tmp_path / "front.h5")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"within": {"m9": (None, 3)}}, "within: 'm9' is not one of the front's metrics \\(m0, m1\\)"),
        ({"within": {"m1": (4, 3)}}, "within 'm1': no total lies from 4 to 3"),
        ({"within": {"m1": ("0.2", "0.8")}}, "within 'm1': no total lies from 0.2 to 0.8"),
        ({"within": {"m1": ("x", None)}}, "within 'm1': 'x' is not a number"),
        ({"within": {"m1": (None, -1)}}, "no subnet of the front over m0, m1 lies within the bounds"),
        ({"epsilon": -1}, "epsilon: -1 is not from 0 to 1"),
        ({"epsilon": "1.01"}, "epsilon: 1.01 is not from 0 to 1"),
        ({"epsilon": "0.1", "within": {"m0": (None, 9)}}, "epsilon: the objective 'm0' cannot have an upper"),
        ({"max_memory": 0}, "max_memory: 0 is not a whole number of 1 or more"),
    ],
)
def test_wrong_extents_are_refused(arguments: dict[str, object], message: str) -> None:
    for backend in BACKENDS:
        with pytest.raises(InputError, match=message):
            qabwnas.Frontier.build(random_lut(2, 5, 2, seed=5), ["m0", "m1"], backend=backend, **arguments)


def test_a_share_of_a_negative_loss_is_refused() -> None:
    lut = lut_from_columns({"loss": [[-1.0, 2.0]], "size": [[3.0, 1.0]]})
    with pytest.raises(InputError, match="'loss' has negative values, for which a factor has no meaning"):
        qabwnas.Frontier.build(lut, ["loss", "size"], epsilon="0.1")


def test_bounds_at_the_ends_of_the_range_are_safe() -> None:
    """Totals up to ±2^62, and bounds beyond them."""
    values = np.array([[-(2**61), 2**61, 0, -(2**61), 2**61, 0], [2**61, -(2**61), 0, 2**61, -(2**61), 0]])
    problem = (values, np.array([0, 3, 6]), np.zeros(2, dtype=np.uint8), np.zeros(2, dtype=np.int64))
    for backend in BACKENDS:
        kernels = select_backend(backend)
        for high, n_points in ((2**63 - 1, 5), (2**62, 5), (0, 1), (-(2**62) - 1, 0), (-(2**63), 0)):
            status, totals, *_ = kernels.front(*problem, high=np.array([high, high]))
            assert (len(totals), status == 0) == (n_points, n_points > 0), (backend, high)
