"""A node of a search behind linear relaxations: its bound, the rows that can still matter, and what it rounds to.

See ``csrc/solve/lp_branch_and_bound.hpp``.
"""

from __future__ import annotations

import numpy as np

from qabwnas.search.numba.answers import are_apart, are_complete, insert, worst
from qabwnas.search.numba.compiled import bare
from qabwnas.search.numba.linear_relaxation import SOLVED, bound, bound_with, solve

_NONE = 2**63 - 1


@bare
def expand(lp, node_bound, of_rows, of_metrics, key_range, answers, apart, spare):  # type: ignore[no-untyped-def]
    """Bound a node and drop rows; return the block to branch on, −1 if nothing is left to decide, and pivots."""
    numbers = of_rows[2]
    if is_behind(node_bound, of_metrics, answers) or not _can_be_apart(lp, numbers, apart):
        return -1, 0
    outcome, n_pivots = solve(lp, _cutoff(of_metrics, key_range, answers))
    if outcome != SOLVED:
        return -1, n_pivots
    _set_largest_shares(lp, spare)
    _record(spare, of_rows, of_metrics, answers, apart)
    if not _drop_rows(lp, _cutoff(of_metrics, key_range, answers)) or not _can_be_apart(lp, numbers, apart):
        return -1, n_pivots
    least_key = max(node_bound, key_bound(bound(lp), key_range))
    if _is_behind_in_ties(lp, least_key, of_rows, of_metrics, answers):
        return -1, n_pivots
    block, n_open = _branching_block(lp, spare)
    if n_open < 2:
        _record_all(lp, block, of_rows, of_metrics, answers, apart, spare)
        return -1, n_pivots
    return block, n_pivots


@bare
def share(lp, row):  # type: ignore[no-untyped-def]
    block = lp.block_of[row]
    if lp.keys[block] == row:
        return lp.key_shares[block]
    if lp.is_basic[row] != 0:
        for at in range(lp.others.size):
            if lp.others[at] == row:
                return lp.shares[at]
    return 0.0


@bare
def _set_largest_shares(lp, spare):  # type: ignore[no-untyped-def]
    """Find every block's allowed row with the largest share, and that share."""
    rows, shares, _, _ = spare
    for b in range(rows.size):
        rows[b], shares[b] = lp.keys[b], lp.key_shares[b]
        if lp.allowed[rows[b]] == 0:
            shares[b] = 0.0
            row = lp.offsets[b]
            while lp.allowed[row] == 0:
                row += 1
            rows[b] = row
    for at in range(lp.others.size):
        row = lp.others[at]
        if row >= 0 and lp.allowed[row] != 0 and lp.shares[at] > shares[lp.block_of[row]]:
            rows[lp.block_of[row]], shares[lp.block_of[row]] = row, lp.shares[at]


@bare
def _drop_rows(lp, cutoff):  # type: ignore[no-untyped-def]
    """Forbid rows whose prices tell that no subnet with them is among the k best; False if a block has none left."""
    for b in range(lp.keys.size):
        n_left = 0
        for row in range(lp.offsets[b], lp.offsets[b + 1]):
            if lp.allowed[row] != 0:
                lp.allowed[row] = bound_with(lp, b, row) <= cutoff
                n_left += lp.allowed[row]
        if n_left == 0:
            return False
    return True


@bare
def _branching_block(lp, spare):  # type: ignore[no-untyped-def]
    """The block that is shared out most evenly among fewest rows, and how many blocks have several."""
    _set_largest_shares(lp, spare)
    shares = spare[1]
    chosen, highest, n_open = 0, -1.0, 0
    for b in range(lp.keys.size):
        n_allowed = 0
        for row in range(lp.offsets[b], lp.offsets[b + 1]):
            n_allowed += lp.allowed[row]
        if n_allowed > 1:
            n_open += 1
            score = (1.0 - shares[b] + 1e-6) / n_allowed
            if score > highest:
                chosen, highest = b, score
    return chosen, n_open


@bare
def _can_be_apart(lp, numbers, apart):  # type: ignore[no-untyped-def]
    """Whether some subnet of allowed rows can differ from every earlier answer in enough blocks."""
    earlier, distance = apart
    for n in range(earlier.shape[0]):
        n_differing = 0
        for b in range(lp.keys.size):
            row = lp.offsets[b]
            while row < lp.offsets[b + 1] and (lp.allowed[row] == 0 or numbers[row] == earlier[n, b]):
                row += 1
            n_differing += row < lp.offsets[b + 1]
        if n_differing < distance:
            return False
    return True


@bare
def _key_of_worst(of_metrics, answers):  # type: ignore[no-untyped-def]
    _, origin, _, least, factors, _ = of_metrics
    totals, at = answers[0], worst(answers)
    key = np.int64(0)
    for m in range(factors.size):
        key += factors[m] * (totals[at, m] - origin[m] - least[m])
    return key


@bare
def key_bound(shares, key_range):  # type: ignore[no-untyped-def]
    key = max(shares, 0.0) * key_range
    return np.int64(np.ceil(key - key * 2.0**-50))


@bare
def _last_key(of_metrics, answers):  # type: ignore[no-untyped-def]
    """Of subnets within the objective's budget that can join the k best."""
    last = of_metrics[5]
    return min(last, _key_of_worst(of_metrics, answers)) if are_complete(answers) else last


@bare
def _cutoff(of_metrics, key_range, answers):  # type: ignore[no-untyped-def]
    return _last_key(of_metrics, answers) / key_range


@bare
def is_behind(least_key, of_metrics, answers):  # type: ignore[no-untyped-def]
    """Whether no subnet whose key is at least this can join the k best."""
    return least_key > _last_key(of_metrics, answers)


@bare
def _is_behind_in_ties(lp, least_key, of_rows, of_metrics, answers):  # type: ignore[no-untyped-def]
    """The same of the subnets of allowed rows, which may tie with the worst of the k best in the key.

    What is left to decide, the other metrics and then the candidates, may be behind even where it is least.
    """
    _, values, numbers, _ = of_rows
    is_max, origin, _, _, factors, last_key = of_metrics
    if not are_complete(answers):
        return least_key > last_key
    key = _key_of_worst(of_metrics, answers)
    if least_key != key or least_key > last_key:
        return least_key > min(key, last_key)
    totals, choice, at = answers[0], answers[1], worst(answers)
    for m in range(factors.size, is_max.size):
        total = origin[m]
        for b in range(lp.keys.size):
            smallest = np.int64(_NONE)
            for row in range(lp.offsets[b], lp.offsets[b + 1]):
                if lp.allowed[row] != 0:
                    smallest = min(smallest, values[row, m])
            total = max(total, smallest) if is_max[m] else total + smallest
        if total != totals[at, m]:
            return total > totals[at, m]
    for b in range(lp.keys.size):
        first = np.int64(_NONE)
        for row in range(lp.offsets[b], lp.offsets[b + 1]):
            if lp.allowed[row] != 0:
                first = min(first, np.int64(numbers[row]))
        if first != choice[at, b]:
            return first > choice[at, b]
    return True


@bare
def _record_all(lp, block, of_rows, of_metrics, answers, apart, spare):  # type: ignore[no-untyped-def]
    """Record every subnet of allowed rows, of which no block but the given one has several."""
    _set_largest_shares(lp, spare)
    for row in range(lp.offsets[block], lp.offsets[block + 1]):
        if lp.allowed[row] != 0:
            spare[0][block] = row
            _record(spare, of_rows, of_metrics, answers, apart)


@bare
def _record(spare, of_rows, of_metrics, answers, apart):  # type: ignore[no-untyped-def]
    """Record the subnet of the spare rows, if it fits and is apart from those before."""
    rows, _, totals, choice = spare
    _, values, numbers, _ = of_rows
    is_max, origin, budgets, _, _, _ = of_metrics
    for m in range(totals.size):
        totals[m] = origin[m]
    for b in range(rows.size):
        for m in range(totals.size):
            value = values[rows[b], m]
            totals[m] = max(totals[m], value) if is_max[m] else totals[m] + value
        choice[b] = numbers[rows[b]]
    for m in range(totals.size):
        if totals[m] > budgets[m]:
            return
    if are_apart(choice, apart[0], apart[1]):
        insert(answers, totals, choice)
