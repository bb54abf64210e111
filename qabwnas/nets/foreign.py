"""Teachers made elsewhere: any torch module that can be traced, cut into stem, blocks and head.

The user names the modules whose outputs are the borders. The module is traced symbolically (Reed et al., MLSys 2022)
and cut behind them, so that what it computes stays as it is; a cut is refused where more than the border's own
output would have to pass it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from torch import fx, nn

from qabwnas.errors import InputError
from qabwnas.nets.convert import to_operators
from qabwnas.nets.network import Network
from qabwnas.nets.part_shapes import value_shapes
from qabwnas.quant.operators import Unquantised
from qabwnas.space import Shape

LEAVES = (nn.Conv2d, nn.BatchNorm2d, nn.Linear)  # and classes derived from them, whose code is no matter of tracing


def split_teacher(module: nn.Module, borders: Sequence[str], image: Shape) -> Network:
    """Return a network in evaluation mode that computes what ``module`` does on a batch of images.

    ``borders`` are paths of submodules: the output of the first is the input of block 1, that of each further one the
    output of a block. A part whose layers all have an operator (see :mod:`~qabwnas.nets.convert`) is made of
    operators, so that it is quantised like any other; another one is wrapped in
    :class:`~qabwnas.quant.operators.Unquantised` and stays float. The weights are copies.

    Raises:
        InputError: a border is no submodule, gives no single tensor, or the module does not run through the borders
            once in their order; the module cannot be traced, or takes or gives more than one tensor; a value beside a
            border's output passes the border, as a skip connection over it does. The message names it.
    """
    if len(borders) < 2:
        raise InputError("borders: one is needed for the input of the first block, and one for each block's output")
    module = copy.deepcopy(module).eval()
    tracer = _Tracer(module, borders)
    graph = _trace(tracer, module)
    answer = _answer(graph)
    exits = [_border_node(tracer, answer, name) for name in borders]
    parts = _cut(graph, exits, borders)
    pieces = []
    entry: fx.Node | None = None
    for nodes, end in zip(parts, [*exits, answer], strict=True):
        pieces.append(fx.GraphModule(module, _piece(nodes, entry, end)).eval())
        entry = end
    stem, *blocks, head = _as_parts(pieces, image)
    return Network(stem, blocks, head).eval()


def _as_parts(pieces: Sequence[fx.GraphModule], image: Shape) -> list[nn.Module]:
    parts: list[nn.Module] = []
    shape: tuple[int, ...] = (1, image.channels, image.height, image.width)
    for piece in pieces:
        shapes, shape = value_shapes(piece, shape)
        converted = to_operators(piece, shapes)
        parts.append(Unquantised(piece) if converted is None else converted)
    return parts


class _Tracer(fx.Tracer):
    """Remembers what the border modules gave while it traces."""

    def __init__(self, module: nn.Module, borders: Sequence[str]) -> None:
        super().__init__()
        modules = dict(module.named_modules(remove_duplicate=False))
        for name in borders:
            if name not in modules or not name:
                raise InputError(f"border {name!r}: the teacher has no module of that name")
        self._borders = {name: modules[name] for name in borders}
        self.given: dict[str, list[Any]] = {name: [] for name in borders}

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, LEAVES) or super().is_leaf_module(m, module_qualified_name)

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        output = super().call_module(m, forward, args, kwargs)
        for name, border in self._borders.items():
            if border is m:
                self.given[name].append(output)
        return output


def _trace(tracer: _Tracer, module: nn.Module) -> fx.Graph:
    try:
        graph = tracer.trace(module)
    except (fx.proxy.TraceError, TypeError, RuntimeError, AttributeError, AssertionError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"the teacher cannot be traced by torch.fx: {reason}") from error
    inputs = [node.name for node in graph.nodes if node.op == "placeholder"]
    if len(inputs) != 1:
        raise InputError(f"the teacher takes {len(inputs)} inputs ({', '.join(inputs)}) instead of one batch of images")
    return graph


def _border_node(tracer: _Tracer, answer: fx.Node, name: str) -> fx.Node:
    given = tracer.given[name]
    if len(given) != 1:
        raise InputError(f"border {name!r}: the teacher runs through it {len(given)} times, not once")
    if not isinstance(given[0], fx.Proxy):
        raise InputError(f"border {name!r}: it gives more than one tensor")
    if given[0].node not in _needed(answer):
        raise InputError(f"border {name!r}: the teacher's output does not depend on it")
    return given[0].node


def _needed(answer: fx.Node) -> set[fx.Node]:
    needed, waiting = {answer}, [answer]
    while waiting:
        fresh = set(waiting.pop().all_input_nodes) - needed
        needed |= fresh
        waiting += fresh
    return needed


def _answer(graph: fx.Graph) -> fx.Node:
    (output,) = (node for node in graph.nodes if node.op == "output")
    answer = output.args[0]
    if not isinstance(answer, fx.Node):
        raise InputError("the teacher gives something else than one tensor of logits")
    return answer


def _cut(graph: fx.Graph, exits: Sequence[fx.Node], borders: Sequence[str]) -> list[list[fx.Node]]:
    """Return the nodes of stem, blocks and head, in their order; parameters belong to none."""
    nodes = [node for node in graph.nodes if node.op not in ("output", "get_attr")]
    ends = [nodes.index(node) + 1 for node in exits]
    for name, following, start, end in zip(borders, borders[1:], ends, ends[1:], strict=False):
        if end <= start:
            raise InputError(f"border {following!r}: it does not come behind border {name!r}")
    parts = [nodes[start:end] for start, end in zip([0, *ends], [*ends, len(nodes)], strict=True)]
    place = {node: part for part, members in enumerate(parts) for node in members}
    for node, part in place.items():
        for user in node.users:
            used = place.get(user, len(exits))  # the output belongs to the head
            passes = used == part + 1 and part < len(exits) and node is exits[part]
            if used != part and not passes:
                raise InputError(
                    f"border {borders[used - 1]!r}: {_described(node)} from the part before border "
                    f"{borders[part]!r} is used behind it, where only the border's own output may pass"
                )
    return parts


def _described(node: fx.Node) -> str:
    if node.op == "placeholder":
        return "the images"
    return f"the output of {node.target}" if node.op == "call_module" else f"the value {node.name}"


def _piece(nodes: Sequence[fx.Node], entry: fx.Node | None, end: fx.Node) -> fx.Graph:
    """Return a graph of one part, from what ``entry`` gave to what ``end`` gives."""
    graph = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    if entry is not None:
        # A copy, for a part may begin with an operation in place, and its input is also the output of the part before.
        copies[entry] = graph.call_method("clone", (graph.placeholder("x"),))
    for node in nodes:
        for needed in node.all_input_nodes:
            if needed.op == "get_attr" and needed not in copies:
                copies[needed] = graph.node_copy(needed)
        copies[node] = graph.node_copy(node, copies.__getitem__)
    graph.output(copies[end])
    return graph
