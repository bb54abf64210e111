"""Networks have the space's shapes, paths of the supernet are extracted candidates, and copies are copies."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from qabwnas.errors import InputError
from qabwnas.nets.layers import FusedMBConv, MBConv, Skip, build_operation
from qabwnas.nets.network import assemble, build_network
from qabwnas.nets.operations import squeeze_channels
from qabwnas.nets.supernet import Supernet, SupernetBlock, extract
from qabwnas.quant.operators import Convolution, Linear
from qabwnas.space import SKIP, SearchSpace, mbconv
from tests.spaces import TINY, codes, spaces

TEACHER = [[mbconv(5, 2)], [mbconv(3, 3), SKIP, mbconv(3, 1)]]


def images(space: SearchSpace, n: int = 2) -> Tensor:
    return torch.rand(n, space.input.channels, space.input.height, space.input.width)


def test_mbconv_is_its_formula() -> None:
    """Compared with torch.nn.functional, step by step."""
    module = MBConv(3, 3, kernel=5, expansion=4, stride=1, dilation=2).eval()
    x = torch.rand(2, 3, 9, 7)
    weights = [p for name, p in module.named_parameters() if name.endswith("conv.weight")]
    assert [tuple(w.shape) for w in weights] == [(12, 3, 1, 1), (12, 1, 5, 5), (3, 12, 1, 1)]
    one = (1 + 1e-5) ** -0.5  # a fresh batch norm divides by √(1 + ε) only
    y = F.relu6(F.conv2d(x, weights[0]) * one)
    y = F.relu6(F.conv2d(y, weights[1], padding=4, dilation=2, groups=12) * one)
    torch.testing.assert_close(module(x), x + F.conv2d(y, weights[2]) * one)


def test_squeeze_and_excitation_is_its_formula() -> None:
    module = MBConv(4, 4, kernel=3, expansion=8, stride=1, dilation=1, squeeze_channels=8).eval()
    plain = MBConv(4, 4, kernel=3, expansion=8, stride=1, dilation=1).eval()
    plain.load_state_dict({name: value for name, value in module.state_dict().items() if "excite" not in name})
    squeeze, excite = (
        module.get_submodule(f"convolutions.squeeze_excite.{name}.conv") for name in ("squeeze", "excite")
    )
    x = torch.rand(2, 4, 5, 7)
    y = plain.convolutions[:2](x)
    inner = F.conv2d(
        F.relu(F.conv2d(y.mean((2, 3), keepdim=True), squeeze.weight, squeeze.bias)), excite.weight, excite.bias
    )
    gate = ((inner + 3).clamp(0, 6) / 6).expand_as(y)
    torch.testing.assert_close(module(x), x + plain.convolutions[2](y * gate))


def test_fused_mbconv_is_its_formula() -> None:
    module = FusedMBConv(3, 3, kernel=5, expansion=4, stride=1, dilation=2).eval()
    x = torch.rand(2, 3, 9, 7)
    weights = [p for name, p in module.named_parameters() if name.endswith("conv.weight")]
    assert [tuple(w.shape) for w in weights] == [(12, 3, 5, 5), (3, 12, 1, 1)]
    one = (1 + 1e-5) ** -0.5
    y = F.relu6(F.conv2d(x, weights[0], padding=4, dilation=2) * one)
    torch.testing.assert_close(module(x), x + F.conv2d(y, weights[1]) * one)
    single = FusedMBConv(3, 5, kernel=3, expansion=1, stride=2, dilation=1).eval()
    [weight] = [p for name, p in single.named_parameters() if name.endswith("conv.weight")]
    torch.testing.assert_close(single(x), F.relu6(F.conv2d(x, weight, stride=2, padding=1) * one))


def test_the_squeeze_is_a_quarter_in_multiples_of_eight() -> None:
    """The widths of MobileNetV3-large's layers with squeeze-and-excitation (72 is the known exception: 24)."""
    assert [squeeze_channels(n) for n in (12, 72, 120, 480, 672, 960)] == [8, 24, 32, 120, 168, 240]


def test_layers_that_change_the_shape_have_no_residual_connection() -> None:
    assert MBConv(4, 6, 3, 2, stride=1, dilation=1).add is None
    assert MBConv(4, 4, 3, 2, stride=2, dilation=1).add is None
    assert MBConv(4, 4, 3, 1, stride=1, dilation=1).add is not None
    assert "expand" not in dict(MBConv(4, 4, 3, 1, stride=1, dilation=1).convolutions.named_children())
    assert isinstance(build_operation(TINY.blocks[0].layers[0], SKIP), Skip)


@settings(max_examples=30, deadline=None)
@given(spaces(), st.data())
def test_features_have_the_shapes_that_the_space_says(space: SearchSpace, data: st.DataObject) -> None:
    operations = [block.decode(c) for block, c in zip(space.blocks, codes(data.draw, space), strict=True)]
    network = build_network(space, operations).eval()
    maps = network.features(images(space))
    assert [(s.channels, s.height, s.width) for s in space.block_inputs] == [tuple(m.shape[1:]) for m in maps]
    logits = network(images(space))
    pixels = maps[-1].shape[2:] if space.head.kind == "deeplabv3" else ()
    assert logits.shape == (2, space.head.n_classes, *pixels)
    torch.testing.assert_close(network.head(network.features(x := images(space))[-1]), network(x))


@settings(max_examples=20, deadline=None)
@given(spaces(), st.data())
def test_a_path_of_the_supernet_is_the_extracted_candidate(space: SearchSpace, data: st.DataObject) -> None:
    block = space.blocks[0]
    supernet_block = SupernetBlock(block).eval()
    code = data.draw(st.integers(0, block.n_candidates - 1))
    shape = space.block_inputs[0]
    x = torch.rand(2, shape.channels, shape.height, shape.width)
    assert torch.equal(supernet_block(x, block.digits(code)), extract(supernet_block, code)(x))


def test_a_step_on_one_path_touches_no_other() -> None:
    block = SupernetBlock(TINY.blocks[0])
    block(torch.rand(2, 4, 8, 6), (0, 1)).sum().backward()
    trained = {name.split(".convolutions")[0] for name, p in block.named_parameters() if p.grad is not None}
    assert trained == {"layers.0.0", "layers.1.1"}


def test_an_assembled_network_inherits_and_shares_nothing() -> None:
    teacher, supernet = build_network(TINY, TEACHER), Supernet(TINY)
    network = assemble(teacher, supernet, [3, 4])
    assert torch.equal(network.stem.conv.conv.weight, teacher.stem.conv.conv.weight)
    assert torch.equal(
        network.blocks[0][0].convolutions.depthwise.conv.weight,
        supernet.blocks[0].layers[0][1].convolutions.depthwise.conv.weight,
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(torch.nan)
    assert all(p.isfinite().all() for p in [*teacher.parameters(), *supernet.parameters()])
    with pytest.raises(InputError, match="second: candidate 99 is not in"):
        assemble(teacher, supernet, [3, 99])


def test_all_arithmetic_happens_in_operators() -> None:
    """Quantisation rounds what operators write; a layer outside of them would stay float unnoticed."""
    network = build_network(TINY, TEACHER)
    inside = {id(part) for o in network.modules() if isinstance(o, (Convolution, Linear)) for part in o.modules()}
    arithmetic = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.ReLU6))]
    assert arithmetic
    assert all(id(m) in inside for m in arithmetic)
