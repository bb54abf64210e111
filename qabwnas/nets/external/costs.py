"""The costs of parts that no space describes, measured on the traced part itself.

A part runs once on tensors without data. In a part that consists of operators, each operator counts as in
:mod:`qabwnas.costs`. A part that stays float counts 4 bytes per parameter; the multiply-accumulates of its convolutions
and linear layers, computed by modules or functions; and, for the peak, all tensors that torch keeps while a function
runs.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.utils.flop_counter import FlopCounterMode

from qabwnas.costs import FixedParts, OperatorCost, stem_operators
from qabwnas.errors import InputError
from qabwnas.io.user_code import call
from qabwnas.nets.external.shapes import without_data
from qabwnas.nets.network import Network
from qabwnas.nets.own_head import build_own_head
from qabwnas.quant import operators
from qabwnas.quant.data_flow import trace_operators
from qabwnas.space import SearchSpace, Shape

WITH_WEIGHTS = (torch.ops.aten.convolution, torch.ops.aten.addmm, torch.ops.aten.mm)


def teacher_parts(teacher: Network, image: Shape) -> list[tuple[OperatorCost, ...]]:
    """Return the operators of stem, blocks and head of a split teacher, for a batch of one image.

    Raises:
        InputError: the teacher does not come from :func:`~qabwnas.nets.external.split.split_teacher`.
    """
    x = torch.empty((1, image.channels, image.height, image.width), device="meta")
    parts = []
    for part in (teacher.stem, *teacher.blocks, teacher.head):
        measured, x = part_operators(part, x)
        parts.append(measured)
    return parts


def part_operators(part: nn.Module, x: Tensor) -> tuple[tuple[OperatorCost, ...], Tensor]:
    """Return the operators of a traced part for the input ``x`` without data, and the part's output.

    Raises:
        InputError: the part is not traced.
    """
    traced = part.part if isinstance(part, operators.Unquantised) else part
    if not isinstance(traced, fx.GraphModule):
        raise InputError("only the parts of a split teacher are measured; the space describes all other networks")
    run = _Measurement(traced, quantised=traced is part)
    entry = OperatorCost(live=(x.numel(),), quantised=run.quantised, requantises=run.quantised)
    y = run.run(x)
    return (entry, *run.operators()), y


@lru_cache(maxsize=4)
def fixed_parts(space: SearchSpace) -> FixedParts | None:
    """Return the operators of stem and head if the head is the user's own; ``None`` if the space describes both.

    Cached, because the head is built and traced.

    Raises:
        InputError: as :func:`~qabwnas.nets.own_head.build_own_head`, or the head does not run on the last feature map,
            or its output is not one tensor ``(n, classes, …)``.
    """
    head, x = space.head, space.block_inputs[-1]
    if not head.is_own:
        return None
    with torch.random.fork_rng():  # the weights are not used
        part = without_data(build_own_head(head, x.channels))
    features = torch.empty((1, x.channels, x.height, x.width), device="meta")
    with torch.no_grad():
        output = call(head.kind, part, features)
    if not isinstance(output, Tensor):
        raise InputError(f"{head.kind}: the head gives {type(output).__name__}, not one tensor")
    if output.ndim < 2 or tuple(output.shape[:2]) != (1, head.n_classes):
        shape = tuple(output.shape)
        raise InputError(f"{head.kind}: the head gives the shape {shape} for one image, not (1, {head.n_classes}, …)")
    if isinstance(part, operators.Unquantised):
        part = operators.Unquantised(trace_operators(part.part))
    return FixedParts(stem_operators(space), part_operators(part, features)[0])


class _Measurement(fx.Interpreter):
    """Runs a part and records which storages every step reads and makes; a view has the storage of its base."""

    def __init__(self, part: fx.GraphModule, *, quantised: bool) -> None:
        super().__init__(without_data(part))
        self.quantised = quantised
        self._kept: list[Tensor] = []  # so that no storage key is used twice
        self._n_elements: dict[int, int] = {}
        self._made: dict[int, int] = {}
        self._last_read: dict[int, int] = {}
        self._steps: list[dict[str, Any]] = []
        self._counted: set[int] = set()
        self._weights = self._macs = 0  # of a float part, not assigned to a step yet

    @torch.no_grad()
    def run_node(self, n: fx.Node) -> Any:
        with FlopCounterMode(display=False) as flops:
            value = super().run_node(n)
        if not self.quantised:
            self._note_costs(n, value, flops)
        if n.op in ("get_attr", "output") or not isinstance(value, Tensor):
            return value
        read = [self.env[x] for x in n.all_input_nodes if isinstance(self.env.get(x), Tensor) and x.op != "get_attr"]
        step = len(self._steps)
        fresh = self._note(value, step)
        for tensor in read:
            self._note(tensor, step)
        if n.op != "placeholder" and (fresh or isinstance(self._module(n), operators.Operator)):
            self._steps.append(self._step_costs(n, value))
        return value

    def operators(self) -> list[OperatorCost]:
        """Return the operators of the finished run."""
        found = []
        for step, costs in enumerate(self._steps):
            live = [s for s in self._n_elements if self._made[s] <= step <= self._last_read[s]]
            found.append(OperatorCost(live=tuple(self._n_elements[s] for s in live), quantised=self.quantised, **costs))
        return found

    def _note(self, tensor: Tensor, step: int) -> bool:
        """Count a storage as alive until ``step``; return whether it is new."""
        storage = tensor.untyped_storage()
        key = storage._cdata
        fresh = key not in self._made
        self._kept.append(tensor)
        self._n_elements.setdefault(key, storage.nbytes() // tensor.element_size())
        self._made.setdefault(key, step)
        self._last_read[key] = step
        return fresh

    def _module(self, node: fx.Node) -> nn.Module | None:
        return self.module.get_submodule(str(node.target)) if node.op == "call_module" else None

    def _step_costs(self, node: fx.Node, value: Tensor) -> dict[str, Any]:
        module = self._module(node)
        if isinstance(module, operators.Convolution):
            return _layer(module.conv, value) | {"batch_norm": not isinstance(module.norm, nn.Identity)}
        if isinstance(module, operators.Linear):
            return _layer(module.linear, value)
        if isinstance(module, operators.Operator):
            return {}
        if self.quantised:
            return {"requantises": False}
        weights, macs, self._weights, self._macs = self._weights, self._macs, 0, 0
        return {"weights": weights, "macs": macs, "batch_norm": False}

    def _note_costs(self, node: fx.Node, value: Any, flops: FlopCounterMode) -> None:
        """Count the multiply-accumulates of a node of a float part, and the parameters that it is the first to use."""
        module = self._module(node)
        own = list(module.parameters()) if module is not None else [value] if node.op == "get_attr" else []
        new = [p for p in own if isinstance(p, nn.Parameter) and id(p) not in self._counted]
        self._counted.update(map(id, new))
        self._weights += sum(p.numel() for p in new)
        of_kind = flops.get_flop_counts().get("Global", {})
        self._macs += sum(of_kind.get(kind, 0) for kind in WITH_WEIGHTS) // 2


def _layer(layer: nn.Module, y: Tensor) -> dict[str, Any]:
    """Return weights, channels and multiply-accumulates of a convolution or linear layer, of any leading dimensions."""
    assert isinstance(layer, (nn.Conv2d, nn.Linear))
    n = layer.weight.numel()
    positions = math.prod(y.shape[2:]) if isinstance(layer, nn.Conv2d) else y.numel() // len(layer.weight)
    return {"weights": n, "channels": len(layer.weight), "macs": n * positions, "batch_norm": False}
