"""A pivot of the dual simplex method: ``csrc/solve/lp_relaxation.hpp``.

The variable that is farthest outside its bounds leaves the basis, and that whose reduced cost vanishes first enters it.
"""

from __future__ import annotations

import numpy as np

from qabwnas.search.numba.compiled import bare
from qabwnas.search.numba.linear_basis import add

NOTHING = -(2**62)
SMALL = 1e-9  # of shares and pivots: what is less counts as 0


@bare
def find_leaving(lp):  # type: ignore[no-untyped-def]
    """The variable that is farthest outside its bounds: is it a key, where, is it above (a forbidden row), how far."""
    is_key, found, is_above, amount = False, 0, False, SMALL
    for at in range(lp.others.size):
        share, other = lp.shares[at], lp.others[at]
        if -share > amount:
            is_key, found, is_above, amount = False, at, False, -share
        elif share > amount and other >= 0 and lp.allowed[other] == 0:
            is_key, found, is_above, amount = False, at, True, share
    for b in range(lp.keys.size):
        share = lp.key_shares[b]
        if -share > amount:
            is_key, found, is_above, amount = True, b, False, -share
        elif share > amount and lp.allowed[lp.keys[b]] == 0:
            is_key, found, is_above, amount = True, b, True, share
    return is_key, found, is_above, amount


@bare
def make_row(lp, is_key, leaving):  # type: ignore[no-untyped-def]
    """The leaving variable's row of the tableau: how much of it each variable that enters takes away."""
    n = lp.others.size
    for j in range(n):
        lp.weights[j] = 0.0 if is_key else lp.inverse[leaving, j]
    if is_key:
        for at in range(n):
            if lp.others[at] >= 0 and lp.block_of[lp.others[at]] == leaving:
                for j in range(n):
                    lp.weights[j] -= lp.inverse[at, j]
    for row in range(lp.row.size):
        lp.row[row] = 0.0
    for j in range(n):
        if lp.weights[j] != 0.0:
            add(lp.row, lp.costs[j], lp.weights[j])
    for b in range(lp.keys.size):
        base = (1.0 if is_key and b == leaving else 0.0) - lp.row[lp.keys[b]]
        for row in range(lp.offsets[b], lp.offsets[b + 1]):
            lp.row[row] += base


@bare
def find_entering(lp, sign):  # type: ignore[no-untyped-def]
    """The variable whose reduced cost vanishes first, of several that with the largest pivot; and the ratio."""
    ratio, largest, entering = np.inf, 0.0, np.int64(NOTHING)
    for row in range(lp.row.size):
        pivot = sign * lp.row[row]
        if pivot > SMALL and lp.allowed[row] != 0 and lp.is_basic[row] == 0:
            here = max(lp.reduced[row], 0.0)
            if here > (ratio + 1e-12) * pivot or (here > (ratio - 1e-12) * pivot and pivot <= largest):
                continue
            ratio, largest, entering = here / pivot, pivot, np.int64(row)
    for j in range(lp.weights.size):
        pivot = sign * lp.weights[j]
        if pivot > SMALL:
            is_basic = False
            for at in range(lp.others.size):
                is_basic |= lp.others[at] == -1 - j
            here = max(lp.spare[j], 0.0) / pivot
            if is_basic or here > ratio + 1e-12 or (here > ratio - 1e-12 and pivot <= largest):
                continue
            ratio, largest, entering = here, pivot, np.int64(-1 - j)
    return entering, ratio


@bare
def exchange(lp, is_key, leaving, entering):  # type: ignore[no-untyped-def]
    """Put the entering variable into the basis; another basic row of a leaving key's block becomes its key."""
    left = lp.keys[leaving] if is_key else lp.others[leaving]
    if is_key:
        at = -1
        for i in range(lp.others.size):
            if lp.others[i] >= 0 and lp.block_of[lp.others[i]] == leaving and (at < 0 or lp.shares[i] > lp.shares[at]):
                at = i
        if at < 0:  # only a row of the block can have been chosen
            lp.keys[leaving] = entering
        else:
            lp.keys[leaving] = lp.others[at]
            lp.others[at] = entering
    else:
        lp.others[leaving] = entering
    if left >= 0:
        lp.is_basic[left] = 0
    if entering >= 0:
        lp.is_basic[entering] = 1
