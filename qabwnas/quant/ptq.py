"""Post-training quantisation of modules that are built of :mod:`~qabwnas.quant.operators`: prepare, calibrate, convert.

``prepare`` makes a copy with range observers (:mod:`~qabwnas.quant.observers`) in its output slots. Calibration data
then runs through this copy in float. ``convert`` makes copies of the calibrated module, any number of them, each at
given bit widths: batch norm folded, weights rounded, and the output of every operator rounded to a grid over the range
that its observer gives.
:mod:`~qabwnas.quant.qat` starts from the same prepared module.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from qabwnas.errors import InputError
from qabwnas.quant.activations import FakeQuantise
from qabwnas.quant.affine import Affine
from qabwnas.quant.batch_norm import fold_batch_norm
from qabwnas.quant.bias_correction import InputMean, corrected_bias
from qabwnas.quant.data_flow import DataFlow
from qabwnas.quant.observers import MinMaxObserver, RangeObserver
from qabwnas.quant.operators import Convolution, Input, Linear, Operator, with_input
from qabwnas.quant.weights import RoundedWeights, fake_quantise_channels
from qabwnas.space import BitWidths

M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True)
class PtqSettings:
    """How ranges and biases are found; the defaults are those of the paper.

    Attributes:
        observer: makes the observer of an operator's output, which chooses the ranges of activations.
        bias_correction: whether biases make up for the mean error of rounded weights
            (:mod:`~qabwnas.quant.bias_correction`).
    """

    observer: Callable[[], RangeObserver] = MinMaxObserver
    bias_correction: bool = False


PAPER = PtqSettings()


def prepare(module: M, settings: PtqSettings = PAPER) -> M:
    """Return a copy in evaluation mode with observers of ranges, and of inputs if biases are to be corrected."""
    return prepare_in_place(copy.deepcopy(module), settings)


def prepare_in_place(module: M, settings: PtqSettings = PAPER) -> M:
    """Do the same to the module itself, and return it."""
    for _, operator in operators_of(module):
        operator.output = settings.observer()
        layer = weighted_layer(operator)
        operator.input_mean = InputMean(layer) if settings.bias_correction and layer is not None else None
    return module.eval()


def convert(prepared: M, widths: BitWidths) -> M:
    """Return a copy of a prepared and calibrated module at the given bit widths.

    Weights have one symmetric grid per output channel, activations one asymmetric grid per tensor. Biases are kept in
    float32 and rounded by the grid that the operator reads (:mod:`qabwnas.quant.data_flow`). ``FLOAT`` only folds.

    Raises:
        InputError: no calibration data has passed through an operator, or a value that is not finite, or a weight is
            not finite; the message names the operator by its place in the module.
    """
    converted = copy.deepcopy(prepared)
    convert_in_place(converted, widths)
    DataFlow.of(converted).connect(converted)
    return converted


def convert_in_place(prepared: nn.Module, widths: BitWidths) -> None:
    """Do the same to the prepared module itself, but do not tell operators which grid they read (:class:`.DataFlow`).

    Raises as :func:`convert`.
    """
    fold_and_change(prepared, lambda operator: _convert_operator(operator, widths))


@torch.no_grad()
def fold_and_change(prepared: nn.Module, change: Callable[[Operator], None]) -> None:
    """Fold batch norm in a prepared module, then call ``change`` on every operator, all in place.

    Raises:
        InputError: ``change`` raises it; the operator's place in the module is put in front of the message.
    """
    fold_batch_norm(prepared)
    for name, operator in operators_of(prepared):
        try:
            change(operator)
            operator.input_mean = None
        except InputError as error:
            raise InputError(f"{name}: {error}") from error


def operators_of(module: nn.Module) -> list[tuple[str, Operator]]:
    """Return all operators in a module, each with its place."""
    return [(name, part) for name, part in module.named_modules() if isinstance(part, Operator)]


def weighted_layer(operator: Operator) -> nn.Conv2d | nn.Linear | None:
    """Return the layer that holds an operator's weights; ``None`` if it has none."""
    if isinstance(operator, Convolution):
        return operator.conv
    return operator.linear if isinstance(operator, Linear) else None


def output_grid(operator: Operator, bits: int) -> Affine:
    """Return the grid of a prepared operator's output; raises as :meth:`RangeObserver.grid`."""
    assert isinstance(operator.output, RangeObserver), "the module does not come from prepare()"
    return operator.output.grid(bits)


def may_overwrite(operator: Operator) -> bool:
    """Return whether an operator's output can be rounded in place.

    The tensor that enters a part belongs to the caller; all other operators write tensors of their own.
    """
    return not isinstance(operator, Input)


def correct_bias(operator: Operator, layer: nn.Conv2d | nn.Linear, rounded: Tensor) -> None:
    """Correct the bias of a prepared operator for its ``rounded`` weights, if it observed its input for that."""
    if isinstance(operator.input_mean, InputMean):
        layer.bias = nn.Parameter(corrected_bias(layer, rounded, operator.input_mean.mean))


def quantise(
    module: nn.Module, widths: BitWidths, batches: Iterable[Tensor], settings: PtqSettings = PAPER
) -> nn.Module:
    """Return ``module`` at the given bit widths, with an :class:`Input` in front, calibrated in float on ``batches``.

    Raises InputError as :func:`convert` does.
    """
    prepared = prepare(with_input(module), settings)
    with torch.no_grad():
        for batch in batches:
            prepared(batch)
    return convert(prepared, widths)


def shallow_copy(module: M) -> M:
    """Return a copy of a module that has the same tensors as parameters, and copies of its buffers.

    For code that replaces parameters, as folding and rounding do, and never writes into them. Many times faster than a
    deep copy, which also walks through all the empty collections that torch keeps in every module.
    """
    copied = module.__new__(type(module))
    copied.__dict__ = module.__dict__ | {
        "_parameters": module._parameters.copy(),
        "_buffers": {name: None if buffer is None else buffer.clone() for name, buffer in module._buffers.items()},
        "_modules": {name: None if part is None else shallow_copy(part) for name, part in module._modules.items()},
    }
    return copied


def _convert_operator(operator: Operator, widths: BitWidths) -> None:
    if widths.is_float:
        operator.output = nn.Identity()
        return
    layer = weighted_layer(operator)
    if layer is not None:
        rounded = fake_quantise_channels(layer.weight, widths.weights)
        correct_bias(operator, layer, rounded)
        layer.weight = nn.Parameter(rounded)
        operator.weights = RoundedWeights(widths.weights)
    rounding = FakeQuantise(output_grid(operator, widths.activations), inplace=may_overwrite(operator))
    if isinstance(operator, Convolution) and rounding.clips_to(*operator.bounds):
        operator.activation = nn.Identity()  # as in integer run-times: one pass over memory less
    operator.output = rounding
