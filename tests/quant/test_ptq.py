"""Folding changes nothing; conversion rounds weights once per channel and every tensor that an operator writes."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from qabwnas.errors import InputError
from qabwnas.nets.layers import DeepLabV3, MBConv
from qabwnas.nets.network import build_network
from qabwnas.nets.quantise import quantise_network
from qabwnas.quant.activations import FakeQuantise
from qabwnas.quant.batch_norm import fold_batch_norm
from qabwnas.quant.operators import Activation, Convolution, Input, Operator
from qabwnas.quant.ptq import convert, convert_in_place, prepare, prepare_in_place, quantise, shallow_copy
from qabwnas.space import FLOAT, SKIP, BitWidths, Policy, mbconv
from tests.spaces import TINY

W4A6 = BitWidths(4, 6)


@pytest.fixture(autouse=True)
def _same_numbers_every_time() -> None:
    torch.manual_seed(0)


def trained(module: nn.Module) -> nn.Module:
    """Give batch norms statistics and affine parameters that are not those of a fresh module."""
    generator = torch.Generator().manual_seed(1)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_mean is not None
            assert part.running_var is not None
            for tensor, low in ((part.weight.data, 0.5), (part.bias.data, -0.5), (part.running_mean, -0.2)):
                tensor.uniform_(low, low + 1, generator=generator)
            part.running_var.uniform_(1e-5, 1, generator=generator)
            part.running_var[0] = 1e-5  # a channel that is nearly constant, for which ε matters
    return module.eval()


def per_tensor(x: Tensor, reference: Tensor, bits: int) -> Tensor:
    """torch's own kernel with a min-max grid of ``reference``."""
    low, high = min(float(reference.min()), 0.0), max(float(reference.max()), 0.0)
    scale = (high - low) / (2**bits - 1)
    return torch.fake_quantize_per_tensor_affine(x, scale, round(-low / scale), 0, 2**bits - 1)


def per_channel(w: Tensor, bits: int) -> Tensor:
    n = 2 ** (bits - 1) - 1
    scale = w.abs().amax((1, 2, 3)) / n
    return torch.fake_quantize_per_channel_affine(w, scale, torch.zeros_like(scale).int(), 0, -n, n)


@torch.no_grad()
def test_a_quantised_mbconv_step_by_step() -> None:
    """The integer run-time's order of rounding, written out with torch's kernels."""
    layer = trained(MBConv(4, 4, kernel=3, expansion=2, stride=1, dilation=1))
    calibration, x = torch.randn(8, 4, 6, 6), torch.randn(8, 4, 6, 6)
    folded = copy.deepcopy(layer)
    fold_batch_norm(folded)
    real, rounded = calibration, per_tensor(x, calibration, 6)
    residual = real, rounded
    for convolution in folded.convolutions:
        conv, activation = convolution.conv, convolution.activation
        real = activation(conv(real))
        weights = per_channel(conv.weight, 4)
        y = F.conv2d(rounded, weights, conv.bias, padding=conv.padding, groups=conv.groups)
        rounded = per_tensor(activation(y), real, 6)
    rounded = per_tensor(residual[1] + rounded, residual[0] + real, 6)
    quantised = quantise(layer, W4A6, [calibration[:3], calibration[3:]])
    step = float((residual[0] + real).max() - (residual[0] + real).min()) / 63
    given = x.clone()
    difference = (quantised(x) - rounded).abs()
    assert torch.equal(x, given)
    # Ranges before and after folding differ in their last bits, so single values may be rounded to the next step.
    assert float(difference.max()) < 1.5 * step
    assert float((difference > 0.01 * step).float().mean()) < 0.01


@torch.no_grad()
def test_folding_changes_no_output() -> None:
    network = trained(build_network(TINY, [[mbconv(5, 2), SKIP], [mbconv(3, 3)]]))
    x = torch.rand(3, 1, 8, 6)
    before = network(x)
    fold_batch_norm(network)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in network.modules())
    torch.testing.assert_close(network(x), before, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_floats_are_only_folded() -> None:
    head = trained(DeepLabV3(4, 3, (1, 2), 5))
    x = torch.randn(2, 4, 6, 6)
    floats = quantise(head, FLOAT, [x])
    assert not any(isinstance(part, FakeQuantise) for part in floats.modules())
    torch.testing.assert_close(floats(x), head(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("bits", [2, 4, 8, 16])
@pytest.mark.parametrize("activation", ["relu6", "relu", "none"])
@pytest.mark.parametrize("spread", [0.1, 30.0])
@torch.no_grad()
def test_rounding_is_the_activation_too(bits: int, activation: Activation, spread: float) -> None:
    """If a grid has the ends of the activation, the activation is left out: all values are the same."""
    convolution = Convolution(1, 3, norm=False, activation=activation)
    convolution.conv.weight.fill_(1.0)
    convolution.conv.bias = nn.Parameter(torch.tensor([0.0, -1.0, 1.0]))
    prepared = prepare(convolution)
    prepared(spread * torch.randn(1, 1, 8, 8))
    converted = convert(prepared, BitWidths(8, bits))
    assert isinstance(converted.activation, nn.Identity)
    x = 50 * torch.randn(1, 1, 40, 40)
    expected = prepared.activation(converted.conv(x))
    assert torch.equal(converted(x), converted.output(expected))


@torch.no_grad()
def test_an_activation_stays_where_the_grid_ends_elsewhere() -> None:
    """If calibration gave only zeros, the grid has a step of 1 and ends far beyond ReLU6."""
    convolution = Convolution(1, 1, norm=False, activation="relu6")
    convolution.conv.weight.fill_(1.0)
    convolution.conv.bias = nn.Parameter(torch.zeros(1))
    prepared = prepare(convolution)
    prepared(torch.full((1, 1, 2, 2), -3.0))
    converted = convert(prepared, BitWidths(8, 8))
    assert isinstance(converted.activation, nn.ReLU6)
    assert converted(torch.full((1, 1, 1, 1), 100.0)).item() == 6.0


@torch.no_grad()
def test_every_operator_writes_numbers_of_its_grid() -> None:
    head = trained(DeepLabV3(4, 3, (1, 2), 5))
    quantised = quantise(head, W4A6, [torch.randn(2, 4, 6, 6)])
    written: list[int] = []
    for part in quantised.modules():
        if isinstance(part, Operator):
            part.register_forward_hook(lambda _, __, y: written.append(len(y.unique())))
        if isinstance(part, Convolution):
            assert all(len(row.unique()) <= 15 for row in part.conv.weight)
    quantised(torch.randn(2, 4, 6, 6))
    assert len(written) == 1 + 3 + 2 + 1 + 2  # input; branches; pooling; concatenation; bottleneck and classifier
    assert max(written) <= 64


@pytest.mark.parametrize("seed", range(5))
@torch.no_grad()
def test_many_bits_are_nearly_floats_and_fewer_are_worse(seed: int) -> None:
    """Only with statistics of real data: in a saturated channel, more bits do not always help."""
    torch.manual_seed(seed)
    network = build_network(TINY, [[mbconv(5, 2)], [mbconv(3, 3)]])
    images = torch.rand(16, 1, 8, 6)
    for _ in range(60):  # in training mode, until the moving averages have settled
        network(images)
    expected = network.eval()(images)
    errors = [
        float((quantise(network, BitWidths(bits, bits), [images])(images) - expected).square().mean())
        for bits in (16, 8, 6, 4, 2)
    ]
    assert errors == sorted(errors)
    assert errors[0] < 1e-6 * float(expected.var())


def test_the_original_is_left_alone() -> None:
    network = build_network(TINY, [[mbconv(5, 2)], [mbconv(3, 3)]])
    before = copy.deepcopy(network.state_dict())
    quantised = quantise_network(network, Policy.homogeneous(W4A6, 2), [torch.rand(4, 1, 8, 6)])
    with torch.no_grad():
        for parameter in quantised.parameters():
            parameter.fill_(torch.nan)
    assert network.training
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


@torch.no_grad()
def test_a_policy_gives_every_part_its_bits() -> None:
    network = trained(build_network(TINY, [[mbconv(5, 2)], [mbconv(3, 3)]]))
    policy = Policy((W4A6, FLOAT), fixed=BitWidths(8, 3))
    quantised = quantise_network(network, policy, [torch.rand(4, 1, 8, 6)])

    def levels(part: nn.Module) -> set[int]:
        return {m.grid.largest - m.grid.smallest + 1 for m in part.modules() if isinstance(m, FakeQuantise)}

    parts = (quantised.stem, *quantised.blocks, quantised.head)
    assert [levels(part) for part in parts] == [{8}, {64}, set(), {8}]


def test_errors_name_the_operator() -> None:
    prepared = prepare(nn.Sequential(Input(), MBConv(4, 4, 3, 2, 1, 1)))
    with pytest.raises(InputError, match="0: no calibration data has passed here"):
        convert(prepared, W4A6)
    broken = MBConv(4, 4, 3, 2, 1, 1)
    torch.nn.init.constant_(broken.convolutions.project.conv.weight, torch.inf)
    with pytest.raises(InputError, match=r"1\.convolutions\.project: a range to quantise must be finite"):
        quantise(broken, W4A6, [torch.rand(2, 4, 3, 3)])


def test_a_shallow_copy_is_quantised_as_a_deep_copy_is() -> None:
    torch.manual_seed(0)
    module = MBConv(4, 4, 3, 2, 1, 1)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    x = torch.randn(2, 4, 6, 5)
    copied, shared = prepare(module), prepare_in_place(shallow_copy(module))
    assert torch.equal(copied(x), shared(x))
    convert_in_place(shared, BitWidths(4, 8))
    with torch.no_grad():
        assert torch.equal(convert(copied, BitWidths(4, 8))(x), shared(x))
    after = module.state_dict()
    assert list(before) == list(after)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_parameters_are_shared_and_buffers_are_not() -> None:
    module = MBConv(4, 4, 3, 2, 1, 1)
    copied = shallow_copy(module)
    pairs = zip(module.parameters(), copied.parameters(), strict=True)
    assert all(own is other for own, other in pairs)
    before = [buffer.clone() for buffer in module.buffers()]
    copied(torch.randn(2, 4, 6, 5))  # in training mode, so that batch norms move their statistics
    assert all(torch.equal(own, kept) for own, kept in zip(module.buffers(), before, strict=True))
    assert not all(torch.equal(own, kept) for own, kept in zip(copied.buffers(), before, strict=True))
    copied.eval()
    assert all(part.training for part in module.modules())
