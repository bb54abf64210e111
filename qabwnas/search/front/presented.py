"""How a front looks outside of a search: its points as answers, in a DataFrame, and in a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.api import Answer
from qabwnas.search.front.points import FrontPoints
from qabwnas.search.presentation import Describe, answers_html, data_frame

POINTS_SHOWN = 10
_POINTS_PER_CHUNK = 1 << 10


@dataclass(frozen=True, eq=False, repr=False)
class PresentedFront(FrontPoints):
    """The points of a front as answers. :class:`.Frontier` documents the attributes."""

    def __getitem__(self, point: int) -> Answer:
        """Return a point as an answer; raises InputError as :meth:`totals` does."""
        totals = self.totals(point)
        return Answer(totals[self.metric_names[0]], totals, self.choice(point)).described_by(self.describe)

    def __iter__(self) -> Iterator[Answer]:
        names = self.metric_names
        for units, candidates in self._chunks():
            columns = (map(grid.decimal, column.tolist()) for grid, column in zip(self.grids, units.T, strict=True))
            for totals, row in zip(zip(*columns, strict=True), candidates.tolist(), strict=True):
                choice = dict(zip(self.block_names, row, strict=True))
                answer = Answer(totals[0], dict(zip(names, totals, strict=True)), choice)
                yield answer.described_by(self.describe)

    def to_dict(self) -> dict[str, Any]:
        """Return all points as JSON values, with the members of a search's answers, for ``json.dump``.

        Complexity: O(points × (metrics + blocks)) in time and memory, a few kB per point.
        """
        names, blocks = self.metric_names, self.block_names
        texts = [] if self.describe is None else [_Descriptions(self.describe, block) for block in blocks]
        answers = []
        for units, candidates in self._chunks():
            columns = (grid.json_numbers(column) for grid, column in zip(self.grids, units.T, strict=True))
            for totals, row in zip(zip(*columns, strict=True), candidates.tolist(), strict=True):
                words = [of_block[candidate] for of_block, candidate in zip(texts, row, strict=False)]
                answers.append(
                    {
                        "objective": totals[0],
                        "totals": dict(zip(names, totals, strict=True)),
                        "choice": dict(zip(blocks, row, strict=True)),
                        "descriptions": dict(zip(blocks, words, strict=False)),
                    }
                )
        return {"minimized": names[0], "answers": answers}

    def to_pandas(self) -> Any:
        """Return a DataFrame with one row per point: the columns are those of :meth:`.SearchResult.to_pandas`.

        Raises:
            InputError: pandas is not installed.

        Complexity: O(points × (metrics + blocks)).
        """
        columns: dict[str, Any] = {name: self.values(name) for name in self.metric_names}
        candidates = self.candidates
        for b, block in enumerate(self.block_names):
            columns[block] = candidates[:, b]
            if self.describe is not None:
                columns[f"{block} description"] = _Descriptions(self.describe, block).of(candidates[:, b])
        return data_frame(columns)

    def _repr_html_(self) -> str:
        more = f"<p>and {len(self) - POINTS_SHOWN} more points</p>" if len(self) > POINTS_SHOWN else ""
        return f"<p>{escape(repr(self))}</p>{answers_html(islice(self, POINTS_SHOWN), first=0)}{more}"

    def _chunks(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int32]]]:
        """Yield the units and the candidates of the points, some points at a time."""
        for start in range(0, len(self), _POINTS_PER_CHUNK):
            points = np.arange(start, min(start + _POINTS_PER_CHUNK, len(self)))
            yield self.shown_units(self.units[points]), self.candidates_of(points)


class _Descriptions(dict[int, str]):
    """The descriptions of a block's candidates by number; each is looked up once."""

    def __init__(self, describe: Describe, block: str) -> None:
        super().__init__()
        self._describe, self._block = describe, block

    def __missing__(self, candidate: int) -> str:
        text = self[candidate] = self._describe(self._block, candidate)
        return text

    def of(self, candidates: NDArray[np.int32]) -> NDArray[np.object_]:
        """Return the descriptions of ``candidates`` ``(n,)``, in the same order."""
        texts = np.empty(int(candidates.max(initial=-1)) + 1, dtype=object)
        for candidate in np.flatnonzero(np.bincount(candidates)).tolist():
            texts[candidate] = self[candidate]
        return texts[candidates]
