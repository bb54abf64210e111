"""Fake quantisation is honest: ONNX Runtime's integer kernels answer what torch simulates."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from qabwnas.costs import network_costs
from qabwnas.deploy.check import (
    OnnxNetwork,
    OutputDifferences,
    compare_outputs,
    open_session,
    output_step,
    packed_bytes,
    stored_bytes,
    with_float_biases,
)
from qabwnas.deploy.onnx_export import onnx_model
from qabwnas.nets.network import build_network
from qabwnas.nets.quantise import quantise_network
from qabwnas.quant.nsr import NsrMeter
from qabwnas.quant.ptq import operators_of, weighted_layer
from qabwnas.space import FLOAT, BitWidths, Block, Policy
from tests.deploy.candidates import DILATED, MIXED, MIXED_SMALLER, SAME, SHAPE, SMALLER, candidate, images
from tests.spaces import codes, spaces

INT8 = BitWidths(8, 8)
CANDIDATES = [
    (SAME, ["k3e1", "k3e1", "k3e1"]),
    (SAME, ["k3e3", "k5e6", "k7e1"]),
    (SAME, ["k7e6", "k7e6", "k7e6"]),
    (SAME, ["skip", "k3e1", "skip"]),
    (SAME, ["skip", "k5e3", "skip"]),
    (SAME, ["skip", "k7e6", "skip"]),
    (SMALLER, ["k3e6", "k5e3", "k3e6"]),
    (SMALLER, ["k7e3", "skip", "k7e1"]),
    (SMALLER, ["k5e1", "k5e1", "k5e1"]),
    (DILATED, ["k3e6", "k5e6"]),
    (DILATED, ["k5e1", "k3e1"]),
    (MIXED_SMALLER, ["se_k3e1", "fused_k3e1"]),
    (MIXED, ["skip", "se_k5e3", "skip"]),
    (MIXED, ["fused_k5e3", "se_k5e3", "skip"]),
]


@pytest.mark.parametrize("widths", [INT8, BitWidths(6, 6), BitWidths(4, 4), BitWidths(4, 8), BitWidths(2, 3)])
@pytest.mark.parametrize(("block", "operations"), CANDIDATES)
def test_integer_kernels_answer_what_is_simulated(block: Block, operations: list[str], widths: BitWidths) -> None:
    """To within a step in 99.9 % of elements at 8 bits, and the narrow grids in their containers nearly so."""
    network = candidate(block, operations, widths)
    answers = OnnxNetwork(open_session(onnx_model(network, SHAPE)))
    found = compare_outputs(answers, network, [images(3), images(4)], output_step(network))
    assert found.within_a_step >= (0.999 if widths == INT8 else 0.998)
    assert found.mean <= 0.02 * output_step(network)


@torch.no_grad()
def test_kernels_for_convolutions_answer_what_exact_sums_give() -> None:
    """What is left between float32 and integers is how sums are rounded; and how residual connections are added up."""
    network = candidate(SMALLER, ["k3e6", "skip", "skip"], INT8)
    answers = OnnxNetwork(open_session(onnx_model(network, SHAPE)))
    exact = copy.deepcopy(network).double()
    different = (answers(images(3)).double() - exact(images(3).double())).abs() > output_step(network) / 2
    assert different.double().mean() <= 1e-4


@torch.no_grad()
def test_float_biases_are_another_draw_of_the_noise() -> None:
    network = candidate(SAME, ["k3e3", "k5e6", "k7e1"], INT8)
    other = with_float_biases(network)
    assert all(operator.weights is not None for _, operator in operators_of(network) if weighted_layer(operator))
    found = compare_outputs(other, network, [images(3)], output_step(network))
    assert 0 < found.mean < output_step(network)


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize(("block", "operations"), CANDIDATES[::2])
@torch.no_grad()
def test_a_lut_holds_the_noise_of_integer_kernels(block: Block, operations: list[str], bits: int) -> None:
    network, exact = (candidate(block, operations, widths) for widths in (BitWidths(bits, bits), FLOAT))
    answers = OnnxNetwork(open_session(onnx_model(network, SHAPE)))
    signal = [exact(images(seed)) for seed in (3, 4, 5)]
    meter = NsrMeter(signal)
    simulated, executed = (meter(module(images(seed)) for seed in (3, 4, 5)) for module in (network, answers))
    assert executed == pytest.approx(simulated, rel=0.01)


@torch.no_grad()
def test_a_difference_is_measured() -> None:
    moved = nn.Module()
    moved.forward = lambda x: x + torch.tensor([0.0, 0.1, 0.1, 0.25])  # type: ignore[method-assign]
    found = compare_outputs(nn.Identity(), moved, [torch.zeros(2, 4), torch.zeros(1, 4)], 0.1)
    assert found == OutputDifferences(pytest.approx(0.25), pytest.approx(0.1125), 0.75)


def test_the_step_is_that_of_the_output() -> None:
    network = candidate(SAME, ["k3e1", "skip", "skip"], INT8)
    add = network[1].add
    assert add is not None
    assert output_step(network) == float(add.output.grid.scale)
    assert output_step(candidate(SAME, ["k3e1", "skip", "skip"], FLOAT)) == 0


# Size


WIDTHS = st.sampled_from([FLOAT, BitWidths(8, 8), BitWidths(6, 6), BitWidths(4, 8), BitWidths(4, 4), BitWidths(3, 7)])


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_packed_bytes_are_the_predicted_size(data: st.DataObject) -> None:
    space = data.draw(spaces())
    operations = [b.decode(code) for b, code in zip(space.blocks, codes(data.draw, space), strict=True)]
    policy = Policy(tuple(data.draw(WIDTHS) for _ in space.blocks), fixed=data.draw(WIDTHS))
    torch.manual_seed(0)
    shape = (space.input.channels, space.input.height, space.input.width)
    network = quantise_network(build_network(space, operations), policy, [torch.rand(2, *shape)])
    model = onnx_model(network, shape)
    predicted = network_costs(space, operations, policy)["size_bytes"]
    assert packed_bytes(model) == predicted
    assert stored_bytes(model) < len(model.SerializeToString())
    x = torch.rand(3, *shape)
    assert OnnxNetwork(open_session(model))(x).shape == network(x).shape
