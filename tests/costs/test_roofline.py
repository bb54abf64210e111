"""Roofline estimates: operators by hand, and columns that add up to the latency of whole networks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from qabwnas.costs import OperatorCost, block_costs, fixed_costs
from qabwnas.costs.roofline import Device, devices, load_device
from qabwnas.errors import InputError
from qabwnas.lut.columns import add_estimate
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.nets.layers import build_operation
from qabwnas.quant.operators import Operator
from qabwnas.quant.ptq import operators_of, weighted_layer
from qabwnas.space import FLOAT, BitWidths, Layer, Operation, SearchSpace, Shape
from qabwnas.space.yaml import load_space
from tests.lut.test_rows import layer_lut
from tests.spaces import TINY, codes, spaces

DEVICE = Device("x", "made up", {8: 2.0, 32: 1.0}, bandwidth_gb_per_s=4.0, overhead_us=3.0)
W8A8 = BitWidths(8, 8)

YAML = """\
name: x
source: made up
peak_gmacs_per_s: {8: 2, 32: 1}
bandwidth_gb_per_s: 4
overhead_us: 3
"""


def mbconv_ms(x: tuple[int, int], y: tuple[int, int], operation: Operation, residual: bool) -> float:
    """An MBConv at 8 bits on DEVICE, counted convolution by convolution; shapes are channels and positions."""
    if operation.is_skip:
        return 0.0
    kernel, expansion = map(int, operation.arguments)
    inner = x[0] * expansion
    convolutions = [
        (inner * kernel**2, inner * x[1], inner * y[1]),
        (inner * y[0], inner * y[1], y[0] * y[1]),
    ]
    if expansion > 1:
        convolutions.insert(0, (x[0] * inner, x[0] * x[1], inner * x[1]))
    total = 0.0
    for index, (weights, read, written) in enumerate(convolutions):
        positions = x[1] if expansion > 1 and index == 0 else y[1]
        total += max(weights * positions / 2.0, (weights + read + written) / 4.0) / 1e6 + 0.003
    if residual:
        total += 3 * y[0] * y[1] / 4.0 / 1e6 + 0.003
    return total


@torch.no_grad()
def module_ms(layer: Layer, operation: Operation, x: Shape) -> float:
    """What the operators of the built module take at 8 bits on DEVICE, from the tensors that they read and write."""
    total = 0.0

    def hook(operator: Operator, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        weighted = weighted_layer(operator)
        weights = 0 if weighted is None else weighted.weight.numel()
        traffic = sum(tensor.numel() for tensor in (*inputs, output))
        total += max(weights * output[0, 0].numel() / 2.0, (weights + traffic) / 4.0) / 1e6 + 0.003

    module = build_operation(layer, operation).eval()
    for _, operator in operators_of(module):
        operator.register_forward_hook(hook)
    module(torch.zeros(1, *x))
    return total


def test_a_block_by_hand() -> None:
    b = TINY.blocks[0]  # two layers on 4 × 8 × 6 that keep the shape: k3e1, k5e2, skip
    column = block_costs(TINY, 0, W8A8, [DEVICE.cost])["estimate_ms[x]"]
    for code in range(b.n_candidates):
        expected = sum(mbconv_ms((4, 48), (4, 48), operation, True) for operation in b.decode(code))
        assert column[code] == pytest.approx(expected, rel=1e-12)
    assert column[-1] == 0  # all skips


def test_a_strided_block_by_hand() -> None:
    b = TINY.blocks[1]  # 4 × 8 × 6 to 6 × 4 × 3 at stride 2, then a layer that keeps the shape
    column = block_costs(TINY, 1, W8A8, [DEVICE.cost])["estimate_ms[x]"]
    for code in range(b.n_candidates):
        first, second = b.decode(code)
        expected = mbconv_ms((4, 48), (6, 12), first, False) + mbconv_ms((6, 12), (6, 12), second, True)
        assert column[code] == pytest.approx(expected, rel=1e-12)


def test_arithmetic_or_memory_whichever_is_longer() -> None:
    operator = OperatorCost(live=(100, 100), weights=50, macs=1000, traffic=200)
    assert DEVICE.milliseconds(operator, W8A8) == pytest.approx(1000 / 2 / 1e6 + 0.003)
    assert replace(DEVICE, bandwidth_gb_per_s=0.1).milliseconds(operator, W8A8) == pytest.approx(2500 / 1e6 + 0.003)
    assert DEVICE.milliseconds(operator, FLOAT) == pytest.approx(1000 / 1e6 + 0.003)


def test_narrow_data_run_at_the_next_wider_peak() -> None:
    assert [DEVICE.width(BitWidths(*bits)) for bits in ((4, 4), (4, 8), (6, 6), (16, 16), (32, 32))] == [
        8, 8, 8, 32, 32,
    ]  # fmt: skip
    with pytest.raises(InputError, match="device 'x' has no peak_gmacs_per_s for 32 bits"):
        replace(DEVICE, peak_gmacs_per_s={8: 2.0}).width(FLOAT)


def lut_of(space: SearchSpace) -> Lut:
    blocks = [
        LutBlock(b.name, tuple(Table({"nsr": np.ones(b.n_candidates)}, w) for w in (W8A8, FLOAT))) for b in space.blocks
    ]
    return Lut((Metric("nsr"),), tuple(blocks), space, {"fixed": "w32a32"})


@settings(max_examples=25, deadline=None)
@given(spaces(), st.data())
def test_columns_add_layers_up(space: SearchSpace, data: st.DataObject) -> None:
    """A candidate takes what its layers take, one after the other."""
    lut = add_estimate(lut_of(space), DEVICE)
    assert lut.metrics[-1] == Metric(
        "estimate_ms[x]", "ms", "sum", fixed_costs(space, FLOAT, costs=[DEVICE.cost])["estimate_ms[x]"]
    )
    for b, c in enumerate(codes(data.draw, space)):
        block = space.blocks[b]
        x = space.block_inputs[b]
        total = 0.0
        for layer, operation in zip(block.layers, block.decode(c), strict=True):
            y = x.after(layer.out_channels, layer.stride)
            total += module_ms(layer, operation, x)
            x = y
        assert lut.block(block.name).column("estimate_ms[x]")[c] == pytest.approx(total, rel=1e-12, abs=1e-12)
    assert lut.provenance["columns"] == {"estimate_ms[x]": {"model": "roofline", "source": "made up"}}


def test_luts_that_cannot_be_estimated() -> None:
    lut = lut_of(TINY)
    with pytest.raises(InputError, match="an estimate needs a LUT with a space"):
        add_estimate(replace(lut, space=None), DEVICE)
    bare = tuple(LutBlock(b.name, (replace(b.tables[0], widths=None),)) for b in lut.blocks)
    with pytest.raises(InputError, match="first: an estimate needs bit widths"):
        add_estimate(replace(lut, blocks=bare), DEVICE)
    with pytest.raises(InputError, match=r"the LUT already has a metric 'estimate_ms\[x\]'"):
        add_estimate(add_estimate(lut, DEVICE), DEVICE)


def test_a_device_from_yaml(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(YAML, encoding="utf-8")
    assert load_device(tmp_path / "x.yaml") == DEVICE


def test_devices_that_are_shipped_say_where_their_figures_are_from() -> None:
    assert devices() == ("jetson-nano", "made-up-edge-cpu")
    for name in devices():
        device = load_device(name)
        assert device.name == name
        assert ("made up" in device.source) == name.startswith("made-up")
        assert block_costs(load_space("digits"), 0, W8A8, [device.cost])[f"estimate_ms[{name}]"].min() > 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: x", "name: 'x[1]'", r"x.yaml: name: 'x\[1\]' has a bracket"),
        ("source: made up\n", "", "x.yaml: source: missing"),
        ("source: made up", "source: ''", "x.yaml: source: '' is not a text"),
        ("{8: 2, 32: 1}", "5", "x.yaml: peak_gmacs_per_s: not a mapping of bit widths"),
        ("{8: 2, 32: 1}", "{24: 1}", "x.yaml: peak_gmacs_per_s: bit widths 24 are not in 2 to 16"),
        ("{8: 2, 32: 1}", "{w8: 1}", "x.yaml: peak_gmacs_per_s: 'w8' is not a bit width"),
        ("{8: 2, 32: 1}", "{8: 0}", "x.yaml: peak_gmacs_per_s.8: 0, but a rate must be positive"),
        ("per_s: 4", "per_s: fast", "x.yaml: bandwidth_gb_per_s: 'fast' is not a number of 0 or more"),
        ("overhead_us: 3", "overhead_us: 3\nclock: 1", "x.yaml: clock: unknown field"),
        ("name: x", "name: [", "x.yaml: not YAML: "),
    ],
)
def test_devices_that_are_wrong(tmp_path: Path, old: str, new: str, message: str) -> None:
    (tmp_path / "x.yaml").write_text(YAML.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_device(tmp_path / "x.yaml")


def test_a_device_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match="device 'pi4' is neither one of jetson-nano, made-up-edge-cpu nor a .yaml file"
    ):
        load_device("pi4")
    with pytest.raises(InputError, match="none.yaml: cannot be read: No such file"):
        load_device(tmp_path / "none.yaml")


def test_layers_are_estimated_at_bit_widths_of_their_own() -> None:
    """All rows of the first block: what its two layers take adds up, whichever bit widths the other has."""
    device = Device("x", "made up", {4: 4.0, 8: 2.0, 32: 1.0}, bandwidth_gb_per_s=4.0, overhead_us=3.0)
    lut = add_estimate(layer_lut({"first": list(range(36)), "second": [0]}), device)
    ms = lut.block("first").column("estimate_ms[x]").reshape(3, 2, 3, 2)  # operation and bit widths of both layers
    for w, widths in enumerate(TINY.bit_widths):
        of_block = block_costs(TINY, 0, widths, [device.cost])["estimate_ms[x]"].reshape(3, 3)
        np.testing.assert_allclose(ms[:, w, :, w], of_block, rtol=1e-12)
    np.testing.assert_allclose(ms[:, 0, :, 1] + ms[:, 1, :, 0], ms[:, 0, :, 0] + ms[:, 1, :, 1], rtol=1e-12)
    assert (ms[:2, 0, :2, 1] < ms[:2, 1, :2, 1]).all()
