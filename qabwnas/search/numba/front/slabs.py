"""The pairs of two sorted sides in slabs, ranges of their sum: ``csrc/front/slabs.hpp``.

Each point of the shorter side, a list, makes pairs with one run of the longer side in a slab.
"""

from __future__ import annotations

from qabwnas.search.numba.compiled import bare, compiled
from qabwnas.search.numba.pareto.cell_table import NONE


@compiled
def next_slab(lists, longer, starts, ends, width, pairs_per_slab):  # type: ignore[no-untyped-def]
    """Do as ``advance``, for callers that are not compiled."""
    return advance(lists, longer, starts, ends, width, pairs_per_slab)


@bare
def advance(lists, longer, starts, ends, width, pairs_per_slab):  # type: ignore[no-untyped-def]
    """Go to the next slab: set where each run begins, which is where it ended, and where it ends now.

    Returns the least sum of the slab, and ``NONE`` if no pair is left. ``width`` ``(1,)`` is the range of the slab's
    sums, 0 before the first slab; it follows the number of pairs.
    """
    least = NONE
    for i in range(starts.size):
        starts[i] = ends[i]
        if starts[i] < longer.size:
            least = min(least, lists[i] + longer[starts[i]])
    if least == NONE:
        return least
    if width[0] == 0:
        total_range = float(lists[-1] + longer[-1]) - float(least)
        width[0] = max(total_range, 1.0) * pairs_per_slab / (float(lists.size) * longer.size)
    while True:
        # Totals stay within ±2^62, so that far above the least the slab has no end.
        end = least + int(width[0]) if width[0] < 2.0**61 else NONE
        n = 0
        for i in range(starts.size):
            ends[i] = _end_of_run(lists[i], longer, starts[i], end)
            n += ends[i] - starts[i]
        if n <= 4 * pairs_per_slab or width[0] < 1:
            break
        width[0] = min(width[0] / 2, width[0] * pairs_per_slab / n)
    width[0] *= min(max(pairs_per_slab / n, 0.25), 4.0)
    return least


@bare
def _end_of_run(of_list, longer, start, end):  # type: ignore[no-untyped-def]
    """Return the first position from the start on whose pair has a sum above the end: galloping, then halving."""
    low, step = start, 1
    while low + step <= longer.size and of_list + longer[low + step - 1] <= end:
        low += step
        step *= 2
    high = min(low + step - 1, longer.size)
    while low < high:
        middle = (low + high) // 2
        if of_list + longer[middle] <= end:
            low = middle + 1
        else:
            high = middle
    return low
