"""Public objects compare, hash, print, copy and pickle without surprises, opened from files too."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import qabwnas
from qabwnas.search.constraints.scope import Scope
from qabwnas.search.engine.backend import select_backend
from qabwnas.search.explain import explain
from qabwnas.search.model.problem import Problem
from tests.lut.strategies import assert_equal
from tests.search import BACKENDS
from tests.spaces import TINY
from tests.strategies import lut_from_columns


def example() -> qabwnas.Lut:
    generator = np.random.default_rng(3)
    return lut_from_columns({name: generator.integers(0, 99, (3, 9)).astype(float).tolist() for name in ("loss", "b")})


def objects() -> list[Any]:
    lut = example()
    result = qabwnas.search(lut, budgets={"b": 150}, scope=Scope(weights={"block0": 2}))
    return [
        lut,
        lut.blocks[0],
        lut.blocks[0].tables[0],
        lut.metrics[0],
        qabwnas.Frontier.build(lut, ["loss", "b"]),
        qabwnas.Session(lut),
        result,
        result.answers[0],
        Scope({"block0": 2}, bits=[8], pin=["#1"]),
        explain(lut, budgets={"b": 150}),
        Problem.of(lut, ["loss", "b"], select_backend()),
        TINY,
    ]


@pytest.mark.parametrize("index", range(len(objects())))
def test_comparing_hashing_printing_and_copying_never_fails(index: int) -> None:
    this, other = objects()[index], objects()[index]
    assert this == this
    assert this in [0, this]
    assert (this == other) in (True, False)
    assert this != 5
    assert hash(this) == hash(this)
    assert len({this, other, this}) in (1, 2)
    if this == other:
        assert hash(this) == hash(other)
    assert "\n" not in repr(this)
    assert "array(" not in repr(this)
    for again in (copy.copy(this), copy.deepcopy(this), pickle.loads(pickle.dumps(this))):
        assert type(again) is type(this)
        assert repr(again) == repr(this)


def test_luts_and_fronts_compare_by_identity() -> None:
    lut, front = example(), qabwnas.Frontier.build(example(), ["loss", "b"])
    assert lut != example()
    assert front != qabwnas.Frontier.build(example(), ["loss", "b"])
    assert {front: "kept"}[front] == "kept"


def test_an_opened_lut_is_pickled_with_all_that_its_file_holds(tmp_path: Path) -> None:
    lut = example()
    lut.save(tmp_path / "lut.h5")
    opened = qabwnas.Lut.open(tmp_path / "lut.h5")
    sent, copied, shallow = pickle.loads(pickle.dumps(opened)), copy.deepcopy(opened), copy.copy(opened)
    (tmp_path / "lut.h5").unlink()
    for again in (sent, copied, shallow):
        assert_equal(again, lut)
        assert qabwnas.search(again).answers == qabwnas.search(lut).answers
        with pytest.raises(ValueError, match="read-only"):
            again.blocks[0].tables[0].columns["loss"][0] = 0


def test_an_opened_front_is_pickled_with_all_that_its_file_holds(tmp_path: Path) -> None:
    front = qabwnas.Frontier.build(example(), ["loss", "b"])
    front.save(tmp_path / "front.h5")
    opened = qabwnas.Frontier.open(tmp_path / "front.h5")
    right = opened.query({"b": [50.0, 100.0]}).tolist()
    size = len(pickle.dumps(opened))
    sent, copied = pickle.loads(pickle.dumps(opened)), copy.deepcopy(opened)
    (tmp_path / "front.h5").unlink()
    for again in (sent, copied):
        assert again.query({"b": [50.0, 100.0]}).tolist() == right
        assert np.array_equal(again.candidates, front.candidates)
        assert again.with_objective("b").totals(0) == front.with_objective("b").totals(0)
    assert size < 3 * (opened.units.nbytes + opened.candidates.nbytes) + 5000  # without the index of queries


@pytest.mark.parametrize("backend", BACKENDS)
def test_pickled_objects_are_used_in_another_process_on_either_backend(backend: str, tmp_path: Path) -> None:
    """Of a front, too, that the other backend made: that one may be missing there."""
    lut = example()
    lut.save(tmp_path / "lut.h5")
    opened = qabwnas.Lut.open(tmp_path / "lut.h5")
    fronts = [qabwnas.Frontier.build(opened, ["loss", "b"], backend=name) for name in BACKENDS]
    result = qabwnas.search(opened, budgets={"b": 150})
    sent = tmp_path / "sent.pickle"
    sent.write_bytes(pickle.dumps((opened, fronts, result, qabwnas.Session(opened))))
    code = (
        "import pickle, sys, qabwnas\n"
        "lut, fronts, result, session = pickle.load(open(sys.argv[1], 'rb'))\n"
        "for answers in (qabwnas.search(lut, budgets={'b': 150}), session.search(budgets={'b': 150})):\n"
        "    assert answers.answers == result.answers\n"
        "print([front.candidates_of(front.query({'b': [20, 150]})).tolist() for front in fronts], answers.backend)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(sent)],
        env={**os.environ, "QABWNAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    right = [front.candidates_of(front.query({"b": [20, 150]})).tolist() for front in fronts]
    assert (done.stdout, done.stderr) == (f"{right} {backend}\n", "")
