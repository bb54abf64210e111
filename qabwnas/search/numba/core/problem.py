"""The words of results and the limits of problems: ``csrc/core/problem.hpp``."""

from __future__ import annotations

from qabwnas.search.numba.compiled import bare

COMPLETE, INFEASIBLE, CANCELLED, LIMIT = range(4)
"""Statuses."""

LARGEST_TOTAL = 2**62
UNLIMITED = 2**63 - 1
"""The budget of a metric without one."""

MAX_METRICS = 16


@bare
def combine(is_max, a, b):  # type: ignore[no-untyped-def]
    """Return the total of two partial totals in one metric."""
    return max(a, b) if is_max else a + b
