"""DNA's potential-*.yaml, made small: which losses are taken, in which order, and errors that name the key."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from qabwnas.errors import InputError, RoundingWarning
from qabwnas.lut.importers.formats import import_table
from qabwnas.lut.lut import Lut, Metric


def write(folder: Path, stage: int, content: object) -> Path:
    path = folder / f"potential-{stage}.yaml"
    path.write_text(yaml.safe_dump(content, default_flow_style=False), encoding="utf-8")
    return path


def losses(n: int, scale: float = 1.0) -> dict[str, list[float]]:
    return {
        "loss": [scale * i for i in range(1, n + 1)],
        "cl_loss": [scale * i / 8 for i in range(1, n + 1)],
        "rela_loss": [0.0] * n,  # never computed
        "prec1": [0.0] * n,
        "top_index": list(range(n)),
    }


def read(*paths: Path) -> Lut:
    return import_table(paths, "dna")


def test_stages_become_blocks(tmp_path: Path) -> None:
    write(tmp_path, 1, losses(5, 1e-5))
    write(tmp_path, 0, losses(36))
    lut = read(tmp_path)
    assert lut.metrics == (Metric("loss"), Metric("cl_loss"))
    assert lut.block_names == ("stage0", "stage1")
    assert lut.block("stage0").column("cl_loss").tolist() == [i / 8 for i in range(1, 37)]
    assert lut.block("stage1").column("loss").tolist() == [1e-5 * i for i in range(1, 6)]
    # Last layer fastest, DNA's six operations; five candidates are of other operations.
    assert [lut.describe("stage0", c) for c in (0, 1, 6, 35)] == [
        "MB6_3x3 MB6_3x3", "MB6_3x3 MB6_5x5", "MB6_5x5 MB6_3x3", "MB3_7x7 MB3_7x7",
    ]  # fmt: skip
    assert lut.describe("stage1", 3) == "#3"


def test_only_losses_that_all_stages_have_are_taken(tmp_path: Path) -> None:
    write(tmp_path, 0, {"loss": [1.0, 2.0], "cl_loss": [1.0, 2.0]})
    write(tmp_path, 1, {"loss": [1, 2, 3]})
    assert read(tmp_path).metric_names == ("loss",)
    write(tmp_path, 1, {"gr_loss": [1.0]})
    with pytest.raises(InputError, match="no loss is in all stages; expected one of loss, rela_loss"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1.0], "potential-0.yaml: not a mapping of lists"),
        ({"loss": 1.0}, "potential-0.yaml: loss: not a list with at least one entry"),
        ({"loss": []}, "potential-0.yaml: loss: not a list with at least one entry"),
        ({"loss": [1.0, "x"]}, r"potential-0.yaml: loss\[1\]: 'x' is not a finite number"),
        ({"loss": [1.0, float("nan")]}, r"potential-0.yaml: loss\[1\]: nan is not a finite number"),
        ({"loss": [10**400]}, r"potential-0.yaml: loss\[0\]: 10+… is not a finite number"),
        ({"loss": [1.0], "cl_loss": [1.0, 2.0]}, "lists of different lengths: cl_loss 2, loss 1"),
        ({"loss": [1.0], "lost": [1.0]}, "potential-0.yaml: lost: unknown key; there are loss, "),
    ],
)
def test_errors_name_file_and_key(tmp_path: Path, content: object, message: str) -> None:
    path = write(tmp_path, 0, content)
    with pytest.raises(InputError, match=message):
        read(path)


def test_files_that_are_no_stage(tmp_path: Path) -> None:
    path = tmp_path / "potential-0.yaml"
    path.write_bytes(b"\xff")
    with pytest.raises(InputError, match="potential-0.yaml: cannot be read: not UTF-8 text"):
        read(path)
    path.write_text("loss: [", encoding="utf-8")
    with pytest.raises(InputError, match="potential-0.yaml: not YAML: "):
        read(path)
    other = tmp_path / "modelpool-0.yaml"
    other.write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match="modelpool-0.yaml: the name does not say its stage"):
        read(other)
    (tmp_path / "b").mkdir()
    write(tmp_path, 0, losses(2))
    with pytest.raises(InputError, match="stage 0 already has a file, "):
        read(path, write(tmp_path / "b", 0, losses(2)))


def test_rounding_is_announced(tmp_path: Path) -> None:
    path = tmp_path / "potential-0.yaml"
    path.write_text("loss: [9007199254740993, 9.007199254740995e+15]\ncl_loss: [0.1, 1]\n", encoding="utf-8")
    block = read(tmp_path).block("stage0")
    assert block.column("loss").tolist() == [2**53 + 1, 2**53 + 3]
    assert block.column("cl_loss").tolist() == [0.1, 1.0]
    path.write_text("loss: [1.5, 9007199254740993, 0.1234567890123456789]\n", encoding="utf-8")
    message = f"^{path}: entry 1: loss: 9007199254740993 is rounded to .*, and 1 more are rounded"
    with pytest.warns(RoundingWarning, match=message) as caught:
        read(tmp_path)
    assert len(caught) == 1
