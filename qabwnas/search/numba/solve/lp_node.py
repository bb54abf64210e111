"""A node of the LP branch and bound: ``csrc/solve/lp_node.hpp``."""

from __future__ import annotations

import numpy as np

from qabwnas.search.numba.compiled import bare, inner
from qabwnas.search.numba.core.problem import UNLIMITED, combine
from qabwnas.search.numba.solve.answers import are_complete, insert, is_kept_by, worst
from qabwnas.search.numba.solve.lp_relaxation import SOLVED, bound, bound_with, solve, value
from qabwnas.search.numba.solve.lp_rows import key_of


@inner
def evaluate(lp, node_bound, rows, answers, constraint):  # type: ignore[no-untyped-def]
    """Bound a node, fix rows, record subnets; return the block to branch on, or −1 if none, and the pivots."""
    if is_pruned_by_bound(node_bound, rows, answers) or not _can_keep_min_distance(lp, rows, constraint):
        return -1, 0
    outcome, n_pivots = solve(lp, _last_key(rows, answers) / rows.key_range)
    if outcome != SOLVED:
        return -1, n_pivots
    _round(lp, rows, answers, constraint)
    if not _fix_by_reduced_costs(lp, _last_key(rows, answers) / rows.key_range):
        return -1, n_pivots
    if not _can_keep_min_distance(lp, rows, constraint):
        return -1, n_pivots
    if _is_pruned_by_ties(lp, max(node_bound, key_bound(bound(lp), rows.key_range)), rows, answers):
        return -1, n_pivots
    block, n_open = _branching_block(lp)
    if n_open < 2:
        _record_all(lp, block, rows, answers, constraint)
        return -1, n_pivots
    return block, n_pivots


@bare
def key_bound(objective, key_range):  # type: ignore[no-untyped-def]
    """The least key of a bound on the LP objective, which is a fraction of the range of all keys."""
    key = max(objective, 0.0) * key_range
    return np.int64(np.ceil(key - key * 2.0**-50))


@bare
def is_pruned_by_bound(bound_on_key, rows, answers):  # type: ignore[no-untyped-def]
    """Whether no subnet with at least this key can join the k best."""
    return bound_on_key > _last_key(rows, answers)


@bare
def _last_key(rows, answers):  # type: ignore[no-untyped-def]
    """The last key of a subnet that can join the k best within the objective's budget."""
    if not are_complete(answers):
        return rows.last_key
    return min(rows.last_key, key_of(rows, answers[0][worst(answers)]))


@bare
def _fix_by_reduced_costs(lp, cutoff):  # type: ignore[no-untyped-def]
    """Forbid the rows whose bound is above the cutoff (reduced-cost fixing); False if a block has none left."""
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
def _branching_block(lp):  # type: ignore[no-untyped-def]
    """The most fractional block per allowed row, and how many blocks have several allowed rows."""
    chosen, highest, n_open = 0, -1.0, 0
    for b in range(lp.keys.size):
        n_allowed, largest = 0, 0.0
        for row in range(lp.offsets[b], lp.offsets[b + 1]):
            if lp.allowed[row] != 0:
                n_allowed += 1
                largest = max(largest, value(lp, row))
        if n_allowed > 1:
            n_open += 1
            score = (1.0 - largest + 1e-6) / n_allowed
            if score > highest:
                chosen, highest = b, score
    return chosen, n_open


@bare
def _can_keep_min_distance(lp, rows, constraint):  # type: ignore[no-untyped-def]
    """Whether some subnet of allowed rows can differ from each earlier answer in enough blocks."""
    for n in range(constraint.earlier.shape[0]):
        n_differing = 0
        for b in range(lp.keys.size):
            row = lp.offsets[b]
            while row < lp.offsets[b + 1] and (
                lp.allowed[row] == 0 or rows.candidates[row] == constraint.earlier[n, b]
            ):
                row += 1
            n_differing += row < lp.offsets[b + 1]
        if n_differing < constraint.min_distance:
            return False
    return True


@bare
def _is_pruned_by_ties(lp, bound_on_key, rows, answers):  # type: ignore[no-untyped-def]
    """Whether no subnet of allowed rows can join the k best, even if its key ties with that of the worst answer.

    The remaining metrics and then the candidates decide, at their least.
    """
    last_key = _last_key(rows, answers)
    if bound_on_key != last_key or not are_complete(answers) or key_of(rows, answers[0][worst(answers)]) > last_key:
        return bound_on_key > last_key
    totals, choice, at = answers[0], answers[1], worst(answers)
    for m in range(rows.factors.size, rows.is_max.size):
        total = rows.origin[m]
        for b in range(lp.keys.size):
            smallest = np.int64(UNLIMITED)
            for row in range(lp.offsets[b], lp.offsets[b + 1]):
                if lp.allowed[row] != 0:
                    smallest = min(smallest, rows.values[row, m])
            total = combine(rows.is_max[m], total, smallest)
        if total != totals[at, m]:
            return total > totals[at, m]
    for b in range(lp.keys.size):
        first = np.int64(UNLIMITED)
        for row in range(lp.offsets[b], lp.offsets[b + 1]):
            if lp.allowed[row] != 0:
                first = min(first, np.int64(rows.candidates[row]))
        if first != choice[at, b]:
            return first > choice[at, b]
    return True


@inner
def _round(lp, rows, answers, constraint):  # type: ignore[no-untyped-def]
    """Record the subnet of each block's allowed row with the largest LP value."""
    chosen = np.empty(lp.keys.size, dtype=np.int64)
    for b in range(chosen.size):
        largest = -1.0
        for row in range(lp.offsets[b], lp.offsets[b + 1]):
            if lp.allowed[row] != 0 and value(lp, row) > largest:
                chosen[b], largest = row, value(lp, row)
    _record(chosen, rows, answers, constraint)


@inner
def _record_all(lp, block, rows, answers, constraint):  # type: ignore[no-untyped-def]
    """Record each subnet of allowed rows, where only the given block can have several."""
    chosen = np.empty(lp.keys.size, dtype=np.int64)
    for b in range(chosen.size):
        chosen[b] = lp.offsets[b]
        while lp.allowed[chosen[b]] == 0:
            chosen[b] += 1
    for row in range(lp.offsets[block], lp.offsets[block + 1]):
        if lp.allowed[row] != 0:
            chosen[block] = row
            _record(chosen, rows, answers, constraint)


@inner
def _record(chosen, rows, answers, constraint):  # type: ignore[no-untyped-def]
    """Record the subnet of the chosen rows, if it keeps the budgets and the minimum distance."""
    totals, choice = rows.origin.copy(), rows.candidates[chosen]
    for row in chosen:
        for m in range(totals.size):
            totals[m] = combine(rows.is_max[m], totals[m], rows.values[row, m])
    for m in range(totals.size):
        if totals[m] > rows.budgets[m]:
            return
    if is_kept_by(constraint, choice):
        insert(answers, totals, choice)
