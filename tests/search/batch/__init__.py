"""Batches of budgets."""

from __future__ import annotations

from decimal import Decimal

import pytest

from qabwnas.search.batch import concurrent_front
from qabwnas.search.batch.answers import FrontAnswers
from qabwnas.search.batch.concurrent_front import ConcurrentFront
from qabwnas.search.batch.headings import Bound, Heading
from qabwnas.search.batch.result import BatchResult
from qabwnas.search.model.grid import Grid


def counts(result: BatchResult) -> tuple[int, int, str, str, int]:
    return result.n_budgets, result.n_optimal, result.method, result.backend, result.n_front


def sizes() -> Heading:
    """The heading of upper bounds on whole numbers of bytes."""
    return Heading("size_bytes", ("size_bytes",), (Bound((1,), Grid(0)),), lambda _what, _reference: Decimal(0))


def finish_fronts_when_they_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start fronts after the first row, and wait for them.

    So that they answer rows also on a busy machine, where all searches may end before a front is built.
    """
    start = ConcurrentFront.start

    def start_and_finish(concurrent: ConcurrentFront[FrontAnswers]) -> None:
        start(concurrent)
        assert concurrent._building is not None
        concurrent._building.result()

    monkeypatch.setattr(ConcurrentFront, "start", start_and_finish)
    monkeypatch.setattr(concurrent_front, "MIN_SECONDS", 0.0)
