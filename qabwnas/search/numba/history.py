"""Where partial subnets come from, and their candidates by that: ``csrc/front/combine.hpp``, levels.

Parts are added one after the other: blocks, or several that were joined. Of every point of a front so far only its
point of the front before and its row of the part are kept; what compares candidates or writes them walks back.

Compiled functions take a history as a tuple: ``parents`` and ``rows`` int32 ``(n_points,)`` of all fronts one behind
the other, ``starts`` int64, where those of every part begin; ``chosen`` int32, the candidates of every part's rows,
row-major and one part behind the other, ``bases`` int64, where a part's begin; ``blocks`` int64 of all parts,
``block_starts`` int64 ``(n_parts + 1,)``, where a part's begin. The last part may still lack its points.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import bare, compiled

_POINTS_A_SLICE = 1 << 14  # what their walks touch stays in a cache
_FEW = 256

Ints = NDArray[np.int64]
Choices = NDArray[np.int32]
Level = tuple[Ints, Choices, Choices]
Arrays = tuple[Choices, Choices, Ints, Choices, Ints, Ints, Ints]


class History:
    """Grows by a part, then by the points that it leads to."""

    def __init__(self, n_blocks: int) -> None:
        self._parents, self._rows = np.empty(_FEW, np.int32), np.empty(_FEW, np.int32)
        self._chosen, self._blocks = np.empty(_FEW, np.int32), np.empty(n_blocks, np.int64)
        self._starts, self._bases, self._block_starts = (np.zeros(n_blocks + 1, np.int64) for _ in range(3))
        self._n_parts = self._n_points = self._n_chosen = self._n_blocks = 0

    @property
    def n_blocks(self) -> int:
        return self._n_blocks

    @property
    def nbytes(self) -> int:
        """What the points take, and the copy of them that :meth:`levels` makes."""
        return self._parents.nbytes + self._rows.nbytes + 8 * self._n_points + 2 * self._chosen.nbytes

    def add_part(self, blocks: Ints, choice: Choices) -> None:
        """Add a part of some blocks, ascending, given the candidates ``(n_rows, n_blocks)`` of its rows."""
        part, first_block, base = self._n_parts, self._n_blocks, self._n_chosen
        self._n_parts, self._n_blocks, self._n_chosen = part + 1, first_block + blocks.size, base + choice.size
        self._chosen = _room(self._chosen, self._n_chosen)
        self._chosen[base : self._n_chosen] = choice.ravel()
        self._blocks[first_block : self._n_blocks] = blocks
        self._starts[part], self._bases[part] = self._n_points, base
        self._block_starts[part + 1] = self._n_blocks

    def add_points(self, parents: Choices, rows: Choices) -> None:
        """Add the front that the last part led to: points of the front before, and rows of the part."""
        first, self._n_points = self._n_points, self._n_points + parents.size
        self._parents, self._rows = _room(self._parents, self._n_points), _room(self._rows, self._n_points)
        self._parents[first : self._n_points], self._rows[first : self._n_points] = parents, rows

    def arrays(self) -> Arrays:
        """Return the history as compiled functions take it."""
        fronts = self._parents, self._rows, self._starts
        return (*fronts, self._chosen, self._bases, self._blocks, self._block_starts[: self._n_parts + 1])

    def levels(self) -> list[Level]:
        """Return every part's blocks, candidates of rows, and points: what :func:`choice_of` takes."""
        point_ends = [*self._starts[1 : self._n_parts].tolist(), self._n_points]
        choice_ends = [*self._bases[1 : self._n_parts].tolist(), self._n_chosen]
        levels = []
        for part in range(self._n_parts):
            blocks = self._blocks[self._block_starts[part] : self._block_starts[part + 1]].copy()
            choice = self._chosen[self._bases[part] : choice_ends[part]].reshape(-1, blocks.size).copy()
            points = slice(self._starts[part], point_ends[part])
            levels.append((blocks, choice, np.column_stack([self._parents[points], self._rows[points]])))
        return levels


def choice_of(levels: Sequence[Level], points: Ints) -> Choices:
    """Return the candidates ``(n, n_blocks)`` of some points of the last level, blocks ascending."""
    blocks = np.concatenate([blocks for blocks, _, _ in levels])
    places = np.empty(blocks.size, np.int64)
    places[np.argsort(blocks)] = np.arange(blocks.size)
    choice = np.empty((points.size, blocks.size), np.int32)
    for first in range(0, points.size, _POINTS_A_SLICE):  # Python, and so Ctrl-C, has its turn between slices
        part = slice(first, first + _POINTS_A_SLICE)
        at, end = points[part].copy(), blocks.size
        for of_part, candidates, pairs in reversed(levels):
            end -= of_part.size
            _write_level(at, candidates, pairs, places[end : end + of_part.size], choice[part])
    return choice


def of_one_part(choice: Choices) -> Arrays:
    """Return the history before which there is nothing, of a part with these candidates ``(n_rows, n_blocks)``."""
    zero, none = np.zeros(1, np.int64), np.empty(0, np.int32)
    n_blocks = choice.shape[1]
    return none, none, zero, choice.ravel(), zero, np.arange(n_blocks), np.array([0, n_blocks])


def _room(array: Choices, size: int) -> Choices:
    """Return the array with room for ``size`` entries, larger by as much again where it has to be copied."""
    if size <= array.size:
        return array
    larger = np.empty(2 * size, np.int32)
    larger[: array.size] = array
    return larger


@compiled
def _write_level(at, candidates, pairs, places, choice):  # type: ignore[no-untyped-def]
    """Write the candidates of one level for the points ``at``, and walk to their points of the level before."""
    for i in range(at.size):
        row = pairs[at[i], 1]
        for c in range(places.size):
            choice[i, places[c]] = candidates[row, c]
        at[i] = pairs[at[i], 0]


@bare
def precedes(point_a, row_a, point_b, row_b, history):  # type: ignore[no-untyped-def]
    """Whether a point with a row of the last part comes before another in the order of candidates.

    The first difference in block order decides; parts were added in another order, so all are looked at.
    """
    parents, rows, starts, chosen, bases, blocks, block_starts = history
    part = block_starts.size - 2
    decisive, less = np.int64(2**62), False
    while True:
        first = block_starts[part]
        width = block_starts[part + 1] - first
        for c in range(width if row_a != row_b else 0):
            of_a, of_b = chosen[bases[part] + row_a * width + c], chosen[bases[part] + row_b * width + c]
            if of_a != of_b and blocks[first + c] < decisive:
                decisive, less = blocks[first + c], of_a < of_b
        if point_a == point_b:
            return less
        part -= 1
        at_a, at_b = starts[part] + point_a, starts[part] + point_b
        point_a, row_a = np.int64(parents[at_a]), np.int64(rows[at_a])
        point_b, row_b = np.int64(parents[at_b]), np.int64(rows[at_b])
