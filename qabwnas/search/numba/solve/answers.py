"""The k best subnets found so far, in the order of answers: ``csrc/solve/answers.hpp``."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.numba.compiled import bare

Ints = NDArray[np.int64]
Choices = NDArray[np.int32]

Answers = tuple[Ints, Choices, Ints]
"""Totals ``(k, n_metrics)``, choice ``(k, n_blocks)``, and order ``(k + 1,)``: the positions of the best, the second
best, …, and last the number of answers."""


class HammingConstraint(NamedTuple):
    """A subnet must differ from each earlier answer in at least ``min_distance`` blocks."""

    earlier: Choices  # (n, n_blocks)
    min_distance: int


def no_answers(k: int, n_metrics: int, n_blocks: int) -> Answers:
    order = np.arange(k + 1)
    order[k] = 0
    return np.empty((k, n_metrics), dtype=np.int64), np.empty((k, n_blocks), dtype=np.int32), order


def n_answers(answers: Answers) -> int:
    return int(answers[2][-1])


def in_order(answers: Answers) -> tuple[Ints, Choices]:
    """Return the totals and choices of the answers, best first."""
    totals, choice, order = answers
    found = order[: order[-1]]
    return totals[found], choice[found]


@bare
def are_complete(answers):  # type: ignore[no-untyped-def]
    order = answers[2]
    return order[order.size - 1] == order.size - 1


@bare
def worst(answers):  # type: ignore[no-untyped-def]
    """The position of the last of the best."""
    order = answers[2]
    return order[order[order.size - 1] - 1]


@bare
def insert(answers, subnet_totals, subnet_choice):  # type: ignore[no-untyped-def]
    """Insert a subnet if it is new and among the k best; O(k) moves, O(log k) comparisons."""
    totals, choice, order = answers
    k = order.size - 1
    n = order[k]
    at, high = np.int64(0), n  # its place in the order
    if n == k and _compared(subnet_totals, subnet_choice, totals, choice, order[k - 1]) >= 0:
        return
    while at < high:
        middle = (at + high) // 2
        compared = _compared(subnet_totals, subnet_choice, totals, choice, order[middle])
        if compared == 0:
            return
        if compared < 0:
            high = middle
        else:
            at = middle + 1
    place = order[min(n, k - 1)]  # that of the last answer, or a free one
    for i in range(min(n, k - 1), at, -1):
        order[i] = order[i - 1]
    order[at] = place
    order[k] = min(n + 1, k)
    for m in range(subnet_totals.size):
        totals[place, m] = subnet_totals[m]
    for b in range(subnet_choice.size):
        choice[place, b] = subnet_choice[b]


@bare
def _compared(subnet_totals, subnet_choice, totals, choice, other):  # type: ignore[no-untyped-def]
    """Below 0 if the subnet precedes the other one, above 0 if it follows, 0 if they are the same."""
    for m in range(subnet_totals.size):
        if subnet_totals[m] != totals[other, m]:
            return -1 if subnet_totals[m] < totals[other, m] else 1
    for b in range(subnet_choice.size):
        if subnet_choice[b] != choice[other, b]:
            return -1 if subnet_choice[b] < choice[other, b] else 1
    return 0


@bare
def is_kept_by(constraint, choice):  # type: ignore[no-untyped-def]
    """Whether a choice differs from each earlier one in enough blocks."""
    for n in range(constraint.earlier.shape[0]):
        n_differing = 0
        for b in range(choice.size):
            n_differing += choice[b] != constraint.earlier[n, b]
        if n_differing < constraint.min_distance:
            return False
    return True
