"""Quantisation-aware training computes the same as the converted network, with the gradients of torch's kernels."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from qabwnas.errors import InputError
from qabwnas.nets.network import Network, build_network
from qabwnas.nets.quantise import prepare_qat_network, quantise_network
from qabwnas.quant.activations import FakeQuantise
from qabwnas.quant.affine import Affine
from qabwnas.quant.operators import Linear
from qabwnas.quant.ptq import prepare
from qabwnas.quant.qat import StraightThroughQuantise, StraightThroughWeights, convert_qat, prepare_qat
from qabwnas.quant.weights import RoundedWeights
from qabwnas.space import FLOAT, SKIP, BitWidths, Policy, mbconv
from qabwnas.train.loop import train
from qabwnas.train.settings import Training
from qabwnas.train.trainer import Progress
from tests.quant.test_ptq import trained
from tests.spaces import TINY

W4A4, W2A3 = BitWidths(4, 4), BitWidths(2, 3)
IMAGES = torch.rand(96, 1, 8, 6, generator=torch.Generator().manual_seed(5))
PARTS = torch.stack([part.mean((1, 2, 3)) for part in (IMAGES[:, :, :4], IMAGES[:, :, 4:], IMAGES[:, :, 2:6, 1:5])], 1)
LABELS = ((PARTS - PARTS.mean(0)) / PARTS.std(0)).argmax(1)


@pytest.fixture
def network() -> Network:
    torch.manual_seed(0)
    network = trained(build_network(TINY, [[mbconv(5, 2), SKIP], [mbconv(3, 3)]]))
    assert isinstance(network, Network)
    return network


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("symmetric", [True, False])
def test_gradients_of_activations_are_those_of_torch(bits: int, symmetric: bool) -> None:
    torch.manual_seed(bits)
    x = torch.randn(4, 3, 5, 5) * 2
    grid = Affine.of_range(torch.tensor(-0.7), torch.tensor(2.0), bits, symmetric=symmetric)
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    outputs = (
        StraightThroughQuantise(grid, inplace=False)(ours),
        torch.fake_quantize_per_tensor_affine(theirs, float(grid.scale), -int(grid.zero), grid.smallest, grid.largest),
    )
    assert torch.equal(*outputs)
    gradient = torch.randn_like(x)
    for output in outputs:
        output.backward(gradient)
    assert torch.equal(ours.grad, theirs.grad)  # type: ignore[arg-type]
    assert 0 < (ours.grad == 0).float().mean() < 1  # type: ignore[union-attr, attr-defined]  # some were clipped


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_gradients_of_weights_are_those_of_torch(bits: int) -> None:
    torch.manual_seed(bits)
    layer = nn.Conv2d(3, 6, 3)
    ours = layer.weight
    theirs = ours.detach().clone().requires_grad_()
    largest = 2 ** (bits - 1) - 1
    scale = theirs.detach().abs().amax((1, 2, 3)) / largest
    expected = torch.fake_quantize_per_channel_affine(theirs, scale, torch.zeros(6).int(), 0, -largest, largest)
    rounded, _ = StraightThroughWeights(bits)(layer)
    assert torch.equal(rounded, expected)
    gradient = torch.randn_like(ours)
    rounded.backward(gradient)
    expected.backward(gradient)
    assert torch.equal(ours.grad, theirs.grad)  # type: ignore[arg-type]


def test_a_bias_is_rounded_and_its_gradient_is_not() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(5, 3)
    read = Affine.of_range(torch.tensor(0.0), torch.tensor(2.0), 4, symmetric=False)
    weight, bias = StraightThroughWeights(4, read)(layer)
    assert torch.equal(bias, RoundedWeights(4, read).bias(layer.bias, weight))
    assert not torch.equal(bias, layer.bias)
    bias.backward(torch.arange(3.0))
    assert torch.equal(layer.bias.grad, torch.arange(3.0))  # type: ignore[arg-type]


@pytest.mark.parametrize("blocks", [(W4A4, BitWidths(8, 6)), (W2A3, W4A4), (FLOAT, W4A4)])
def test_before_training_it_is_the_quantised_network(network: Network, blocks: tuple[BitWidths, ...]) -> None:
    policy = Policy(blocks)
    expected = quantise_network(network, policy, IMAGES.split(40))
    prepared = prepare_qat_network(network, policy, IMAGES.split(40))
    assert torch.equal(prepared(IMAGES), expected(IMAGES))
    assert torch.equal(prepared.train()(IMAGES), expected(IMAGES))
    converted = convert_qat(prepared)
    assert torch.equal(converted(IMAGES), expected(IMAGES))
    assert converted.state_dict().keys() == expected.state_dict().keys()
    assert all(torch.equal(converted.state_dict()[name], tensor) for name, tensor in expected.state_dict().items())


def same_images(first: int, last: int) -> list[Tensor]:
    return [IMAGES] * (last - first)


def tuned(network: Network, policy: Policy, folder: Path, *, stop_at: int | None = None) -> Network:
    """Train at ``policy`` on labels that need both halves and the middle of an image."""
    prepared = prepare_qat_network(network, policy, [IMAGES])

    def loss(forward: nn.Module, images: Tensor, step: int) -> Tensor:
        if step == stop_at:
            raise KeyboardInterrupt
        return F.cross_entropy(forward(images), LABELS)

    settings = Training(steps=60, batch=96, learning_rate=0.01, optimizer="adamw")
    train(prepared, loss, same_images, settings, seed=1, name="qat", progress=Progress(folder / "qat.pt", "", every=10))
    return prepared


def test_training_improves_on_quantisation_after_training(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build_network(TINY, [[mbconv(5, 2), SKIP], [mbconv(3, 3)]])
    settings = Training(steps=120, batch=96, learning_rate=0.02, optimizer="adamw")
    train(network, lambda forward, images, _: F.cross_entropy(forward(images), LABELS), same_images, settings, seed=0,
          name="float", progress=Progress(tmp_path / "float.pt", ""))  # fmt: skip
    policy = Policy((W4A4, W4A4))
    prepared = tuned(network.eval(), policy, tmp_path)
    with torch.no_grad():
        evaluated = prepared.eval()(IMAGES)
        converted = convert_qat(prepared)
        assert torch.equal(converted(IMAGES), evaluated)
        before = F.cross_entropy(quantise_network(network, policy, [IMAGES])(IMAGES), LABELS)
        after = F.cross_entropy(evaluated, LABELS)
    assert after < before / 2
    for part in converted.modules():
        assert type(part) is not StraightThroughQuantise
    for block in converted.blocks:
        for part in block.modules():
            if isinstance(part, nn.Conv2d):
                assert all(len(row.unique()) <= 15 for row in part.weight)


def test_finished_weights_read_back_into_the_quantised_network(network: Network, tmp_path: Path) -> None:
    """Ranges are those of the float network, so the file needs only the weights."""
    policy = Policy((W4A4, BitWidths(8, 6)))
    converted = convert_qat(tuned(network, policy, tmp_path))
    other = quantise_network(network, policy, [IMAGES])
    assert not torch.equal(other(IMAGES), converted(IMAGES))
    other.load_state_dict(converted.state_dict())
    assert torch.equal(other(IMAGES), converted(IMAGES))


def test_an_interrupted_training_ends_as_an_uninterrupted_one(network: Network, tmp_path: Path) -> None:
    for name in ("whole", "interrupted"):
        (tmp_path / name).mkdir()
    policy = Policy.homogeneous(W4A4, 2)
    whole = tuned(network, policy, tmp_path / "whole").state_dict()
    with pytest.raises(KeyboardInterrupt):
        tuned(network, policy, tmp_path / "interrupted", stop_at=37)
    resumed = tuned(network, policy, tmp_path / "interrupted").state_dict()
    assert all(torch.equal(resumed[name], tensor) for name, tensor in whole.items())


def test_an_operator_without_calibration_is_named() -> None:
    with pytest.raises(InputError, match="1: no calibration data has passed here"):
        prepare_qat(prepare(nn.Sequential(nn.Flatten(), Linear(4, 2))), W4A4)


def test_an_input_is_not_overwritten_after_training(network: Network) -> None:
    converted = convert_qat(prepare_qat_network(network, Policy.homogeneous(W4A4, 2), [IMAGES]))
    given = IMAGES.clone()
    converted(given)
    assert torch.equal(given, IMAGES)
    assert any(isinstance(part, FakeQuantise) and part.inplace for part in converted.modules())
