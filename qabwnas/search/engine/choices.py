"""Which candidates the points of a front are made of: as a table, or as back-pointers, from which they are rebuilt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.engine.backend import Level, select_backend


class Choices(Protocol):
    """The candidates of the points of a front, by number."""

    @property
    def nbytes(self) -> int: ...

    def of(self, points: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the candidates of some points, ``(n, n_blocks)``, in block order."""
        ...

    def all(self) -> NDArray[np.int32]:
        """Return those of all points, in their order."""
        ...

    def taken(self, points: NDArray[np.int64]) -> Choices:
        """Return the choices of some points, in the order that is given."""
        ...


@dataclass(frozen=True, eq=False)
class ChoiceTable:
    """All candidates, int32 ``(n_points, n_blocks)``; of a front that was opened from a file, mapped."""

    candidates: NDArray[np.int32] = field(repr=False)

    @property
    def nbytes(self) -> int:
        return self.candidates.nbytes

    def of(self, points: NDArray[np.int64]) -> NDArray[np.int32]:
        return self.candidates[points]

    def all(self) -> NDArray[np.int32]:
        return self.candidates

    def taken(self, points: NDArray[np.int64]) -> ChoiceTable:
        return ChoiceTable(self.candidates[points])


@dataclass(frozen=True, eq=False)
class BackPointers:
    """One level a part that was added: ``csrc/front/back_pointers.hpp``.

    Memory: 8 bytes for every point of every level. Rebuilding takes O(blocks) a point, whichever points are asked for.
    Any backend rebuilds the same; ``backend`` is the name of the one that does, ``None`` for the default: another
    process, to which they were pickled, may not have the one that made them.
    """

    levels: Sequence[Level] = field(repr=False)
    backend: str | None

    def __reduce__(self) -> tuple[type[BackPointers], tuple[Sequence[Level], None]]:
        return BackPointers, (self.levels, None)

    def __len__(self) -> int:
        return len(self.levels[-1][2])

    @property
    def nbytes(self) -> int:
        return sum(pairs.nbytes for _, _, pairs in self.levels)

    def of(self, points: NDArray[np.int64]) -> NDArray[np.int32]:
        return select_backend(self.backend).choice_of(self.levels, np.ascontiguousarray(points, dtype=np.int64))

    def all(self) -> NDArray[np.int32]:
        return self.of(np.arange(len(self)))

    def taken(self, points: NDArray[np.int64]) -> BackPointers:
        *before, (blocks, candidates, pairs) = self.levels
        return BackPointers([*before, (blocks, candidates, pairs[points])], self.backend)
