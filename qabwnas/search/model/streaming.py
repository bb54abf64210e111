"""Large LUTs set up in bounded memory: columns are read twice, in runs of rows, and blocks are pruned as they come.

The first reading finds what the grids have to know, the second turns rows into units and prunes them; a scope filters
and weights each run before that. Only rows that are left are ever held together, so memory grows with their number and
not with that of all rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, LutBlock, Metric
from qabwnas.search.engine.backend import Backend
from qabwnas.search.model.grid import Grid, Needs, choose_grid

if TYPE_CHECKING:
    from qabwnas.search.constraints.row_rules import RowRules
    from qabwnas.search.model.weights import Weighing

ROWS_HELD = 1 << 20
"""A LUT of so many rows is set up as a whole; that is as fast, and leaves a search all its ways to prune."""
ROWS_AT_ONCE = 1 << 17
ALL = -1
"""The group of rows that are in none."""

Ints = NDArray[np.int64]


class Rows(NamedTuple):
    """Rows of all blocks behind one another; the attributes are those of :class:`qabwnas.search.Problem`."""

    values: Ints
    offsets: Ints
    candidates: Ints | None
    groups: Ints | None = None


class BlockRows(NamedTuple):
    """Rows of one block: candidates ``(n,)``, values ``(n_metrics, n)``, and groups ``(n,)`` where there are some."""

    candidates: Ints
    values: Ints
    groups: Ints | None


class Pruning(NamedTuple):
    """What rows are pruned to: those that the ``k`` best subnets may need."""

    is_max: NDArray[np.uint8]
    k: int
    backend: Backend


def is_large(lut: Lut) -> bool:
    """Return whether a LUT has more rows than are to be held together."""
    return sum(block.n_candidates for block in lut.blocks) > ROWS_HELD


def grids_in_parts(lut: Lut, metrics: Sequence[Metric], rules: RowRules | None) -> tuple[Grid, ...]:
    """Return the metrics' grids, as those of the whole LUT.

    Raises:
        InputError: a metric was not measured for a candidate that the rules leave, or has a value or a total that
            cannot be held; or they leave no candidate of a block.
    """
    grids = []
    for metric in metrics:
        for block in lut.blocks:
            check_measured(block, metric.name, rules)
        needs = [needs_in_parts(block, metric.name) for block in lut.blocks]
        grids.append(choose_grid(metric, needs, lut.block_names))
    return tuple(grids)


def rows_in_parts(
    lut: Lut,
    metrics: Sequence[Metric],
    grids: Sequence[Grid],
    pruning: Pruning,
    rules: RowRules | None = None,
    weighing: Weighing | None = None,
) -> Rows:
    """Return the rows that the best subnets may need, of those that the rules leave; the first metric is weighted.

    Where all blocks must have the same bit widths, every group of them is pruned by itself.
    """
    blocks = [pruned_block(lut, b, metrics, grids, pruning, rules, weighing) for b in range(len(lut.blocks))]
    offsets = np.cumsum([0, *(block.candidates.size for block in blocks)], dtype=np.int64)
    groups = [block.groups for block in blocks if block.groups is not None]
    if groups:
        from qabwnas.search.constraints.row_rules import check_common_groups

        check_common_groups(groups)
    return Rows(
        np.concatenate([block.values for block in blocks], axis=1),
        offsets,
        np.concatenate([block.candidates for block in blocks]),
        np.concatenate(groups) if groups else None,
    )


def largest_in_parts(lut: Lut, metric: Metric, grid: Grid, backend: Backend, rules: RowRules | None) -> list[int]:
    """Return every block's largest absolute value of a metric, in units, of the candidates that the rules leave."""
    from qabwnas.search.model.weights import largest_size

    return [
        max(
            largest_size(grid.units(known_part(block, metric.name, *run), backend)[allowed])
            for run, allowed, _ in runs_within(block, rules)
        )
        for block in lut.blocks
    ]


def runs_within(
    block: LutBlock, rules: RowRules | None
) -> Iterator[tuple[tuple[int, int], NDArray[np.bool_], Ints | None]]:
    """Give every run of a block, which of its candidates the rules leave, and the groups of those.

    Raises:
        InputError: at the end, if they left none.
    """
    of_block = rules.of_block(block) if rules is not None else None
    for run in runs(block):
        if of_block is None:
            yield run, np.ones(run[1] - run[0], dtype=np.bool_), None
            continue
        allowed, groups = of_block.allowed(*run), of_block.groups(*run)
        yield run, allowed, groups[allowed] if groups is not None else None
    if of_block is not None:
        of_block.check()


def runs(block: LutBlock) -> Iterator[tuple[int, int]]:
    """Give the first candidate of every run, and the one after its last."""
    for first in range(0, block.n_candidates, ROWS_AT_ONCE):
        yield first, min(first + ROWS_AT_ONCE, block.n_candidates)


def known_part(block: LutBlock, metric: str, first: int, last: int) -> NDArray[Any]:
    """Return a metric of candidates ``first … last − 1``, 0 where they were not measured."""
    values, measured = block.column_rows(metric, first, last), block.measured_rows(metric, first, last)
    return values if measured is None else np.where(measured, values, np.zeros_like(values))


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


def check_measured(block: LutBlock, metric: str, rules: RowRules | None) -> None:
    """Check that a metric was measured for every candidate that the rules leave.

    Raises:
        InputError: it was not; the message says for how many, and names the first of them. Or they leave none.
    """
    if not any(metric in table.measured for table in block.tables):
        return
    n_left, n_missing, first_missing = 0, 0, 0
    for run, allowed, _ in runs_within(block, rules):
        n_left += int(allowed.sum())
        measured = block.measured_rows(metric, *run)
        missing = allowed & ~measured if measured is not None else np.zeros_like(allowed)
        if missing.any():
            if not n_missing:
                first_missing = run[0] + int(missing.argmax())
            n_missing += int(missing.sum())
    if n_missing:
        raise InputError(
            f"metric {metric!r}, block {block.name!r}: {n_missing} of {n_left} candidates were not measured, "
            f"the first of them candidate {first_missing}"
        )


def pruned_block(
    lut: Lut,
    b: int,
    metrics: Sequence[Metric],
    grids: Sequence[Grid],
    pruning: Pruning,
    rules: RowRules | None,
    weighing: Weighing | None,
) -> BlockRows:
    """Return the candidates of a block that fewer than ``k`` others of their group remove, ascending.

    They are those that :meth:`Backend.prune` keeps of the whole group. To remove is a strict partial order, and holds
    or does not hold between two rows whatever other rows there are (row numbers decide ties, and runs ascend). So a row
    that fewer than k others remove in the group is removed by fewer than k of any run, and is never lost. Let k or more
    remove a row s. Whoever removes one of these removes s too, so the first k of them in a linear order that agrees
    with removing have all their own removers, fewer than k, among them: they are never lost, and remove s at the end.

    Complexity: two or three times that of pruning the runs one by one, and memory of a few runs and the rows left.
    """
    block = lut.blocks[b]
    kept: dict[int, _Kept] = {}
    for (first, last), allowed, groups in runs_within(block, rules):
        candidates = first + np.flatnonzero(allowed)
        units = np.stack(
            [
                grid.units(known_part(block, metric.name, first, last)[allowed], pruning.backend, metric.name)
                for metric, grid in zip(metrics, grids, strict=True)
            ]
        )
        if weighing is not None:
            units[0] = weighing.of_block(units[0], b)
        for group in np.unique(groups).tolist() if groups is not None else [ALL]:
            of_group = groups == group if groups is not None else slice(None)
            if candidates[of_group].size:
                kept.setdefault(group, _Kept(len(metrics), pruning)).add(candidates[of_group], units[:, of_group])
    found = {group: of_group.all() for group, of_group in kept.items()}
    candidates = np.concatenate([numbers for numbers, _ in found.values()])
    values = np.concatenate([values for _, values in found.values()], axis=1)
    if set(found) == {ALL}:
        return BlockRows(candidates, values, None)
    order = np.argsort(candidates)
    groups = np.repeat(list(found), [numbers.size for numbers, _ in found.values()])
    return BlockRows(candidates[order], np.take(values, order, axis=1), groups[order])


class _Kept:
    """Rows that fewer than ``k`` others remove of all that were added, ascending."""

    def __init__(self, n_metrics: int, pruning: Pruning) -> None:
        self._pruning = pruning
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
        rows = self._pruning.backend.prune(np.ascontiguousarray(values), self._pruning.is_max, self._pruning.k)
        return candidates[rows], np.take(values, rows, axis=1)  # contiguous, as kernels want it
