"""LUTs as text: round trips, real tables, and errors that name file, line and column."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.lut.units import unit_of
from qabwnas.space import BitWidths
from tests.data_sets import data_file
from tests.lut.strategies import assert_equal, full_luts
from tests.spaces import TINY

TABLE = """block,candidate,choice_description,loss,size_bytes,latency_ms[x]
stem+1,0,"k3, e6",0.1,100,
stem+1,1,k5,0.05,2e2,
b,0,,1,,
b,1,é,-2,7,
"""


def lut_of(tmp_path: Path, text: str | bytes, **options: object) -> Lut:
    path = tmp_path / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Lut.from_csv(path, **options)  # type: ignore[arg-type]


def test_a_table_read(tmp_path: Path) -> None:
    lut = lut_of(tmp_path, TABLE, aggregate={"size_bytes": "max"}, fixed={"loss": 0.5})
    assert lut.metrics == (Metric("loss", "", "sum", 0.5), Metric("size_bytes", "bytes", "max"))
    assert lut.block_names == ("stem+1", "b")
    assert lut.block("stem+1").column("loss").tolist() == [0.1, 0.05]
    assert lut.block("stem+1").measured("size_bytes") is None
    measured = lut.block("b").measured("size_bytes")
    assert measured is not None
    assert measured.tolist() == [False, True]
    assert [lut.describe("stem+1", 0), lut.describe("b", 1)] == ["k3, e6", "é"]


def test_a_table_written(tmp_path: Path) -> None:
    lut_of(tmp_path, TABLE).to_csv(tmp_path / "out.csv")
    expected = (
        TABLE.replace(",latency_ms[x]", "").replace(",\n", "\n").replace("2e2", "200").replace("b,0,,1\n", "b,0,,1,\n")
    )
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == expected


def test_spreadsheets_blank_lines_and_other_line_ends(tmp_path: Path) -> None:
    plain = lut_of(tmp_path, TABLE)
    assert_equal(lut_of(tmp_path, b"\xef\xbb\xbf" + TABLE.replace("\n", "\r\n\r\n").encode()), plain)


def test_gzip(tmp_path: Path) -> None:
    lut = lut_of(tmp_path, TABLE)
    for name in ("one.csv.gz", "two.csv.gz"):
        lut.to_csv(tmp_path / name)
    assert_equal(Lut.from_csv(tmp_path / "one.csv.gz"), lut)
    assert (tmp_path / "one.csv.gz").read_bytes() == (tmp_path / "two.csv.gz").read_bytes()
    (tmp_path / "three.csv.gz").write_bytes(gzip.compress(TABLE.encode())[:-9])
    with pytest.raises(InputError, match="three.csv.gz: not a whole gzip file"):
        Lut.from_csv(tmp_path / "three.csv.gz")


@given(lut=full_luts())
# Every example overwrites the file.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_export_and_import_give_the_lut_back(tmp_path: Path, lut: Lut) -> None:
    tables = [table for block in lut.blocks for table in block.tables]
    present = [m for m in lut.metrics if any(m.name not in t.measured or t.measured[m.name].any() for t in tables)]
    assume(present)
    # What the text does not say: other units than those in the names, and provenance.
    metrics = tuple(replace(metric, unit=unit_of(metric.name)) for metric in present)
    lut = replace(lut, metrics=metrics, provenance={})
    lut.to_csv(tmp_path / "table.csv")
    fixed = {m.name: m.fixed for m in metrics if m.fixed is not None}
    assert_equal(Lut.from_csv(tmp_path / "table.csv", {m.name: m.aggregation for m in metrics}, fixed), lut)


def test_the_space_describes_candidates_that_have_no_text(tmp_path: Path) -> None:
    blocks = tuple(LutBlock(b.name, (Table({"nsr": np.zeros(b.n_candidates)}, BitWidths(4, 8)),)) for b in TINY.blocks)
    lut = Lut((Metric("nsr"),), blocks, TINY)
    lut.to_csv(tmp_path / "t.csv")
    again = Lut.from_csv(tmp_path / "t.csv")
    for block in TINY.blocks:
        for c in range(block.n_candidates):
            assert again.describe(block.name, c) == lut.describe(block.name, c) == f"{block.describe(c)} w4a8"


def test_a_metric_cannot_have_the_name_of_a_column(tmp_path: Path) -> None:
    lut = Lut((Metric("bits"),), (LutBlock("b", (Table({"bits": np.ones(1)}),)),))
    with pytest.raises(InputError, match="the metric 'bits' cannot be written"):
        lut.to_csv(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "table.csv: empty"),
        ("block,candidate,loss\n", "table.csv: no blocks: nothing stands below the header"),
        ("block,candidate\nb,0\n", "line 1: there is no column of a metric"),
        ("candidate,loss\n0,1\n", "line 1: there is no column 'block'"),
        ("block,loss\nb,1\n", "line 1: there is no column 'candidate'"),
        ("block,candidate,loss,loss\nb,0,1,1\n", "line 1: the column 'loss' stands twice"),
        ("block,candidate,,loss\nb,0,1,1\n", "line 1: column 3 has no name"),
        ("block,candidate,loss\nb,0,1\nb,1\n", "line 3: 2 cells, but the header has 3"),
        ("block,candidate,loss\nb,0,1,2\n", "line 2: 4 cells, but the header has 3"),
        ("block,candidate,loss\n,0,1\n", "line 2: block: the block has no name"),
        ("block,candidate,loss\nb,1,1\n", "line 2: candidate: '1' where 0 was expected: a block counts from 0"),
        ("block,candidate,loss\nb,0,1\nb,0,1\n", "line 3: candidate: '0' where 1 was expected"),
        ("block,candidate,loss\nb,0.0,1\n", "line 2: candidate: '0.0' where 0"),
        ("block,candidate,loss\na,0,1\nb,0,1\n\na,1,1\n", "line 5: block: 'a' was ended by another block already"),
        ("block,candidate,loss\nb,0,1\nb,1,x\n", "line 3: loss: 'x' is not a decimal number"),
        ("block,candidate,loss\nb,0,nan\n", "line 2: loss: 'nan' is not a decimal number"),
        ("block,candidate,loss\nb,0,-inf\n", "line 2: loss: '-inf' is not a decimal number"),
        ("block,candidate,loss\nb,0,1_0\n", "line 2: loss: '1_0' is not a decimal number"),
        ("block,candidate,loss\nb,0, 1\n", "line 2: loss: ' 1' is not a decimal number"),
        ("block,candidate,loss\nb,0,1\nb,1,1e\n", "line 3: loss: '1e' is not a decimal number"),
        ("block,candidate,loss\nb,0,.\n", "line 2: loss: '.' is not a decimal number"),
        ("block,candidate,loss\nb,0,1e999\n", "line 2: loss: 1e999 is too large for a double"),
        ("block,candidate,loss\nb,0,\nb,1,\n", "table.csv: no metric has a value"),
        ("block,candidate,loss\nb,0,\"1\n", "line 2: not CSV: unexpected end of data"),
        ("block,candidate,bits,loss\nb,0,w4a4,1\nb,1,four,1\n", "line 3: bits: bit widths 'four' are neither"),
        ("block,candidate,bits,loss\nb,0,4,1\nb,1,8,1\nb,2,w4a4,1\n", "b w4a4: two tables of the same bit widths"),
        (b"block,candidate,loss\nb,0,1\n\xff,0,1\n", "table.csv: line 3: not UTF-8 text"),
    ],
)  # fmt: skip
def test_errors_name_file_line_and_column(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        lut_of(tmp_path, text)


def test_options_for_metrics_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"table.csv: there is no metric 'macs' among loss, size_bytes"):
        lut_of(tmp_path, TABLE, fixed={"macs": 1.0})
    with pytest.raises(InputError, match="there is no metric 'latency_ms"):
        lut_of(tmp_path, TABLE, aggregate={"latency_ms[x]": "max"})


@pytest.mark.parametrize(
    ("name", "n_candidates", "metrics"),
    [
        ("hawqv3_resnet18", 32, ["loss", "size_MiB", "gbops", "latency_ms[nvidia_t4]"]),
        ("spaceevo_pixel4_160", 2020, ["loss", "flops_M", "params_M", "latency_ms[pixel4_cpu_int8_tflite]"]),
        ("fbnet_rpi4_cifar10", 192, ["params", "macs", "latency_us[raspi4_tf_eager]"]),
    ],
)
def test_real_tables_survive(tmp_path: Path, name: str, n_candidates: int, metrics: list[str]) -> None:
    lut = Lut.from_csv(data_file(f"tables/{name}.csv"))
    assert sum(block.n_candidates for block in lut.blocks) == n_candidates
    assert list(lut.metric_names) == metrics
    lut.to_csv(tmp_path / "again.csv")
    assert_equal(Lut.from_csv(tmp_path / "again.csv"), lut)
    lut.save(tmp_path / "again.h5")
    assert_equal(Lut.open(tmp_path / "again.h5"), lut)
