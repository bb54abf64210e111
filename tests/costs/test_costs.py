"""Costs from shapes equal what is counted in built torch modules."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from qabwnas.costs import COSTS, block_costs, encoder_costs, fixed_costs, network_costs, row_costs
from qabwnas.errors import InputError
from qabwnas.nets.network import Network, build_network
from qabwnas.nets.quantise import quantise_network
from qabwnas.quant.activations import FakeQuantise
from qabwnas.quant.operators import Operator
from qabwnas.space import FLOAT, BitWidths, Operation, Policy, SearchSpace, Shape, mbconv
from qabwnas.space.yaml import load_space, presets
from tests.spaces import TINY, codes, spaces

W8A8 = BitWidths(8, 8)
MOBILENET_V2 = [[mbconv(3, 6)] * n for n in (2, 3, 4, 3, 3, 1)]


def image(space: SearchSpace) -> Tensor:
    return torch.rand(1, space.input.channels, space.input.height, space.input.width)


def count_macs(network: nn.Module, x: Tensor) -> int:
    """Weights × output positions of every convolution and linear layer that runs."""
    total = 0

    def hook(layer: nn.Module, _: object, y: Tensor) -> None:
        nonlocal total
        assert isinstance(layer.weight, Tensor)
        total += layer.weight.numel() * math.prod(y.shape[2:])

    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            layer.register_forward_hook(hook)
    network(x)
    return total


def count_peak_bytes(network: nn.Module, x: Tensor, bits: int) -> int:
    """Trace which tensor every operator reads and writes; a tensor lives from its making to its last reading."""
    made: dict[int, int] = {}
    last_read: dict[int, int] = {}
    kept: dict[int, Tensor] = {}  # holds all tensors, so that no address is used twice
    steps = 0

    def address(tensor: Tensor) -> int:
        return tensor.untyped_storage().data_ptr()  # a broadcast tensor is the one that it is made from

    def hook(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal steps
        for tensor in (*inputs, output):
            kept.setdefault(address(tensor), tensor)
            made.setdefault(address(tensor), steps)
            last_read[address(tensor)] = steps
        steps += 1

    for part in network.modules():
        if isinstance(part, Operator):
            part.register_forward_hook(hook)
    network(x)
    n_bytes = {a: math.ceil(t.untyped_storage().nbytes() // 4 * bits / 8) for a, t in kept.items()}
    return max(sum(n_bytes[a] for a in kept if made[a] <= step <= last_read[a]) for step in range(steps))


def count_size_bytes(part: nn.Module, widths: BitWidths) -> int:
    size = 0
    for layer in part.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            assert layer.bias is not None
            size += math.ceil(layer.weight.numel() * widths.weights / 8) + 4 * len(layer.bias)
            size += 0 if widths.is_float else 4 * len(layer.weight)
        elif isinstance(layer, FakeQuantise):
            size += 8
    return size


@torch.no_grad()
def check_network(space: SearchSpace, operations: list[list[Operation]], policy: Policy) -> None:
    network = build_network(space, operations).eval()
    costs = network_costs(space, operations, policy)
    assert costs["parameters"] == sum(p.numel() for p in network.parameters())
    quantised = quantise_network(network, policy, [image(space)])
    encoder = zip((quantised.stem, *quantised.blocks), (policy.fixed, *policy.blocks), strict=True)
    encoder_bytes = sum(count_size_bytes(part, widths) for part, widths in encoder)
    assert encoder_costs(space, operations, policy)["size_bytes"] == encoder_bytes
    assert costs["size_bytes"] == encoder_bytes + count_size_bytes(quantised.head, policy.fixed)
    assert costs["macs"] == count_macs(network, image(space))
    homogeneous = network_costs(space, operations, Policy.homogeneous(policy.fixed, len(space.blocks)))
    assert homogeneous["bitops"] == costs["macs"] * policy.fixed.weights * policy.fixed.activations
    assert homogeneous["peak_activation_bytes"] == count_peak_bytes(network, image(space), policy.fixed.activations)


@pytest.mark.parametrize("name", presets())
def test_presets_cost_what_their_modules_do(name: str) -> None:
    space = load_space(name)
    if name == "cityscapes-mbv2":  # the same layers on a map that a test has time for
        space = SearchSpace(space.name, Shape(3, 64, 32), space.stem, space.blocks, space.head, space.bit_widths)
    operations = [[layer.operations[-1] for layer in block.layers] for block in space.blocks]
    policy = Policy(blocks=(BitWidths(4, 6),) * len(space.blocks), fixed=W8A8)
    check_network(space, operations, policy)


@settings(max_examples=40, deadline=None)
@given(spaces(), st.sampled_from([W8A8, FLOAT, BitWidths(3, 5)]), st.sampled_from([W8A8, BitWidths(2, 7)]), st.data())
def test_any_space_costs_what_its_modules_do(
    space: SearchSpace, fixed: BitWidths, widths: BitWidths, data: st.DataObject
) -> None:
    chosen = [block.decode(c) for block, c in zip(space.blocks, codes(data.draw, space), strict=True)]
    check_network(space, [list(o) for o in chosen], Policy((widths,) * len(space.blocks), fixed))


@settings(max_examples=40, deadline=None)
@given(spaces(), st.data())
def test_columns_and_fixed_parts_add_up_to_the_network(space: SearchSpace, data: st.DataObject) -> None:
    policy = Policy(tuple(data.draw(st.sampled_from([BitWidths(4, 8), FLOAT])) for _ in space.blocks), BitWidths(8, 6))
    chosen = codes(data.draw, space)
    columns = [block_costs(space, b, widths) for b, widths in enumerate(policy.blocks)]
    assert all(list(c) == [cost.name for cost in COSTS] for c in columns)
    assert all(len(v) == block.n_candidates for c, block in zip(columns, space.blocks, strict=True) for v in c.values())
    expected = network_costs(space, [space.blocks[b].decode(c) for b, c in enumerate(chosen)], policy)
    for cost in COSTS:
        parts = [columns[b][cost.name][c] for b, c in enumerate(chosen)]
        parts.append(fixed_costs(space, policy.fixed)[cost.name])
        assert (sum(parts) if cost.aggregation == "sum" else max(parts)) == expected[cost.name]


def test_one_layer_by_hand() -> None:
    """k3e1 on 4 × 8 × 6 at 4-bit weights and 4-bit activations, twice, after the block's input."""
    columns = block_costs(TINY, 0, BitWidths(4, 4))
    weights = [4 * 9, 4 * 4]  # depth-wise, projection
    layer_bytes = sum(w // 2 + 4 * (4 + 4) + 8 for w in weights) + 8  # and the sum's own grid
    assert columns["size_bytes"][0] == 8 + 2 * layer_bytes
    assert columns["macs"][0] == 2 * sum(weights) * 48
    assert columns["bitops"][0] == columns["macs"][0] * 16
    # While the projection runs: its input, its output and the residual, of 4 × 48 elements at half a byte each.
    assert columns["peak_activation_bytes"][0] == 3 * 96
    skipped = TINY.blocks[0].n_candidates - 1
    assert {name: column[skipped] for name, column in columns.items()} == {
        "size_bytes": 8, "macs": 0, "bitops": 0, "peak_activation_bytes": 96,
    }  # fmt: skip


def test_the_encoder_of_the_experiment_has_its_known_parameters() -> None:
    space = load_space("cityscapes-mbv2")
    network = build_network(space, MOBILENET_V2)
    encoder = [sum(p.numel() for p in part.parameters()) for part in (network.stem, *network.blocks)]
    assert [round(n / 1000, 1) for n in encoder] == [1.8, 14.0, 39.7, 183.9, 303.2, 795.3, 473.9]
    head = sum(p.numel() for p in network.head.parameters())
    policy = Policy.homogeneous(W8A8, 6)
    assert network_costs(space, MOBILENET_V2, policy)["parameters"] == sum(encoder) + head
    assert encoder_costs(space, MOBILENET_V2, policy)["parameters"] == sum(encoder)


def test_totals_of_the_largest_space_are_exact_doubles() -> None:
    space = load_space("cityscapes-mbv2")
    for b in range(len(space.blocks)):
        bitops = block_costs(space, b, BitWidths(16, 16))["bitops"]
        assert np.all(bitops < 2**53)
        assert np.all(bitops % 256 == 0)


def test_a_policy_for_another_number_of_blocks_is_refused() -> None:
    with pytest.raises(InputError, match="a policy of 1 blocks was given for 2"):
        network_costs(TINY, [[mbconv(3, 1)], [mbconv(3, 1)]], Policy((W8A8,)))
    network = Network(nn.Identity(), [nn.Identity()], nn.Identity())
    with pytest.raises(InputError, match="a policy of 2 blocks was given for a network of 1"):
        quantise_network(network, Policy((W8A8, W8A8)), [])


def test_bit_widths_of_layers_by_hand() -> None:
    """k3e1 on 4 × 8 × 6 twice: 4 bits, then 8-bit weights and 6-bit activations; the input has the first layer's."""
    w4, w86 = TINY.bit_widths
    rows = row_costs(TINY, 0, np.array([[0, 0], [0, 2]]), np.array([[0, 1], [1, 0]]))  # a column a row
    weights = 4 * 9 + 4 * 4  # of the depth-wise convolution and the projection
    around = 2 * 4 * (4 + 4) + 2 * 8 + 8  # biases and scales of both, their grids and the sum's own
    assert rows["size_bytes"].tolist() == [8 + (weights // 2 + around) + (weights + around), 8 + weights + around]
    assert rows["macs"].tolist() == [2 * weights * 48, weights * 48]
    assert rows["bitops"].tolist() == [weights * 48 * (16 + 48), weights * 48 * 48]
    at_4, at_6 = 4 * 48 * 4 // 8, 4 * 48 * 6 // 8  # a tensor in bytes; the residual has the bits of who wrote it
    assert rows["peak_activation_bytes"].tolist() == [2 * at_6 + at_4, 3 * at_6]
    doubled = row_costs(TINY, 0, np.array([[0], [1]]), np.array([[1], [0]]))  # and k5e2 at 4 bits behind 6 bits
    assert doubled["peak_activation_bytes"].tolist() == [2 * at_4 + 2 * at_4 + at_6]
    skipped = row_costs(TINY, 0, np.array([[2], [1]]), np.array([[1], [0]]))  # a skip writes nothing
    assert skipped["peak_activation_bytes"].tolist() == [2 * at_4 + 2 * at_4 + at_6]
    chosen = [[mbconv(3, 1)] * 2, [mbconv(3, 2)] * 2]
    total = network_costs(TINY, chosen, Policy(((w4, w86), w4)))
    assert total["bitops"] - network_costs(TINY, chosen, Policy((w4, w4)))["bitops"] == weights * 48 * (48 - 16)


def test_bit_widths_for_another_number_of_layers_are_refused() -> None:
    policy = Policy(((W8A8,) * 3, W8A8))
    chosen = [[mbconv(3, 1)] * 2, [mbconv(3, 2)] * 2]
    with pytest.raises(InputError, match=r"bit widths of 3 layers \(w8a8 w8a8 w8a8\) were given for 2"):
        network_costs(TINY, chosen, policy)
    with pytest.raises(InputError, match=r"bit widths of 3 layers .* were given for 2"):
        quantise_network(build_network(TINY, chosen), policy, [image(TINY)])
    external = Network(nn.Identity(), [nn.Identity()], nn.Identity())
    with pytest.raises(
        InputError, match="bit widths per layer were given for a block that is not a sequence of layers"
    ):
        quantise_network(external, Policy(((W8A8, FLOAT),)), [])
