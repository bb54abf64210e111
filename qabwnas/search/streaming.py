"""Large LUTs set up in bounded memory: columns are read twice, in runs of rows, and blocks are pruned as they come.

The first reading finds what the grids have to know, the second turns rows into units and prunes them. Only rows that
are left are ever held together, so memory grows with their number and not with that of all rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, LutBlock, Metric
from qabwnas.search.backend import Backend
from qabwnas.search.grid import Grid, Needs, choose_grid

ROWS_HELD = 1 << 20
"""A LUT of so many rows is set up as a whole; that is as fast, and leaves a search all its ways to prune."""
ROWS_AT_ONCE = 1 << 17

Ints = NDArray[np.int64]


class Rows(NamedTuple):
    """Rows of all blocks behind one another; the attributes are those of :class:`qabwnas.search.Problem`."""

    values: Ints
    offsets: Ints
    candidates: Ints | None


def is_large(lut: Lut) -> bool:
    """Return whether a LUT has more rows than are to be held together."""
    return sum(block.n_candidates for block in lut.blocks) > ROWS_HELD


def rows_in_parts(
    lut: Lut, metrics: Sequence[Metric], is_max: NDArray[np.uint8], k: int, backend: Backend
) -> tuple[tuple[Grid, ...], Rows]:
    """Return the metrics' grids, as those of the whole LUT, and the rows that the ``k`` best subnets may need.

    Raises:
        InputError: a metric was not measured throughout, or has a value or a total that cannot be held.
    """
    grids = []
    for metric in metrics:
        for block in lut.blocks:
            check_measured(block, metric.name)
        needs = [needs_in_parts(block, metric.name) for block in lut.blocks]
        grids.append(choose_grid(metric, needs, lut.block_names))
    blocks = [pruned_block(block, metrics, grids, is_max, k, backend) for block in lut.blocks]
    offsets = np.cumsum([0, *(candidates.size for candidates, _ in blocks)], dtype=np.int64)
    values = np.concatenate([values for _, values in blocks], axis=1)
    return tuple(grids), Rows(values, offsets, np.concatenate([candidates for candidates, _ in blocks]))


def runs(block: LutBlock) -> Iterator[tuple[int, int]]:
    """Give the first candidate of every run, and the one after its last."""
    for first in range(0, block.n_candidates, ROWS_AT_ONCE):
        yield first, min(first + ROWS_AT_ONCE, block.n_candidates)


def known_part(block: LutBlock, metric: str, first: int, last: int) -> NDArray[np.float64]:
    """Return a metric of candidates ``first … last − 1``, 0 where they were not measured."""
    values, measured = block.column_part(metric, first, last), block.measured_part(metric, first, last)
    return values if measured is None else np.where(measured, values, 0.0)


def needs_in_parts(block: LutBlock, metric: str) -> Needs:
    """Return what a metric's measured values, and 0 where there are others, need of a grid.

    Raises:
        InputError: a value is NaN or infinite; a stored LUT has an error of its own for that.
    """
    needs = Needs()
    for first, last in runs(block):
        values = known_part(block, metric, first, last)
        needs = needs.and_of(values, f"metric {metric!r}, block {block.name!r}", first)
    return needs


def check_measured(block: LutBlock, metric: str) -> None:
    """Check that a metric was measured for every candidate.

    Raises:
        InputError: it was not; the message says for how many, and names the first of them.
    """
    missing, first_missing = 0, 0
    for first, last in runs(block):
        measured = block.measured_part(metric, first, last)
        if measured is not None and not measured.all():
            if not missing:
                first_missing = first + int(measured.argmin())
            missing += int(measured.size - measured.sum())
    if missing:
        raise InputError(
            f"metric {metric!r}, block {block.name!r}: {missing} of {block.n_candidates} candidates were not measured, "
            f"the first of them candidate {first_missing}"
        )


def pruned_block(
    block: LutBlock,
    metrics: Sequence[Metric],
    grids: Sequence[Grid],
    is_max: NDArray[np.uint8],
    k: int,
    backend: Backend,
) -> tuple[Ints, Ints]:
    """Return the candidates of a block that fewer than ``k`` others remove, ascending, and their values in units.

    They are those that :meth:`Backend.prune` keeps of the whole block. To remove is a strict partial order, and holds
    or does not hold between two rows whatever other rows there are (row numbers decide ties, and runs ascend). So a row
    that fewer than k others remove in the block is removed by fewer than k of any run, and is never lost. Let k or more
    remove a row s. Whoever removes one of these removes s too, so the first k of them in a linear order that agrees
    with removing have all their own removers, fewer than k, among them: they are never lost, and remove s at the end.

    Returns:
        int64 ``(n,)`` and int64 ``(n_metrics, n)``.

    Complexity: two or three times that of pruning the runs one by one, and memory of a few runs and the rows left.
    """
    kept = _Kept(len(metrics), is_max, k, backend)
    for first, last in runs(block):
        units = [
            grid.units(known_part(block, metric.name, first, last), backend)
            for metric, grid in zip(metrics, grids, strict=True)
        ]
        kept.add(np.arange(first, last), np.stack(units))
    return kept.all()


class _Kept:
    """Rows that fewer than ``k`` others remove of all that were added, ascending."""

    def __init__(self, n_metrics: int, is_max: NDArray[np.uint8], k: int, backend: Backend) -> None:
        self._is_max = is_max
        self._k = k
        self._backend = backend
        self._kept: tuple[Ints, Ints] = np.empty(0, dtype=np.int64), np.empty((n_metrics, 0), dtype=np.int64)
        self._new: list[tuple[Ints, Ints]] = []
        self._n_new = 0

    def add(self, candidates: Ints, values: Ints) -> None:
        """Add rows that come after all others."""
        rows = self._pruned(candidates, values)
        self._new.append(rows)
        self._n_new += rows[0].size
        # Once there are as many new ones as there were kept ones: so a row is looked at again only now and then.
        if self._n_new >= max(self._kept[0].size, ROWS_AT_ONCE):
            self._kept = self.all()
            self._new, self._n_new = [], 0

    def all(self) -> tuple[Ints, Ints]:
        """Return their candidates ``(n,)`` and values ``(n_metrics, n)``."""
        parts = [self._kept, *self._new]
        return self._pruned(
            np.concatenate([candidates for candidates, _ in parts]),
            np.concatenate([values for _, values in parts], axis=1),
        )

    def _pruned(self, candidates: Ints, values: Ints) -> tuple[Ints, Ints]:
        rows = self._backend.prune(values, self._is_max, self._k)
        return candidates[rows], np.take(values, rows, axis=1)  # contiguous, as kernels want it
