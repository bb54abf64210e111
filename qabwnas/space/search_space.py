"""The search space: the possible subnets, and the integer code of each candidate.

A space has a fixed stem, a list of blocks and a fixed head. A block is a sequence of layers; each layer chooses one
operation. The candidates of a block are numbered by a mixed-radix code, first layer slowest, last layer fastest, so
that candidates with the same first layers are neighbours (Lu et al. 2023, Section 3: MBConv kernels × expansions).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from qabwnas.errors import InputError
from qabwnas.space.bit_widths import BitWidths
from qabwnas.space.operation import Operation

Setting = bool | int | float | str | tuple[Any, ...]
"""A setting of a user's own head: a plain value, or a list of them."""


class Shape(NamedTuple):
    """A feature map without its batch dimension."""

    channels: int
    height: int
    width: int

    @property
    def n_elements(self) -> int:
        return self.channels * self.height * self.width

    def after(self, channels: int, stride: int) -> Shape:
        """Return the shape after a same-padded convolution: sides are divided by ``stride`` and rounded up."""
        return Shape(channels, -(-self.height // stride), -(-self.width // stride))


class Layer(NamedTuple):
    """One layer of a block: its shape parameters and the operations that it offers, in the order of their codes."""

    in_channels: int
    out_channels: int
    stride: int
    dilation: int
    operations: tuple[Operation, ...]

    @property
    def keeps_shape(self) -> bool:
        """Whether output and input have the same shape, so that a residual connection or a skip is possible."""
        return self.stride == 1 and self.in_channels == self.out_channels


@dataclass(frozen=True)
class Block:
    """A depth-wise section of the supernet, trained in isolation.

    The first layer maps ``in_channels`` to ``out_channels`` with ``stride``; the others keep the shape. All layers have
    the same dilation and the same operations, except that only layers that keep the shape offer ``skip``.
    """

    name: str
    in_channels: int
    out_channels: int
    n_layers: int
    stride: int
    dilation: int
    operations: tuple[Operation, ...]

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        layers = []
        for index in range(self.n_layers):
            in_channels = self.in_channels if index == 0 else self.out_channels
            stride = self.stride if index == 0 else 1
            may_skip = stride == 1 and in_channels == self.out_channels
            operations = tuple(o for o in self.operations if may_skip or not o.is_skip)
            layers.append(Layer(in_channels, self.out_channels, stride, self.dilation, operations))
        return tuple(layers)

    @cached_property
    def radices(self) -> tuple[int, ...]:
        """The number of operations of each layer, in layer order."""
        return tuple(len(layer.operations) for layer in self.layers)

    @property
    def n_candidates(self) -> int:
        """The number of combinations of operations in the block, without bit widths."""
        return math.prod(self.radices)

    def digits(self, code: int) -> tuple[int, ...]:
        """Return the index of the chosen operation of every layer, in layer order.

        Raises:
            InputError: ``code`` is not in ``0 … n_candidates − 1``.
        """
        if not 0 <= code < self.n_candidates:
            raise InputError(f"{self.name}: candidate {code} is not in 0 … {self.n_candidates - 1}")
        digits = []
        for radix in reversed(self.radices):
            code, digit = divmod(code, radix)
            digits.append(digit)
        return tuple(reversed(digits))

    def decode(self, code: int) -> tuple[Operation, ...]:
        """Return the operations of candidate ``code``, in layer order; raises as :meth:`digits` does."""
        return tuple(layer.operations[digit] for layer, digit in zip(self.layers, self.digits(code), strict=True))

    def encode(self, operations: Sequence[Operation]) -> int:
        """Return the code of a candidate, given the operation of every layer: the inverse of :meth:`decode`.

        Raises:
            InputError: a layer does not offer its operation, or there are not ``n_layers`` operations.
        """
        if len(operations) != self.n_layers:
            raise InputError(f"{self.name}: {len(operations)} operations were given for {self.n_layers} layers")
        code = 0
        for index, (layer, operation) in enumerate(zip(self.layers, operations, strict=True)):
            if operation not in layer.operations:
                offered = ", ".join(o.name for o in layer.operations)
                raise InputError(f"{self.name}: layer {index} offers {offered}, not {operation.name}")
            code = code * len(layer.operations) + layer.operations.index(operation)
        return code

    def describe(self, code: int) -> str:
        """Return the operations of a candidate as text, such as ``k3e6 k5e3 k7e6``."""
        return " ".join(operation.name for operation in self.decode(code))


class Stem(NamedTuple):
    """The fixed layers before the first block: a convolution, batch norm and ReLU6, and optionally a separable layer.

    With ``separable_channels``, a 3×3 depth-wise convolution and a 1×1 projection to that many channels follow
    (MobileNetV2's first inverted residual, which has no expansion); with ``None``, they are absent.
    """

    channels: int
    kernel: int
    stride: int
    separable_channels: int | None = None

    @property
    def out_channels(self) -> int:
        return self.separable_channels or self.channels


class Head(NamedTuple):
    """The fixed layers after the last block.

    ``classifier``: global average pooling and a linear layer to ``n_classes``; ``channels`` and ``dilations`` unused.
    ``deeplabv3``: atrous spatial pyramid pooling (Chen et al. 2017): a 1×1 convolution, one 3×3 convolution per
    dilation and image pooling, each to ``channels``; a 3×3 bottleneck over their concatenation; a 1×1 convolution to
    ``n_classes``.

    Any other kind is the dotted path of a class or function of the user that makes the module
    (:mod:`qabwnas.nets.own_head`); ``settings`` are its arguments by name. Its costs are those of the module, so that
    this package does not know them.
    """

    kind: str
    n_classes: int
    channels: int = 0
    dilations: tuple[int, ...] = ()
    settings: tuple[tuple[str, Setting], ...] = ()

    @property
    def is_own(self) -> bool:
        """Whether the head is the user's own code."""
        return self.kind not in HEAD_KINDS


HEAD_KINDS = ("classifier", "deeplabv3")


@dataclass(frozen=True, repr=False)
class SearchSpace:
    """A stem, blocks and a head, the input shape for which costs are counted, and the bit widths to search over.

    ``policy`` is one of ``POLICIES``.
    """

    name: str
    input: Shape
    stem: Stem
    blocks: tuple[Block, ...]
    head: Head
    bit_widths: tuple[BitWidths, ...]
    policy: str = "block"

    def __repr__(self) -> str:
        widths = ", ".join(widths.name for widths in self.bit_widths)
        return f"<SearchSpace {self.name!r}: blocks {len(self.blocks)}, bit widths {widths} per {self.policy}>"

    @property
    def n_subnets(self) -> int:
        """The number of networks in the space: all combinations of operations, and of bit widths per block or layer."""
        n_choices = (block.n_layers if self.policy == "layer" else 1 for block in self.blocks)
        return math.prod(
            block.n_candidates * len(self.bit_widths) ** n for block, n in zip(self.blocks, n_choices, strict=True)
        )

    @cached_property
    def block_inputs(self) -> tuple[Shape, ...]:
        """The input shape of every block, in block order, and then that of the head."""
        shapes = [self.input.after(self.stem.out_channels, self.stem.stride)]
        for block in self.blocks:
            shapes.append(shapes[-1].after(block.out_channels, block.stride))
        return tuple(shapes)

    def block_index(self, name: str) -> int:
        """Return the position of the block of that name.

        Raises:
            InputError: there is none.
        """
        names = [block.name for block in self.blocks]
        if name not in names:
            raise InputError(f"the space {self.name!r} has no block {name!r}; it has {', '.join(names)}")
        return names.index(name)

    def network_layers(self, operations: Sequence[Sequence[Operation]]) -> tuple[tuple[Layer, ...], ...]:
        """Return the layers of every block of a network with these operations, each with one operation.

        Channels, strides and dilations are the space's. The network need not be a subnet of the space (a teacher is
        not): a block may have more or fewer layers, and operations that the space does not offer.

        Raises:
            InputError: there is not one list per block, a list is empty, or a layer that changes the shape is a skip.
        """
        if len(operations) != len(self.blocks):
            raise InputError(f"{len(operations)} lists of operations were given for {len(self.blocks)} blocks")
        blocks = []
        for block, chosen in zip(self.blocks, operations, strict=True):
            if not chosen:
                raise InputError(f"{block.name}: no operations were given")
            layers = replace(block, n_layers=len(chosen)).layers
            for index, (layer, operation) in enumerate(zip(layers, chosen, strict=True)):
                if operation.is_skip and not layer.keeps_shape:
                    raise InputError(f"{block.name}: layer {index} changes the shape and cannot be skipped")
            blocks.append(tuple(layer._replace(operations=(o,)) for layer, o in zip(layers, chosen, strict=True)))
        return tuple(blocks)
