"""Sensitivities per layer, made small: exact products, tied layers, and errors that name file, line and column."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from qabwnas.errors import InputError, RoundingWarning
from qabwnas.lut.importers.formats import import_table
from qabwnas.lut.importers.inputs import ImportOptions
from qabwnas.lut.lut import Lut, Metric
from qabwnas.space import BitWidths

HEADER = "layer,group,Hutchinson_trace,delta_weights_4bit_square,delta_weights_8bit_square,parameters,bops"
TABLE = f"""{HEADER},latency_int4,latency_int8
conv1,,0.1,0.3,0.03,36,1000,0.25,0.5
conv2,down,0.2,7,0.7,72,2000,0.125,0.25
conv3,,0.5,1,0.5,10,100,1,2
short,down,0.7,0.1,0.01,8,50,0.0625,0.125
"""


def lut_of(tmp_path: Path, text: str, **options: object) -> Lut:
    path = tmp_path / "hawq.csv"
    path.write_text(text, encoding="utf-8")
    return import_table([path], "hawq", ImportOptions(**options))  # type: ignore[arg-type]


def test_a_layer_is_a_block_and_a_bit_width_a_candidate(tmp_path: Path) -> None:
    lut = lut_of(tmp_path, TABLE, device="t4", fixed={"size_bytes": 100.0})
    assert lut.metrics == (
        Metric("loss"),
        Metric("size_bytes", "bytes", "sum", 100.0),
        Metric("bitops"),
        Metric("latency_ms[t4]", "ms"),
    )
    assert lut.block_names == ("conv1", "conv2+short", "conv3")
    assert [table.widths for table in lut.blocks[0].tables] == [BitWidths(4, 4), BitWidths(8, 8)]
    assert lut.block("conv1").column("loss").tolist() == [0.03, 0.003]  # in floats 0.1 × 0.3 is another double
    assert lut.block("conv1").column("size_bytes").tolist() == [18, 36]
    assert lut.block("conv1").column("bitops").tolist() == [16_000, 64_000]
    assert lut.describe("conv3", 1) == "8bit w8a8"


def test_tied_layers_add_up_exactly(tmp_path: Path) -> None:
    tied = lut_of(tmp_path, TABLE).block("conv2+short")
    expected = [Fraction(2, 10) * 7 + Fraction(7, 100), Fraction(2, 10) * Fraction(7, 10) + Fraction(7, 1000)]
    assert tied.column("loss").tolist() == [float(value) for value in expected]
    assert tied.column("latency_ms").tolist() == [0.1875, 0.375]
    assert tied.column("size_bytes").tolist() == [40, 80]


def test_costs_may_be_missing(tmp_path: Path) -> None:
    lut = lut_of(tmp_path, "layer,Hutchinson_trace,delta_weights_2bit_square\na,0.5,0.5\n")
    assert lut.metric_names == ("loss",)
    assert [table.widths for table in lut.blocks[0].tables] == [BitWidths(2, 2)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "hawq.csv: empty"),
        (HEADER, "hawq.csv: no layers: there are no rows below the header"),
        ("layer,delta_weights_4bit_square\na,1\n", "line 1: there is no column 'Hutchinson_trace'"),
        ("layer,Hutchinson_trace\na,1\n", "line 1: there is no column such as 'delta_weights_4bit_square'"),
        (TABLE.replace(",latency_int8", ",speed"), "line 1: there is no column 'latency_int8'"),
        (TABLE.replace(",bops", ",macs"), "line 1: macs: unknown column"),
        (TABLE.replace("weights_8", "weights_64").replace("int8", "int64"), "line 1: delta_weights_64bit_square: bit"),
        (TABLE.replace(",0.7,72", ",x,72"), "line 3: delta_weights_8bit_square: 'x' is not a decimal number"),
        (TABLE.replace("conv3,,0.5", "conv3,,"), "line 4: Hutchinson_trace: empty"),
        (TABLE.replace("conv3", "conv1"), "line 4: layer: two layers are named 'conv1'"),
        (TABLE.replace("conv3", ""), "line 4: layer: the layer has no name"),
        (TABLE + "x,1\n", "line 6: 2 cells, but the header has 9"),
    ],
)
def test_errors_name_file_line_and_column(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        lut_of(tmp_path, text)


def test_costs_that_doubles_do_not_hold_are_int64(tmp_path: Path) -> None:
    lut = lut_of(tmp_path, f"layer,Hutchinson_trace,delta_weights_4bit_square,bops\na,1,1,{2**53 + 1}\n")
    assert lut.blocks[0].column("bitops").tolist() == [16 * (2**53 + 1)]


def test_rounding_is_announced_once_per_cost(tmp_path: Path) -> None:
    rows = "a,1,1,0.1234567890123456789\nb,1,1,0.9876543210123456789\n"
    text = "layer,Hutchinson_trace,delta_weights_4bit_square,latency_int4\n" + rows
    with pytest.warns(RoundingWarning, match="block 0: latency_ms: 0.1234567890123456789 is rounded") as caught:
        lut_of(tmp_path, text)
    assert len(caught) == 1
