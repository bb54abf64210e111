"""Once-for-all's latency tables, made small: alone, and as a column of a LUT that has a space."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qabwnas.errors import InputError, RoundingWarning
from qabwnas.lut.importers.formats import import_table
from qabwnas.lut.importers.inputs import ImportOptions
from qabwnas.lut.importers.ofa import add_operations
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.space import INT8, Block, Operation, mbconv
from tests.spaces import TINY

TABLE = """\
Conv-input:8x8x3-output:4x4x16: {mean: 0.5, count: 10}
expanded_conv-input:4x4x16-output:2x2x24-expand:3-kernel:3-stride:2-idskip:0: {mean: 1}
expanded_conv-input:2x2x24-output:2x2x24-expand:3-kernel:3-stride:1-idskip:1: {mean: 0.25}
expanded_conv-input:4x4x16-output:2x2x24-expand:6-kernel:5-stride:2-idskip:0: {mean: 2.5}
expanded_conv-input:4x4x16-output:2x2x24-expand:96-kernel:5-stride:2-idskip:0-se:1-hs:0: {mean: 3}
Logits-input:2x2x24-output:10: {mean: 0.125}
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "table.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_alone_has_one_block_per_layer_shape(tmp_path: Path) -> None:
    lut = import_table([write(tmp_path, TABLE)], "ofa", ImportOptions(device="note10"))
    assert lut.metrics == (Metric("latency_ms[note10]", "ms"),)
    assert lut.block_names == (
        "Conv-input:8x8x3-output:4x4x16",
        "expanded_conv-input:4x4x16-output:2x2x24-stride:2-idskip:0",
        "expanded_conv-input:2x2x24-output:2x2x24-stride:1-idskip:1",
        "Logits-input:2x2x24-output:10",
    )
    place = lut.blocks[1]
    assert place.column("latency_ms[note10]").tolist() == [1.0, 2.5, 3.0]
    assert [lut.describe(place.name, c) for c in range(3)] == [
        "expand:3-kernel:3", "expand:6-kernel:5", "expand:96-kernel:5-se:1-hs:0",
    ]  # fmt: skip
    assert lut.describe("Logits-input:2x2x24-output:10", 0) == "Logits"


PHONE = """\
AvgPool2D-input:5x5x1152-output:1x1x1152:
  count: 491
  mean: 0.008482688391038698
  std: 0.0006733248071883371
Conv-input:160x160x3-output:80x80x24:
  count: 498
  mean: 0.495562248995984
  std: 0.010239557348882489
Conv_1-input:5x5x192-output:5x5x1152:
  count: 498
  mean: 0.4456807228915663
  std: 0.021099412568183217
Conv_2-input:1x1x1152-output:1x1x1536:
  count: 498
  mean: 0.7474116465863454
  std: 0.09968561638146704
Logits-input:1x1x1536-output:1000:
  count: 499
  mean: 0.656440881763527
  std: 0.07729654276272765
expanded_conv-input:10x10x136-output:10x10x136-expand:408-kernel:3-stride:1-idskip:1-se:1-hs:1:
  count: 100
  mean: 0.86918
  std: 0.013281099352086765
expanded_conv-input:10x10x136-output:10x10x136-expand:816-kernel:7-stride:1-idskip:1-se:1-hs:1:
  count: 104
  mean: 2.3291826923076924
  std: 0.06975544704717673
expanded_conv-input:80x80x24-output:40x40x32-expand:144-kernel:7-stride:2-idskip:0-se:0-hs:0:
  count: 54
  mean: 4.609611111111111
  std: 0.20168525319919817
"""


def test_a_table_of_a_real_phone_is_read(tmp_path: Path) -> None:
    """Entries of ``latency_table@note10/160_lookup_table.yaml``, every kind that it has."""
    lut = import_table([write(tmp_path, PHONE)], "ofa", ImportOptions(device="note10"))
    assert [len(lut.block(name).column("latency_ms[note10]")) for name in lut.block_names] == [1, 1, 1, 1, 1, 2, 1]
    place = lut.block("expanded_conv-input:10x10x136-output:10x10x136-stride:1-idskip:1")
    assert place.column("latency_ms[note10]").tolist() == [0.86918, 2.3291826923076924]
    assert lut.describe(place.name, 1) == "expand:816-kernel:7-se:1-hs:1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "table.yaml: not a mapping of operations"),
        ("", "table.yaml: not a mapping of operations"),
        ("a: [", "table.yaml: not YAML"),
        ("Pool-input:1x1x1-output:2: {mean: 1}", "table.yaml: Pool-input:1x1x1-output:2: not an operation of the form"),
        ("Conv-input:8x8x3-output:4x4x16: 3", "table.yaml: Conv-input:8x8x3-output:4x4x16.mean: None is not a number"),
        ("Conv-input:8x8x3-output:4x4x16: {mean: -1}", "4x4x16.mean: -1 is not a number of 0 or more"),
        ("Conv-input:8x8x3-output:4x4x16: {mean: .nan}", "4x4x16.mean: nan is not a number of 0 or more"),
        (TABLE.replace("-kernel:3-stride:1", "-stride:1"), "idskip:1: not an operation of the form"),
    ],
)
def test_errors_name_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        import_table([write(tmp_path, text)], "ofa")


# The space "tiny": image 1 × 8 × 6, stem to 4 × 8 × 6, blocks of two layers to 4 × 8 × 6 and 6 × 4 × 3 (dilated).
KEEP = "expanded_conv-input:8x6x4-output:8x6x4-expand:{}-kernel:{}-stride:1-idskip:1"
TINY_TABLE = {
    KEEP.format(1, 3): 1.0,
    KEEP.format(8, 5) + "-se:0-hs:0": 2.0,  # by inner channels: 2 × 4
    "Conv-input:8x6x1-output:8x6x4": 0.25,
    "Logits-input:4x3x6-output:3": 0.5,
}
LATENCY = {mbconv(3, 1): 1.0, mbconv(5, 2): 2.0}


def tiny_lut() -> Lut:
    blocks = [
        LutBlock(b.name, tuple(Table({"nsr": np.ones(b.n_candidates)}, w) for w in TINY.bit_widths))
        for b in TINY.blocks
    ]
    return Lut((Metric("nsr"),), tuple(blocks), TINY, {"teacher": "0"})


def test_a_table_is_a_column_of_a_lut_with_a_space(tmp_path: Path) -> None:
    path = write(tmp_path, "".join(f"{key}: {{mean: {mean}}}\n" for key, mean in TINY_TABLE.items()))
    lut = add_operations(tiny_lut(), path, "note10")
    assert lut.metrics == (Metric("nsr"), Metric("latency_ms[note10]", "ms", "sum", 0.75))
    first = lut.block("first")
    operations = TINY.blocks[0].operations  # k3e1, k5e2, skip
    expected = [LATENCY.get(a, 0.0) + LATENCY.get(b, 0.0) for a, b in itertools.product(operations, repeat=2)]
    assert first.measured("latency_ms[note10]") is None
    assert first.column("latency_ms[note10]").tolist() == expected * 2  # at both bit widths
    second = lut.block("second").measured("latency_ms[note10]")
    assert second is not None
    assert not second.any()  # dilated
    assert lut.provenance == {
        "teacher": "0", "columns": {"latency_ms[note10]": {"table": "table.yaml", "format": "ofa"}},
    }  # fmt: skip


def test_squeeze_and_excitation_has_entries_of_its_own_and_other_operations_have_none(tmp_path: Path) -> None:
    names = ["k3e2", "se_k3e2", "fused_k3e2", "ops.Ghost:3:2"]
    block = Block("b", 4, 4, 1, 1, 1, tuple(map(Operation.parse, names)))
    space = replace(TINY, blocks=(block,))
    lut = Lut((Metric("nsr"),), (LutBlock("b", (Table({"nsr": np.ones(4)}, INT8),)),), space)
    key = KEEP.format(8, 3)
    path = write(tmp_path, f"{key}-se:0-hs:0: {{mean: 2}}\n{key}-se:1-hs:0: {{mean: 3}}\n")
    added = add_operations(lut, path, "x").block("b")
    mask = added.measured("latency_ms[x]")
    assert mask is not None
    assert mask.tolist() == [True, True, False, False]
    assert added.column("latency_ms[x]")[mask].tolist() == [2, 3]


def test_candidates_with_a_missing_layer_are_masked(tmp_path: Path) -> None:
    lut = add_operations(tiny_lut(), write(tmp_path, f"{KEEP.format(1, 3)}: {{mean: 1}}\n"), "x")
    mask = lut.block("first").measured("latency_ms[x]")
    assert mask is not None
    assert mask.tolist() == [True, False, True, False, False, False, True, False, True] * 2
    assert lut.metric("latency_ms[x]").fixed is None


def test_impossible_columns_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, TABLE)
    with pytest.raises(InputError, match=r"table.yaml: no candidate has a value of 'latency_ms\[x\]'") as caught:
        add_operations(Lut(tiny_lut().metrics, tiny_lut().blocks[1:], TINY), path, "x")
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="table.yaml: a table of operations needs a LUT with a space"):
        add_operations(Lut(tiny_lut().metrics, tiny_lut().blocks), path, "x")
    with pytest.raises(InputError, match=r"device: 'a\[b\]' is not a device's name"):
        add_operations(tiny_lut(), path, "a[b]")


def test_rounding_is_announced(tmp_path: Path) -> None:
    path = write(tmp_path, "Conv-input:8x8x3-output:4x4x8:\n  mean: 9007199254740993\n")
    column = import_table([path], "ofa").blocks[0].column("latency_ms")
    assert column.tolist() == [2**53 + 1]
    path = write(tmp_path, "Conv-input:8x8x3-output:4x4x8:\n  mean: 0.1234567890123456789\n")
    with pytest.warns(RoundingWarning, match=f"^{path}: entry 1: mean: 0.1234567890123456789 is rounded") as caught:
        import_table([path], "ofa")
    assert len(caught) == 1
