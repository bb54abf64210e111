"""Fronts as objects and files: queries, sorting by another metric, storing, limits."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings

import qabwnas
from qabwnas.errors import FormatError, FrontLimitError, InputError
from qabwnas.lut.lut import Lut, Metric
from qabwnas.search.front.file import is_front
from tests.search import BACKENDS
from tests.strategies import lut_from_columns, luts


def example() -> Lut:
    generator = np.random.default_rng(7)
    columns = {
        name: [generator.integers(0, 1000, 40).astype(float).tolist() for _ in range(4)] for name in ("loss", "b", "c")
    }
    return lut_from_columns(columns, [Metric("loss"), Metric("b", "bytes", fixed=3.0), Metric("c", aggregation="max")])


@pytest.mark.parametrize("backend", BACKENDS)
def test_queries_equal_a_scan(backend: str) -> None:
    front = qabwnas.Frontier.build(example(), ["loss", "b", "c"], backend=backend)
    assert len(front) > 100
    generator = np.random.default_rng(1)
    budgets = {"b": generator.uniform(0, 3000, 500), "c": generator.uniform(0, 1000, 500)}
    found = front.query(budgets, backend=backend)
    for b, c, point in zip(*budgets.values(), found, strict=True):
        fits = np.flatnonzero((front.values("b") <= b) & (front.values("c") <= c))
        assert point == (fits[0] if fits.size else -1)


@pytest.mark.parametrize("backend", BACKENDS)
def test_candidates_are_rebuilt_where_they_are_asked_for(backend: str) -> None:
    """Candidates have the totals of their points, also in a region of a front and with another objective."""
    lut = example()
    names = ["loss", "b", "c"]
    whole = qabwnas.Frontier.build(lut, names, backend=backend)
    low, high = (whole.totals(point)["b"] for point in (len(whole) // 2, len(whole) // 4))
    part = qabwnas.Frontier.build(lut, names, within={"b": (min(low, high), max(low, high))}, backend=backend)
    for front in (whole, part, whole.with_objective("c"), part.with_objective("b")):
        every = front.candidates
        assert every.shape == (len(front), 4)
        assert every.dtype == np.int32
        columns = {name: [block.column(name) for block in lut.blocks] for name in names}
        for name, aggregated, fixed in (("loss", np.sum, 0), ("b", np.sum, 3), ("c", np.max, 0)):
            chosen = np.stack([column[every[:, b]] for b, column in enumerate(columns[name])], axis=1)
            assert np.array_equal(aggregated(chosen, axis=1) + fixed, front.values(name))
        points = np.array([len(front) - 1, 0, 0, 1])
        assert np.array_equal(front.candidates_of(points), every[points])
        assert front.choice(1) == dict(zip(front.block_names, every[1].tolist(), strict=True))
        assert front.candidates_of([]).shape == (0, 4)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_query_that_finds_nothing_is_masked(backend: str) -> None:
    """−1 is no point: not the last one, as it would be for numpy."""
    built = qabwnas.Frontier.build(example(), ["loss", "b"], backend=backend)
    smallest = min(float(total) for total in built.values("b"))
    for front in (built, built.with_objective("b").with_objective("loss")):
        points = front.query({"b": [smallest - 1, smallest, np.inf]}, backend=backend)
        assert points.tolist()[::2] == [-1, 0]
        candidates = front.candidates_of(points)
        assert candidates[0].tolist() == [-1, -1, -1, -1]
        assert np.array_equal(candidates[1:], front.candidates[points[1:]])
        assert front.values("b", points).tolist()[1] == smallest
        assert np.isnan(front.values("b", points)[0])
        assert front.values("b", points[1:]).tolist() == front.values("b")[points[1:]].tolist()
        grid = points.reshape(3, 1)
        assert np.array_equal(front.candidates_of(grid), candidates.reshape(3, 1, 4))
        assert front.values("loss", grid).shape == (3, 1)
        assert front.candidates_of(np.int32(1)).tolist() == front.candidates[1].tolist()
        assert front.candidates_of([-1]).tolist() == [[-1, -1, -1, -1]]
        for one in (front.totals, front.choice):
            with pytest.raises(InputError, match=r"point -1 of a front of .*\(a query answers -1 if no point fits\)"):
                one(-1)


def test_points_that_are_none_are_refused() -> None:
    front = qabwnas.Frontier.build(example(), ["loss", "b"])
    for several in (front.candidates_of, lambda points: front.values("b", points)):
        for wrong in (len(front), -2, [0, len(front)], np.uint64(2**63)):
            with pytest.raises(InputError, match=r"point -?\d+ of a front of \d+: there is no such point"):
                several(wrong)
        for wrong in (1.0, [0.5], True, [True], "0", None, [None], [[0], [0, 1]]):
            if wrong is None and several is not front.candidates_of:
                continue  # all points
            with pytest.raises(InputError, match="points: .*(are not whole numbers|is not an array of numbers)"):
                several(wrong)  # type: ignore[arg-type]
    for one in (front.totals, front.choice):
        for wrong in (len(front), -2):
            with pytest.raises(InputError, match=f"point {wrong} of a front of {len(front)}: there is no such point"):
                one(wrong)
        for wrong in (0.0, True, "0", None, [0]):
            with pytest.raises(InputError, match="point: .* is not a whole number"):
                one(wrong)  # type: ignore[arg-type]
        assert one(np.int64(1)) == one(1)  # type: ignore[arg-type]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_front_goes_to_other_processes(backend: str) -> None:
    front = qabwnas.Frontier.build(example(), ["loss", "b"], backend=backend)
    sent = pickle.loads(pickle.dumps(front))
    assert np.array_equal(sent.candidates, front.candidates)
    assert np.array_equal(sent.query({"b": [500.0, 1e9]}), front.query({"b": [500.0, 1e9]}))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_front_of_many_blocks_keeps_less_than_a_table(backend: str) -> None:
    generator = np.random.default_rng(5)
    columns = {name: generator.integers(0, 10**4, (30, 40)).astype(float).tolist() for name in ("loss", "b", "c")}
    front = qabwnas.Frontier.build(lut_from_columns(columns), ["loss", "b", "c"], backend=backend, epsilon=0.02)
    assert len(front) > 1000
    assert front.choices.nbytes < front.candidates.nbytes


def test_budgets_broadcast() -> None:
    front = qabwnas.Frontier.build(example(), ["loss", "b"])
    assert front.query({"b": 1e9}).tolist() == [0]
    assert front.query({"b": np.full((2, 3), 1e9), "loss": 1e9}).shape == (2, 3)


def test_a_front_with_another_objective_equals_one_built_so() -> None:
    lut = example()
    turned = qabwnas.Frontier.build(lut, ["loss", "b", "c"]).with_objective("b")
    built = qabwnas.Frontier.build(lut, ["b", "loss", "c"])
    assert turned.metrics == built.metrics
    assert np.array_equal(turned.units, built.units)
    assert np.array_equal(turned.candidates, built.candidates)


@settings(max_examples=25, deadline=None)
@given(luts(min_metrics=2))
def test_a_stored_front_reads_back_equal(lut: Lut) -> None:
    import tempfile

    front = qabwnas.Frontier.build(lut, lut.metric_names)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "front.h5"
        front.save(path, provenance={"lut": "abc"})
        read = qabwnas.Frontier.open(path)
        assert qabwnas.Frontier.open(path).provenance == {"lut": "abc"}
    assert (read.metrics, read.grids, read.block_names) == (front.metrics, front.grids, front.block_names)
    assert np.array_equal(read.units, front.units)
    assert np.array_equal(read.candidates, front.candidates)


def test_foreign_and_damaged_files_are_refused(tmp_path: Path) -> None:
    lut, path = example(), tmp_path / "front.h5"
    lut.save(tmp_path / "lut.h5")
    with pytest.raises(
        FormatError, match="of the format qabwnas-lut, not qabwnas-front: `qabwnas front` makes a front of a LUT"
    ):
        qabwnas.Frontier.open(tmp_path / "lut.h5")
    assert not is_front(tmp_path / "lut.h5")
    qabwnas.Frontier.build(lut, ["loss", "b"]).save(path)
    assert is_front(path)
    with pytest.raises(FormatError, match="not qabwnas-lut: it has only its own candidates; give its LUT"):
        qabwnas.Lut.open(path)
    with h5py.File(path, "a") as file:
        del file["candidates"]
    with pytest.raises(FormatError, match=r"front\.h5: /: 'candidates' is missing"):
        qabwnas.Frontier.open(path)
    with h5py.File(path, "a") as file:
        file.attrs["schema_version"] = 9
    with pytest.raises(FormatError, match="written by schema 9, this reads up to 3"):
        qabwnas.Frontier.open(path)


def test_points_out_of_order_are_refused_by_the_first_query(tmp_path: Path) -> None:
    path = tmp_path / "front.h5"
    qabwnas.Frontier.build(example(), ["loss", "b"]).save(path)
    with h5py.File(path, "a") as file:
        file["totals"][0, 0] = 10**6
    front = qabwnas.Frontier.open(path)
    with pytest.raises(FormatError, match=r"front\.h5: /totals: the points are not sorted by the first metric"):
        front.query({"b": 1.0})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file["totals"].attrs.create("dims", np.array([b"point", b"metric"])), "/totals: the dims are"),
        (lambda file: file["metrics/000 loss"].attrs.modify("decimals", 3), r"/totals: the units are"),
        (lambda file: file.attrs.modify("n_points", 7), r"/totals: the shape is \(2, [0-9]+\), expected \(2, 7\)"),
        (lambda file: replace(file, "candidates", np.float32), "/candidates: the type is float32, expected int32"),
        (lambda file: replace(file, "totals", np.int64, chunks=True), "/totals: the values are not contiguous"),
    ],
)
def test_what_breaks_the_contract_is_refused(tmp_path: Path, damage: Callable[[h5py.File], None], message: str) -> None:
    path = tmp_path / "front.h5"
    qabwnas.Frontier.build(example(), ["loss", "b"]).save(path)
    with h5py.File(path, "a") as file:
        damage(file)
    with pytest.raises(FormatError, match=f"front\\.h5: {message}"):
        qabwnas.Frontier.open(path)


def replace(file: h5py.File, name: str, dtype: type, **layout: bool) -> None:
    values, attributes = file[name][...], dict(file[name].attrs)
    del file[name]
    file.create_dataset(name, data=values.astype(dtype), **layout).attrs.update(attributes)


def test_a_truncated_front_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "front.h5"
    qabwnas.Frontier.build(example(), ["loss", "b", "c"]).save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FormatError, match=r"front\.h5: damaged or truncated"):
        qabwnas.Frontier.open(path)


def test_an_opened_front_is_mapped_and_outlives_its_name(tmp_path: Path) -> None:
    path = tmp_path / "front.h5"
    front = qabwnas.Frontier.build(example(), ["loss", "b", "c"])
    front.save(path)
    opened = qabwnas.Frontier.open(path)
    assert not opened.units.flags.writeable
    assert not opened.candidates.flags.owndata
    opened.save(path)
    path.unlink()
    assert opened.choice(len(front) - 1) == front.choice(len(front) - 1)
    budgets = {"b": np.linspace(0, 3000, 50), "c": 500.0}
    assert np.array_equal(opened.query(budgets), front.query(budgets))


def test_totals_that_begin_anywhere_are_read(tmp_path: Path) -> None:
    path = tmp_path / "front.h5"
    front = qabwnas.Frontier.build(example(), ["loss", "b"])
    front.save(path)
    with h5py.File(path, "a") as file:
        file.create_dataset("of another writer", data=np.zeros(4099, dtype=np.uint8))  # an odd number of bytes
        file.create_dataset("moved", data=file["totals"][...]).attrs.update(dict(file["totals"].attrs))
        del file["totals"]
        file.move("moved", "totals")
        assert file["totals"].id.get_offset() % 8 != 0
    opened = qabwnas.Frontier.open(path)
    assert np.array_equal(opened.units, front.units)
    assert opened.query({"b": 500.0}) == front.query({"b": 500.0})


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("budgeted", [["b"], ["c", "b"]])
def test_threads_do_not_change_answers(backend: str, budgeted: list[str]) -> None:
    front = qabwnas.Frontier.build(example(), ["loss", "b", "c"])
    generator = np.random.default_rng(4)
    budgets = {name: generator.uniform(0, 3000, 100_000) for name in budgeted}
    one, two = (front.query(budgets, threads=threads, backend=backend) for threads in (1, 2))
    assert np.array_equal(one, two)
    assert np.array_equal(one, front.query(budgets))
    with pytest.raises(InputError, match="threads: 0 is not a whole number of 1 or more"):
        front.query(budgets, threads=0)


def test_a_front_of_schema_3_has_true_totals() -> None:
    """tests/archives/v3/README.md says what the file holds."""
    front = qabwnas.Frontier.open(Path(__file__).resolve().parents[1] / "archives" / "v3" / "front.h5")
    assert [metric.higher_is_better for metric in front.metrics] == [True, False]
    assert front.totals(0) == {"accuracy": Decimal("1.125"), "loss": Decimal("0.5")}
    assert front.choice(0) == {"a": 1, "b": 1}
    assert front.values("accuracy").tolist() == [1.125]
    assert front.query({"accuracy>=": [1, 1.125, 2], "loss": "50%"}).tolist() == [0, 0, -1]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_fronts_of_every_schema_read_back(version: str) -> None:
    """tests/archives/v1/README.md says what the files hold."""
    path = Path(__file__).resolve().parents[1] / "archives" / version / "front.h5"
    front = qabwnas.Frontier.open(path)
    assert front.metrics == (Metric("loss"), Metric("size_bytes", "bytes", "sum", 50.0))
    assert front.block_names == ("layer04+06", "α/β")
    assert [front.totals(i) for i in range(len(front))] == [
        {"loss": Decimal("0.3"), "size_bytes": 1950},
        {"loss": Decimal("0.4"), "size_bytes": 1450},
        {"loss": Decimal("0.55"), "size_bytes": 1250},
        {"loss": Decimal("0.8"), "size_bytes": 1150},
    ]
    assert front.candidates.tolist() == [[2, 1], [2, 0], [1, 0], [0, 0]]
    assert qabwnas.Frontier.open(path).provenance == {"teacher": "0123abcd"}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_front_past_the_limit_says_so(backend: str) -> None:
    with pytest.raises(FrontLimitError, match="takes more than 1000 bytes: preparing the blocks alone does"):
        qabwnas.Frontier.build(example(), ["loss", "b", "c"], max_memory=1000, backend=backend)


def test_wrong_calls_are_refused() -> None:
    front = qabwnas.Frontier.build(example(), ["loss", "b"])
    with pytest.raises(InputError, match="'c' is not in the front, which has loss, b"):
        front.query({"c": 1.0})
    with pytest.raises(InputError, match="budgets: none are given"):
        front.query({})
    with pytest.raises(InputError, match="broadcast"):
        front.query({"b": [1.0, 2.0], "loss": [1.0, 2.0, 3.0]})
    with pytest.raises(InputError, match="'b' is listed twice"):
        qabwnas.Frontier.build(example(), ["b", "b"])
    with pytest.raises(InputError, match="is not a list of metrics"):
        qabwnas.Frontier.build(example(), "loss")
