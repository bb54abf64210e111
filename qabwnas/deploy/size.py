"""What an exported model weighs, counted from its constants by the rules of :mod:`qabwnas.costs`."""

from __future__ import annotations

import math

import onnx
from onnx import TensorProto

from qabwnas.costs import ACTIVATION_GRID_BYTES, BIAS_BYTES, WEIGHT_SCALE_BYTES

FLOAT_BITS = 32

# Zero points of weights, scales of biases, ends of grids: what follows from the rest, or is the container's.
BYTES_PER_ELEMENT = {
    "weight_scale": WEIGHT_SCALE_BYTES,
    "bias": BIAS_BYTES,
    "scale": ACTIVATION_GRID_BYTES,  # with its zero point
}


def packed_bytes(model: onnx.ModelProto) -> int:
    """Return the ``size_bytes`` of what an exported model holds: every weight at its own bits, not its container's."""
    return sum(_packed(tensor) for tensor in model.graph.initializer)


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
