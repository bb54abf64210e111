"""Fake quantisation is honest: ONNX Runtime's integer kernels answer what torch simulates."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from qabwnas.deploy.agreement import Agreement, agreement, as_exported, output_step
from qabwnas.deploy.onnx_export import onnx_model
from qabwnas.deploy.runtime import OnnxNetwork, open_session
from qabwnas.errors import InputError
from qabwnas.quant.nsr import NsrMeter
from qabwnas.space import FLOAT, BitWidths, Block
from tests.deploy.candidates import DILATED, SAME, SHAPE, SMALLER, candidate, images

INT8 = BitWidths(8, 8)
CANDIDATES = [
    (SAME, ["k3e1", "k3e1", "k3e1"]),
    (SAME, ["k3e3", "k5e6", "k7e1"]),
    (SAME, ["k7e6", "k7e6", "k7e6"]),
    (SAME, ["skip", "k5e3", "skip"]),
    (SMALLER, ["k3e6", "k5e3", "k3e6"]),
    (SMALLER, ["k7e3", "skip", "k7e1"]),
    (SMALLER, ["k5e1", "k5e1", "k5e1"]),
    (DILATED, ["k3e6", "k5e6"]),
    (DILATED, ["k5e1", "k3e1"]),
]


@pytest.mark.parametrize("widths", [INT8, BitWidths(6, 6), BitWidths(4, 4), BitWidths(4, 8), BitWidths(2, 3)])
@pytest.mark.parametrize(("block", "operations"), CANDIDATES)
def test_integer_kernels_answer_what_is_simulated(block: Block, operations: list[str], widths: BitWidths) -> None:
    """To within a step in 99.9 % of elements at 8 bits, and the narrow grids in their containers nearly so."""
    network = candidate(block, operations, widths)
    model = onnx_model(network, SHAPE)
    found = agreement(
        OnnxNetwork(open_session(model)), as_exported(network, model), [images(3), images(4)], output_step(network)
    )
    assert found.within_a_step >= (0.999 if widths == INT8 else 0.998)
    assert found.mean <= 0.02 * output_step(network)


@pytest.mark.parametrize("operation", ["k3e1", "k5e3", "k7e6"])
def test_one_layer_agrees_with_float_biases_too(operation: str) -> None:
    """Behind more layers, what biases in 32 bits change in a last bit has moved many values to the next step."""
    network = candidate(SAME, ["skip", operation, "skip"], INT8)
    answers = OnnxNetwork(open_session(onnx_model(network, SHAPE)))
    assert agreement(answers, network, [images(3), images(4)], output_step(network)).within_a_step >= 0.999


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize(("block", "operations"), CANDIDATES[::2])
@torch.no_grad()
def test_float_biases_do_not_move_the_noise(block: Block, operations: list[str], bits: int) -> None:
    """What a LUT holds is the NSR that integer kernels have."""
    network, exact = (candidate(block, operations, widths) for widths in (BitWidths(bits, bits), FLOAT))
    answers = OnnxNetwork(open_session(onnx_model(network, SHAPE)))
    signal = [exact(images(seed)) for seed in (3, 4, 5)]
    meter = NsrMeter(signal)
    simulated, executed = (meter(module(images(seed)) for seed in (3, 4, 5)) for module in (network, answers))
    assert executed == pytest.approx(simulated, rel=0.03)


@torch.no_grad()
def test_a_difference_is_measured() -> None:
    moved = nn.Module()
    moved.forward = lambda x: x + torch.tensor([0.0, 0.1, 0.1, 0.25])  # type: ignore[method-assign]
    found = agreement(nn.Identity(), moved, [torch.zeros(2, 4), torch.zeros(1, 4)], 0.1)
    assert found == Agreement(pytest.approx(0.25), pytest.approx(0.1125), 0.75)


def test_the_step_is_that_of_the_output() -> None:
    network = candidate(SAME, ["k3e1", "skip", "skip"], INT8)
    add = network[1].add
    assert add is not None
    assert output_step(network) == float(add.output.grid.scale)
    assert output_step(candidate(SAME, ["k3e1", "skip", "skip"], FLOAT)) == 0


def test_a_model_of_another_network_is_refused() -> None:
    model = onnx_model(candidate(SAME, ["k3e1", "skip", "skip"], INT8), SHAPE)
    with pytest.raises(InputError, match=r"the model holds no 1.convolutions.expand.weight"):
        as_exported(candidate(SAME, ["k3e3", "skip", "skip"], INT8), model)
