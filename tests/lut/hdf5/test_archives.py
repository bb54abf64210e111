"""Files of every released schema are read value by value; tests/archives/v1/README.md says what they hold."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from qabwnas.lut.hdf5.store import read_header, validate_lut
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.space import SKIP, BitWidths, Block, Head, SearchSpace, Shape, Stem, mbconvs
from tests.lut.strategies import assert_equal

ARCHIVES = Path(__file__).resolve().parents[2] / "archives"


def populated() -> Lut:
    """What lut-populated.h5 holds."""
    operations = (*mbconvs((3, 5), (2,)), SKIP)
    space = SearchSpace(
        name="archive",
        input=Shape(3, 16, 12),
        stem=Stem(channels=8, kernel=3, stride=2),
        blocks=(Block("first", 8, 12, 2, 2, 1, operations), Block("second", 12, 16, 1, 1, 2, operations)),
        head=Head("deeplabv3", 5, channels=4, dilations=(1, 2)),
        bit_widths=(BitWidths(4, 4), BitWidths(8, 8)),
    )
    metrics = (
        Metric("nsr"),
        Metric("size_bytes", "bytes", "sum", 4096),
        Metric("peak_activation_bytes", "bytes", "max", 512),
        Metric("latency_ms[a/b 100%]", "ms", "sum", 0.1),
    )
    blocks = []
    for b, block in enumerate(space.blocks):
        tables = []
        for t, widths in enumerate(space.bit_widths):
            rows = range(block.n_candidates)
            columns = {
                "nsr": np.array([(1 + b + 10 * t + 100 * r) / 8 for r in rows]),
                "size_bytes": np.array([1000.0 * b + 100 * t + r for r in rows]),
                "peak_activation_bytes": np.array([7.0 * (b + t + r) for r in rows]),
                "latency_ms[a/b 100%]": np.array([r / 10 if r % 2 == 0 or t == 1 else math.nan for r in rows]),
            }
            mask = np.array([r % 2 == 0 for r in rows])
            measured = {"latency_ms[a/b 100%]": mask} if t == 0 else {}
            tables.append(Table(columns, widths, measured))
        blocks.append(LutBlock(block.name, tuple(tables)))
    provenance = {"teacher": "0123abcd", "settings": {"calibration_images": 200}}
    return Lut(metrics, tuple(blocks), space, provenance)


def imported() -> Lut:
    """What lut-imported.h5 holds."""
    blocks = []
    for name, n_rows in (("layer04+06", 3), ("α/β", 2)):
        texts = tuple(f"{name} {r}" for r in range(n_rows))
        column = np.array([-1.5 + r for r in range(n_rows)])
        blocks.append(LutBlock(name, (Table({"loss": column}, descriptions=texts),)))
    return Lut((Metric("loss"),), tuple(blocks))


def whole() -> Lut:
    """What lut-whole.h5 holds."""
    large = 2**53 + 1
    loss = [0.5, 0.25]
    tables = (
        Table({"loss": loss, "size_bytes": [large, large + 2]}, BitWidths(4, 4)),
        Table({"loss": loss, "size_bytes": [1.0, 2.0]}, BitWidths(8, 8)),
    )
    mask = {"size_bytes": np.array([True, False])}
    last = Table({"loss": loss, "size_bytes": [2**63 - 1, 0]}, measured=mask)
    metrics = (Metric("loss"), Metric("size_bytes", "bytes", fixed=large))
    return Lut(metrics, (LutBlock("a", tables), LutBlock("b", (last,))), provenance={"teacher": "0123abcd"})


def accuracy() -> Lut:
    """What v3/lut-accuracy.h5 holds."""
    blocks = (
        LutBlock("a", (Table({"loss": [0.5, 0.25], "accuracy": [0.125, 0.25]}),)),
        LutBlock("b", (Table({"loss": [0.5, 0.25], "accuracy": [0.0625, 0.375]}),)),
    )
    metrics = Metric("loss"), Metric("accuracy", fixed=0.5, higher_is_better=True)
    return Lut(metrics, blocks, provenance={"references": {"teacher": {"a": 1, "b": 0}}})


def test_schema_3() -> None:
    path = ARCHIVES / "v3" / "lut-accuracy.h5"
    assert read_header(path).schema_version == 3
    assert_equal(validate_lut(path), accuracy())


def test_schema_2() -> None:
    path = ARCHIVES / "v2" / "lut-whole.h5"
    assert read_header(path).schema_version == 2
    assert_equal(validate_lut(path), whole())
    assert validate_lut(path).block("a").column("size_bytes").tolist() == [2**53 + 1, 2**53 + 3, 1, 2]


@pytest.mark.parametrize(("name", "expected"), [("lut-populated.h5", populated()), ("lut-imported.h5", imported())])
def test_schema_1(name: str, expected: Lut) -> None:
    path = ARCHIVES / "v1" / name
    header = read_header(path)
    assert (header.format, header.schema_version, header.writer) == ("qabwnas-lut", 1, "qabwnas")
    assert_equal(validate_lut(path), expected)
