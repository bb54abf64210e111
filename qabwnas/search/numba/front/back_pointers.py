"""Where the points of a front come from, and their candidates: ``csrc/front/back_pointers.hpp``.

A front is made by adding blocks, or several that were joined, one after the other. Each makes a level: its blocks
``(n,)``, ascending; the candidates ``(n_rows, n)`` that its rows stand for; and per point of the front its pair
``(n_points, 2)``: the point of the level before, and the row.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import compiled
from qabwnas.search.numba.core.cancel import give_turn

_POINTS_PER_SLICE = 1 << 14  # what their walks touch stays in a cache

Ints = NDArray[np.int64]
Choices = NDArray[np.int32]
Level = tuple[Ints, Choices, Choices]


def write_choice(levels: Sequence[Level], points: Ints) -> Choices:
    """Return the candidates ``(n, n_blocks)`` of some points of the last level, blocks ascending; O(n × n_blocks)."""
    blocks = np.concatenate([blocks for blocks, _, _ in levels])
    places = np.empty(blocks.size, np.int64)
    places[np.argsort(blocks)] = np.arange(blocks.size)
    choice = np.empty((points.size, blocks.size), np.int32)
    for first in range(0, points.size, _POINTS_PER_SLICE):
        give_turn()
        chunk = slice(first, first + _POINTS_PER_SLICE)
        at, end = points[chunk].copy(), blocks.size
        for of_level, candidates, pairs in reversed(levels):
            end -= of_level.size
            _write_level(at, candidates, pairs, places[end : end + of_level.size], choice[chunk])
    return choice


def whole_choice(levels: Sequence[Level]) -> Choices:
    """Return the candidates of all points of the last level."""
    return write_choice(levels, np.arange(len(levels[-1][2])))


@compiled
def _write_level(at, candidates, pairs, places, choice):  # type: ignore[no-untyped-def]
    """Write the candidates of one level for the points ``at``, and walk to their points of the level before."""
    for i in range(at.size):
        row = pairs[at[i], 1]
        for c in range(places.size):
            choice[i, places[c]] = candidates[row, c]
        at[i] = pairs[at[i], 0]
