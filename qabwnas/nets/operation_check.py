"""Whether the module of an operation can be trained, measured and exported, and is what its class counts.

A user's class may be wrong in ways that would only show as wrong numbers: a result that no operator rounds, a batch
norm that recalibration does not reach, costs of another module. So each operation of a supernet is followed once, and
runs on one small feature map.
"""

from __future__ import annotations

from itertools import zip_longest

import torch
from torch import Tensor, nn

from qabwnas.costs.operation_type import layer_costs, shape_text
from qabwnas.costs.operator_cost import OperatorCost
from qabwnas.errors import InputError
from qabwnas.io.user_code import call, described
from qabwnas.quant.batch_norm import check_batch_norms
from qabwnas.quant.data_flow import OperatorGraph
from qabwnas.quant.operators import Operator
from qabwnas.quant.ptq import weighted_layer
from qabwnas.space import FLOAT, Layer, Operation, Shape

SIDE = 5
"""Of the feature map: odd, so that wrong padding shows, and small."""


@torch.no_grad()
def check_operation(module: nn.Module, layer: Layer, operation: Operation) -> None:
    """Check the module that an operation built for a layer. Neither the module nor random numbers change.

    Raises:
        InputError: its output has a wrong shape; it computes with something that is no operator, or has a batch norm
            that recalibration cannot reach; or its operators are not those that its class counts. The message names
            the class and its method.
    """
    shape = Shape(layer.in_channels, SIDE, SIDE)
    counted = layer_costs(layer, operation, shape)
    where = f"{operation.name}: build"
    try:
        graph = OperatorGraph.of(module)
    except Exception as error:  # the user's code runs in it
        raise InputError(f"{where}: the module cannot be traced: {described(error)}") from error
    try:
        if (step := graph.step_without_operator(module)) is not None:
            raise InputError(
                f"the module computes with {step}, which is no operator of qabwnas.quant.operators: "
                "its result would not be rounded"
            )
        check_batch_norms(module, graph)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    called: list[tuple[str, Operator, Tensor]] = []
    handles = [
        part.register_forward_hook(lambda part, _, y, name=name: called.append((name, part, y)))
        for name, part in module.named_modules()
        if isinstance(part, Operator)
    ]
    training = {part: part.training for part in module.modules()}
    try:
        y = call(where, module.eval(), torch.zeros(1, *shape))
    finally:
        for part, mode in training.items():
            part.training = mode
        for handle in handles:
            handle.remove()
    expected = (1, *shape.after(layer.out_channels, layer.stride))
    if not isinstance(y, Tensor) or tuple(y.shape) != expected:
        found = shape_text(y.shape[1:]) if isinstance(y, Tensor) else type(y).__name__
        of_layer = f"{layer.in_channels} to {layer.out_channels} channels with stride {layer.stride}"
        raise InputError(
            f"{where}: the module turns {shape_text(shape)} into {found}, and not into {shape_text(expected[1:])}, "
            f"in a layer from {of_layer}"
        )
    _check_counts(f"{operation.name}: count", called, counted)


def _check_counts(where: str, called: list[tuple[str, Operator, Tensor]], counted: list[OperatorCost]) -> None:
    for i, (call_made, cost) in enumerate(zip_longest(called, counted)):
        if call_made is None:
            raise InputError(f"{where}: counts {len(counted)} operators, and the module calls {len(called)}")
        name, operator, y = call_made
        if cost is None:
            kind = type(operator).__name__
            raise InputError(f"{where}: counts {len(counted)} operators, and the module also calls {name!r} ({kind})")
        numbers = _numbers(operator, y)
        for what, of_module in numbers.items():
            of_class = cost.parameters(FLOAT) if what == "parameters" else getattr(cost, what)
            if of_class != of_module:
                raise InputError(
                    f"{where}: operator {i}, {name!r} ({type(operator).__name__}), has {of_module:,} {what} in the "
                    f"module, and {of_class:,} are counted"
                )


def _numbers(operator: Operator, y: Tensor) -> dict[str, int]:
    weighted = weighted_layer(operator)
    weights = 0 if weighted is None else weighted.weight.numel()
    return {
        "weights": weights,
        "macs": weights * y[0, 0].numel(),
        "parameters": sum(parameter.numel() for parameter in operator.parameters()),
    }
