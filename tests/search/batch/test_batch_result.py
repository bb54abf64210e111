"""The answers of a batch in Python: a sequence, JSON, a DataFrame and a table in notebooks, as of a search."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import qabwnas
from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut
from qabwnas.search import Scope
from qabwnas.search.batch import result as batch_result
from qabwnas.search.batch.batch import answer_batch
from qabwnas.search.batch.result import BatchResult

LUT = Lut.from_arrays(
    {
        "stem": {"loss": [0.1, 0.25], "size_bytes": [2_000_000, 400_000], "top1": [0.25, 0.125]},
        "tail": {"loss": [0.2, 0.5], "size_bytes": [1_000_000, 100_000], "top1": [0.5, 0.25]},
    },
    descriptions={"stem": ["k3 <a>", "k5"], "tail": ["k3", "k5"]},
    higher_is_better=["top1"],
)
BUDGETS = "id,size_bytes,top1>=\nx,1.5MB,\ny,1,\nz,,0.5\n"


def answered(folder: Path, suffix: str = ".csv", source: Any = LUT, **options: Any) -> BatchResult:
    (folder / "budgets.csv").write_text(BUDGETS)
    keep = ["id"] if suffix == ".csv" else []
    if not keep:
        (folder / "budgets.csv").write_text(
            BUDGETS.replace("id,", "").replace("x,", "").replace("y,", "").replace("z,", "")
        )
    return answer_batch(source, folder / "budgets.csv", folder / f"answers{suffix}", keep=keep, **options)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_batch_is_a_sequence_of_answers(tmp_path: Path, suffix: str) -> None:
    result = answered(tmp_path, suffix)
    first, second, third = result
    assert (len(result), second, result[1], result[-1]) == (3, None, None, third)
    expected = qabwnas.search(LUT, budgets={"size_bytes": "1.5MB"})[0]
    assert first is not None
    assert (first.choice, first.objective, first.descriptions) == (
        expected.choice,
        expected.objective,
        {"stem": "k5", "tail": "k3"},
    )
    assert first.totals == {"loss": Decimal("0.45"), "size_bytes": 1_400_000, "top1": Decimal("0.625")}
    with pytest.raises(IndexError):
        result[3]


def test_weights_and_fronts(tmp_path: Path) -> None:
    weighted = answered(tmp_path, scope=Scope({"stem": 2}))[0]
    assert weighted is not None
    assert weighted.objective == Decimal("0.7")
    assert weighted.totals == {"size_bytes": 1_400_000, "top1": Decimal("0.625")}
    front = qabwnas.Frontier.build(LUT, ["loss", "size_bytes", "top1"])
    front.save(tmp_path / "front.h5")
    of_front = answered(tmp_path, source=qabwnas.Frontier.open(tmp_path / "front.h5"))
    assert [answer and answer.descriptions for answer in of_front] == [
        {"stem": "k5", "tail": "k3"},
        None,
        {"stem": "k3 <a>", "tail": "k3"},
    ]


def test_json_and_notebooks(tmp_path: Path) -> None:
    result = answered(tmp_path)
    content = result.to_dict()
    assert json.loads(json.dumps(content)) == content
    assert (content["n_optimal"], content["answers"][0]["objective"], content["answers"][1]) == (2, 0.45, None)
    html = result._repr_html_()
    assert "row 1: no subnet fits" in html
    assert "0: k3 &lt;a&gt;" in html


def test_columns_of_the_dataframe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Frame:
        def __init__(self, columns: dict[str, Any]) -> None:
            self.columns = columns

        def astype(self, types: dict[str, str]) -> dict[str, Any]:
            assert types == {"stem": "Int32", "tail": "Int32"}
            return self.columns

    monkeypatch.setattr(batch_result, "data_frame", Frame)
    columns = answered(tmp_path).to_pandas()
    assert list(columns) == [
        "id", "status", "loss", "size_bytes", "top1", "stem", "stem description", "tail", "tail description",
    ]  # fmt: skip
    assert columns["id"] == ["x", "y", "z"]
    assert columns["stem"] == [1, None, 0]
    assert columns["tail description"] == ["k3", None, "k3"]
    assert columns["loss"].tolist()[::2] == [0.45, 0.3]
    assert columns["loss"][1] != columns["loss"][1]  # NaN


def test_a_dataframe_of_pandas(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    frame = answered(tmp_path).to_pandas()
    assert frame["stem"].isna().tolist() == [False, True, False]
    assert frame["size_bytes"].tolist()[0] == 1_400_000


def test_standard_output_cannot_be_read_again(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    (tmp_path / "budgets.csv").write_text("size_bytes\n1MB\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", open(tmp_path / "out.csv", "w"))  # noqa: SIM115
        result = answer_batch(LUT, tmp_path / "budgets.csv", "-")
        sys.stdout.close()
    with pytest.raises(InputError, match="the answers were written to standard output"):
        result[0]
    capfdbinary.readouterr()


def test_libraries_for_dataframes_are_imported_only_when_used(tmp_path: Path) -> None:
    program = (
        "import sys, qabwnas\n"
        "from qabwnas.search.batch.batch import answer_batch\n"
        "lut = qabwnas.Lut.from_arrays({'a': {'loss': [1.0], 'size_bytes': [3]}})\n"
        "open('budgets.csv', 'w').write('size_bytes\\n3\\n')\n"
        "result = answer_batch(lut, 'budgets.csv', 'answers.csv')\n"
        "result.to_dict(), result._repr_html_(), qabwnas.search(lut).to_dict()\n"
        "assert not {'pandas', 'polars', 'pyarrow', 'torch'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
