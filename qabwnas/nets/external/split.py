"""Teachers made elsewhere: any torch module that can be traced, cut into stem, blocks and head.

The user names the modules whose outputs are the borders. The module is traced
(:mod:`~qabwnas.nets.external.trace`) and cut after them, so that it still computes the same. A cut is refused if more
than the border's own output would have to pass it. The parts are then compared with the module on random numbers
(:mod:`~qabwnas.nets.external.verify`).
"""

from __future__ import annotations

import operator
from collections.abc import Sequence

import torch
from torch import Tensor, fx, nn

from qabwnas.errors import InputError
from qabwnas.nets.external.layers import NoOperatorError
from qabwnas.nets.external.rebuild import to_operators
from qabwnas.nets.external.shapes import Sides, ValueShapes, without_data
from qabwnas.nets.external.trace import trace
from qabwnas.nets.external.tracer import Traced
from qabwnas.nets.external.user_module import unwrapped
from qabwnas.nets.external.verify import check_parts
from qabwnas.nets.network import Network
from qabwnas.quant.operators import Unquantised
from qabwnas.space import SearchSpace, Shape


def split_teacher(module: nn.Module, borders: Sequence[str], image: Shape, *, check: bool = True) -> Network:
    """Return a network in evaluation mode that computes the same as ``module`` on a batch of images.

    ``borders`` are paths of submodules: the output of the first is the input of block 1, the output of each
    further one is the output of a block. A part whose layers all have an operator (see
    :mod:`~qabwnas.nets.external.rebuild`) is rebuilt from operators and quantised like any other. Any other part is
    wrapped in :class:`~qabwnas.quant.operators.Unquantised`, with the reason, and stays float. The weights are copies.

    With ``check`` every part is compared with the module on images of random numbers
    (:mod:`~qabwnas.nets.external.verify`): about six forward passes on single images.

    Raises:
        InputError: a border is no submodule, does not give a single tensor, or the module does not run through the
            borders once in their order; the module cannot be traced, or takes or gives more than one tensor; a value
            other than a border's output passes the border, as in a skip connection; a part does not compute the same as
            the module. The message names the cause.
    """
    inner = unwrapped(module)
    borders = _inner_names(module, borders)
    traced, exits, answer, parts = _trace_and_cut(inner, borders, image)
    pieces = []
    entry: fx.Node | None = None
    shape: Sides = (1, image.channels, image.height, image.width)
    values = []
    for nodes, end in zip(parts, [*exits, answer], strict=True):
        piece = fx.GraphModule(traced.module, _piece(nodes, entry, end)).eval()
        found = ValueShapes(piece, shape)
        if found.overwrites_input:  # the images belong to the caller
            piece = fx.GraphModule(traced.module, _piece(nodes, entry, end, copy_input=True)).eval()
            found = ValueShapes(piece, shape)
        pieces.append(piece)
        values.append(found)
        entry, shape = end, found.output_shape
    stem, *blocks, head = map(_part, pieces, values)
    network = Network(stem, blocks, head).eval()
    if check:
        check_parts(inner, borders, pieces, network, image)
    return network


def part_modules(module: nn.Module, borders: Sequence[str], image: Shape) -> list[list[nn.Module]]:
    """Return the submodules that each part of a module consists of: stem, blocks and head, as for `split_teacher`.

    Together they own all weights and statistics that the part reads.

    Raises:
        InputError: as :func:`split_teacher`; or a part reads a tensor that its module holds beside submodules, so that
            it may belong to several parts.
    """
    inner = unwrapped(module)
    _, _, _, parts = _trace_and_cut(inner, _inner_names(module, borders), image)
    found = []
    for nodes in parts:
        names = {str(node.target) for node in nodes if node.op == "call_module"}
        for tensor in {str(x.target) for node in nodes for x in node.all_input_nodes if x.op == "get_attr"}:
            owner = tensor.rpartition(".")[0]
            if next(inner.get_submodule(owner).children(), None) is not None:
                raise InputError(f"{tensor} is held by a module that has submodules; give it a module of its own")
            names.add(owner)
        found.append([inner.get_submodule(name) for name in sorted(names)])
    return found


@torch.no_grad()
def check_shapes(teacher: Network, space: SearchSpace) -> None:
    """Raise unless the teacher's feature maps have the shapes of the space's blocks, on an image of the space's size.

    Only shapes are computed.

    Raises:
        InputError: the number of blocks, the shape of a feature map or the number of classes differs (the message names
            the block and both values), or the teacher does not run on such an image.
    """
    if len(teacher.blocks) != len(space.blocks):
        raise InputError(f"the teacher has {len(teacher.blocks)} blocks, the space {space.name!r} {len(space.blocks)}")
    names = [f"{space.blocks[0].name}: its input", *(f"{block.name}: its output" for block in space.blocks)]
    image = space.input
    try:
        empty = without_data(teacher)
        maps = empty.features(torch.empty((1, image.channels, image.height, image.width), device="meta"))
        logits = empty.head(maps[-1])
    except RuntimeError as error:
        raise InputError(f"the teacher does not run on {_shape_text(image)}: {' '.join(str(error).split())}") from error
    for name, given, shape in zip(names, maps, space.block_inputs, strict=True):
        if tuple(given.shape[1:]) != (shape.channels, shape.height, shape.width):
            hint = (
                ""
                if given.ndim == 4
                else "; blocks compute maps of channels, so that tokens of a transformer do not fit"
            )
            raise InputError(
                f"{name} is {_sides(given)} in the teacher and {_shape_text(shape)} in the space {space.name!r}{hint}"
            )
    if logits.ndim < 2:
        raise InputError(f"the teacher's logits have the shape {tuple(logits.shape)}, without a dimension of classes")
    if logits.shape[1] != space.head.n_classes:
        raise InputError(
            f"the teacher has {logits.shape[1]} classes, the space {space.name!r} has {space.head.n_classes}"
        )


def _inner_names(module: nn.Module, borders: Sequence[str]) -> Sequence[str]:
    """Return the borders without the prefixes of wrappers, if the module is wrapped."""
    if unwrapped(module) is module:
        return borders
    return [name.removeprefix("module.").removeprefix("_orig_mod.") for name in borders]


def _trace_and_cut(
    module: nn.Module, borders: Sequence[str], image: Shape
) -> tuple[Traced, list[fx.Node], fx.Node, list[list[fx.Node]]]:
    """Return the traced module, the border of each part, the output, and the nodes of each part."""
    if len(borders) < 2:
        raise InputError("borders: one is needed for the input of the first block, and one for each block's output")
    traced = trace(module, borders, image)
    answer = _answer(traced.graph)
    exits = [_border_node(traced, answer, name) for name in borders]
    return traced, exits, answer, _cut(traced.graph, exits, borders)


def _part(piece: fx.GraphModule, values: ValueShapes) -> nn.Module:
    try:
        return to_operators(piece, values)
    except NoOperatorError as error:
        return Unquantised(piece, str(error))


def _border_node(traced: Traced, answer: fx.Node, name: str) -> fx.Node:
    given = traced.given[name]
    if len(given) != 1:
        raise InputError(f"border {name!r}: the teacher runs through it {len(given)} times, not once")
    if not isinstance(given[0], fx.Proxy) or isinstance(given[0].node.meta["known"], (tuple, list, dict)):
        raise InputError(f"border {name!r}: it gives something else than one tensor")
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
    assert isinstance(answer, fx.Node), "trace() has checked it"
    return answer


def _cut(graph: fx.Graph, exits: Sequence[fx.Node], borders: Sequence[str]) -> list[list[fx.Node]]:
    """Return the nodes of stem, blocks and head, in their order; parameters belong to no part."""
    nodes = [node for node in graph.nodes if node.op not in ("output", "get_attr")]
    ends = [nodes.index(node) + 1 for node in exits]
    for name, following, start, end in zip(borders, borders[1:], ends, ends[1:], strict=False):
        if end <= start:
            raise InputError(f"border {following!r}: it does not come after border {name!r}")
    parts = [nodes[start:end] for start, end in zip([0, *ends], [*ends, len(nodes)], strict=True)]
    place = {node: part for part, members in enumerate(parts) for node in members}
    for node, part in place.items():
        if _is_number_of_images(node):
            continue  # every part can read it from its own input
        for user in node.users:
            used = place.get(user, len(exits))  # the output belongs to the head
            passes = used == part + 1 and part < len(exits) and node is exits[part]
            if used != part and not passes:
                raise InputError(
                    f"border {borders[used - 1]!r}: {_described(node)} from the part before border "
                    f"{borders[part]!r} is used after it, where only the border's own output may pass"
                )
    return parts


def _is_number_of_images(node: fx.Node) -> bool:
    """Return whether a node is ``images.size(0)`` or ``images.shape[0]``, also by unpacking."""
    if node.op == "call_method":
        images, *side = node.args
        return node.target == "size" and side == [0] and _is_images(images)
    if node.target is not operator.getitem or node.args[1] != 0:
        return False
    sizes = node.args[0]
    if not isinstance(sizes, fx.Node) or not sizes.args or not _is_images(sizes.args[0]):
        return False
    return sizes.target == "size" or (sizes.target is getattr and sizes.args[1] == "shape")


def _is_images(value: object) -> bool:
    return isinstance(value, fx.Node) and value.op == "placeholder"


def _described(node: fx.Node) -> str:
    if node.op == "placeholder":
        return "the images"
    return f"the output of {node.target}" if node.op == "call_module" else f"the value {node.name}"


def _piece(nodes: Sequence[fx.Node], entry: fx.Node | None, end: fx.Node, *, copy_input: bool = False) -> fx.Graph:
    """Return the graph of one part, from the output of ``entry``, or the images, to the output of ``end``."""
    graph = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    if entry is not None:
        # A copy: a part may begin with an in-place operation, and its input is also the output of the part before.
        copies[entry] = graph.call_method("clone", (graph.placeholder("x"),))
    for node in nodes:
        for needed in node.all_input_nodes:
            if needed.op == "get_attr" and needed not in copies:
                copies[needed] = graph.node_copy(needed)
            elif needed not in copies and entry is not None and _is_number_of_images(needed):
                copies[needed] = graph.call_method("size", (copies[entry], 0))
                copies[needed].meta["known"] = needed.meta["known"]
        copies[node] = graph.node_copy(node, copies.__getitem__)
        if node.op == "placeholder" and copy_input:
            copies[node] = graph.call_method("clone", (copies[node],))
    graph.output(copies[end])
    return graph


def _sides(tensor: Tensor) -> str:
    return " × ".join(map(str, tensor.shape[1:]))


def _shape_text(shape: Shape) -> str:
    return f"{shape.channels} × {shape.height} × {shape.width}"
