"""Analytic costs of candidates, fixed parts and whole networks, from shapes alone.

Every cost is a sum or a maximum over operators. A part (stem, block or head) is a list of operators, and a network a
list of parts; a cost of the network is the same sum or maximum over its parts.
:mod:`qabwnas.costs.operator_cost` defines the costs of an operator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qabwnas.costs.block import block_choices, block_parts
from qabwnas.costs.operator_cost import FixedParts, OperatorCost, Part
from qabwnas.errors import InputError
from qabwnas.space import FLOAT, BitWidths, Block, Operation, Policy, SearchSpace, layer_widths

Digits = NDArray[np.int64]


@dataclass(frozen=True)
class CostMetric:
    """One cost: its value for an operator, and how operators, layers and parts are aggregated."""

    name: str
    unit: str
    aggregation: Literal["sum", "max"]
    of: Callable[[OperatorCost, BitWidths], float]

    def total(self, operators: Iterable[OperatorCost], widths: BitWidths) -> float:
        """Return the cost of operators in sequence; 0 for an empty sequence."""
        values = (self.of(operator, widths if operator.quantised else FLOAT) for operator in operators)
        return sum(values) if self.aggregation == "sum" else max(values, default=0)


# The columns of a LUT, in their order.
COSTS = (
    CostMetric("size_bytes", "bytes", "sum", OperatorCost.size_bytes),
    CostMetric("macs", "MACs", "sum", lambda operator, _: operator.macs),
    CostMetric("bitops", "BitOps", "sum", OperatorCost.bitops),
    CostMetric("peak_activation_bytes", "bytes", "max", OperatorCost.peak_activation_bytes),
)
PARAMETERS = CostMetric("parameters", "", "sum", OperatorCost.parameters)


def block_costs(
    space: SearchSpace, b: int, widths: BitWidths, costs: Sequence[CostMetric] = COSTS
) -> dict[str, NDArray[np.float64]]:
    """Return the costs of every candidate of block ``b`` at the given bit widths, float64 ``(n_candidates,)`` each.

    Keys are the names of ``costs``, in their order. Each operation of each layer is counted once, and the layers are
    combined by outer sums or maxima, last layer fastest as in the codes: O(n_candidates).
    """
    block_input, choices = block_choices(space, b)
    columns = {}
    for cost in costs:
        combine = np.add if cost.aggregation == "sum" else np.maximum
        column = np.array([cost.total(block_input, widths)], dtype=np.float64)
        for choice in choices:
            column = combine.outer(column, [cost.total(operators, widths) for operators in choice]).ravel()
        columns[cost.name] = column
    return columns


def row_costs(
    space: SearchSpace, b: int, operations: Digits, widths: Digits, costs: Sequence[CostMetric] = COSTS
) -> dict[str, NDArray[np.float64]]:
    """Return the costs of rows of block ``b`` whose layers have bit widths of their own, float64 ``(n_rows,)`` each.

    ``operations`` and ``widths``, both ``(n_layers, n_rows)``, are indices into each layer's operations and into
    ``space.bit_widths``. Keys are those of :func:`block_costs`. O(n_layers × n_rows).
    """
    block_input, choices = block_choices(space, b)
    input_widths = _input_widths(space.blocks[b], operations, widths)
    columns = {}
    for cost in costs:
        combine = np.add if cost.aggregation == "sum" else np.maximum
        column = np.array([cost.total(block_input, w) for w in space.bit_widths], dtype=np.float64)[widths[0]]
        for choice, *digits in zip(choices, operations, widths, input_widths, strict=True):
            table = np.array([_by_widths(cost, operators, space.bit_widths) for operators in choice])
            column = combine(column, table[tuple(digits)])
        columns[cost.name] = column
    return columns


def _by_widths(
    cost: CostMetric, operators: Sequence[OperatorCost], bit_widths: Sequence[BitWidths]
) -> list[list[float]]:
    """Return the cost of a layer for all bit widths and all bit widths of its input: ``[widths][input_widths]``."""
    return [
        [cost.total([o.with_input_widths(input_widths) for o in operators], w) for input_widths in bit_widths]
        for w in bit_widths
    ]


def _input_widths(block: Block, operations: Digits, widths: Digits) -> list[NDArray[np.int64]]:
    """Return the index of the bit widths of every layer's input: those of the last layer before it without a skip."""
    found = [widths[0]]
    for layer, digits, of_layer in zip(block.layers[:-1], operations, widths, strict=False):
        skipped = np.array([operation.is_skip for operation in layer.operations])[digits]
        found.append(np.where(skipped, found[-1], of_layer))
    return found


def fixed_costs(
    space: SearchSpace, widths: BitWidths, fixed: FixedParts | None = None, costs: Sequence[CostMetric] = COSTS
) -> dict[str, float]:
    """Return the costs of stem and head together at the given bit widths; keys are those of :func:`block_costs`.

    ``fixed`` replaces the stem and the head of the space.
    """
    fixed = fixed or FixedParts.of_space(space)
    return {cost.name: float(cost.total((*fixed.stem, *fixed.head), widths)) for cost in costs}


def network_costs(
    space: SearchSpace,
    operations: Sequence[Sequence[Operation]],
    policy: Policy,
    fixed: FixedParts | None = None,
    costs: Sequence[CostMetric] = COSTS,
) -> dict[str, float]:
    """Return the costs of a whole network, and its ``parameters``, given the operation of every layer of every block.

    Raises:
        InputError: the operations do not make a network (see
            :meth:`~qabwnas.space.search_space.SearchSpace.network_layers`), or the policy has another number of blocks,
            or of layers in one.
    """
    fixed = fixed or FixedParts.of_space(space)
    return total_costs([*_encoder(space, operations, policy, fixed), (fixed.head, policy.fixed)], costs)


def encoder_costs(
    space: SearchSpace,
    operations: Sequence[Sequence[Operation]],
    policy: Policy,
    fixed: FixedParts | None = None,
    costs: Sequence[CostMetric] = COSTS,
) -> dict[str, float]:
    """Return the same costs without the head, which can have ten times as many weights as the blocks.

    Raises as :func:`network_costs`.
    """
    return total_costs(_encoder(space, operations, policy, fixed or FixedParts.of_space(space)), costs)


def total_costs(parts: Sequence[Part], costs: Sequence[CostMetric] = COSTS) -> dict[str, float]:
    """Return the costs of all parts of a network together, and their ``parameters``."""
    found = {}
    for cost in (PARAMETERS, *costs):
        totals = [cost.total(operators, widths) for operators, widths in parts]
        found[cost.name] = float(sum(totals) if cost.aggregation == "sum" else max(totals))
    return found


def _encoder(
    space: SearchSpace, operations: Sequence[Sequence[Operation]], policy: Policy, fixed: FixedParts
) -> list[Part]:
    if len(policy.blocks) != len(space.blocks):
        raise InputError(f"a policy of {len(policy.blocks)} blocks was given for {len(space.blocks)}")
    parts: list[Part] = [(fixed.stem, policy.fixed)]
    for layers, x, widths in zip(space.network_layers(operations), space.block_inputs, policy.blocks, strict=False):
        parts += block_parts(layers, x, layer_widths(widths, len(layers)))
    return parts
