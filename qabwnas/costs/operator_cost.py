"""The costs of one operator, and the operators of stem and head, from shapes alone.

Operators are those that an integer runtime executes. Conventions, for a batch of one image:

- ``parameters``: as the float torch modules count them, with weight and bias of every batch norm.
- ``size_bytes``: what is deployed. Batch norm is folded. Each weight tensor takes its elements at their bits, rounded
  up to whole bytes. Each output channel has a float32 bias and a float32 scale of its weights (symmetric grids, so no
  zero point). Each tensor that is written, and the input of each part (stem, block, head), has a float32 scale and an
  int32 zero point. Unquantised (32/32): 4 bytes per weight and bias, no scales.
- ``macs``: multiply-accumulates of convolutions and linear layers. Padding counts as data. Residual additions, pooling,
  activations and requantisation count as none.
- ``bitops``: MACs × bits of weights × bits of activations.
- ``peak_activation_bytes``: the maximum over operators of the memory of all live tensors: inputs, output, and what a
  later operator still reads (a residual, finished branches). Each takes its elements at the activation bits, rounded up
  to whole bytes. The input of a part is requantised in place.

If layers of a block have bit widths of their own, an operator counts at those of its layer, and the block's input at
those of the first layer. For ``peak_activation_bytes``, the input of a layer has the bits that it was written with,
also through skipped layers; for ``bitops``, all operators of a layer have the layer's bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from qabwnas.errors import InputError
from qabwnas.space import BitWidths, Head, SearchSpace, Shape, Stem

BIAS_BYTES = 4
WEIGHT_SCALE_BYTES = 4
ACTIVATION_GRID_BYTES = 8


@dataclass(frozen=True)
class OperatorCost:
    """The numbers from which all costs of one operator follow.

    Attributes:
        live: elements of every tensor that is live while the operator runs.
        weights: elements of its weight tensor, 0 if it has none.
        channels: output channels with a bias and a weight scale, 0 if it has no weights.
        macs: multiply-accumulates.
        batch_norm: whether it is trained with batch norm (two parameters per channel) instead of a bias (one).
        requantises: whether its output has a grid of its own; a maximum keeps the grid of its input.
        quantised: whether it has the bit widths of its part; otherwise it is float.
        traffic: elements of the tensors that it reads and writes; 0 for an input, which nothing executes.
        input_elements: elements of its layer's input, if that is live.
        input_bits: the bits of these elements; ``None`` for the operator's own.
    """

    live: tuple[int, ...]
    weights: int = 0
    channels: int = 0
    macs: int = 0
    batch_norm: bool = True
    requantises: bool = True
    quantised: bool = True
    traffic: int = 0
    input_elements: int = 0
    input_bits: int | None = None

    def with_input_widths(self, widths: BitWidths) -> OperatorCost:
        """Return the operator in a layer whose input was written at these bit widths."""
        return replace(self, input_bits=widths.activations)

    def parameters(self, _: BitWidths) -> int:
        return self.weights + self.channels * (2 if self.batch_norm else 1)

    def size_bytes(self, widths: BitWidths) -> int:
        size = _bytes(self.weights, widths.weights) + self.channels * BIAS_BYTES
        if widths.is_float:
            return size
        return size + self.channels * WEIGHT_SCALE_BYTES + (ACTIVATION_GRID_BYTES if self.requantises else 0)

    def bitops(self, widths: BitWidths) -> int:
        return self.macs * widths.weights * widths.activations

    def peak_activation_bytes(self, widths: BitWidths) -> int:
        total = sum(_bytes(elements, widths.activations) for elements in self.live)
        if self.input_bits is None:
            return total
        return total - _bytes(self.input_elements, widths.activations) + _bytes(self.input_elements, self.input_bits)


@dataclass(frozen=True)
class FixedParts:
    """The operators of stem and head."""

    stem: tuple[OperatorCost, ...]
    head: tuple[OperatorCost, ...]

    @classmethod
    def of_space(cls, space: SearchSpace) -> FixedParts:
        """Return the operators of the stem and the head of a space.

        Raises:
            InputError: the head is the user's own code, which the space does not describe.
        """
        return cls(stem_operators(space), tuple(_head(space.head, space.block_inputs[-1])))


def stem_operators(space: SearchSpace) -> tuple[OperatorCost, ...]:
    """Return the operators of the stem of a space."""
    return tuple(_stem(space.stem, space.input))


Part = tuple[Sequence[OperatorCost], BitWidths]
"""Operators in sequence, at the same bit widths."""


def input_cost(shape: Shape) -> OperatorCost:
    """Return the input of a part, which is rounded to the part's bits and executes nothing."""
    return OperatorCost(live=(shape.n_elements,))


def _stem(stem: Stem, image: Shape) -> list[OperatorCost]:
    x = image.after(stem.channels, stem.stride)
    operators = [input_cost(image), _convolution(image, x, stem.kernel)]
    if stem.separable_channels is not None:
        operators.append(_convolution(x, x, 3, groups=x.channels))
        operators.append(_convolution(x, x.after(stem.separable_channels, 1)))
    return operators


def _head(head: Head, x: Shape) -> list[OperatorCost]:
    if head.is_own:
        raise InputError(f"the head {head.kind} is not described by the space, so its operators are not known here")
    pooled = Shape(x.channels, 1, 1)
    if head.kind == "classifier":
        logits = Shape(head.n_classes, 1, 1)
        return [input_cost(x), _pooling(x, pooled), _convolution(pooled, logits, batch_norm=False)]
    branch = x.after(head.channels, 1)
    operators = [input_cost(x)]
    branches: tuple[int, ...] = ()
    for kernel in (1, *(3 for _ in head.dilations)):
        operators.append(_convolution(x, branch, kernel, live=branches))
        branches += (branch.n_elements,)
    operators.append(_pooling(x, pooled, live=branches))
    operators.append(_convolution(pooled, Shape(head.channels, 1, 1), live=branches))
    branches += (head.channels,)  # the concatenation broadcasts it
    concatenated = x.after(head.channels * len(branches), 1)
    operators.append(_elementwise(live=(*branches, concatenated.n_elements)))
    operators.append(_convolution(concatenated, branch, 3))
    operators.append(_convolution(branch, x.after(head.n_classes, 1), batch_norm=False))
    return operators


def _convolution(
    x: Shape, y: Shape, kernel: int = 1, *, groups: int = 1, live: tuple[int, ...] = (), batch_norm: bool = True
) -> OperatorCost:
    """Return a convolution from ``x`` to ``y``, during which other tensors are ``live``, too."""
    weights = y.channels * (x.channels // groups) * kernel**2
    return OperatorCost(
        live=(x.n_elements, y.n_elements, *live),
        weights=weights,
        channels=y.channels,
        macs=weights * y.height * y.width,
        batch_norm=batch_norm,
        traffic=x.n_elements + y.n_elements,
    )


def _pooling(x: Shape, y: Shape, live: tuple[int, ...] = ()) -> OperatorCost:
    return OperatorCost(live=(x.n_elements, y.n_elements, *live), traffic=x.n_elements + y.n_elements)


def _elementwise(live: tuple[int, ...]) -> OperatorCost:
    """Return an addition or concatenation, which reads and writes all live tensors."""
    return OperatorCost(live, traffic=sum(live))


def _bytes(elements: int, bits: int) -> int:
    return -(-elements * bits // 8)
