"""Every operator gets the grid that it reads, with any operations between it and the operator that wrote the tensor."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from qabwnas.nets.layers import DeepLabV3, build_operation
from qabwnas.nets.network import build_network
from qabwnas.nets.quantise import prepare_qat_network, quantise_network
from qabwnas.quant.activations import FakeQuantise
from qabwnas.quant.affine import Affine
from qabwnas.quant.data_flow import DataFlow
from qabwnas.quant.operators import Convolution, GlobalAverage, Input, Linear, Operator, Unquantised
from qabwnas.quant.ptq import convert, operators_of, prepare, quantise, weighted_layer
from qabwnas.space import FLOAT, SKIP, BitWidths, Layer, Operation, Policy, mbconv
from tests.quant.test_ptq import trained
from tests.spaces import TINY

W4A4 = BitWidths(4, 4)
POLICIES = [
    Policy((W4A4, BitWidths(8, 6))),
    Policy(((W4A4, BitWidths(8, 6)), (BitWidths(6, 6),))),
]


def read(operator: Operator) -> Affine | None:
    assert operator.weights is not None
    return operator.weights.grid_read


def weighted(module: nn.Module) -> dict[str, Operator]:
    return {name: operator for name, operator in operators_of(module) if weighted_layer(operator) is not None}


def grid_of_values(x: Tensor, grid: Affine) -> bool:
    """Return whether all values are on a grid, up to float32 rounding."""
    steps = x.double() / float(grid.scale)
    ends = float(grid.zero) + grid.smallest, float(grid.zero) + grid.largest
    whole = steps.round()
    return bool(((steps - whole).abs() < 1e-3).all() and ends[0] <= whole.min() and whole.max() <= ends[1])


def check_grids_by_running(module: nn.Module, x: Tensor) -> None:
    """Run a converted module and compare the input of every operator with the grid that it got."""
    seen = set()

    def look(name: str, operator: Operator, inputs: tuple[Tensor, ...]) -> None:
        grid = read(operator)
        assert grid is not None, name
        assert grid_of_values(inputs[0], grid), name
        seen.add(name)

    for name, operator in weighted(module).items():
        operator.register_forward_pre_hook(lambda operator, inputs, name=name: look(name, operator, inputs))
    with torch.no_grad():
        module(x)
    assert seen == set(weighted(module))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("convert", [quantise_network, prepare_qat_network])
def test_every_operator_of_a_network_knows_what_it_reads(policy: Policy, convert: object) -> None:
    torch.manual_seed(0)
    network = trained(build_network(TINY, [[mbconv(5, 2), SKIP], [mbconv(3, 3)]]))
    x = torch.rand(4, 1, 8, 6)
    check_grids_by_running(convert(network, policy, [x]), x)  # type: ignore[operator]


@pytest.mark.parametrize("name", ["se_k3e2", "se_k5e1", "fused_k3e1", "fused_k5e2"])
def test_every_operator_of_an_operation_knows_what_it_reads(name: str) -> None:
    torch.manual_seed(0)
    layer = Layer(4, 4, 1, 1, ())
    x = torch.randn(4, 4, 6, 6)
    check_grids_by_running(quantise(trained(build_operation(layer, Operation.parse(name))), W4A4, [x]), x)


def test_every_operator_of_a_segmentation_head_knows_what_it_reads() -> None:
    torch.manual_seed(0)
    x = torch.randn(4, 4, 6, 6)
    check_grids_by_running(quantise(trained(DeepLabV3(4, 3, (1, 2), 5)), W4A4, [x]), x)


class Moved(nn.Module):
    """Values are pooled, cut off at 0 and flattened between two operators."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = Convolution(2, 3, 3, norm=False, activation="none")
        self.pool = nn.MaxPool2d(2)
        self.linear = Linear(27, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(torch.flatten(F.relu(self.pool(self.conv(x))), 1))


class Changed(Moved):
    """Values are scaled between two operators, so that they leave the grid."""

    def forward(self, x: Tensor) -> Tensor:
        return self.linear((self.conv(x) * 0.7)[:, :, ::2, ::2].flatten(1))


def test_moving_values_keeps_their_grid() -> None:
    torch.manual_seed(0)
    x = torch.randn(4, 2, 6, 6)
    check_grids_by_running(quantise(Moved(), W4A4, [x]), x)


def test_changed_values_are_on_no_known_grid() -> None:
    torch.manual_seed(0)
    quantised = quantise(Changed(), W4A4, [torch.randn(4, 2, 6, 6)])
    operators = weighted(quantised)
    assert [read(operator) is None for operator in operators.values()] == [False, True]


def test_a_part_reads_the_grid_of_its_entry_and_tells_that_of_its_output() -> None:
    torch.manual_seed(0)
    layer = nn.Sequential(Convolution(2, 3, norm=False), GlobalAverage())
    prepared = prepare(layer)
    prepared(torch.randn(4, 2, 5, 5))
    converted = convert(prepared, W4A4)
    entry = Affine.of_range(torch.tensor(-1.0), torch.tensor(3.0), 6, symmetric=False)
    assert read(weighted(converted)["0"]) is None
    written = DataFlow.of(converted).connect(converted, entry)
    assert read(weighted(converted)["0"]) is entry
    assert isinstance(converted[1].output, FakeQuantise)
    assert written is converted[1].output.grid
    assert DataFlow.of(nn.Identity()).connect(nn.Identity(), entry) is entry  # a layer that is left out


def test_floats_are_on_no_grid() -> None:
    torch.manual_seed(0)
    x = torch.randn(4, 2, 6, 6)
    in_float = quantise(Moved(), FLOAT, [x])
    assert DataFlow.of(in_float).connect(in_float) is None
    after_float = nn.Sequential(Unquantised(nn.Conv2d(2, 3, 1)), Convolution(3, 2, norm=False))
    quantised = quantise(after_float, W4A4, [x])
    assert [read(operator) for operator in weighted(quantised).values()] == [None]


def test_an_operator_by_itself_is_connected_too() -> None:
    torch.manual_seed(0)
    entry = prepare(Input())
    entry(torch.randn(3, 2, 4, 4))
    converted = convert(entry, W4A4)
    assert isinstance(converted.output, FakeQuantise)
    assert DataFlow.of(converted).connect(converted) is converted.output.grid
