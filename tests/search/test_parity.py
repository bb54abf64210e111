"""Both backends give the same arrays on blocks that are too large for the oracle."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qabwnas.search.engine.backend import COMPLETE, LIMIT, select_backend
from qabwnas.search.front.index import MinimumTree
from qabwnas.search.model.problem import Problem
from tests.search import BACKENDS
from tests.strategies import lut_from_columns

pytestmark = pytest.mark.skipif("cpp" not in BACKENDS, reason="the compiled core was not built")

SHAPES = ("uniform", "anti-correlated", "clustered", "skewed", "correlated", "ties", "duplicates", "huge")
NO_MAXIMUM = -(2**63)
NO_BUDGET = 2**63 - 1
EXAMPLES = settings(max_examples=60, deadline=None)

Ints = NDArray[np.int64]


def points(generator: np.random.Generator, shape: str, d: int, n: int) -> Ints:
    """Return int64 ``(d, n)`` of the named shape."""
    uniform = generator.random((d, n))
    if shape == "anti-correlated":
        uniform = 1 - uniform / np.linalg.norm(uniform, axis=0) * (1 - 0.05 * generator.random(n))
    elif shape == "clustered":
        uniform = 0.01 * uniform + generator.random((d, 8))[:, generator.integers(0, 8, n)]
    elif shape == "skewed":
        uniform = uniform**12
    elif shape == "correlated":
        uniform = 0.05 * uniform + generator.random(n)
    if shape == "ties":
        return generator.integers(-3, 6, (d, n))
    values = (uniform * 10**6).astype(np.int64)
    if shape == "duplicates":
        return np.ascontiguousarray(values[:, generator.integers(0, max(1, n // 10), n)])
    return (values - 5 * 10**5) * 2**40 if shape == "huge" else values


@pytest.mark.parametrize("shape", SHAPES)
@EXAMPLES
@given(
    d=st.integers(1, 12) | st.integers(13, 16),
    n=st.sampled_from([1, 2, 30, 1_000, 10_000]),
    k=st.sampled_from([1, 1, 2, 5, 20]),
    n_max=st.integers(0, 3),
    seed=st.integers(0, 2**32),
)
def test_pruning(shape: str, d: int, n: int, k: int, n_max: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    is_max = np.zeros(d, dtype=np.uint8)
    is_max[generator.permutation(d)[:n_max]] = 1
    if d > 4 or k > 1:
        n = min(n, 2_000)  # the core compares all kept rows there
    values = points(generator, shape, d, n)
    expected, found = (select_backend(name).prune(values, is_max, k) for name in ("cpp", "numba"))
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("d", [2, 3, 4])
@pytest.mark.parametrize("shape", ["uniform", "anti-correlated", "clustered", "ties"])
def test_pruning_of_many_rows(shape: str, d: int) -> None:
    values = points(np.random.default_rng(7), shape, d, 100_000)
    is_max = np.zeros(d, dtype=np.uint8)
    expected, found = (select_backend(name).prune(values, is_max, 1) for name in ("cpp", "numba"))
    assert np.array_equal(found, expected)


def check_fronts(*problem: Any) -> None:
    """Both backends find the same points, and rebuild the same candidates of either's, whichever are asked for."""
    cpp, numba = select_backend("cpp"), select_backend("numba")
    (status, totals, levels, *_), (other_status, other_totals, other_levels, *_) = (
        cpp.front(*problem),
        numba.front(*problem),
    )
    assert other_status == status
    assert np.array_equal(other_totals, totals)
    if status != COMPLETE:
        assert not len(totals)
        assert not levels
        assert not other_levels
        return
    every = np.arange(len(totals))
    some = np.random.default_rng(len(totals)).integers(0, len(totals), 1 + len(totals) // 2)
    expected = cpp.choice_of(levels, every)
    assert np.array_equal(numba.choice_of(other_levels, every), expected)
    for kernels in (cpp, numba):
        assert np.array_equal(kernels.choice_of(levels, some), expected[some])
        assert np.array_equal(kernels.choice_of(other_levels, some), expected[some])


@pytest.mark.parametrize("shape", SHAPES)
@EXAMPLES
@given(
    d=st.integers(1, 12),
    n_blocks=st.integers(1, 5),
    n_max=st.sampled_from([0, 0, 1, 2, 6]),
    n_few=st.integers(0, 3),
    seed=st.integers(0, 2**32),
)
def test_fronts(shape: str, d: int, n_blocks: int, n_max: int, n_few: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    most_rows = {1: 1000, 2: 1000, 3: 200, 4: 40, 5: 20, 6: 10}.get(d, 5)
    sizes = generator.integers(1, most_rows + 1, n_blocks)
    values = np.concatenate([points(generator, shape, d, int(n)) for n in sizes], axis=1)
    values[:n_few] %= generator.integers(1, 4)  # constant, or of few values, so that first sums tie
    offsets = np.cumsum([0, *sizes], dtype=np.int64)
    is_max = np.zeros(d, dtype=np.uint8)
    is_max[generator.permutation(d)[:n_max]] = 1
    origin = np.where(is_max == 1, generator.choice([NO_MAXIMUM, 0]), 17)
    check_fronts(values, offsets, is_max, origin)


def test_a_front_of_ties_in_everything() -> None:
    """Equal rows everywhere: only the order of candidates decides."""
    values = np.zeros((3, 3_000), dtype=np.int64)
    offsets = np.array([0, 1_000, 2_000, 3_000])
    for is_max in ([0, 0, 0], [0, 1, 1], [1, 1, 1]):
        for name in BACKENDS:
            kernels = select_backend(name)
            _, totals, levels, *_ = kernels.front(
                values, offsets, np.array(is_max, dtype=np.uint8), np.zeros(3, dtype=np.int64)
            )
            assert totals.tolist() == [[0, 0, 0]]
            assert kernels.choice_of(levels, np.array([0])).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("sizes", [(6, 5, 4, 3, 2, 9), (300, 200, 400), (1, 1_500, 700)])
@pytest.mark.parametrize("high", [NO_BUDGET, 2_000])
@pytest.mark.parametrize("slack", [0.0, 0.01])
def test_fronts_of_curves_that_tie(sizes: tuple[int, ...], high: int, slack: float) -> None:
    """Both sums are the same for many pairs, in every slab: only the order of candidates decides."""
    generator = np.random.default_rng(7)
    rising = np.concatenate([generator.permutation(n) for n in sizes])
    values = np.stack([rising, rising.max() - rising])
    offsets = np.cumsum([0, *sizes], dtype=np.int64)
    is_max, origin, bounds = np.zeros(2, dtype=np.uint8), np.zeros(2, dtype=np.int64), np.array([NO_BUDGET, high])
    check_fronts(values, offsets, is_max, origin, bounds, slack)


@contextmanager
def interrupted_after_work() -> Iterator[None]:
    """Interrupt what is called inside once it has computed for half a second of CPU time, and expect that to end it.

    How soon it ends is measured by benchmarks/bench_interrupts.py. CPython ignores an exception in a callback of its
    garbage collection, also a KeyboardInterrupt; so the signal is repeated, as a user would repeat Ctrl-C.
    """
    before = signal.signal(signal.SIGVTALRM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the interrupt may come as soon as it is set
            signal.setitimer(signal.ITIMER_VIRTUAL, 0.5, 5)
            yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@pytest.mark.parametrize("d", [2, 4])
@pytest.mark.parametrize("backend", BACKENDS)
def test_ctrl_c_ends_a_long_front(backend: str, d: int) -> None:
    kernels = select_backend(backend)
    values = points(np.random.default_rng(7), "anti-correlated", d, 1_800)
    if d == 2:  # fronts of two sums are fast: more and finer blocks
        values = np.sort(np.random.default_rng(7).integers(0, 10**9, (2, 180_000)))
        values[1] = values[1, ::-1]
        values = np.concatenate([values[:, b::60] for b in range(60)], axis=1)
    n_rows = 300 if d == 4 else 3_000
    is_max, origin = np.zeros(d, dtype=np.uint8), np.zeros(d, dtype=np.int64)
    kernels.front(values[:, :20].copy(), np.array([0, 10, 20]), is_max, origin)  # compiles what is to come
    with interrupted_after_work():
        kernels.front(values, np.arange(0, values.shape[1] + 1, n_rows), is_max, origin)


@EXAMPLES
@given(
    n=st.sampled_from([1, 2, 17, 300, 5_000]),
    d=st.integers(1, 3),
    spread=st.sampled_from([1, 10, 10**6, 2**61]),
    seed=st.integers(0, 2**32),
)
def test_queries(n: int, d: int, spread: int, seed: int) -> None:
    """Points in any order, so that costs need not descend; few queries and many, budgets at, below and above costs."""
    generator = np.random.default_rng(seed)
    costs = generator.integers(-spread, spread + 1, (d, n))
    tree = MinimumTree.over(costs)
    near = costs[:, generator.integers(0, n, 2 * n + 3)].T + generator.integers(-1, 2, (2 * n + 3, d))
    unlimited = np.full((1, d), 2**63 - 1)
    for budgets in (np.concatenate([near, unlimited, -unlimited]), near[:1]):
        budgets = np.ascontiguousarray(budgets)
        found = select_backend("numba").first_fit(tree.points, tree.minima, range(d), budgets, 1)
        for threads in (1, 2):
            cpp = select_backend("cpp").first_fit(tree.points, tree.minima, range(d), budgets, threads)
            assert np.array_equal(found, cpp)
        for query in range(0, len(budgets), 1 + len(budgets) // 20):
            fits = np.flatnonzero((costs <= budgets[query][:, np.newaxis]).all(axis=0))
            assert found[query] == (fits[0] if fits.size else -1)


@pytest.mark.parametrize("decimals", [-3, 0, 1, 3, 6, 12, 15, 17, 22, 23, 300])
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), digits=st.integers(0, 17), steps=st.integers(-3, 3))
def test_units(decimals: int, seed: int, digits: int, steps: int) -> None:
    """Doubles on, between and a few units in the last place beside the numbers at which rounding turns."""
    generator = np.random.default_rng(seed)
    whole = generator.integers(-(10**digits), 10**digits + 1, 200).astype(np.float64)
    values = np.concatenate([(whole + generator.choice([0, 0.5], 200)) / 10.0 ** min(decimals, 290), whole])
    for _ in range(abs(steps)):
        values = np.nextafter(values, np.inf if steps > 0 else -np.inf)
    values = np.concatenate([values, [0.0, -0.0, 5e-324, -5e-324, 1e308, -1e308]])
    for floor in (False, True):
        found = select_backend("numba").to_units(values, decimals, floor)
        assert np.array_equal(found, select_backend("cpp").to_units(values, decimals, floor))


@pytest.mark.parametrize("n_metrics", [2, 3])
def test_blocks_of_a_problem(n_metrics: int) -> None:
    """From doubles to the front, through the whole set-up of a search."""
    generator = np.random.default_rng(3)
    columns = {f"m{m}": [generator.random(500).round(6).tolist() for _ in range(4)] for m in range(n_metrics)}
    lut = lut_from_columns(columns)
    problems = []
    for name in ("cpp", "numba"):
        problem = Problem.of(lut, list(columns), select_backend(name))
        assert [last - first for first, last in pairwise(problem.offsets)] == [500] * 4
        problems.append((problem.values, problem.offsets, problem.is_max, problem.origin))
    for ours, theirs in zip(*problems, strict=True):
        assert np.array_equal(ours, theirs)
    check_fronts(*problems[0])


def instance_to_search(
    seed: int, scale: int, n_metrics: int, n_max: int, n_rows: int
) -> tuple[Ints, Ints, NDArray[np.uint8], Ints, Ints]:
    """Return values, offsets, is_max, origin and budgets somewhere between what is possible and what is ample."""
    generator = np.random.default_rng(seed)
    sizes = generator.integers(1, n_rows + 1, generator.integers(1, 8))
    offsets = np.cumsum([0, *sizes], dtype=np.int64)
    values = generator.integers(generator.choice([0, 0, -scale]), scale + 1, (n_metrics, offsets[-1]))
    if generator.random() < 0.5:  # what costs little loses much
        noise = generator.integers(0, max(2, scale // 3), offsets[-1])
        values[0] = 3 * scale - values[1:].sum(axis=0) // n_metrics + noise
    is_max = np.zeros(n_metrics, dtype=np.uint8)
    is_max[generator.permutation(n_metrics)[:n_max]] = 1
    origin = np.where(is_max == 1, generator.choice([NO_MAXIMUM, 0]), generator.integers(0, 5))
    blocks = [values[:, first:last] for first, last in pairwise(offsets)]
    low, high = (np.array([getattr(block, end)(axis=1) for block in blocks]) for end in ("min", "max"))
    low, high = (np.where(is_max == 1, ends.max(axis=0), ends.sum(axis=0)) for ends in (low, high))
    budgets = low + ((high - low) * generator.uniform(0.05, 0.7, n_metrics)).astype(np.int64)
    budgets += np.where(is_max == 1, 0, origin)
    budgets[0] = NO_BUDGET
    if generator.random() < 0.2:
        budgets[generator.integers(1, n_metrics)] = NO_BUDGET
    return values, offsets, is_max, origin, budgets


@pytest.mark.parametrize("scale", [3, 10, 100, 10**6, 10**12, 2**55])
@settings(max_examples=120, deadline=None)
@given(
    n_metrics=st.integers(2, 6),
    n_max=st.sampled_from([0, 0, 0, 1, 2]),
    n_rows=st.sampled_from([3, 11, 11, 40]),
    k=st.sampled_from([1, 1, 2, 10, 20]),
    distance=st.sampled_from([1, 1, 1, 2, 3]),
    seed=st.integers(0, 2**32),
)
def test_top(scale: int, n_metrics: int, n_max: int, n_rows: int, k: int, distance: int, seed: int) -> None:
    instance = instance_to_search(seed, scale, n_metrics, n_max, n_rows if distance == 1 else min(n_rows, 11))
    expected, found = (select_backend(name).top(*instance, k, distance) for name in ("cpp", "numba"))
    assert found[0] == expected[0]
    assert np.array_equal(found[1], expected[1])
    assert np.array_equal(found[2], expected[2])
    if found[0] == COMPLETE:
        assert found[3] == expected[3]


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=100, deadline=None)
@given(
    n_metrics=st.integers(2, 6),
    n_max=st.sampled_from([0, 0, 1]),
    k=st.sampled_from([1, 5]),
    distance=st.sampled_from([1, 2]),
    max_nodes=st.integers(0, 60),
    seed=st.integers(0, 2**32),
)
def test_top_under_a_limit(
    backend: str, n_metrics: int, n_max: int, k: int, distance: int, max_nodes: int, seed: int
) -> None:
    """What is found so far fits, none of it is better than the best, and the bound holds."""
    instance = instance_to_search(seed, 100, n_metrics, n_max, 11)
    kernels = select_backend(backend)
    full = kernels.top(*instance, k, distance)
    limited = kernels.top(*instance, k, distance, max_nodes)
    if limited[0] != LIMIT:
        assert limited[0] == full[0]
        assert np.array_equal(limited[1], full[1])
        return
    assert (limited[1] <= instance[4]).all()
    if full[0] == COMPLETE:
        assert limited[3] <= full[1][0, 0]
        assert len(limited[1]) <= len(full[1])
        assert (
            all(tuple(a) >= tuple(b) for a, b in zip(limited[1].tolist(), full[1].tolist(), strict=False))
            or distance > 1
        )
    else:
        assert len(limited[1]) == 0


def knapsack(n_blocks: int, n_rows: int, n_budgets: int) -> tuple[Ints, Ints, NDArray[np.uint8], Ints, Ints]:
    """Return an instance whose budgets are half of what its blocks can take: searches of it are long."""
    generator = np.random.default_rng(7)
    costs = generator.integers(0, 10, (n_budgets, n_blocks, n_rows))
    gains = (costs * generator.random((n_budgets, n_blocks, 1))).sum(axis=0) + 20 * generator.random((n_blocks, n_rows))
    values = np.concatenate([-(1000 * gains).astype(np.int64)[np.newaxis], costs]).reshape(n_budgets + 1, -1)
    budgets = np.concatenate([[NO_BUDGET], costs.max(axis=2).sum(axis=1) // 2])
    nothing = np.zeros(n_budgets + 1, dtype=np.int64)
    return values, np.arange(0, n_blocks * n_rows + 1, n_rows), nothing.astype(np.uint8), nothing, budgets


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("max_seconds", [0.0, 0.3])
def test_a_long_search_ends_at_its_time(backend: str, max_seconds: float) -> None:
    """Only the limit ends it, for the whole search takes hours; and not before: the clock is that of the caller."""
    kernels = select_backend(backend)
    started = time.monotonic()
    status, totals, _, bound, _ = kernels.top(*knapsack(40, 10, 10), 1, max_seconds=max_seconds)
    assert time.monotonic() - started >= max_seconds
    assert status == LIMIT
    assert len(totals) <= 1
    assert all(bound <= value for value in totals[:, 0])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_short_search_ends_before_its_time(backend: str) -> None:
    kernels = select_backend(backend)
    unlimited = kernels.top(*knapsack(5, 4, 2), 1)
    limited = kernels.top(*knapsack(5, 4, 2), 1, max_seconds=1e9)
    assert limited[0] == unlimited[0] == COMPLETE
    assert np.array_equal(limited[1], unlimited[1])


@pytest.mark.parametrize("backend", BACKENDS)
def test_ctrl_c_ends_a_long_search(backend: str) -> None:
    kernels = select_backend(backend)
    kernels.top(*knapsack(3, 5, 10), 1)  # compiles what is to come
    with interrupted_after_work():
        kernels.top(*knapsack(40, 10, 10), 1)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("budget", [2**62 - 1, 2**62, 2**63 - 2])
def test_budgets_beyond_all_totals(backend: str, budget: int) -> None:
    """The least total is −2^62, so that a budget less it may need more than 63 bits."""
    values = np.array([[1, 1], [-(2**60), -(2**60)], [-(2**60), 5]])
    offsets, is_max = np.array([0, 1, 2]), np.zeros(3, dtype=np.uint8)
    origin = np.array([0, -(2**61), 0])
    for n_metrics in (2, 3):
        budgets = np.array([2**63 - 1, budget, 7])[:n_metrics]
        status, totals, *_ = select_backend(backend).top(
            np.ascontiguousarray(values[:n_metrics]), offsets, is_max[:n_metrics], origin[:n_metrics], budgets, 1
        )
        assert status == 0
        assert totals[0, 1] == -(2**62)
