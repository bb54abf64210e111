"""Candidate codes, presets, and errors that name the field."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qabwnas.errors import InputError
from qabwnas.space import FLOAT, SKIP, BitWidths, Block, Operation, SearchSpace, Shape, mbconvs
from qabwnas.space.yaml import load_space, parse_space, presets, space_to_json

MINIMAL = {
    "name": "tiny",
    "input": {"channels": 1, "height": 8, "width": 8},
    "stem": {"channels": 4, "kernel": 3, "stride": 1},
    "operations": {"kernels": [3, 5], "expansions": [3]},
    "blocks": [{"name": "b1", "channels": 4, "layers": 2}],
    "head": {"kind": "classifier", "classes": 10},
    "bit_widths": [8],
}


def block(n_layers: int = 3, stride: int = 2, skip: bool = True) -> Block:
    operations = mbconvs((3, 5, 7), (3, 6)) + ((SKIP,) if skip else ())
    return Block("b", 8, 16, n_layers, stride, 1, operations)


def test_only_layers_that_keep_the_shape_may_be_skipped() -> None:
    assert block().radices == (6, 7, 7)
    assert block(skip=False).radices == (6, 6, 6)
    assert Block("b", 16, 16, 2, 1, 1, (SKIP,)).radices == (1, 1)


def test_last_layer_is_fastest() -> None:
    assert [operation.name for operation in block(skip=False).decode(1)] == ["k3e3", "k3e3", "k3e6"]
    assert block(skip=False).describe(215) == "k7e6 k7e6 k7e6"


@given(st.integers(1, 4), st.booleans(), st.data())
def test_encode_is_the_inverse_of_decode(n_layers: int, skip: bool, data: st.DataObject) -> None:
    b = block(n_layers, skip=skip)
    code = data.draw(st.integers(0, b.n_candidates - 1))
    assert b.encode(b.decode(code)) == code


def test_codes_outside_and_operations_not_offered_are_refused() -> None:
    with pytest.raises(InputError, match=r"b: candidate 294 is not in 0 … 293"):
        block().decode(294)
    with pytest.raises(InputError, match="b: layer 0 offers k3e3.* not skip"):
        block().encode([SKIP] * 3)
    with pytest.raises(InputError, match="b: 1 operations were given for 3 layers"):
        block().encode([SKIP])


def test_the_space_of_the_experiment() -> None:
    space = load_space("cityscapes-mbv2")
    assert [b.n_candidates for b in space.blocks] == [216, 216, 1296, 1296, 216, 6]
    assert space.n_subnets == pytest.approx(7.4e16, rel=0.01)
    assert [(s.channels, s.height) for s in space.block_inputs] == [
        (16, 512), (24, 256), (32, 128), (64, 128), (96, 128), (160, 128), (320, 128),
    ]  # fmt: skip


@pytest.mark.parametrize("name", presets())
def test_presets_survive_json(name: str) -> None:
    space = load_space(name)
    assert isinstance(space, SearchSpace)
    assert parse_space(space_to_json(space)) == space


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"blocks": []}, "space: blocks: not a list with at least one entry"),
        ({"blocks": [{"name": "b", "channels": 0, "layers": 1}]}, r"blocks\[0\].channels: 0 is not a whole number"),
        ({"blocks": [{"name": "b", "channels": 4}]}, r"blocks\[0\].layers: missing"),
        ({"blocks": [{"name": "b", "channels": 4, "layers": 1}] * 2}, r"blocks\[1\].name: 'b' appears twice"),
        ({"blocks": [{"name": "b", "channels": 4, "layers": 1, "depth": 2}]}, r"blocks\[0\].depth: unknown field"),
        ({"operations": {"kernels": [4], "expansions": [3]}}, r"operations.kernels\[0\]: the kernel 4 is not odd"),
        ({"operations": ["k3e3", "k3"]}, r"operations\[1\]: operation 'k3' is neither"),
        ({"operations": ["se_k4e3"]}, r"operations\[0\]: se_k4e3: the kernel 4 is not odd"),
        ({"operations": ["k0e3"]}, r"operations\[0\]: k0e3: the kernel 0 is not odd"),
        ({"operations": ["fused_k3e0"]}, r"operations\[0\]: fused_k3e0: the expansion is 0"),
        ({"operations": ["ops.Ghost(3)"]}, r"nor a class and its arguments: 'package.Class:3:6'"),
        ({"operations": ["qabwnas.nets.operations.MBConvType:3:6"]}, "operation 'qabwnas.nets.* is neither"),
        ({"operations": ["k3e3", "k3e3"]}, "operations: an operation appears twice"),
        ({"bit_widths": [8, "w8a8"]}, "bit_widths: an entry appears twice"),
        ({"bit_widths": [1]}, r"bit_widths\[0\]: bit widths 1 are not in 2 to 16"),
        ({"head": {"kind": "dense", "classes": 2}}, "head.kind: 'dense' is not one of"),
        ({"input": {"channels": 1, "height": True, "width": 8}}, "input.height: True is not a whole number"),
        ({"sterm": 1}, "space: sterm: unknown field"),
    ],
)
def test_errors_name_the_field(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_space(MINIMAL | change)


def test_a_shape_that_changes_cannot_be_skipped() -> None:
    only_skip = MINIMAL | {"operations": ["skip"], "blocks": [{"name": "b", "channels": 8, "layers": 1}]}
    with pytest.raises(InputError, match="layer 0 changes the shape and cannot be skipped"):
        parse_space(only_skip)


def test_names_read_back() -> None:
    own = Operation("package.ops.Ghost", (3, -2, 0.5, 1e-07, "same"))
    for operation in (*mbconvs((1, 7), (1, 6)), SKIP, own):
        assert Operation.parse(operation.name) == operation
    assert own.name == "package.ops.Ghost:3:-2:0.5:1e-07:same"
    for name in ("fused_k3e4", "se_k5e6", "ops.Ghost"):
        assert Operation.parse(name).name == name
    assert BitWidths.parse("w4a8") == BitWidths(4, 8)
    assert BitWidths.parse(6) == BitWidths(6, 6)
    assert BitWidths.parse(32) == FLOAT
    with pytest.raises(InputError, match="neither of the form"):
        BitWidths.parse("4/8")


def test_strides_round_up() -> None:
    assert Shape(3, 5, 4).after(8, 2) == Shape(8, 3, 2)


def test_unknown_spaces_and_broken_yaml(tmp_path: object) -> None:
    with pytest.raises(InputError, match="neither a preset"):
        load_space("imagenet")
    with pytest.raises(InputError, match="cannot be read"):
        load_space(f"{tmp_path}/none.yaml")
