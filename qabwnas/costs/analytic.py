"""Analytic costs of candidates, fixed parts and whole networks, from shapes alone.

Every cost is a sum or a maximum over one model: the operators that an integer run-time executes. A part (stem, block
or head) is a list of operators, a network a list of parts; a cost of the network is the same sum or maximum over its
parts. Conventions, for a batch of one image:

- ``parameters``: as the float torch modules count them, with weight and bias of every batch norm.
- ``size_bytes``: what is deployed. Batch norm is folded. Each weight tensor takes its elements at their bits, rounded
  up to whole bytes; each output channel a float32 bias and a float32 scale of its weights (symmetric grids, so no zero
  point); each tensor that is written, and each part's input, a float32 scale and an int32 zero point. Unquantised
  (32/32): 4 bytes a weight and a bias, no scales.
- ``macs``: multiply-accumulates of convolutions and linear layers. Padding counts as data; additions of residuals,
  pooling, activations and requantisation count as none.
- ``bitops``: MACs × bits of weights × bits of activations.
- ``peak_activation_bytes``: the most memory that the tensors take which live while an operator runs: its inputs, its
  output, and what a later one still reads (a residual, finished branches). Each takes its elements at the activation
  bits, rounded up to whole bytes. A part's input is requantised in place.

Where layers of a block have bit widths of their own, an operator counts at those of its layer, and the block's input at
those of the first. What a layer reads keeps the bits that it was written with in ``peak_activation_bytes``, through
layers that are skipped too; ``bitops`` are the layer's own bits throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.space import FLOAT, BitWidths, Block, Head, Layer, Operation, Policy, SearchSpace, Shape, Stem
from qabwnas.space.architecture import described_layers
from qabwnas.space.layer_policy import layer_widths

Digits = NDArray[np.int64]

BIAS_BYTES = 4
WEIGHT_SCALE_BYTES = 4
ACTIVATION_GRID_BYTES = 8


@dataclass(frozen=True)
class Operator:
    """What the costs of one operator follow from.

    Attributes:
        alive: elements of every tensor that lives while the operator runs.
        weights: elements of its weight tensor, 0 if it has none.
        channels: output channels with a bias and a scale of their weights, 0 if it has no weights.
        macs: multiply-accumulates.
        normed: whether it is trained with batch norm (two parameters a channel) instead of a bias (one).
        writes: whether its output has a grid of its own; maxima keep that of their input.
        quantised: whether it takes the bit widths of its part; otherwise it is float.
        moved: elements of the tensors that it reads and writes; 0 of an input that is only there.
        entering: elements of its layer's input, where that is among those alive.
        entering_bits: the bits that these have; ``None`` for those of the operator.
    """

    alive: tuple[int, ...]
    weights: int = 0
    channels: int = 0
    macs: int = 0
    normed: bool = True
    writes: bool = True
    quantised: bool = True
    moved: int = 0
    entering: int = 0
    entering_bits: int | None = None

    def behind(self, before: BitWidths) -> Operator:
        """Return the operator in a layer whose input was written at these bit widths."""
        return replace(self, entering_bits=before.activations)

    def parameters(self, _: BitWidths) -> int:
        return self.weights + self.channels * (2 if self.normed else 1)

    def size_bytes(self, widths: BitWidths) -> int:
        size = _bytes(self.weights, widths.weights) + self.channels * BIAS_BYTES
        if widths.is_float:
            return size
        return size + self.channels * WEIGHT_SCALE_BYTES + (ACTIVATION_GRID_BYTES if self.writes else 0)

    def bitops(self, widths: BitWidths) -> int:
        return self.macs * widths.weights * widths.activations

    def peak_activation_bytes(self, widths: BitWidths) -> int:
        own = sum(_bytes(elements, widths.activations) for elements in self.alive)
        if self.entering_bits is None:
            return own
        return own - _bytes(self.entering, widths.activations) + _bytes(self.entering, self.entering_bits)


@dataclass(frozen=True)
class Cost:
    """One cost: what an operator has of it, and how operators, layers and parts are put together."""

    name: str
    unit: str
    aggregation: Literal["sum", "max"]
    of: Callable[[Operator, BitWidths], float]

    def total(self, operators: Iterable[Operator], widths: BitWidths) -> float:
        """Return the cost of operators in sequence; of none, 0."""
        values = (self.of(operator, widths if operator.quantised else FLOAT) for operator in operators)
        return sum(values) if self.aggregation == "sum" else max(values, default=0)


# The columns of a LUT, in their order.
COSTS = (
    Cost("size_bytes", "bytes", "sum", Operator.size_bytes),
    Cost("macs", "MACs", "sum", lambda operator, _: operator.macs),
    Cost("bitops", "BitOps", "sum", Operator.bitops),
    Cost("peak_activation_bytes", "bytes", "max", Operator.peak_activation_bytes),
)
PARAMETERS = Cost("parameters", "", "sum", Operator.parameters)


def block_costs(
    space: SearchSpace, b: int, widths: BitWidths, costs: Sequence[Cost] = COSTS
) -> dict[str, NDArray[np.float64]]:
    """Return the costs of every candidate of block ``b`` at the given bit widths, float64 ``(n_candidates,)`` each.

    Keys are the names of ``costs``, in their order. Each operation of each layer is counted once and the layers are
    then combined by outer sums or maxima, last layer fastest as in the codes: O(n_candidates).
    """
    entry, choices = _choices(space, b)
    columns = {}
    for cost in costs:
        combine = np.add if cost.aggregation == "sum" else np.maximum
        column = np.array([cost.total(entry, widths)], dtype=np.float64)
        for choice in choices:
            column = combine.outer(column, [cost.total(operators, widths) for operators in choice]).ravel()
        columns[cost.name] = column
    return columns


def row_costs(
    space: SearchSpace, b: int, operations: Digits, widths: Digits, costs: Sequence[Cost] = COSTS
) -> dict[str, NDArray[np.float64]]:
    """Return the costs of rows of block ``b`` whose layers have bit widths of their own, float64 ``(n_rows,)`` each.

    ``operations`` and ``widths``, both ``(n_layers, n_rows)``, are indices into each layer's operations and into
    ``space.bit_widths``. Keys as :func:`block_costs`. O(n_layers × n_rows).
    """
    entry, choices = _choices(space, b)
    before = _written_before(space.blocks[b], operations, widths)
    columns = {}
    for cost in costs:
        combine = np.add if cost.aggregation == "sum" else np.maximum
        column = np.array([cost.total(entry, w) for w in space.bit_widths], dtype=np.float64)[widths[0]]
        for choice, *digits in zip(choices, operations, widths, before, strict=True):
            table = np.array([_by_widths(cost, operators, space.bit_widths) for operators in choice])
            column = combine(column, table[tuple(digits)])
        columns[cost.name] = column
    return columns


def _by_widths(cost: Cost, operators: Sequence[Operator], bit_widths: Sequence[BitWidths]) -> list[list[float]]:
    """The cost of a layer at every bit widths, for every one that its input may be written at."""
    return [[cost.total([o.behind(before) for o in operators], w) for before in bit_widths] for w in bit_widths]


def _written_before(block: Block, operations: Digits, widths: Digits) -> list[NDArray[np.int64]]:
    """The index of the bit widths of every layer's input: those of the last layer before it that is no skip."""
    before = [widths[0]]
    for layer, digits, of_layer in zip(block.layers[:-1], operations, widths, strict=False):
        skipped = np.array([operation.is_skip for operation in layer.operations])[digits]
        before.append(np.where(skipped, before[-1], of_layer))
    return before


def _choices(space: SearchSpace, b: int) -> tuple[list[Operator], list[list[list[Operator]]]]:
    """The operators of a block's entry, and of every operation of every layer: ``[layer][operation]``."""
    x = space.block_inputs[b]
    entry = [_input(x)]
    choices = []
    for layer in space.blocks[b].layers:
        choices.append([_layer(layer, operation, x) for operation in layer.operations])
        x = x.after(layer.out_channels, layer.stride)
    return entry, choices


@dataclass(frozen=True)
class FixedParts:
    """The operators of stem and head, where they are not those that the space describes."""

    stem: tuple[Operator, ...]
    head: tuple[Operator, ...]


def fixed_costs(
    space: SearchSpace, widths: BitWidths, fixed: FixedParts | None = None, costs: Sequence[Cost] = COSTS
) -> dict[str, float]:
    """Return the costs of stem and head together at the given bit widths; keys as :func:`block_costs`."""
    fixed = fixed or described_parts(space)
    return {cost.name: float(cost.total((*fixed.stem, *fixed.head), widths)) for cost in costs}


def described_parts(space: SearchSpace) -> FixedParts:
    """Return the operators of the stem and the head that the space describes."""
    return FixedParts(
        tuple(_stem(space.stem, space.input)),
        tuple(_head(space.head, space.block_inputs[-1])),
    )


def network_costs(
    space: SearchSpace, operations: Sequence[Sequence[Operation]], policy: Policy, fixed: FixedParts | None = None
) -> dict[str, float]:
    """Return the costs of a whole network, and its ``parameters``, given the operation of every layer of every block.

    Raises:
        InputError: the operations do not make a network (see
            :func:`~qabwnas.space.architecture.described_layers`), or the policy is for another number of blocks, or of
            layers in one.
    """
    fixed = fixed or described_parts(space)
    return total_costs([*_encoder(space, operations, policy, fixed), (fixed.head, policy.fixed)])


def encoder_costs(
    space: SearchSpace, operations: Sequence[Sequence[Operation]], policy: Policy, fixed: FixedParts | None = None
) -> dict[str, float]:
    """Return the same costs of stem and blocks alone: a head can have ten times the weights that the search chooses.

    Raises as :func:`network_costs`.
    """
    return total_costs(_encoder(space, operations, policy, fixed or described_parts(space)))


Part = tuple[Sequence[Operator], BitWidths]


def total_costs(parts: Sequence[Part]) -> dict[str, float]:
    """Return the costs of the parts of a network together, and their ``parameters``."""
    costs = {}
    for cost in (PARAMETERS, *COSTS):
        totals = [cost.total(operators, widths) for operators, widths in parts]
        costs[cost.name] = float(sum(totals) if cost.aggregation == "sum" else max(totals))
    return costs


def _encoder(
    space: SearchSpace, operations: Sequence[Sequence[Operation]], policy: Policy, fixed: FixedParts
) -> list[Part]:
    if len(policy.blocks) != len(space.blocks):
        raise InputError(f"a policy of {len(policy.blocks)} blocks was given for {len(space.blocks)}")
    parts: list[Part] = [(fixed.stem, policy.fixed)]
    for layers, x, widths in zip(described_layers(space, operations), space.block_inputs, policy.blocks, strict=False):
        parts += _block(layers, x, layer_widths(widths, len(layers)))
    return parts


def _block(layers: Iterable[Layer], x: Shape, widths: Sequence[BitWidths]) -> list[Part]:
    """The operators of described layers, each with its one operation, on a feature map ``x``, at their bit widths."""
    before = widths[0]
    block: list[Part] = [([_input(x)], before)]
    for layer, of_layer in zip(layers, widths, strict=True):
        block.append(([o.behind(before) for o in _layer(layer, layer.operations[0], x)], of_layer))
        x = x.after(layer.out_channels, layer.stride)
        before = before if layer.operations[0].is_skip else of_layer
    return block


def _input(shape: Shape) -> Operator:
    return Operator(alive=(shape.n_elements,))


def _layer(layer: Layer, operation: Operation, x: Shape) -> list[Operator]:
    """The operators of an MBConv on a feature map ``x``; none of a skip."""
    if operation.is_skip:
        return []
    residual = (x.n_elements,) if layer.keeps_shape else ()
    inner = Shape(x.channels * operation.expansion, x.height, x.width)
    depthwise = inner.after(inner.channels, layer.stride)
    y = depthwise.after(layer.out_channels, 1)
    operators = []
    if operation.expansion == 1:  # the depth-wise convolution reads x itself
        operators.append(_convolution(x, depthwise, operation.kernel, groups=inner.channels))
    else:
        operators.append(_convolution(x, inner))
        operators.append(_convolution(inner, depthwise, operation.kernel, groups=inner.channels, kept=residual))
    operators.append(_convolution(depthwise, y, kept=residual))
    if layer.keeps_shape:
        operators.append(_joining(alive=(*residual, y.n_elements, y.n_elements)))
    reads_x = [True, *[bool(residual)] * (len(operators) - 1)]
    return [replace(o, entering=x.n_elements if has else 0) for o, has in zip(operators, reads_x, strict=True)]


def _stem(stem: Stem, image: Shape) -> list[Operator]:
    x = image.after(stem.channels, stem.stride)
    operators = [_input(image), _convolution(image, x, stem.kernel)]
    if stem.separable_channels is not None:
        operators.append(_convolution(x, x, 3, groups=x.channels))
        operators.append(_convolution(x, x.after(stem.separable_channels, 1)))
    return operators


def _head(head: Head, x: Shape) -> list[Operator]:
    pooled = Shape(x.channels, 1, 1)
    if head.kind == "classifier":
        logits = Shape(head.n_classes, 1, 1)
        return [_input(x), _weightless(x, pooled), _convolution(pooled, logits, normed=False)]
    branch = x.after(head.channels, 1)
    operators = [_input(x)]
    branches: tuple[int, ...] = ()
    for kernel in (1, *(3 for _ in head.dilations)):
        operators.append(_convolution(x, branch, kernel, kept=branches))
        branches += (branch.n_elements,)
    operators.append(_weightless(x, pooled, kept=branches))
    operators.append(_convolution(pooled, Shape(head.channels, 1, 1), kept=branches))
    branches += (head.channels,)  # broadcast only as it is concatenated
    joined = x.after(head.channels * len(branches), 1)
    operators.append(_joining(alive=(*branches, joined.n_elements)))
    operators.append(_convolution(joined, branch, 3))
    operators.append(_convolution(branch, x.after(head.n_classes, 1), normed=False))
    return operators


def _convolution(
    x: Shape, y: Shape, kernel: int = 1, *, groups: int = 1, kept: tuple[int, ...] = (), normed: bool = True
) -> Operator:
    weights = y.channels * (x.channels // groups) * kernel**2
    alive = (x.n_elements, y.n_elements, *kept)
    return Operator(alive, weights, y.channels, weights * y.height * y.width, normed, moved=x.n_elements + y.n_elements)


def _weightless(x: Shape, y: Shape, kept: tuple[int, ...] = ()) -> Operator:
    return Operator(alive=(x.n_elements, y.n_elements, *kept), moved=x.n_elements + y.n_elements)


def _joining(alive: tuple[int, ...]) -> Operator:
    """An addition or concatenation: it reads and writes everything that is alive."""
    return Operator(alive, moved=sum(alive))


def _bytes(elements: int, bits: int) -> int:
    return -(-elements * bits // 8)
