"""The class of an operation: the module that it builds, and the operators that it takes, counted from shapes alone.

An operation of a space (:class:`~qabwnas.space.operation.Operation`) is the name of such a class, with arguments. The
classes that come with the package are in ``qabwnas/nets/operations.py``; a user's class is any other that has a dotted
path.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from qabwnas.costs.operator_cost import OperatorCost
from qabwnas.errors import InputError
from qabwnas.io.user_code import call, load_class
from qabwnas.space import Layer, Operation, Shape


class OperationType(ABC):
    """Base of the classes of operations; an instance has the arguments of the operation's name and no other state.

    Training, batch-norm recalibration, quantisation and ONNX export need nothing more than the built module, if it
    consists of the operators of :mod:`qabwnas.quant.operators`. They are followed by symbolic tracing (torch.fx), so
    ``forward`` may not branch on values.
    """

    @abstractmethod
    def build(self, layer: Layer) -> Any:
        """Return a ``torch.nn.Module`` with fresh weights, from ``layer.in_channels`` to ``layer.out_channels``.

        It divides the sides of a feature map by ``layer.stride``, rounded up, as same-padded convolutions do. Import
        torch here and not where the class is defined: counting operators must not need it.
        """

    @abstractmethod
    def count(self, layer: Layer, x: FeatureMap, operators: OperatorList) -> FeatureMap:
        """Append the operators of the module to ``operators``, in the order of execution, and return its output.

        ``x`` is the input. It has the same operators as the built module, which is checked when a supernet is built.
        """


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """A tensor between two operators, of one image."""

    shape: Shape


class OperatorList:
    """Records operators as a module calls them. Each method appends one operator and returns its output."""

    def __init__(self) -> None:
        self._steps: list[tuple[tuple[FeatureMap, ...], FeatureMap, dict[str, Any]]] = []

    def convolution(
        self,
        x: FeatureMap,
        channels: int,
        kernel: int = 1,
        *,
        stride: int = 1,
        groups: int = 1,
        batch_norm: bool = True,
    ) -> FeatureMap:
        """Append a same-padded ``Convolution`` to that many channels; no cost depends on its dilation."""
        weights = channels * (x.shape.channels // groups) * kernel**2
        y = x.shape.after(channels, stride)
        macs = weights * y.height * y.width
        return self._append((x,), y, weights=weights, channels=channels, macs=macs, batch_norm=batch_norm)

    def global_average(self, x: FeatureMap) -> FeatureMap:
        """Append a ``GlobalAverage``."""
        return self._append((x,), Shape(x.shape.channels, 1, 1))

    def elementwise(self, x: FeatureMap, *others: FeatureMap) -> FeatureMap:
        """Append an ``Add``, a ``Multiply`` or a ``HardSigmoid``; the result has the shape of ``x``."""
        return self._append((x, *others), x.shape)

    def concatenate(self, *maps: FeatureMap) -> FeatureMap:
        """Append a ``Concatenate``."""
        return self._append(maps, maps[0].shape._replace(channels=sum(x.shape.channels for x in maps)))

    def costs(self, x: FeatureMap) -> list[OperatorCost]:
        """Return the costs of all operators of a layer with the input ``x``.

        A map is live from the operator that writes it to the last one that reads it.
        """
        last_read = {each: step for step, (read, _, _) in enumerate(self._steps) for each in read}
        found = []
        live = [x]
        for step, (read, y, numbers) in enumerate(self._steps):
            live.append(y)
            found.append(
                OperatorCost(
                    live=tuple(each.shape.n_elements for each in live),
                    traffic=sum(each.shape.n_elements for each in {*read, y}),
                    input_elements=x.shape.n_elements if x in live else 0,
                    **numbers,
                )
            )
            live = [each for each in live if last_read.get(each, -1) > step]
        return found

    def _append(self, read: tuple[FeatureMap, ...], written: Shape, **numbers: Any) -> FeatureMap:
        y = FeatureMap(written)
        self._steps.append((read, y, numbers))
        return y


@cache
def operation_type(operation: Operation, folder: Path | None = None) -> OperationType:
    """Return the class of an operation, made with the operation's arguments.

    The package of a user's class is searched for in ``folder``, and then where Python looks for packages.

    Raises:
        InputError: there is no such class, it lacks a method, or it does not take these arguments.
    """
    found = load_class(operation.path, OperationType, folder)
    return call(operation.name, found, *operation.arguments)


def layer_costs(layer: Layer, operation: Operation, shape: Shape) -> list[OperatorCost]:
    """Return the operators of an operation in a layer, on a feature map of that shape; none for a skip.

    Raises:
        InputError: as :func:`operation_type`; or the class counts an output of a wrong shape.
    """
    x, operators = FeatureMap(shape), OperatorList()
    where = f"{operation.name}: count"
    y = call(where, operation_type(operation).count, layer, x, operators)
    expected = shape.after(layer.out_channels, layer.stride)
    if not isinstance(y, FeatureMap) or y.shape != expected:
        found = shape_text(y.shape) if isinstance(y, FeatureMap) else type(y).__name__
        raise InputError(f"{where}: returns {found}, not the layer's output {shape_text(expected)}")
    return operators.costs(x)


def shape_text(sides: Iterable[int]) -> str:
    """Return ``16×8×8``."""
    return "×".join(map(str, sides))
