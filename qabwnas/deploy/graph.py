"""Build an ONNX graph: nodes, constants, and tensors with their quantisation grids.

A quantised tensor has unsigned 8-bit integers. Each node that reads it does so through a DequantizeLinear node of its
own, and its result is written through a QuantizeLinear node: run-times replace an operator between such nodes by one
integer kernel. Grids of fewer bits use the lower part of the same container, and a Clip of the integers after
QuantizeLinear keeps their upper end.

The names of constants give their roles, because sizes are counted by role (:mod:`qabwnas.deploy.check`):
``PATH.weight``, ``PATH.weight_scale``, ``PATH.bias``, ``PATH.bias_scale``, ``PATH.scale``,
``PATH.zero``, ``PATH.largest``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper, numpy_helper

from qabwnas.errors import InputError
from qabwnas.quant.affine import Affine
from qabwnas.version import __version__

# The lowest versions with quantisation per channel, so that older boards can read them: ONNX Runtime 1.7 and newer.
# A part that stays float may need newer ones.
OPSET = 13
IR_VERSION = 7
INPUT, OUTPUT = "input", "output"
CONTAINER_LARGEST = 255
FLOAT_PARTS = "qabwnas.float_parts"
"""The key of a model's metadata that holds its :class:`FloatPart` entries as JSON."""
FLOAT_CONSTANT = "float"
"""The role of the constants of parts that stay float."""


@dataclass(frozen=True)
class Value:
    """A tensor of the graph: floats if ``grid`` is ``None``, else integers on that grid.

    ``scale`` and ``zero`` are the names of the constants that hold the grid.
    """

    name: str
    grid: Affine | None = None
    scale: str = ""
    zero: str = ""


@dataclass(frozen=True)
class FloatPart:
    """A part that stays float because it does not consist of operators.

    Attributes:
        path: its place in the network.
        reason: why it stays float.
        n_parameters: of the part. Its model may store more or fewer numbers.
        opset: the lowest opset that it can be written in.
    """

    path: str
    reason: str
    n_parameters: int
    opset: int


def float_parts(model: onnx.ModelProto) -> list[FloatPart]:
    """Return the parts of a model that stay float, in the order in which they run."""
    found = {entry.key: entry.value for entry in model.metadata_props}
    return [FloatPart(**fields) for fields in json.loads(found.get(FLOAT_PARTS, "[]"))]


class Graph:
    """Collects nodes and constants; their names follow the paths of modules.

    ``float_models`` are the models of the parts that stay float, by path; each has the input and the output of a graph.
    """

    def __init__(self, float_models: Mapping[str, tuple[FloatPart, onnx.ModelProto]] | None = None) -> None:
        self._float_models = float_models or {}
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[TensorProto] = []
        self._names: set[str] = set()

    def node(self, kind: str, inputs: list[str], name: str, **attributes: Any) -> str:
        """Add a node with one output, and return the output's name: ``name``, with a number appended if it is taken."""
        name = self._free(name)
        self._nodes.append(helper.make_node(kind, inputs, [name], name=f"{name}:{kind}", **attributes))
        return name

    def constant(self, name: str, values: NDArray[Any], note: str = "") -> str:
        """Add a constant, and return its name."""
        name = self._free(name)
        tensor = numpy_helper.from_array(values.copy(order="C"), name)  # keeps the shape: scalars stay scalars
        tensor.doc_string = note
        self._constants.append(tensor)
        return name

    def real(self, value: Value, name: str = "") -> str:
        """Return the name of the tensor's real values, from a new DequantizeLinear node if it is quantised."""
        if value.grid is None:
            return value.name
        return self.node("DequantizeLinear", [value.name, value.scale, value.zero], name or f"{value.name}.real")

    def quantised(self, name: str, real: str, grid: Affine) -> Value:
        """Quantise a tensor of real numbers to a grid.

        Raises:
            InputError: the grid has more than 8 bits.
        """
        if grid.largest > CONTAINER_LARGEST:
            raise InputError(f"{name}: activations of more than 8 bits cannot be exported")
        value = self.on_grid(name, f"{name}.integers", grid)
        integers = self.node("QuantizeLinear", [real, value.scale, value.zero], value.name)
        if grid.largest < CONTAINER_LARGEST:
            largest = self.constant(f"{name}.largest", np.array(grid.largest, dtype=np.uint8))
            integers = self.node("Clip", [integers, "", largest], f"{name}.clipped")
        return replace(value, name=integers)

    def on_grid(self, name: str, integers: str, grid: Affine) -> Value:
        """Return the integers of an input as a value on its grid."""
        scale = self.constant(f"{name}.scale", grid.scale.numpy())
        zero = self.constant(f"{name}.zero", (-grid.zero).numpy().astype(np.uint8))
        return Value(integers, grid, scale, zero)

    def include(self, path: str, x: Value) -> Value:
        """Add the model of a part that stays float, and return its output for the input ``x``."""
        prefix = f"{path}:"
        model = compose.add_prefix(self._float_models[path][1], prefix)
        for n, constant in enumerate(model.graph.initializer):
            renamed = f"{prefix}{n}.{FLOAT_CONSTANT}"
            for node in model.graph.node:
                node.input[:] = [renamed if name == constant.name else name for name in node.input]
            constant.doc_string, constant.name = constant.name, renamed
        self._nodes.append(helper.make_node("Identity", [self.real(x)], [prefix + INPUT]))
        self._nodes += model.graph.node
        self._constants += model.graph.initializer
        return Value(prefix + OUTPUT)

    def model(
        self, shape: tuple[int, ...], output: str, n_output_sides: int, *, integers: tuple[bool, bool] = (False, False)
    ) -> onnx.ModelProto:
        """Return the checked model; ``shape`` is that of one image, and batches have any size.

        The tensor ``output`` has the batch and ``n_output_sides`` more sides. ``integers`` says whether input and
        output are unsigned 8-bit integers instead of floats.
        """
        sides: list[int | str] = [f"side_{i}" for i in range(n_output_sides)]
        of_input, of_output = (TensorProto.UINT8 if each else TensorProto.FLOAT for each in integers)
        graph = helper.make_graph(
            self._nodes,
            "network",
            [helper.make_tensor_value_info(INPUT, of_input, ["n", *shape])],
            [helper.make_tensor_value_info(output, of_output, ["n", *sides])],
            self._constants,
        )
        parts = [part for part, _ in self._float_models.values()]
        opset = helper.make_opsetid("", max([OPSET, *(part.opset for part in parts)]))
        model = helper.make_model(
            graph,
            opset_imports=[opset],
            ir_version=max(IR_VERSION, helper.find_min_ir_version_for([opset])),
            producer_name="qabwnas",
            producer_version=__version__,
        )
        if parts:
            helper.set_model_props(model, {FLOAT_PARTS: json.dumps([asdict(part) for part in parts])})
        onnx.checker.check_model(model, full_check=True)
        return model

    def _free(self, name: str) -> str:
        """Return the first of ``name``, ``name.1``, ``name.2``… that is not taken yet, and take it."""
        free, n = name, 0
        while free in self._names:
            n += 1
            free = f"{name}.{n}"
        self._names.add(free)
        return free
