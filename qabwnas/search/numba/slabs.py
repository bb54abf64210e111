"""The pairs of two sorted lists in slabs, ranges of their sums: ``csrc/front/slabs.hpp``.

The points of the shorter side are lists; each makes pairs with one run of the longer side in a slab.
"""

from __future__ import annotations

from qabwnas.search.numba.cells import NONE
from qabwnas.search.numba.compiled import bare


@bare
def next_slab(lists, longer, starts, ends, width, pairs_a_slab):  # type: ignore[no-untyped-def]
    """Set where every run begins, which is where it ended, and ends; return the least sum of the slab, and its pairs.

    The sum is ``NONE`` if no pair is left. ``width`` ``(1,)`` is that of the slab, 0 before the first; it follows the
    number of pairs.
    """
    least = NONE
    for i in range(starts.size):
        starts[i] = ends[i]
        if starts[i] < longer.size:
            least = min(least, lists[i] + longer[starts[i]])
    if least == NONE:
        return least, 0
    if width[0] == 0:
        extent = float(lists[-1] + longer[-1]) - float(least)
        width[0] = max(extent, 1.0) * pairs_a_slab / (float(lists.size) * longer.size)
    while True:
        # Totals stay within ±2^62, so that far above the least the slab has no end.
        end = least + int(width[0]) if width[0] < 2.0**61 else NONE
        n = 0
        for i in range(starts.size):
            ends[i] = _behind(lists[i], longer, starts[i], end)
            n += ends[i] - starts[i]
        if n <= 4 * pairs_a_slab or width[0] < 1:
            break
        width[0] = min(width[0] / 2, width[0] * pairs_a_slab / n)
    width[0] *= min(max(pairs_a_slab / n, 0.25), 4.0)
    return least, n


@bare
def _behind(of_list, longer, start, end):  # type: ignore[no-untyped-def]
    """The first position from the start on whose pair has a sum above the end: galloping, then halving."""
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
