"""A user's class of an operation that is wrong is refused in one line that names class, method and place."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from qabwnas.costs import block_costs
from qabwnas.errors import InputError
from qabwnas.nets.layers import build_operation
from qabwnas.nets.network import build_network
from qabwnas.nets.operation_check import check_operation
from qabwnas.nets.supernet import SupernetBlock
from qabwnas.space import INT8, Block, Layer, Operation
from tests.spaces import OPERATIONS, TINY
from tests.test_imports import loaded_by

CODE = '''
from qabwnas.costs import OperationType


class Plain(OperationType):
    """One convolution."""

    def __init__(self, kernel=3):
        self.kernel = kernel

    def build(self, layer):
        from qabwnas.quant.operators import Convolution
        return Convolution(layer.in_channels, layer.out_channels, self.kernel, stride=layer.stride)

    def count(self, layer, x, operators):
        return operators.convolution(x, layer.out_channels, self.kernel, stride=layer.stride)


class NoCount(OperationType):
    build = Plain.build


class NoBase:
    build, count = Plain.build, Plain.count


class Even(Plain):
    """A kernel without a centre: the map gets smaller."""

    def __init__(self):
        super().__init__(2)


class NoStride(Plain):
    def build(self, layer):
        return super().build(layer._replace(stride=1))


class NoModule(Plain):
    def build(self, layer):
        return None


class Broken(Plain):
    def build(self, layer):
        return layer.width


class BrokenForward(Plain):
    def build(self, layer):
        from torch import nn
        from qabwnas.quant.operators import Convolution
        return nn.Sequential(Convolution(layer.in_channels + 1, layer.out_channels))


class WrongCount(Plain):
    def count(self, layer, x, operators):
        return operators.convolution(x, layer.out_channels, 5, stride=layer.stride)


class WithoutNorm(Plain):
    def count(self, layer, x, operators):
        return operators.convolution(x, layer.out_channels, 3, stride=layer.stride, batch_norm=False)


class CountsMore(Plain):
    def count(self, layer, x, operators):
        return operators.elementwise(super().count(layer, x, operators))


class CountsLess(Plain):
    def build(self, layer):
        from torch import nn
        from qabwnas.quant.operators import HardSigmoid
        return nn.Sequential(super().build(layer), HardSigmoid())


class CountsNothing(Plain):
    def count(self, layer, x, operators):
        return None


class CountsOtherShape(Plain):
    def count(self, layer, x, operators):
        return operators.convolution(x, 7)


class Rounds(Plain):
    """Multiplies outside of an operator."""

    def build(self, layer):
        from torch import nn

        class Halved(nn.Module):
            def __init__(self, part):
                super().__init__()
                self.part = part

            def forward(self, x):
                return self.part(x) * 0.5

        return Halved(super().build(layer))


class Sigmoid(Plain):
    def build(self, layer):
        from torch import nn
        return nn.Sequential(super().build(layer), nn.Sigmoid())


class Branching(Plain):
    def build(self, layer):
        from torch import nn

        class Branch(nn.Sequential):
            def forward(self, x):
                return super().forward(x) if x.sum() > 0 else x

        return Branch(super().build(layer))


class Normalised(Plain):
    def build(self, layer):
        from torch import nn
        return nn.Sequential(super().build(layer), nn.BatchNorm2d(layer.out_channels))
'''


@pytest.fixture(scope="module", autouse=True)
def _package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder: Path = tmp_path_factory.mktemp("operations")
    (folder / "wrong_operations.py").write_text(CODE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield
    sys.modules.pop("wrong_operations", None)


def block(name: str) -> Block:
    return Block("b", 4, 6, 1, 2, 1, (Operation.parse(f"wrong_operations.{name}"),))


def test_a_right_class_is_built_as_it_is() -> None:
    """Checking changes neither weights, nor statistics, nor the mode, nor random numbers."""
    torch.manual_seed(0)
    built = SupernetBlock(block("Plain:5"))
    after = torch.rand(1)
    torch.manual_seed(0)
    alone = built.block.operations[0]
    again = build_network(TINY, [[alone], [alone]]).blocks[0][0]  # not checked
    assert again.conv.kernel_size == (5, 5)
    assert built.training
    assert int(built.state_dict()["layers.0.0.norm.num_batches_tracked"]) == 0
    torch.manual_seed(0)
    torch.nn.Conv2d(4, 6, 5, bias=False)
    assert torch.equal(after, torch.rand(1))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_the_operations_of_the_package_are_what_they_count(operation: Operation) -> None:
    for layer in (Layer(4, 4, 1, 2, ()), Layer(4, 6, 2, 1, ())):
        if layer.keeps_shape or not operation.is_skip:
            check_operation(build_operation(layer, operation), layer, operation)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Missing", r"wrong_operations.Missing: wrong_operations \(.*\) has no 'Missing'"),
        ("NoBase", "wrong_operations.NoBase: is the class NoBase, not a class derived from qabwnas.*OperationType"),
        ("NoCount", r"wrong_operations.NoCount: the class has no method count \(OperationType says what it does\)"),
        ("Plain:3:4", "wrong_operations.Plain:3:4: .* too many positional arguments"),
        ("Even", "wrong_operations.Even: build: the module turns 4×5×5 into 6×2×2, and not into 6×3×3, in a layer "
         "from 4 to 6 channels with stride 2"),
        ("NoStride", "wrong_operations.NoStride: build: the module turns 4×5×5 into 6×5×5, and not into 6×3×3"),
        ("NoModule", "wrong_operations.NoModule: build: returns NoneType, not a torch.nn.Module"),
        ("Broken", "wrong_operations.Broken: build: raised AttributeError: .*wrong_operations.py, line"),
        ("BrokenForward", "wrong_operations.BrokenForward: build: raised RuntimeError: .*5 channels"),
        ("WrongCount", "wrong_operations.WrongCount: count: operator 0, '' .Convolution., has 216 weights in the "
         "module, and 600 are counted"),
        ("WithoutNorm", "WithoutNorm: count: operator 0, .* has 228 parameters in the module, and 222 are counted"),
        ("CountsMore", "wrong_operations.CountsMore: count: counts 2 operators, and the module calls 1"),
        ("CountsLess", "CountsLess: count: counts 1 operators, and the module also calls '1' .HardSigmoid."),
        ("CountsNothing", "wrong_operations.CountsNothing: count: returns NoneType, not the layer's output 6×3×3"),
        ("CountsOtherShape", "CountsOtherShape: count: returns 7×5×5, not the layer's output 6×3×3"),
        ("Rounds", "wrong_operations.Rounds: build: the module computes with mul, which is no operator"),
        ("Sigmoid", "wrong_operations.Sigmoid: build: the module computes with .*Sigmoid., which is no operator"),
        ("Branching", "wrong_operations.Branching: build: the module cannot be traced: TraceError"),
        ("Normalised", "wrong_operations.Normalised: build: the module computes with .*BatchNorm2d., which"),
    ],
)  # fmt: skip
def test_a_wrong_class_is_refused(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        SupernetBlock(block(name))
    assert "\n" not in str(caught.value)


def test_counting_loads_no_torch() -> None:
    count = "from qabwnas.costs import block_costs; block_costs(TINY, 0, TINY.bit_widths[0])"
    loaded = loaded_by(f"from tests.spaces import TINY; {count}")
    assert "qabwnas" in loaded
    assert "torch" not in loaded


def test_costs_need_a_class_and_names_do_not() -> None:
    operation = Operation.parse("no_such_package.Ghost:3")
    space = replace(TINY, blocks=(Block("b", 4, 6, 1, 2, 1, (operation,)),))
    assert space.blocks[0].describe(0) == "no_such_package.Ghost:3"
    with pytest.raises(InputError, match="no_such_package.Ghost: there is no module 'no_such_package'"):
        block_costs(space, 0, INT8)
