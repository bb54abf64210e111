"""Rows of a LUT as paths of choices, and their NSR over the tree of prefixes.

A row of a block chooses an operation and bit widths in every layer. Up to a layer, its quantised output depends on
nothing behind that layer, so rows that begin alike share it: the tree is walked depth first, and costs one run of each
of its edges instead of one run of each layer of each row. What an edge needs from the float path has been found out
before (:mod:`qabwnas.measure.statistics`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from qabwnas.errors import InputError
from qabwnas.measure.statistics import TreeStatistics, restore
from qabwnas.nets.supernet import SupernetBlock
from qabwnas.quant.affine import Affine
from qabwnas.quant.apply import freeze_in_place, observe_in_place
from qabwnas.quant.nsr import Signal, image_ratios
from qabwnas.quant.operators import Input
from qabwnas.quant.shallow_copy import twin
from qabwnas.quant.wiring import Wiring
from qabwnas.space import BitWidths, Block

K = TypeVar("K", bound=Hashable)
Choice = tuple[int, BitWidths]
"""The index of an operation, and the bit widths that it is quantised at."""
Path = tuple[Choice, ...]
"""A choice for the block's entry (operation 0, of which only the activations' bits matter), then one a layer."""
Tree = dict[K, Any]
"""A choice → the tree of what follows it; empty behind the last layer."""


def row_path(digits: Sequence[int], widths: Sequence[BitWidths]) -> Path:
    """Return the path of a row, given the operation and the bit widths of every layer.

    What enters the block is rounded to the bits of its first layer.
    """
    return ((0, widths[0]), *zip(digits, widths, strict=True))


def path_code(block: Block, path: Path) -> int:
    """Return the candidate whose operations a path takes."""
    operations = [layer.operations[digit] for layer, (digit, _) in zip(block.layers, path[1:], strict=True)]
    return block.encode(operations)


def prefix_tree(paths: Iterable[Sequence[K]]) -> Tree[K]:
    """Return the tree whose branches are ``paths``, all of one length, in the order of their first appearance."""
    root: Tree[K] = {}
    for path in paths:
        node = root
        for choice in path:
            node = node.setdefault(choice, {})
    return root


def n_edges(tree: Tree[Any]) -> int:
    """Return how many runs of a layer the tree takes, its entries counted in."""
    return len(tree) + sum(n_edges(below) for below in tree.values())


def tree_layers(block: SupernetBlock) -> list[list[nn.Module]]:
    """Return the operations of a block's entry, of which there is one, and of every layer."""
    return [[Input()], *(list(layer.children()) for layer in block.layers)]


class Walk:
    """One walk over the tree of a block's rows, on one chunk of the validation split.

    Keeps, for every layer on the current path, the chunk's feature maps behind it; the outputs of whole rows are
    compared batch by batch and not kept.
    """

    def __init__(
        self,
        block: SupernetBlock,
        statistics: TreeStatistics,
        inputs: Sequence[Tensor],
        targets: Sequence[Tensor],
        signal: Signal,
    ) -> None:
        self._layers = tree_layers(block)
        self._block = block.block
        self._statistics = statistics
        self._inputs = inputs
        self._targets = targets
        self._signal = signal
        self._wirings: dict[tuple[int, int], Wiring] = {}

    @torch.inference_mode()
    def ratios(self, tree: Tree[Choice]) -> Iterator[tuple[Path, Tensor]]:
        """Yield every row's path with what each image adds to its NSR, float64 ``(n_images,)`` on the device.

        Raises:
            InputError: a range or a weight is not finite; the message names the first candidate that it concerns.
        """
        yield from self._below((), tree, self._inputs, None)

    def _below(
        self, path: Path, tree: Tree[Choice], maps: Sequence[Tensor], entry: Affine | None
    ) -> Iterator[tuple[Path, Tensor]]:
        """Yield the rows that begin with ``path``, whose ``maps`` are on the grid ``entry``."""
        for choice, below in tree.items():
            longer = (*path, choice)
            run, written = self._frozen(longer, below, entry)
            if below:
                yield from self._below(longer, below, [run(x) for x in maps], written)
            else:
                pairs = zip(maps, self._targets, strict=True)
                yield longer, torch.cat([image_ratios(run(x), target, self._signal) for x, target in pairs])

    def _frozen(self, path: Path, below: Tree[Choice], entry: Affine | None) -> tuple[nn.Module, Affine | None]:
        """Return the last choice's operation, calibrated after the choices before it and quantised, and its grid."""
        operation, widths = path[-1]
        module = observe_in_place(twin(self._layers[len(path) - 1][operation]))
        restore(module, self._statistics[tuple(digit for digit, _ in path)])
        try:
            freeze_in_place(module, widths)
        except InputError as error:
            while below:
                choice, below = next(iter(below.items()))
                path = (*path, choice)
            code = path_code(self._block, path)
            raise InputError(f"candidate {code} ({self._block.describe(code)}): {error}") from error
        where = len(path) - 1, operation
        if where not in self._wirings:
            self._wirings[where] = Wiring.of(module)
        return module, self._wirings[where].connect(module, entry)
