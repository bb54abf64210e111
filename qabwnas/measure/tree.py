"""Rows of a LUT as paths of choices, and their NSR over the tree of prefixes.

A row of a block chooses an operation and bit widths in every layer. The quantised output of a layer does not depend on
later layers, so rows with the same prefix share it. The tree is walked depth first and costs one run per edge instead
of one run per layer and row. The statistics of the float path are computed before (:mod:`qabwnas.measure.calibration`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from qabwnas.errors import InputError
from qabwnas.measure.calibration import PrefixStatistics
from qabwnas.nets.supernet import SupernetBlock
from qabwnas.quant.affine import Affine
from qabwnas.quant.data_flow import DataFlow
from qabwnas.quant.nsr import TargetVariance, image_nsrs
from qabwnas.quant.operators import Input
from qabwnas.quant.ptq import convert_in_place, shallow_copy
from qabwnas.space import BitWidths, Block

K = TypeVar("K", bound=Hashable)
Choice = tuple[int, BitWidths]
"""The index of an operation, and its bit widths."""
Path = tuple[Choice, ...]
"""A choice for the block's entry (operation 0; only its activation bits matter), then one per layer."""
Tree = dict[K, Any]
"""A choice → the tree of the choices after it; empty after the last layer."""


def row_path(digits: Sequence[int], widths: Sequence[BitWidths]) -> Path:
    """Return the path of a row, given the operation and the bit widths of every layer.

    The input of the block is rounded to the bits of its first layer.
    """
    return ((0, widths[0]), *zip(digits, widths, strict=True))


def path_code(block: Block, path: Path) -> int:
    """Return the candidate whose operations a path takes."""
    operations = [layer.operations[digit] for layer, (digit, _) in zip(block.layers, path[1:], strict=True)]
    return block.encode(operations)


def prefix_tree(paths: Iterable[Sequence[K]]) -> Tree[K]:
    """Return the tree with the branches ``paths``, all of one length, in the order of their first appearance."""
    root: Tree[K] = {}
    for path in paths:
        node = root
        for choice in path:
            node = node.setdefault(choice, {})
    return root


def n_edges(tree: Tree[Any]) -> int:
    """Return how many runs of a layer the tree takes, including its entries."""
    return len(tree) + sum(n_edges(below) for below in tree.values())


def tree_layers(block: SupernetBlock) -> list[list[nn.Module]]:
    """Return the operations of a block's entry, which has one, and of every layer."""
    return [[Input()], *(list(layer.children()) for layer in block.layers)]


class TreeWalk:
    """One walk over the tree of a block's rows, on one chunk of the validation split.

    For every layer on the current path, the chunk's feature maps after it stay in memory; the outputs of whole rows are
    compared batch by batch and not kept.
    """

    def __init__(
        self,
        block: SupernetBlock,
        statistics: PrefixStatistics,
        inputs: Sequence[Tensor],
        targets: Sequence[Tensor],
        target_variance: TargetVariance,
    ) -> None:
        self._layers = tree_layers(block)
        self._block = block.block
        self._statistics = statistics
        self._inputs = inputs
        self._targets = targets
        self._target_variance = target_variance
        self._data_flows: dict[tuple[int, int], DataFlow] = {}

    @torch.inference_mode()
    def image_nsrs(self, tree: Tree[Choice]) -> Iterator[tuple[Path, Tensor]]:
        """Yield every row's path with its NSR on each image, float64 ``(n_images,)`` on the device.

        Raises:
            InputError: a range or a weight is not finite; the message names the first candidate that has it.
        """
        yield from self._below((), tree, self._inputs, None)

    def _below(
        self, path: Path, tree: Tree[Choice], maps: Sequence[Tensor], entry: Affine | None
    ) -> Iterator[tuple[Path, Tensor]]:
        """Yield the rows that begin with ``path``, whose ``maps`` are on the grid ``entry``."""
        for choice, below in tree.items():
            longer = (*path, choice)
            run, written = self._converted(longer, below, entry)
            if below:
                yield from self._below(longer, below, [run(x) for x in maps], written)
            else:
                pairs = zip(maps, self._targets, strict=True)
                yield longer, torch.cat([image_nsrs(run(x), target, self._target_variance) for x, target in pairs])

    def _converted(self, path: Path, below: Tree[Choice], entry: Affine | None) -> tuple[nn.Module, Affine | None]:
        """Return the last choice's operation, calibrated after the choices before it and quantised, and its grid."""
        operation, widths = path[-1]
        module = shallow_copy(self._layers[len(path) - 1][operation])
        self._statistics[tuple(digit for digit, _ in path)].restore(module)
        try:
            convert_in_place(module, widths)
        except InputError as error:
            while below:
                choice, below = next(iter(below.items()))
                path = (*path, choice)
            code = path_code(self._block, path)
            raise InputError(f"candidate {code} ({self._block.describe(code)}): {error}") from error
        where = len(path) - 1, operation
        if where not in self._data_flows:
            self._data_flows[where] = DataFlow.of(module)
        return module, self._data_flows[where].connect(module, entry)
