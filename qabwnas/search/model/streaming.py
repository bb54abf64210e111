"""Set-up of large LUTs in bounded memory: columns are read twice, in chunks of rows, and each chunk is pruned.

The first pass finds what the grids need. The second pass converts rows to units and prunes them. A scope filters and
weights each chunk first. Only the remaining rows are held in memory together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, LutBlock, Metric
from qabwnas.search.engine.backend import Backend
from qabwnas.search.model import columns
from qabwnas.search.model.columns import known_values, needs_in_chunks, row_chunks
from qabwnas.search.model.grid import Grid, choose_grid

if TYPE_CHECKING:  # scopes and weights load when they are used, so that other searches start sooner
    from qabwnas.search.constraints.scope import ScopeRules
    from qabwnas.search.model.derived import Derivation
    from qabwnas.search.model.weights import WeightedObjective

LARGEST_WHOLE = 1 << 20
"""A LUT of up to so many rows is set up as a whole. That is as fast, and leaves all rows to the pruning of a search."""
ALL = -1
"""The group of all rows if there are no groups."""

Ints = NDArray[np.int64]


class Rows(NamedTuple):
    """Rows of all blocks, concatenated; the fields are those of :class:`qabwnas.search.model.problem.Problem`."""

    values: Ints
    offsets: Ints
    candidates: Ints | None
    groups: Ints | None = None


class BlockRows(NamedTuple):
    """Rows of one block: candidates ``(n,)``, values ``(n_metrics, n)``, and groups ``(n,)`` if there are any."""

    candidates: Ints
    values: Ints
    groups: Ints | None


class Pruning(NamedTuple):
    """What to prune for: keep the rows that the ``k`` best subnets may need."""

    is_max: NDArray[np.uint8]
    k: int
    backend: Backend


class ChunkedColumns(NamedTuple):
    """The metrics to read with their grids, and how they become the compared columns; ``None``: they are those."""

    metrics: Sequence[Metric]
    grids: Sequence[Grid]
    derivation: Derivation | None = None

    def units(self, block: LutBlock, first: int, last: int, allowed: NDArray[np.bool_], backend: Backend) -> Ints:
        """Return the compared columns of the allowed candidates among ``first … last − 1``, ``(n_columns, n)``."""
        units = np.stack(
            [
                grid.units(known_values(block, metric.name, first, last)[allowed], backend, metric.name)
                for metric, grid in zip(self.metrics, self.grids, strict=True)
            ]
        )
        return units if self.derivation is None else self.derivation.of_block(units)


def is_large(lut: Lut) -> bool:
    """Return whether a LUT has too many rows to hold them all."""
    return sum(block.n_candidates for block in lut.blocks) > LARGEST_WHOLE


def grids_in_chunks(lut: Lut, metrics: Sequence[Metric], rules: ScopeRules | None) -> tuple[Grid, ...]:
    """Return the grids of the metrics; they equal those of the whole LUT.

    Raises:
        InputError: a metric was not measured for an allowed candidate, or a value or total cannot be represented; or
            the rules leave no candidate of a block.
    """
    grids = []
    for metric in metrics:
        for block in lut.blocks:
            check_measured(block, metric.name, rules)
        needs = [needs_in_chunks(block, metric.name) for block in lut.blocks]
        grids.append(choose_grid(metric, needs, lut.block_names))
    return tuple(grids)


def rows_in_chunks(
    lut: Lut,
    columns: ChunkedColumns,
    pruning: Pruning,
    rules: ScopeRules | None = None,
    weighted: WeightedObjective | None = None,
) -> Rows:
    """Return the allowed rows that the best subnets may need; with ``weighted``, the first metric is weighted.

    If all blocks must have the same bit widths, rows of each group are pruned separately.
    """
    blocks = [pruned_block(lut, b, columns, pruning, rules, weighted) for b in range(len(lut.blocks))]
    offsets = np.cumsum([0, *(block.candidates.size for block in blocks)], dtype=np.int64)
    groups = [block.groups for block in blocks if block.groups is not None]
    if groups:
        from qabwnas.search.constraints.equal_widths import check_common_groups

        check_common_groups(groups)
    return Rows(
        np.concatenate([block.values for block in blocks], axis=1),
        offsets,
        np.concatenate([block.candidates for block in blocks]),
        np.concatenate(groups) if groups else None,
    )


def largest_in_chunks(lut: Lut, metric: Metric, grid: Grid, backend: Backend, rules: ScopeRules | None) -> list[int]:
    """Return for each block the largest absolute value of a metric over the allowed candidates, in units."""
    from qabwnas.search.model.weights import largest_size

    return [
        max(
            largest_size(grid.units(known_values(block, metric.name, *chunk), backend)[allowed])
            for chunk, allowed, _ in allowed_chunks(block, rules)
        )
        for block in lut.blocks
    ]


def allowed_chunks(
    block: LutBlock, rules: ScopeRules | None
) -> Iterator[tuple[tuple[int, int], NDArray[np.bool_], Ints | None]]:
    """Yield every chunk of a block, which of its candidates the rules allow, and the groups of those.

    Raises:
        InputError: after the last chunk, if no candidate was allowed.
    """
    of_block = None
    if rules is not None:
        from qabwnas.search.constraints.scope import BlockRules

        of_block = BlockRules(rules, block)
    for chunk in row_chunks(block):
        if of_block is None:
            yield chunk, np.ones(chunk[1] - chunk[0], dtype=np.bool_), None
            continue
        allowed, groups = of_block.allowed(*chunk), of_block.groups(*chunk)
        yield chunk, allowed, groups[allowed] if groups is not None else None
    if of_block is not None:
        of_block.check()


def check_measured(block: LutBlock, metric: str, rules: ScopeRules | None) -> None:
    """Check that a metric was measured for every allowed candidate.

    Raises:
        InputError: it was not; the message says for how many candidates, and names the first. Or the rules allow none.
    """
    if not any(metric in table.measured for table in block.tables):
        return
    n_left, n_missing, first_missing = 0, 0, 0
    for chunk, allowed, _ in allowed_chunks(block, rules):
        n_left += int(allowed.sum())
        measured = block.measured_rows(metric, *chunk)
        missing = allowed & ~measured if measured is not None else np.zeros_like(allowed)
        if missing.any():
            if not n_missing:
                first_missing = chunk[0] + int(missing.argmax())
            n_missing += int(missing.sum())
    if n_missing:
        raise InputError(
            f"metric {metric!r}, block {block.name!r}: {n_missing} of {n_left} candidates were not measured, "
            f"the first of them candidate {first_missing}"
        )


def pruned_block(
    lut: Lut,
    b: int,
    columns: ChunkedColumns,
    pruning: Pruning,
    rules: ScopeRules | None,
    weighted: WeightedObjective | None,
) -> BlockRows:
    """Return the candidates of a block that fewer than ``k`` others of their group remove, ascending.

    They equal the result of :meth:`.Backend.prune` over the whole group. Proof: "removes" is a strict partial order,
    and whether one row removes another does not depend on further rows (row numbers break ties, and chunks ascend).
    (1) A row that fewer than k rows of the group remove is removed by fewer than k rows of any chunk, so it is never
    lost. (2) Let k or more rows remove a row s. Every row that removes one of these removes s too. Sort the rows that
    remove s in a linear order that extends "removes". The first k of them have all their removers, fewer than k, among
    the first k. By (1) they are never lost, so they remove s in the last step.

    Complexity: two to three times the time of pruning each chunk once; memory for a few chunks and the remaining rows.
    """
    block = lut.blocks[b]
    kept: dict[int, _KeptRows] = {}
    for (first, last), allowed, groups in allowed_chunks(block, rules):
        candidates = first + np.flatnonzero(allowed)
        units = columns.units(block, first, last, allowed, pruning.backend)
        if weighted is not None:
            units[0] = weighted.of_block(units[0], b)
        for group in np.unique(groups).tolist() if groups is not None else [ALL]:
            of_group = groups == group if groups is not None else slice(None)
            if candidates[of_group].size:
                rows = kept.setdefault(group, _KeptRows(len(units), pruning))
                rows.add(candidates[of_group], units[:, of_group])
    found = {group: of_group.all() for group, of_group in kept.items()}
    candidates = np.concatenate([numbers for numbers, _ in found.values()])
    values = np.concatenate([values for _, values in found.values()], axis=1)
    if set(found) == {ALL}:
        return BlockRows(candidates, values, None)
    order = np.argsort(candidates)
    groups = np.repeat(list(found), [numbers.size for numbers, _ in found.values()])
    return BlockRows(candidates[order], np.take(values, order, axis=1), groups[order])


class _KeptRows:
    """The added rows that fewer than ``k`` others remove, ascending."""

    def __init__(self, n_metrics: int, pruning: Pruning) -> None:
        self._pruning = pruning
        self._kept: tuple[Ints, Ints] = np.empty(0, dtype=np.int64), np.empty((n_metrics, 0), dtype=np.int64)
        self._new: list[tuple[Ints, Ints]] = []
        self._n_new = 0

    def add(self, candidates: Ints, values: Ints) -> None:
        """Add rows with higher numbers than all rows before."""
        rows = self._pruned(candidates, values)
        self._new.append(rows)
        self._n_new += rows[0].size
        # Prune again only when the kept rows may have doubled, so that each row is compared only a few times.
        if self._n_new >= max(self._kept[0].size, columns.ROWS_PER_CHUNK):
            self._kept = self.all()
            self._new, self._n_new = [], 0

    def all(self) -> tuple[Ints, Ints]:
        """Return candidates ``(n,)`` and values ``(n_metrics, n)``."""
        parts = [self._kept, *self._new]
        return self._pruned(
            np.concatenate([candidates for candidates, _ in parts]),
            np.concatenate([values for _, values in parts], axis=1),
        )

    def _pruned(self, candidates: Ints, values: Ints) -> tuple[Ints, Ints]:
        rows = self._pruning.backend.prune(np.ascontiguousarray(values), self._pruning.is_max, self._pruning.k)
        return candidates[rows], np.take(values, rows, axis=1)  # contiguous, as the kernels require
