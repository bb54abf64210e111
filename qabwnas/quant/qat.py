"""Quantisation-aware training: forward the arithmetic of the quantised network, backward straight through the rounding.

``prepare`` makes from an observed and calibrated module one that trains: batch norm is folded with its running
statistics; weights and biases are rounded a channel, and outputs a tensor, whenever they are used. ``finish`` then
freezes it. Rounding has the gradient 1 where a value lies inside the grid's range and 0 where it was clipped: the
straight-through estimator (Bengio et al. 2013; Jacob et al., CVPR 2018, Section 3; Krishnamoorthi 2018, Section 3.2).
"""

from __future__ import annotations

import copy
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from qabwnas.quant.apply import convert, may_overwrite, operators_of, output_grid, weighted_layer
from qabwnas.quant.fake import FakeQuantise
from qabwnas.quant.operators import Operator
from qabwnas.quant.weights import RoundedWeights, fake_quantise_channels
from qabwnas.quant.wiring import Wiring
from qabwnas.space import BitWidths

M = TypeVar("M", bound=nn.Module)


def prepare(observed: M, widths: BitWidths) -> M:
    """Return a copy of an observed module, after calibration, that trains at the given bit widths.

    In evaluation and in training it gives what :func:`~qabwnas.quant.apply.freeze` would, to the last bit. Weights are
    kept in float beside their rounded form, whose ranges follow them; ranges of activations stay as calibrated.

    Raises:
        InputError: as :func:`~qabwnas.quant.apply.freeze`.
    """
    prepared = copy.deepcopy(observed)
    convert(prepared, lambda operator: _prepare_operator(operator, widths))
    Wiring.of(prepared).connect(prepared)
    return prepared


def finish(trained: M) -> M:
    """Make a trained module, in place, one as :func:`~qabwnas.quant.apply.freeze` gives, and return it."""
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
    """Rounds activations to the grid of one tensor, with a gradient for all that lies on the grid."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            steps = torch.round(x * self._inverse)
            inside = (steps >= self._low) & (steps <= self._high)
            rounded = steps.clamp_(self._low, self._high).mul_(self._scale)
        return _straight_through(x, rounded, inside)


class StraightThroughWeights(RoundedWeights):
    """Weights and a bias as a layer uses them, rounded from the float ones that it keeps and trains.

    The grid of a channel ends at its largest weight, so none is clipped.
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
    """``rounded`` in the place of ``values``, whose gradient passes where ``inside`` holds, or everywhere."""

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
    if weighted_layer(operator) is not None:
        operator.weights = StraightThroughWeights(widths.weights)
    operator.output = StraightThroughQuantise(output_grid(operator, widths.activations), inplace=False)
