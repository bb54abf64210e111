"""The candidates of the points of a front: stored as a table, or reconstructed from back-pointers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.engine.backend import Level, select_backend


class Choices(Protocol):
    """The candidates of the points of a front, by the number of the point."""

    @property
    def nbytes(self) -> int: ...

    def of(self, points: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the candidates of some points, int32 ``(n, n_blocks)``, in block order."""
        ...

    def all(self) -> NDArray[np.int32]:
        """Return the candidates of all points, int32 ``(n_points, n_blocks)``."""
        ...

    def taken(self, points: NDArray[np.int64]) -> Choices:
        """Return the choices of some points, in the given order."""
        ...


@dataclass(frozen=True, eq=False)
class ChoiceTable:
    """All candidates, int32 ``(n_points, n_blocks)``; memory-mapped if the front was opened from a file."""

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
    """Back-pointers, one level for each merge of the front; ``csrc/front/back_pointers.hpp`` defines them.

    Memory: 8 bytes per point of each level. Reconstruction takes O(blocks) per point, for any subset of points. All
    backends reconstruct the same candidates; ``backend`` names the one to use, ``None`` the default one. Pickling sets
    ``None``, because another process may lack the backend that built the front.
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
