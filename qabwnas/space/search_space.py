"""The search space: what a subnet may be made of, and the integer code of each candidate.

A space is a fixed stem, a list of blocks and a fixed head. A block is a row of layers; a layer chooses one operation.
The candidates of a block are numbered by a mixed-radix code, first layer slowest, last layer fastest, so that
candidates that share their first layers are neighbours (Lu et al. 2023, Section 3: MBConv kernels × expansions).

Policies give bit widths: :class:`BitWidths` for a block or a layer, a :class:`Policy` for a whole network.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from qabwnas.errors import InputError

SMALLEST_BITS, LARGEST_BITS = 2, 16


class Operation(NamedTuple):
    """One choice in one layer: an MBConv (inverted residual) with a kernel and an expansion, or a skip.

    ``kernel`` is odd, 1 or more; ``expansion`` multiplies the layer's input channels. A skip has neither (0, 0).
    """

    kernel: int
    expansion: int

    @property
    def is_skip(self) -> bool:
        return self.kernel == 0

    @property
    def name(self) -> str:
        """``k5e6`` for an MBConv of kernel 5 and expansion 6, or ``skip``."""
        return "skip" if self.is_skip else f"k{self.kernel}e{self.expansion}"

    @classmethod
    def parse(cls, name: str) -> Operation:
        """Return the operation of that :attr:`name`.

        Raises:
            InputError: ``name`` is not of the form ``k5e6`` or ``skip``.
        """
        if name == "skip":
            return SKIP
        match = re.fullmatch(r"k(\d+)e(\d+)", name)
        if match is None:
            raise InputError(f"operation {name!r} is neither 'skip' nor of the form 'k5e6'")
        return cls(kernel=int(match[1]), expansion=int(match[2]))


SKIP = Operation(kernel=0, expansion=0)


class BitWidths(NamedTuple):
    """Bit widths of weights and activations, 2 to 16 each; 32 for both means unquantised floats."""

    weights: int
    activations: int

    @property
    def name(self) -> str:
        """``w4a8`` for 4-bit weights and 8-bit activations."""
        return f"w{self.weights}a{self.activations}"

    @property
    def is_float(self) -> bool:
        return self == FLOAT

    @classmethod
    def parse(cls, name: str | int) -> BitWidths:
        """Return the bit widths of a :attr:`name` such as ``w4a8``, or of one number for both (``8`` is ``w8a8``).

        Raises:
            InputError: the text is of another form, or a width lies outside 2 to 16.
        """
        match = re.fullmatch(r"w(\d+)a(\d+)|(\d+)", str(name))
        if match is None:
            raise InputError(f"bit widths {name!r} are neither of the form 'w4a8' nor one number")
        widths = cls(int(match[1] or match[3]), int(match[2] or match[3]))
        if widths.is_float or all(SMALLEST_BITS <= w <= LARGEST_BITS for w in (widths.weights, widths.activations)):
            return widths
        raise InputError(f"bit widths {name} lie outside {SMALLEST_BITS} to {LARGEST_BITS}")


FLOAT = BitWidths(32, 32)
INT8 = BitWidths(8, 8)

BlockWidths = BitWidths | tuple[BitWidths, ...]
"""The bit widths of a block: those of all its layers, or one a layer."""

POLICIES = ("block", "layer")


@dataclass(frozen=True)
class Policy:
    """Bit widths of a whole network: those of every block, and those of the fixed parts (stem and head)."""

    blocks: tuple[BlockWidths, ...]
    fixed: BitWidths = INT8

    @classmethod
    def homogeneous(cls, widths: BitWidths, n_blocks: int) -> Policy:
        """The same bit widths everywhere, stem and head included."""
        return cls(blocks=(widths,) * n_blocks, fixed=widths)


class Shape(NamedTuple):
    """A feature map without its batch dimension."""

    channels: int
    height: int
    width: int

    @property
    def n_elements(self) -> int:
        return self.channels * self.height * self.width

    def after(self, channels: int, stride: int) -> Shape:
        """The shape behind a same-padded convolution: sides are divided by ``stride``, rounded up."""
        return Shape(channels, -(-self.height // stride), -(-self.width // stride))


class Layer(NamedTuple):
    """One layer of a block: its shape parameters and the operations to choose from, in the order of their codes."""

    in_channels: int
    out_channels: int
    stride: int
    dilation: int
    operations: tuple[Operation, ...]

    @property
    def keeps_shape(self) -> bool:
        """Whether output and input have one shape, so that a residual connection or a skip is possible."""
        return self.stride == 1 and self.in_channels == self.out_channels


@dataclass(frozen=True)
class Block:
    """A depth-wise section of the supernet, trained in isolation.

    The first layer takes ``in_channels`` to ``out_channels`` at ``stride``; the others keep the shape. Every layer has
    the same dilation and the same operations, but for ``skip``, which only layers that keep the shape offer.
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
        """How many operations each layer offers, in layer order."""
        return tuple(len(layer.operations) for layer in self.layers)

    @property
    def n_candidates(self) -> int:
        """How many combinations of operations the block has, bit widths not counted."""
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
            InputError: a layer does not offer its operation, or their number is not ``n_layers``.
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

    With ``separable_channels`` (MobileNetV2's first inverted residual, which has no expansion) a 3×3 depth-wise
    convolution and a 1×1 projection to that many channels follow; ``None`` leaves them out.
    """

    channels: int
    kernel: int
    stride: int
    separable_channels: int | None = None

    @property
    def out_channels(self) -> int:
        return self.separable_channels or self.channels


class Head(NamedTuple):
    """The fixed layers behind the last block.

    ``classifier``: global average pooling and a linear layer to ``n_classes``; ``channels`` and ``dilations`` unused.
    ``deeplabv3``: atrous spatial pyramid pooling (Chen et al. 2017): a 1×1 convolution and one 3×3 convolution a
    dilation, image pooling, each to ``channels``; a 3×3 bottleneck over their concatenation; a 1×1 convolution to
    ``n_classes``.
    """

    kind: str
    n_classes: int
    channels: int = 0
    dilations: tuple[int, ...] = ()


HEAD_KINDS = ("classifier", "deeplabv3")


@dataclass(frozen=True, repr=False)
class SearchSpace:
    """A stem, blocks and a head, the input shape that costs are counted at, and the bit widths to search over.

    ``policy``, one of ``POLICIES``, says what has bit widths of its own: every block, or every layer of it.
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
        """How many networks the space holds: over all operations, and bit widths a block or a layer."""
        n_choices = (block.n_layers if self.policy == "layer" else 1 for block in self.blocks)
        return math.prod(
            block.n_candidates * len(self.bit_widths) ** n for block, n in zip(self.blocks, n_choices, strict=True)
        )

    @cached_property
    def block_inputs(self) -> tuple[Shape, ...]:
        """The shape of every block's input, in block order, and last that of the head's input."""
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


def mbconvs(kernels: Iterable[int], expansions: Iterable[int]) -> tuple[Operation, ...]:
    """Return every MBConv of ``kernels`` × ``expansions``, kernels slowest."""
    expansions = tuple(expansions)
    return tuple(Operation(kernel, expansion) for kernel in kernels for expansion in expansions)
