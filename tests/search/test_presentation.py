"""What users do with answers: iterate, index, JSON, DataFrames, notebooks; and call with paths and quantities."""

from __future__ import annotations

import copy
import csv
import json
import math
import pickle
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

import qabwnas
from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut
from qabwnas.search.front import presented
from qabwnas.search.presentation import shown_total

ARCHIVES = Path(__file__).resolve().parents[1] / "archives"
LUT = Lut.from_arrays(
    {
        "stem": {"loss": [0.1, 0.25], "size_bytes": [2_000_000, 400_000], "latency_ms": [1.5, 1]},
        "tail": {"loss": [0.2, 0.5], "size_bytes": [1_000_000, 100_000], "latency_ms": [2, math.nan]},
    },
    descriptions={"stem": ["k3 <a>", "k5"], "tail": ["k3", "k5"]},
)


def test_a_result_is_a_sequence_of_answers() -> None:
    result = qabwnas.search(LUT, top=3)
    assert (len(result), list(result), result[0], result[1:]) == (
        3,
        list(result.answers),
        result.answers[0],
        result.answers[1:],
    )
    assert result[0].descriptions == {"stem": "k3 <a>", "tail": "k3"}
    assert not qabwnas.search(LUT, budgets={"size_bytes": 1})


def test_json() -> None:
    content = qabwnas.search(LUT, budgets={"size_bytes": "1.5MB"}).to_dict()
    assert json.loads(json.dumps(content)) == content
    assert content["answers"] == [
        {
            "objective": 0.45,
            "totals": {"loss": 0.45, "size_bytes": 1_400_000, "latency_ms": 3},
            "choice": {"stem": 1, "tail": 0},
            "descriptions": {"stem": "k5", "tail": "k3"},
        }
    ]
    assert (content["bound"], content["gap"], content["status"]) == (0.45, 0, "optimal")
    assert qabwnas.search(LUT, budgets={"size_bytes": "1kB"}).to_dict()["smallest"] == {"size_bytes": 500_000}


def test_pandas() -> None:
    pytest.importorskip("pandas")
    frame = qabwnas.search(LUT, top=4).to_pandas()
    assert list(frame.columns) == [
        "loss", "size_bytes", "latency_ms", "stem", "stem description", "tail", "tail description",
    ]  # fmt: skip
    assert frame["loss"].tolist() == [0.3, 0.45, 0.6, 0.75]
    assert frame["latency_ms"].isna().tolist() == [False, False, True, True]
    assert frame["stem description"].tolist() == ["k3 <a>", "k5", "k3 <a>", "k5"]
    scope = qabwnas.Scope(weights={"stem": 10})
    assert qabwnas.search(LUT, scope=scope).to_pandas().iloc[0, :2].to_dict() == {"weighted loss": 1.2, "loss": 0.3}


def test_notebooks_show_what_texts_say() -> None:
    html = qabwnas.search(LUT)._repr_html_()
    assert "<td>0: k3 &lt;a&gt;</td>" in html
    assert "<th>latency_ms</th>" in html
    assert "<table>" not in qabwnas.search(LUT, budgets={"size_bytes": 1})._repr_html_()


def test_a_pickled_answer_has_its_descriptions_but_not_the_lut() -> None:
    result = qabwnas.search(LUT)
    for again in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result)):
        assert again == result
        assert again[0].descriptions == result[0].descriptions
    assert b"latency_ms" in pickle.dumps(result)
    assert b"Table" not in pickle.dumps(result)


@pytest.mark.parametrize(
    ("total", "text"),
    [
        ("0.30000000000000004", "0.300000000001"),
        ("1234567890123456789", "1234567890123456789"),
        ("1500000.000", "1500000"),
        ("-0.123456789012345", "-0.123456789012"),
        ("0.1", "0.1"),
        ("1E+3", "1000"),
        ("0.0", "0"),
    ],
)
def test_totals_for_people(total: str, text: str) -> None:
    """A total that is shown is a budget that the subnet fits."""
    assert shown_total(Decimal(total)) == text
    assert Decimal(text) >= Decimal(total)


def test_paths_and_quantities(tmp_path: Path) -> None:
    LUT.save(tmp_path / "lut.h5")
    LUT.to_csv(tmp_path / "table.csv")
    for lut in (
        LUT,
        tmp_path / "lut.h5",
        str(tmp_path / "lut.h5"),
        tmp_path / "table.csv",
        str(tmp_path / "table.csv"),
    ):
        result = qabwnas.search(lut, budgets={"size_bytes": "1.5MB"})
        assert result[0].choice == {"stem": 1, "tail": 0}
        assert qabwnas.Session(lut).search(budgets={"size_bytes": "1.5MB"})[0] == result[0]
        (effect,) = qabwnas.explain(lut, budgets={"size_bytes": "1.5MB"}).effects
        assert effect.slack == 100_000
        front = qabwnas.Frontier.build(lut, ["loss", "size_bytes"], within={"size_bytes": (None, "1.5MB")})
        assert front.totals(0)["size_bytes"] == 1_400_000
    with pytest.raises(FileNotFoundError, match="no.h5"):
        qabwnas.search(str(tmp_path / "no.h5"))
    for call in (
        lambda: qabwnas.search(LUT, budgets={"size_bytes": "5ms"}),
        lambda: qabwnas.Frontier.build(LUT, ["loss", "size_bytes"], within={"size_bytes": (None, "5ms")}),
    ):
        with pytest.raises(InputError, match="^(budget|within) 'size_bytes': '5ms': the unit 'ms' is not one of B"):
            call()


def test_a_front_is_a_sequence_of_answers_with_descriptions(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    front = qabwnas.Frontier.build(LUT, ["loss", "size_bytes"])
    front.save(tmp_path / "front.h5")
    moved = front.with_objective("size_bytes").with_objective("loss")
    for again in (front, moved, qabwnas.Frontier.open(tmp_path / "front.h5"), pickle.loads(pickle.dumps(front))):
        assert [answer.descriptions["stem"] for answer in again] == ["k3 <a>", "k5", "k5"]
        assert again[1].to_dict() == {
            "objective": 0.45,
            "totals": {"loss": 0.45, "size_bytes": 1_400_000},
            "choice": {"stem": 1, "tail": 0},
            "descriptions": {"stem": "k5", "tail": "k3"},
        }
        assert json.loads(json.dumps(again.to_dict()))["answers"][1] == again[1].to_dict()
        frame = again.to_pandas()
        assert list(frame.columns) == ["loss", "size_bytes", "stem", "stem description", "tail", "tail description"]
        assert frame.iloc[1].tolist() == [0.45, 1_400_000, 1, "k5", 0, "k3"]
        assert "<td>0: k3 &lt;a&gt;</td>" in again._repr_html_()
        with pytest.raises(InputError, match="point 9 of a front"):
            again[9]
    assert qabwnas.Session(LUT).front(["loss", "size_bytes"])[0].descriptions == front[0].descriptions


@pytest.mark.parametrize("has_descriptions", [True, False])
def test_all_points_of_a_front_are_those_taken_one_by_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, has_descriptions: bool
) -> None:
    monkeypatch.setattr(presented, "_POINTS_PER_CHUNK", 7)
    generator = np.random.default_rng(0)
    columns = {
        f"b{b}": {
            "loss": generator.random(20).round(3),
            "ms": generator.random(20),
            "size": generator.integers(9, 99, 20),
        }
        for b in range(3)
    }
    front = qabwnas.Frontier.build(Lut.from_arrays(columns), ["loss", "ms", "size"])
    if not has_descriptions:
        front = replace(front, describe=None)
    one_by_one = [front[point] for point in range(len(front))]
    assert len(front) > 50
    assert [vars(answer) for answer in front] == [vars(answer) for answer in one_by_one]
    assert repr(list(front)) == repr(one_by_one)
    expected = [answer.to_dict() for answer in one_by_one]
    assert repr(front.to_dict()) == repr({"minimized": "loss", "answers": expected})
    front.save_csv(tmp_path / "front.csv")
    rows = list(csv.reader((tmp_path / "front.csv").read_text().splitlines()))
    assert rows[0] == ["loss", "ms", "size", "b0", "b1", "b2"]
    assert rows[1:] == [
        [*(f"{total:f}" for total in answer.totals.values()), *map(str, answer.choice.values())]
        for answer in one_by_one
    ]


def test_a_data_frame_of_a_front_has_its_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """The columns that pandas gets, whether it is installed or not."""
    monkeypatch.setattr(presented, "data_frame", lambda columns: columns)
    front = qabwnas.Frontier.build(LUT, ["loss", "size_bytes"])
    columns = front.to_pandas()
    assert {name: column.tolist() for name, column in columns.items()} == {
        "loss": [float(answer.totals["loss"]) for answer in front],
        "size_bytes": [float(answer.totals["size_bytes"]) for answer in front],
        "stem": [answer.choice["stem"] for answer in front],
        "stem description": [answer.descriptions["stem"] for answer in front],
        "tail": [answer.choice["tail"] for answer in front],
        "tail description": [answer.descriptions["tail"] for answer in front],
    }


def test_a_front_without_descriptions_has_numbers() -> None:
    front = qabwnas.Frontier.open(ARCHIVES / "v1" / "front.h5")
    assert front[0].descriptions == {}
    assert front[0].choice == front.choice(0)
    assert len(front._repr_html_().split("<tr>")) <= 12
