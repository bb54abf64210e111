"""The operators of a block: of every choice in every layer, or of layers with one operation each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qabwnas.costs.operation_type import layer_costs
from qabwnas.costs.operator_cost import OperatorCost, Part, input_cost
from qabwnas.space import BitWidths, Layer, SearchSpace, Shape


def block_choices(space: SearchSpace, b: int) -> tuple[list[OperatorCost], list[list[list[OperatorCost]]]]:
    """Return the operators of a block's input, and of every operation of every layer: ``[layer][operation]``."""
    x = space.block_inputs[b]
    block_input = [input_cost(x)]
    choices = []
    for layer in space.blocks[b].layers:
        choices.append([layer_costs(layer, operation, x) for operation in layer.operations])
        x = x.after(layer.out_channels, layer.stride)
    return block_input, choices


def block_parts(layers: Iterable[Layer], x: Shape, widths: Sequence[BitWidths]) -> list[Part]:
    """Return the operators of layers with one operation each, on a feature map ``x``, at the layers' bit widths."""
    input_widths = widths[0]
    parts: list[Part] = [([input_cost(x)], input_widths)]
    for layer, of_layer in zip(layers, widths, strict=True):
        operators = [o.with_input_widths(input_widths) for o in layer_costs(layer, layer.operations[0], x)]
        parts.append((operators, of_layer))
        x = x.after(layer.out_channels, layer.stride)
        input_widths = input_widths if layer.operations[0].is_skip else of_layer
    return parts
