"""SpaceEvo's block tables, made small: stages, resolutions, and errors that name file, line and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from qabwnas.errors import InputError
from qabwnas.lut.importers.formats import import_table
from qabwnas.lut.importers.inputs import ImportOptions
from qabwnas.lut.lut import Lut, Metric
from tests.data_sets import data_file

STAGE_1 = """\
3#32#None_5#32#None,1x16x80x80,0.5,10.5,0.01,1.25
3#32#None,1x16x112x112,0.75,20,0.02,2.5
7#24#None,1x24x80x80,0.625,8.25,0.03,1
"""
STAGE_2 = "5#40#6,1x32x40x40,0.25,30,0.125,2\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "stage2_10_3.csv").write_text(STAGE_2, encoding="utf-8")
    (tmp_path / "stage2_9_3.csv").write_text(STAGE_2.replace("0.25,", "0.5,"), encoding="utf-8")
    (tmp_path / "stage1_0_1.csv").write_text(STAGE_1, encoding="utf-8")
    return tmp_path


def read(*paths: Path, **options: object) -> Lut:
    return import_table(paths, "spaceevo", ImportOptions(**options))  # type: ignore[arg-type]


def test_a_folder_is_a_lut_of_its_stages(folder: Path) -> None:
    lut = read(folder, resolution=160, device="pixel4", fixed={"latency_ms[pixel4]": 0.5})
    assert lut.metrics == (
        Metric("loss"),
        Metric("flops_M", "M"),
        Metric("params_M", "M"),
        Metric("latency_ms[pixel4]", "ms", "sum", 0.5),
    )
    assert lut.block_names == ("stage1", "stage2")
    first = lut.block("stage1")
    assert [first.column(name).tolist() for name in lut.metric_names] == [
        [0.5, 0.625], [10.5, 8.25], [0.01, 0.03], [1.25, 1.0],
    ]  # fmt: skip
    assert lut.describe("stage1", 0) == "type0_width1:3#32#None_5#32#None@1x16x80x80"
    # Two block types of a stage: 9 before 10.
    assert lut.block("stage2").column("loss").tolist() == [0.5, 0.25]
    assert lut.describe("stage2", 1) == "type10_width3:5#40#6@1x32x40x40"


def test_files_of_one_resolution_need_no_choice(folder: Path, tmp_path: Path) -> None:
    lut = read(folder / "stage2_9_3.csv")
    assert lut.metric_names[-1] == "latency_ms"
    old = tmp_path / "stage1_2.csv"
    old.write_text(STAGE_2, encoding="utf-8")
    assert read(old).describe("stage1", 0).startswith("type2:")


def test_choices_that_are_missing_or_wrong(folder: Path) -> None:
    with pytest.raises(InputError, match="resolutions 160, 224 are mixed: choose one"):
        read(folder)
    with pytest.raises(InputError, match="no line of resolution 192; there are 160, 224"):
        read(folder, resolution=192)
    with pytest.raises(InputError, match="stage2_9_3.csv: no line of resolution 224"):
        read(folder, resolution=224)
    with pytest.raises(InputError, match="there is no metric 'macs' among loss, flops_M"):
        read(folder, resolution=160, fixed={"macs": 1.0})


def test_files_that_are_missing_or_misnamed(folder: Path) -> None:
    with pytest.raises(InputError, match="stage2_9_3.csv: given twice"):
        read(folder, folder / "stage2_9_3.csv", resolution=160)
    (folder / "stage4_0_0.csv").write_text(STAGE_2, encoding="utf-8")
    with pytest.raises(InputError, match="stage 3 is missing: there are 1, 2, 4"):
        read(folder, resolution=160)
    (folder / "notes.csv").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="notes.csv: the name does not say its stage, as stage1_0_0.csv"):
        read(folder)
    (folder / "empty").mkdir()
    with pytest.raises(InputError, match="empty: it has no .csv file"):
        read(folder / "empty")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("3#32#None,1x16x80x80,0.5,10,0.01", "line 2: 5 cells, but the format has 6"),
        ("3#32,1x16x80x80,0.5,10,0.01,1", "line 2: layers: '3#32' is not of the form"),
        ("3#32#6,16x80x80,0.5,10,0.01,1", "line 2: input_shape: '16x80x80' is not of the form 1x24x80x80"),
        (
            "3#32#6,1x16x90x90,0.5,10,0.01,1",
            "line 2: input_shape: no network of resolution 160, 192 or 224 has a side of 90",
        ),
        ("3#32#6,1x16x80x80,low,10,0.01,1", "line 2: loss: 'low' is not a decimal number"),
        ("3#32#6,1x16x80x80,0.5,10,0.01,", "line 2: latency_ms: empty"),
    ],
)
def test_errors_name_file_line_and_column(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "stage1_0_0.csv"
    path.write_text(f"5#40#6,1x32x80x80,0.25,30,0.125,2\n{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match=f"stage1_0_0.csv: {message}"):
        read(path)
    path.write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="stage1_0_0.csv: empty"):
        read(path)


@pytest.mark.parametrize("resolution", [160, 192, 224])
def test_a_converted_table_comes_back_from_files_of_the_original_form(tmp_path: Path, resolution: int) -> None:
    """Written back into the original's form, the real table is read as it was converted."""
    real = Lut.from_csv(data_file(f"tables/spaceevo_pixel4_{resolution}.csv"))
    for block in real.blocks:
        prefix = real.describe(block.name, 0).partition(":")[0]  # type1_width1
        name = f"{block.name}_{prefix.removeprefix('type').replace('_width', '_')}.csv"
        rows = zip(*(block.column(metric).tolist() for metric in real.metric_names), strict=True)
        lines = []
        for c, values in enumerate(rows):
            layers, _, shape = real.describe(block.name, c).partition(":")[2].partition("@")
            lines.append(",".join([layers, shape, *map(repr, values)]) + "\n")
        (tmp_path / name).write_text("".join(lines), encoding="utf-8")
    lut = read(tmp_path, device="pixel4_cpu_int8_tflite")
    assert lut.metrics == real.metrics
    assert lut.block_names == real.block_names
    for block in real.blocks:
        for metric in real.metric_names:
            assert lut.block(block.name).column(metric).tolist() == block.column(metric).tolist()
        assert lut.describe(block.name, 7) == real.describe(block.name, 7)
