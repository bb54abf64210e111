"""Large LUTs are set up in parts: exactly the rows, grids and answers of the whole, in bounded memory."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qabwnas
from qabwnas.errors import FormatError, InputError
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.search.batch.batch import answer_batch
from qabwnas.search.engine.backend import select_backend
from qabwnas.search.model import columns, streaming
from qabwnas.search.model.problem import Problem
from tests.search import BACKENDS
from tests.strategies import lut_from_columns, luts, luts_of_spaces, scopes

EXAMPLES = settings(max_examples=100, deadline=None)


@contextmanager
def in_chunks_of(n_rows: int) -> Iterator[None]:
    """Make every LUT a large one."""
    with mock.patch.object(streaming, "LARGEST_WHOLE", 0), mock.patch.object(columns, "ROWS_PER_CHUNK", n_rows):
        yield


def in_tables(lut: Lut, cut: int) -> Lut:
    """The same LUT with every block cut into two tables, where it has the rows."""
    blocks = []
    for block in lut.blocks:
        (table,) = block.tables
        cuts = [0, min(cut, table.n_rows - 1), table.n_rows] if table.n_rows > 1 else [0, table.n_rows]
        tables = tuple(
            Table({name: column[first:last] for name, column in table.columns.items()}, widths)
            for (first, last), widths in zip(pairwise(cuts), [None, qabwnas.space.BitWidths(8, 8)], strict=False)
        )
        blocks.append(LutBlock(block.name, tables))
    return Lut(lut.metrics, tuple(blocks))


@pytest.mark.parametrize("backend", BACKENDS)
@EXAMPLES
@given(lut=luts(), k=st.sampled_from([1, 1, 2, 3, 20]), n_rows=st.integers(1, 9), cut=st.integers(1, 7))
def test_what_is_left_is_what_pruning_the_whole_leaves(backend: str, lut: Lut, k: int, n_rows: int, cut: int) -> None:
    kernels = select_backend(backend)
    whole = Problem.of(lut, lut.metric_names, kernels, k=k)
    with in_chunks_of(n_rows):
        streamed = Problem.of(in_tables(lut, cut), lut.metric_names, kernels, k=k)
        unpruned = Problem.of(lut, lut.metric_names, kernels)
    assert whole.candidates is None
    assert np.array_equal(unpruned.values, whole.values)
    assert streamed.candidates is not None
    assert streamed.grids == whole.grids
    assert np.array_equal(streamed.origin, whole.origin)
    assert np.array_equal(streamed.is_max, whole.is_max)
    for b, (first, last) in enumerate(pairwise(whole.offsets)):
        block = np.ascontiguousarray(whole.values[:, first:last])
        expected = kernels.prune(block, whole.is_max, k)
        rows = slice(*streamed.offsets[b : b + 2])
        assert streamed.candidates[rows].tolist() == expected.tolist()
        assert np.array_equal(streamed.values[:, rows], block[:, expected])


@pytest.mark.parametrize("backend", BACKENDS)
@EXAMPLES
@given(lut=luts(min_metrics=2), data=st.data())
def test_answers_are_those_of_the_whole(backend: str, lut: Lut, data: st.DataObject) -> None:
    """Searches, fronts and batches, of a file; metrics that are not searched are added up all the same."""
    names = lut.metric_names
    budgets = {names[1]: data.draw(st.sampled_from(sorted(set(lut.blocks[0].column(names[1]).tolist()))))}
    top = data.draw(st.sampled_from([1, 3, 20]))
    with tempfile.TemporaryDirectory() as folder:
        path, table = Path(folder) / "lut.h5", Path(folder) / "budgets.csv"
        lut.save(path)
        table.write_text(f"{names[1]}\n{budgets[names[1]]}\n\n-1e9\n")
        found = []
        for way in (nullcontext(), in_chunks_of(2)):
            with way:
                opened = Lut.open(path)
                result = qabwnas.search(opened, minimize=names[0], budgets=budgets, top=top, backend=backend)
                front = qabwnas.Frontier.build(opened, names, backend=backend)
                answers = []
                for method in ("front", "direct"):
                    out = Path(folder) / f"{method}.csv"
                    answer_batch(opened, table, out, minimize=names[0], method=method, backend=backend)
                    answers.append(out.read_text())
                found.append((replace(result, seconds=0), front.units.tolist(), front.candidates.tolist(), answers))
    assert found[0] == found[1]


@pytest.mark.parametrize("backend", BACKENDS)
@EXAMPLES
@given(lut=luts_of_spaces(), data=st.data())
def test_rows_within_a_scope_are_those_of_the_whole(backend: str, lut: Lut, data: st.DataObject) -> None:
    scope, _ = data.draw(scopes(lut))
    k, n_rows = data.draw(st.sampled_from([1, 2, 20])), data.draw(st.integers(1, 9))
    kernels = select_backend(backend)
    try:
        whole = Problem.of(lut, lut.metric_names, kernels, scope, k=k)
    except InputError as error:
        with in_chunks_of(n_rows), pytest.raises(InputError, match=re.escape(str(error))):
            Problem.of(lut, lut.metric_names, kernels, scope, k=k)
        return
    with in_chunks_of(n_rows):
        streamed = Problem.of(lut, lut.metric_names, kernels, scope, k=k)
    assert streamed.metrics == whole.metrics
    assert streamed.grids == whole.grids
    assert np.array_equal(streamed.origin, whole.origin)
    assert (streamed.groups is None) == (whole.groups is None)
    for b, (first, last) in enumerate(pairwise(whole.offsets)):
        groups = whole.groups[first:last] if whole.groups is not None else np.zeros(last - first)
        kept = []
        for group in np.unique(groups):
            of_group = np.flatnonzero(groups == group)
            kept += of_group[
                kernels.prune(np.ascontiguousarray(whole.values[:, first + of_group]), whole.is_max, k)
            ].tolist()
        rows, expected = slice(*streamed.offsets[b : b + 2]), first + np.array(sorted(kept))
        assert whole.candidates is not None
        assert streamed.candidates is not None
        assert streamed.candidates[rows].tolist() == whole.candidates[expected].tolist()
        assert np.array_equal(streamed.values[:, rows], whole.values[:, expected])
        if streamed.groups is not None and whole.groups is not None:
            assert streamed.groups[rows].tolist() == whole.groups[expected].tolist()


@pytest.mark.parametrize("backend", BACKENDS)
@EXAMPLES
@given(lut=luts_of_spaces(), data=st.data())
def test_answers_within_a_scope_are_those_of_the_whole(backend: str, lut: Lut, data: st.DataObject) -> None:
    scope, _ = data.draw(scopes(lut))
    top, distance = data.draw(st.sampled_from([1, 3])), data.draw(st.integers(1, 3))
    found = []
    for way in (nullcontext(), in_chunks_of(2)):
        with way:
            try:
                result = qabwnas.search(lut, top=top, min_distance=distance, scope=scope, backend=backend)
                front = qabwnas.Frontier.build(lut, lut.metric_names, scope=scope, backend=backend)
                found.append((replace(result, seconds=0), front.units.tolist(), front.candidates.tolist()))
            except InputError as error:
                found.append(str(error))
    assert found[0] == found[1]


def test_what_is_wrong_is_named_by_its_number_in_the_block(tmp_path: Path) -> None:
    huge = lut_from_columns({"loss": [[0.0], [0.0, 1.0, 2.0, 5e18]]})
    mask = np.array([True, True, True, False, False])
    table = Table({"loss": np.zeros(5), "ms": np.zeros(5)}, measured={"ms": mask})
    holes = Lut((Metric("loss"), Metric("ms")), (LutBlock("only", (table,)),))
    holes.save(tmp_path / "lut.h5")
    with in_chunks_of(2):
        with pytest.raises(InputError, match=r"totals up to 5e\+18 do not fit 62 bits \(block 'block1'\)"):
            qabwnas.search(huge)
        for lut in (holes, Lut.open(tmp_path / "lut.h5")):
            with pytest.raises(InputError, match="'ms', block 'only': 2 of 5 candidates were not .* candidate 3$"):
                qabwnas.search(lut, budgets={"ms": 1})
            assert [len(answer.totals) for answer in qabwnas.search(lut, top=5).answers] == [2, 2, 2, 1, 1]


def test_a_damaged_column_is_found_in_the_run_that_holds_it(tmp_path: Path) -> None:
    import h5py

    lut_from_columns({"loss": [[0.0, 1.0, 2.0, 3.0, 4.0]]}).save(tmp_path / "lut.h5")
    with h5py.File(tmp_path / "lut.h5", "a") as file:
        file["blocks/000 block0/000/values"][0, 3] = np.inf
    with in_chunks_of(2), pytest.raises(FormatError, match=r"000/values: loss: row 3 is inf, but not masked"):
        qabwnas.search(Lut.open(tmp_path / "lut.h5"))


MEASURED = """
import re, sys, time
from pathlib import Path
import qabwnas

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

def ask(path):
    lut = qabwnas.Lut.open(path)
    front = qabwnas.Frontier.build(lut, ["loss", "size"], backend=backend)
    (best,) = qabwnas.search(lut, budgets={"size": 900_000}, backend=backend).answers
    scope = qabwnas.Scope(weights={"block1": "0.5"}, forbid=["block1=#7"])
    qabwnas.search(lut, budgets={"size": 900_000}, scope=scope, backend=backend)
    return len(front), best.totals["loss"]

small, large, backend = sys.argv[1:]
ask(small)  # so that loading and compiling are over
before, started = peak(), time.perf_counter()
print(*ask(large), peak() - before, time.perf_counter() - started)
"""


def made_block(path: Path, n_rows: int) -> None:
    """Write a LUT of one small block and a large one, run by run."""
    import h5py

    lut_from_columns({"loss": [[0.5, 0.25], [0.0]], "size": [[1.0, 2.0], [0.0]]}).save(path)
    generator = np.random.default_rng(3)
    with h5py.File(path, "a") as file:
        group = file["blocks/001 block1/000"]
        attributes = dict(group["values"].attrs)
        del group["values"]
        values = group.create_dataset("values", (2, n_rows), dtype=np.float64)
        values.attrs.update(attributes)
        for first in range(0, n_rows, 10**6):
            n = min(10**6, n_rows - first)
            size = generator.integers(1, 10**6, n)
            loss = (10**6 / size + generator.random(n)).round(6)
            values[:, first : first + n] = loss, size


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="/proc, which tells a peak of memory, is not here")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n_rows", [4_000_000, pytest.param(100_000_000, marks=pytest.mark.slow)])
def test_memory_does_not_grow_with_the_rows(tmp_path: Path, n_rows: int, backend: str) -> None:
    small, large = tmp_path / "small.h5", tmp_path / "large.h5"
    made_block(small, 1000)
    made_block(large, n_rows)
    command = [sys.executable, "-c", MEASURED, str(small), str(large), backend]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    large.unlink()  # the last folders of tests are kept
    n_points, loss, peak, seconds = run.stdout.split()
    print(f"{backend}, {n_rows} rows: {int(peak) / 2**20:.0f} MiB, {float(seconds):.1f} s, {n_points} points")
    assert int(n_points) > 100
    assert 1.0 < float(loss) < 3.0
    assert int(peak) < 64 * 2**20  # a column of 4 million rows is 32 MB, as doubles and again as units
