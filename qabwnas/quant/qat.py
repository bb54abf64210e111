"""Quantisation-aware training: forward the arithmetic of the quantised network, backward straight through the rounding.

``prepare_qat`` makes a module that trains from a prepared and calibrated one (:mod:`~qabwnas.quant.ptq`): batch norm is
folded with its running statistics; weights and biases are rounded per channel, and outputs per tensor, at every use.
``convert_qat`` then fixes the rounded values. Rounding has the gradient 1 if a value is inside the grid's range and 0
if it was clipped: the straight-through estimator (Bengio et al. 2013; Jacob et al., CVPR 2018, Section 3;
Krishnamoorthi 2018, Section 3.2).
"""

from __future__ import annotations

import copy
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from qabwnas.quant.activations import FakeQuantise
from qabwnas.quant.data_flow import DataFlow
from qabwnas.quant.operators import Operator
from qabwnas.quant.ptq import correct_bias, fold_and_change, may_overwrite, operators_of, output_grid, weighted_layer
from qabwnas.quant.weights import RoundedWeights, fake_quantise_channels
from qabwnas.space import BitWidths

M = TypeVar("M", bound=nn.Module)


def prepare_qat(prepared: M, widths: BitWidths) -> M:
    """Return a copy of a prepared and calibrated module that trains at the given bit widths.

    In evaluation and in training it gives the same values as :func:`~qabwnas.quant.ptq.convert`, to the last bit. It
    keeps weights in float and rounds them on ranges that follow them; ranges of activations stay as calibrated.

    Raises:
        InputError: as :func:`~qabwnas.quant.ptq.convert`.
    """
    trainable = copy.deepcopy(prepared)
    fold_and_change(trainable, lambda operator: _prepare_operator(operator, widths))
    DataFlow.of(trainable).connect(trainable)
    return trainable


def convert_qat(trained: M) -> M:
    """Change a trained module, in place, into the form that :func:`~qabwnas.quant.ptq.convert` gives; return it."""
    for _, operator in operators_of(trained):
        layer = weighted_layer(operator)
        if layer is not None and operator.weights is not None:
            bits = operator.weights.bits
            layer.weight = nn.Parameter(fake_quantise_channels(layer.weight.detach(), bits))
            operator.weights = RoundedWeights(bits, operator.weights.grid_read)
        if isinstance(operator.output, StraightThroughQuantise):
            operator.output = FakeQuantise(operator.output.grid, inplace=may_overwrite(operator))
    return trained.eval()


class StraightThroughQuantise(FakeQuantise):
    """Rounds activations to the grid of one tensor, with a gradient for values inside the grid's range."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            steps = torch.round(x * self._inverse)
            inside = (steps >= self._low) & (steps <= self._high)
            rounded = steps.clamp_(self._low, self._high).mul_(self._scale)
        return _straight_through(x, rounded, inside)


class StraightThroughWeights(RoundedWeights):
    """Weights and a bias as a layer uses them, rounded from the float values that it keeps and trains.

    The grid of a channel ends at its largest weight, so no weight is clipped.
    """

    def __call__(self, layer: nn.Conv2d | nn.Linear) -> tuple[Tensor, Tensor]:
        weight, bias = layer.weight, layer.bias
        assert bias is not None, "folding gives every convolution a bias"
        rounded = fake_quantise_channels(weight.detach(), self.bits)
        return (
            _straight_through(weight, rounded),
            _straight_through(bias, self.bias(bias.detach(), rounded)),
        )


def _straight_through(values: Tensor, rounded: Tensor, inside: Tensor | None = None) -> Tensor:
    return cast(Tensor, _StraightThrough.apply(values, rounded, inside))  # type: ignore[no-untyped-call]


class _StraightThrough(torch.autograd.Function):
    """Gives ``rounded`` for ``values``; the gradient passes if ``inside`` is true, or everywhere without ``inside``."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, rounded: Tensor, inside: Tensor | None) -> Tensor:  # noqa: ARG004
        ctx.save_for_backward(inside)
        return rounded

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (inside,) = ctx.saved_tensors
        return gradient if inside is None else gradient * inside, None, None


def _prepare_operator(operator: Operator, widths: BitWidths) -> None:
    if widths.is_float:
        operator.output = nn.Identity()
        return
    layer = weighted_layer(operator)
    if layer is not None:
        correct_bias(operator, layer, fake_quantise_channels(layer.weight, widths.weights))
        operator.weights = StraightThroughWeights(widths.weights)
    operator.output = StraightThroughQuantise(output_grid(operator, widths.activations), inplace=False)
