"""LUTs as text: round trips, real tables, and errors that name file, line and column."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

from qabwnas.errors import FormatError, InputError, QabwnasWarning, RoundingWarning
from qabwnas.lut.importers.formats import export_table, import_table
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.space import BitWidths
from tests.data_sets import data_file
from tests.lut.strategies import assert_equal, full_luts
from tests.spaces import TINY

ARCHIVES = Path(__file__).resolve().parents[2] / "archives"
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
    with pytest.raises(InputError, match="three.csv.gz: not a complete gzip file"):
        Lut.from_csv(tmp_path / "three.csv.gz")


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
@given(lut=full_luts())
# Every example overwrites the file.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_export_and_import_give_the_lut_back(tmp_path: Path, suffix: str, lut: Lut) -> None:
    assume(not set(lut.metric_names) & {"block", "candidate", "bits", "choice_description"})
    found = lut
    for path in (tmp_path / f"one{suffix}", tmp_path / f"two{suffix}"):
        export_table(found, path)
        found = import_table([path])
        assert_equal(found, lut)
    if suffix == ".csv":
        assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("name", ["lut-populated.h5", "lut-imported.h5"])
def test_stored_luts_survive_as_tables(tmp_path: Path, name: str, suffix: str) -> None:
    lut = Lut.open(ARCHIVES / "v1" / name)
    export_table(lut, tmp_path / f"table{suffix}")
    again = import_table([tmp_path / f"table{suffix}"])
    assert_equal(again, lut)
    again.save(tmp_path / "again.h5")
    assert_equal(Lut.open(tmp_path / "again.h5"), lut)


def test_a_table_without_more_to_say_has_no_comment(tmp_path: Path) -> None:
    lut_of(tmp_path, TABLE).to_csv(tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes().startswith(b"block,")
    lut_of(tmp_path, TABLE, fixed={"loss": 0.5}).to_csv(tmp_path / "out.csv")
    first, second, *_ = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert first.startswith('# qabwnas-lut: {"metrics": [')
    assert second.startswith("block,candidate,")


def test_comments_above_the_header(tmp_path: Path) -> None:
    text = "# made by hand\r\n#\r\n" + TABLE.replace("\n", "\r\n")
    assert_equal(lut_of(tmp_path, "\ufeff" + text), lut_of(tmp_path, TABLE))
    with pytest.raises(InputError, match="line 5: loss: 'x' is not a decimal number"):
        lut_of(tmp_path, "# one\n# two\nblock,candidate,loss\nb,0,1\nb,1,x\n")
    # Below it a line is a row, whatever it begins with.
    assert lut_of(tmp_path, "block,candidate,loss\n#b,0,1\n").block_names == ("#b",)


def exported(tmp_path: Path) -> str:
    metrics = (Metric("loss"), Metric("size_bytes", "bytes", "sum", 50.0))
    table = Table({"loss": [0.5, 0.25], "size_bytes": [1.0, 2.0]}, descriptions=("a # b", 'c"'))
    Lut(metrics, (LutBlock("b", (table,)),), provenance={"teacher": "abc"}).to_csv(tmp_path / "out.csv")
    return (tmp_path / "out.csv").read_text(encoding="utf-8")


def test_an_export_that_was_edited(tmp_path: Path) -> None:
    """Rows say what there is; what the comment says of the rest still holds."""
    text = exported(tmp_path)
    comment, _, *rows = text.splitlines()
    edited = [comment, "block,candidate,choice_description,size_bytes,macs", rows[0].replace("0.5,1", "1,7")]
    lut = lut_of(tmp_path, "\n".join(edited))
    assert lut.metrics == (Metric("size_bytes", "bytes", "sum", 50.0), Metric("macs"))
    assert lut.block("b").n_candidates == 1
    assert lut.provenance == {"teacher": "abc"}


def test_options_override_the_metadata(tmp_path: Path) -> None:
    text = exported(tmp_path)
    same = lut_of(tmp_path, text, aggregate={"size_bytes": "sum"}, fixed={"size_bytes": 50.0})
    assert same.metric("size_bytes").fixed == 50.0
    message = "table.csv: size_bytes: the fixed part is 70.0 as given; the table says 50.0"
    with pytest.warns(QabwnasWarning, match=message):
        lut = lut_of(tmp_path, text, fixed={"size_bytes": 70.0})
    assert lut.metric("size_bytes") == Metric("size_bytes", "bytes", "sum", 70.0)
    with pytest.warns(QabwnasWarning, match="the aggregation is max as given; the table says sum"):
        assert lut_of(tmp_path, text, aggregate={"loss": "max"}).metric("loss").aggregation == "max"


def test_a_comment_that_a_spreadsheet_has_changed(tmp_path: Path) -> None:
    comment, *rows = exported(tmp_path).splitlines()
    cells = comment.replace('"', '""').split(",")
    for changed in (comment[:-9], ",".join(f'"{cell}"' for cell in cells), comment.replace("metrics", "m")):
        with pytest.raises(
            InputError, match=r"table.csv: line 1: the metadata of an exported table are damaged.* delete"
        ):
            lut_of(tmp_path, "\n".join([changed, *rows]))
    newer = comment.replace('"schema_version": 1', '"schema_version": 3')
    with pytest.raises(FormatError, match="table.csv: line 1: written by schema 3, this reads up to 2"):
        lut_of(tmp_path, "\n".join([newer, *rows]))


def test_cells_with_the_sign_of_a_comment_are_quoted(tmp_path: Path) -> None:
    """pandas, with its option for comments, then reads whole rows."""
    assert '\nb,0,"a # b",0.5,1\n' in exported(tmp_path)


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["9007199254740993", "0"], [9007199254740993, 0]),
        (["-9223372036854775808", "9223372036854775807"], [-(2**63), 2**63 - 1]),
        (["9.007199254740993e15", "9007199254740995.0"], [9007199254740993, 9007199254740995]),
        (["1152921504606846976"], [2**60]),  # a double, which stands for 1152921504606847000
        (["9007199254740992", "1"], [2.0**53, 1.0]),
        (["0.12345678901234568", "1e-300"], [0.12345678901234568, 1e-300]),
    ],
)
def test_exact_numbers(tmp_path: Path, cells: list[str], numbers: list[float]) -> None:
    text = "block,candidate,x\n" + "".join(f"b,{row},{cell}\n" for row, cell in enumerate(cells))
    found = lut_of(tmp_path, text).block("b").column("x").tolist()
    assert (found, list(map(type, found))) == (numbers, list(map(type, numbers)))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["1", "0.1234567890123456789"], "line 3: x: 0.1234567890123456789 is rounded to 0.12345678901234568; 15"),
        (["9007199254740993", "0.5", "9007199254740995"], "line 2: x: 9007199254740993 is rounded .*, and 1 more are"),
        (["9223372036854775809"], "line 2: x: 9223372036854775809 is rounded to 9.223372036854776e"),
        (["1e-400"], "line 2: x: 1e-400 is rounded to 0.0"),
        (["1e-99999999999999999999"], "line 2: x: 1e-99999999999999999999 is rounded to 0.0"),
    ],
)
def test_rounding_is_announced_once_per_column(tmp_path: Path, cells: list[str], message: str) -> None:
    text = "block,candidate,x\n" + "".join(f"b,{row},{cell}\n" for row, cell in enumerate(cells))
    with pytest.warns(RoundingWarning, match=f"^{tmp_path}/table.csv: {message}") as caught:
        lut_of(tmp_path, text)
    assert len(caught) == 1


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
        ("block,candidate,loss\n", "table.csv: no blocks: there are no rows below the header"),
        ("block,candidate\nb,0\n", "line 1: there is no column of a metric"),
        ("candidate,loss\n0,1\n", "line 1: there is no column 'block'"),
        ("block,loss\nb,1\n", "line 1: there is no column 'candidate'"),
        ("block,candidate,loss,loss\nb,0,1,1\n", "line 1: two columns are named 'loss'"),
        ("block,candidate,,loss\nb,0,1,1\n", "line 1: column 3 has no name"),
        ("block,candidate,loss\nb,0,1\nb,1\n", "line 3: 2 cells, but the header has 3"),
        ("block,candidate,loss\nb,0,1,2\n", "line 2: 4 cells, but the header has 3"),
        ("block,candidate,loss\n,0,1\n", "line 2: block: the block has no name"),
        ("block,candidate,loss\nb,0,1\nb,0,1\n", "line 3: candidate: '0' is in block 'b' twice"),
        ("block,candidate,loss\nb,,1\n", "line 2: candidate: the candidate has no name"),
        ("block,candidate,loss\nb,0,1\nb,1,x\n", "line 3: loss: 'x' is not a decimal number"),
        ("block,candidate,loss\nb,0,nan\n", "line 2: loss: 'nan' is not a decimal number"),
        ("block,candidate,loss\nb,0,-inf\n", "line 2: loss: '-inf' is not a decimal number"),
        ("block,candidate,loss\nb,0,1_0\n", "line 2: loss: '1_0' is not a decimal number"),
        ("block,candidate,loss\nb,0,1\nb,1,1e\n", "line 3: loss: '1e' is not a decimal number"),
        ("block,candidate,loss\nb,0,.\n", "line 2: loss: '.' is not a decimal number"),
        ("block,candidate,loss\nb,0,1e999\n", "line 2: loss: 1e999 is too large for a double"),
        ("block,candidate,loss\nb,0,\nb,1,\n", "table.csv: no metric has a value"),
        ("block,candidate,loss\nb,0,\"1\n", "line 2: not CSV: unexpected end of data"),
        ("block,candidate,bits,loss\nb,0,w4a4,1\nb,1,four,1\n", "line 3: bits: bit widths 'four' are neither"),
        ("block,candidate,bits,loss\nb,0,4,1\nb,1,8,1\nb,2,w4a4,1\n", "b w4a4: two tables have the same bit widths"),
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
