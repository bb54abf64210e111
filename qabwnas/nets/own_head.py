"""Heads of a user's own code: a class or function that a space names by its dotted path makes the module.

It is called with ``in_channels`` and ``classes`` and the settings of the head, all by name, and reads a feature map
``(n, in_channels, height, width)``. Its output is a tensor ``(n, classes, …)``. If the module consists of the operators
of :mod:`qabwnas.quant.operators`, it is quantised like any other head. Otherwise it stays float, and its reason says
why. Its costs are those of the traced module (:mod:`qabwnas.nets.external.costs`).
"""

from __future__ import annotations

from torch import nn

from qabwnas.errors import InputError
from qabwnas.io.user_code import call, described, load_object
from qabwnas.quant.data_flow import OperatorGraph, trace_operators
from qabwnas.quant.operators import Operator, Unquantised
from qabwnas.space import Head


def build_own_head(head: Head, in_channels: int) -> nn.Module:
    """Return the module of a user's head with fresh weights: a graph of operators, or an unquantised part.

    Raises:
        InputError: the code cannot be imported, does not take the settings, raises an error, gives no module, or gives
            one that torch.fx cannot trace.
    """
    make = load_object(head.kind)
    if not callable(make):
        raise InputError(f"{head.kind}: is {type(make).__name__}, not a class or function that makes a module")
    module = call(head.kind, make, in_channels=in_channels, classes=head.n_classes, **dict(head.settings))
    if not isinstance(module, nn.Module):
        raise InputError(f"{head.kind}: gives {type(module).__name__}, not a module of torch")
    if isinstance(module, Operator):
        module = nn.Sequential(module)
    try:
        traced = trace_operators(module)
    except Exception as error:  # the user's code may raise anything when it gets symbols in place of tensors
        raise InputError(
            f"{head.kind}: torch.fx cannot trace the head, so its costs cannot be counted: {described(error)}"
        ) from error
    step = OperatorGraph.of(module).step_without_operator(module)
    # A graph has no branches on the training mode; a module of operators alone needs none.
    return traced if step is None else Unquantised(module, f"{step} is not one of the operators")
