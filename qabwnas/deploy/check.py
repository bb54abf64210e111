"""Run an exported model in ONNX Runtime, and check its outputs, scores and size; a mismatch is an error."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import onnx
import onnxruntime
import torch
from onnx import TensorProto
from torch import Tensor, nn

from qabwnas.costs import ACTIVATION_GRID_BYTES, BIAS_BYTES, WEIGHT_SCALE_BYTES
from qabwnas.deploy.graph import INPUT, OUTPUT, float_parts
from qabwnas.errors import MismatchError
from qabwnas.quant.activations import FakeQuantise
from qabwnas.quant.data_flow import INPUT as NO_OPERATOR
from qabwnas.quant.data_flow import ITSELF, DataFlow
from qabwnas.quant.ptq import operators_of

M = TypeVar("M", bound=nn.Module)
Forward = Callable[[Tensor], Tensor]

WITHIN_A_STEP = 0.99
"""The fraction of outputs that have to be within one quantisation step of the simulation."""
STEPS_OF_FLOATS = 255
"""The range of a float output counts as this many quantisation steps, as many as an 8-bit grid has."""
SCORE_TOLERANCE = 0.01
"""The largest difference between the scores of the simulated and the executed network."""
FLOAT_BITS = 32
BYTES_PER_ELEMENT = {
    "weight_scale": WEIGHT_SCALE_BYTES,
    "bias": BIAS_BYTES,
    "scale": ACTIVATION_GRID_BYTES,  # with its zero point
}
"""The bytes per element of a constant by the last part of its name.

Other constants count nothing (zero points of weights, scales of biases, ends of grids): they follow from these, or
belong to the container. Parts that stay float count their parameters, in whatever form their constants are stored.
"""


def open_session(
    model: onnx.ModelProto | Path, *, n_threads: int = 1, optimised: Path | None = None
) -> onnxruntime.InferenceSession:
    """Return a session on the CPU; with ``optimised``, write the optimised graph to that file.

    On x86-64 without VNNI, the fastest kernel of ONNX Runtime adds pairs of products in 16 bits, which saturate. The
    session uses the exact kernel.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.x64quantprecision", "1")
    if optimised is not None:
        options.optimized_model_filepath = str(optimised)
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


class OnnxNetwork(nn.Module):
    """An ONNX model as a torch module, so that a task can score it like any other network."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        super().__init__()
        self._session = session

    def forward(self, x: Tensor) -> Tensor:
        return torch.from_numpy(self._session.run([OUTPUT], {INPUT: x.numpy()})[0])


@dataclass(frozen=True)
class OutputDifferences:
    """The differences between the outputs of two networks.

    Attributes:
        largest, mean: the largest and the mean absolute difference.
        within_a_step: the fraction of elements that differ by at most one quantisation step of the output, 0 … 1.
    """

    largest: float
    mean: float
    within_a_step: float


@torch.inference_mode()
def compare_outputs(one: Forward, other: Forward, batches: Iterable[Tensor], step: float) -> OutputDifferences:
    """Compare two networks on the same inputs; ``step`` is the quantisation step of their output."""
    differences = torch.cat([(one(batch) - other(batch)).abs().flatten() for batch in batches]).double()
    within = differences <= step * 1.001  # rounding: differences are only nearly multiples of a step
    return OutputDifferences(float(differences.max()), float(differences.mean()), float(within.double().mean()))


def output_step(module: nn.Module) -> float:
    """Return the quantisation step of a frozen module's output; 0 if the output is float."""
    name = DataFlow.of(module).output
    if name in (None, NO_OPERATOR):
        return 0.0
    slot = module.get_submodule("" if name == ITSELF else str(name)).output
    return float(slot.grid.scale) if isinstance(slot, FakeQuantise) else 0.0


def with_float_biases(module: M) -> M:
    """Return a copy of a frozen module without rounding of biases: another sample of the same quantisation noise."""
    module = copy.deepcopy(module)
    for _, operator in operators_of(module):
        operator.weights = None
    return module


def check_outputs(simulated: nn.Module, executed: nn.Module, batches: Sequence[Tensor]) -> OutputDifferences:
    """Return the differences between the executed model and ``simulated``, the fake-quantised network.

    In a deep network, a single value that is rounded to the other side of a tie changes values in later layers.
    Therefore it is also enough if the model is as near to ``simulated`` as the simulation with float biases, which
    differs only in roundings. If the output is float, a step is its range divided by ``STEPS_OF_FLOATS``.

    Raises:
        MismatchError: less than ``WITHIN_A_STEP`` of the outputs are within one quantisation step, and the mean
            difference is larger than other roundings explain.
    """
    step = output_step(simulated) or _float_step(simulated, batches)
    found = compare_outputs(executed, simulated, batches, step)
    roundings = compare_outputs(with_float_biases(simulated), simulated, batches, step).mean
    if not (found.within_a_step >= WITHIN_A_STEP or found.mean <= roundings):
        raise MismatchError(
            f"the outputs in ONNX Runtime differ from the simulation: {found.within_a_step:.2%} are within one "
            f"step ({step:.4g}), {WITHIN_A_STEP:.0%} should be; the mean difference is {found.mean:.4g}, and other "
            f"roundings explain {roundings:.4g}"
        )
    return found


@torch.inference_mode()
def _float_step(module: nn.Module, batches: Sequence[Tensor]) -> float:
    outputs = [module(batch) for batch in batches]
    return float(max(y.max() for y in outputs) - min(y.min() for y in outputs)) / STEPS_OF_FLOATS


def check_scores(simulated: float, executed: float, name: str) -> None:
    """Raise MismatchError if the two scores differ by more than ``SCORE_TOLERANCE``."""
    if not abs(simulated - executed) <= SCORE_TOLERANCE:
        raise MismatchError(
            f"{name}: {executed:.2%} in ONNX Runtime, {simulated:.2%} as simulated; "
            f"they may differ by {SCORE_TOLERANCE:.0%}"
        )


def check_size(model: onnx.ModelProto, predicted: float) -> None:
    """Raise MismatchError unless the model's constants, packed to their bits, have exactly the predicted size."""
    packed = packed_bytes(model)
    if packed != predicted:
        raise MismatchError(f"the model holds {packed} bytes, and {predicted:.0f} were predicted")


def packed_bytes(model: onnx.ModelProto) -> int:
    """Return the ``size_bytes`` of an exported model by the rules of :mod:`qabwnas.costs`.

    Every weight counts its own bits, not those of its container.
    """
    n_float = sum(part.n_parameters for part in float_parts(model))
    return sum(_packed(tensor) for tensor in model.graph.initializer) + n_float * FLOAT_BITS // 8


def stored_bytes(model: onnx.ModelProto) -> int:
    """Return the bytes of all constants as the model stores them; the rest of its file describes the graph."""
    return sum(len(tensor.raw_data) for tensor in model.graph.initializer)


def _packed(tensor: TensorProto) -> int:
    role = tensor.name.rpartition(".")[2]
    n_elements: int = math.prod(tensor.dims)
    if role == "weight":
        return -(-n_elements * _bits(tensor) // 8)
    return n_elements * BYTES_PER_ELEMENT.get(role, 0)


def _bits(weight: TensorProto) -> int:
    return FLOAT_BITS if weight.data_type == TensorProto.FLOAT else int(weight.doc_string.split()[0])
