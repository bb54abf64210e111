"""Formats by name and by suffix; the project's own columns as CSV and as Parquet."""

from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from qabwnas.errors import InputError
from qabwnas.lut.importers import formats
from qabwnas.lut.importers.formats import FORMATS, guess_format, import_table
from qabwnas.lut.importers.inputs import ImportOptions
from qabwnas.lut.lut import Lut, Metric
from tests.lut.strategies import assert_equal, full_luts

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")

TABLE = """block,candidate,bits,choice_description,loss,latency_ms[x 1]
a,0,w4a4,small,0.5,1
a,1,w8a8,,0.25,
b,0,w8a8,only,0.125,3
"""


def write(path: Path, columns: dict[str, object]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_suffixes_say_csv_and_parquet(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(TABLE, encoding="utf-8")
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(TABLE.encode()))
    assert_equal(import_table([tmp_path / "t.csv"]), Lut.from_csv(tmp_path / "t.csv"))
    assert_equal(import_table([tmp_path / "t.csv.gz"]), Lut.from_csv(tmp_path / "t.csv"))
    (tmp_path / "t.dat").write_text(TABLE, encoding="utf-8")
    assert_equal(import_table([tmp_path / "t.dat"], "csv"), Lut.from_csv(tmp_path / "t.csv"))
    with pytest.raises(InputError, match="t.dat: neither .csv, .* nor .parquet: give its format, one of csv, "):
        guess_format(tmp_path / "t.dat")


def test_parquet_is_the_csv_with_types(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(TABLE, encoding="utf-8")
    path = write(
        tmp_path / "t.parquet",
        {
            "block": pa.array(["a", "a", "b"]).dictionary_encode(),
            "candidate": [0, 1, 0],
            "bits": ["w4a4", "w8a8", "w8a8"],
            "choice_description": ["small", None, "only"],
            "loss": [0.5, 0.25, 0.125],
            "latency_ms[x 1]": [Decimal("1.00"), None, Decimal("3.00")],
        },
    )
    options = ImportOptions({"loss": "max"}, {"loss": 0.5})
    lut = import_table([path], None, options)
    assert_equal(lut, Lut.from_csv(tmp_path / "t.csv", {"loss": "max"}, {"loss": 0.5}))
    assert lut.metrics == (Metric("loss", "", "max", 0.5), Metric("latency_ms[x 1]", "ms"))


@given(lut=full_luts())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_doubles_survive_parquet_as_they_survive_csv(tmp_path: Path, lut: Lut) -> None:
    rows = [(block.name, c) for block in lut.blocks for c in range(block.n_candidates)]
    columns: dict[str, object] = {"block": [name for name, _ in rows], "candidate": [c for _, c in rows]}
    columns["bits"] = [
        lut.block(name).locate(c)[0].widths.name if lut.block(name).locate(c)[0].widths else "" for name, c in rows
    ]
    columns["loss"] = [float(i) / 3 for i in range(len(rows))]
    again = import_table([write(tmp_path / "t.parquet", columns)])
    assert [v for block in again.blocks for v in block.column("loss").tolist()] == columns["loss"]
    assert again.block_names == lut.block_names


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"candidate": [0], "loss": [1.0]}, "t.parquet: there is no column 'block'"),
        ({"block": ["a"], "candidate": [0]}, "t.parquet: there is no column of a metric"),
        ({"block": ["a"], "candidate": [0], "loss": [True]}, "t.parquet: loss: the type bool is not text, integer"),
        ({"block": ["a"], "candidate": [0], "loss": [float("nan")]}, "t.parquet: row 1: loss: 'nan' is not a decimal"),
        ({"block": ["a", "a"], "candidate": [2, 2], "loss": [1, 2]}, "row 2: candidate: '2' is in block 'a' twice"),
        ({"block": ["a", None], "candidate": [0, 0], "loss": [1, 2]}, "row 2: block: the block has no name"),
    ],
)
def test_errors_in_parquet_name_row_and_column(tmp_path: Path, columns: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        import_table([write(tmp_path / "t.parquet", columns)])


def test_damaged_parquet(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_text(TABLE, encoding="utf-8")
    with pytest.raises(InputError, match="t.parquet: not a Parquet file, or damaged: "):
        import_table([path])


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"t.parquet: Parquet needs pyarrow: pip install 'qabwnas\[batch\]'"):
        import_table([tmp_path / "t.parquet"])


def test_unused_options_are_refused(tmp_path: Path) -> None:
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    with pytest.raises(InputError, match="b.csv: a table of the format csv is one file"):
        import_table(paths)
    with pytest.raises(InputError, match="the format csv does not use the option device"):
        import_table(paths[:1], "csv", ImportOptions(device="x"))
    with pytest.raises(InputError, match="the format hawq does not use the option resolution"):
        import_table(paths[:1], "hawq", ImportOptions(resolution=160))
    with pytest.raises(InputError, match="'xml' is not one of the formats csv, parquet, spaceevo, dna, ofa, hawq"):
        import_table(paths[:1], "xml")
    with pytest.raises(InputError, match=r"device: 'a\[1\]' is not a device's name"):
        import_table(paths[:1], "hawq", ImportOptions(device="a[1]"))
    assert set(FORMATS) == {"csv", "parquet", "spaceevo", "dna", "ofa", "hawq"}
