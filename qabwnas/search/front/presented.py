"""How a front looks outside of a search: its points as answers, in a DataFrame, and in a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import islice
from typing import Any

import numpy as np

from qabwnas.search.api import Answer
from qabwnas.search.front.points import FrontPoints
from qabwnas.search.presentation import answers_html, data_frame

POINTS_SHOWN = 10


@dataclass(frozen=True, eq=False, repr=False)
class PresentedFront(FrontPoints):
    """The points of a front as answers. :class:`.Frontier` documents the attributes."""

    def __getitem__(self, point: int) -> Answer:
        """Return a point as an answer; raises InputError as :meth:`totals` does."""
        totals = self.totals(point)
        return Answer(totals[self.metric_names[0]], totals, self.choice(point)).described_by(self.describe)

    def __iter__(self) -> Iterator[Answer]:
        return (self[point] for point in range(len(self)))

    def to_dict(self) -> dict[str, Any]:
        """Return all points as JSON values, with the members of a search's answers, for ``json.dump``."""
        return {"minimized": self.metric_names[0], "answers": [answer.to_dict() for answer in self]}

    def to_pandas(self) -> Any:
        """Return a DataFrame with one row per point: the columns are those of :meth:`.SearchResult.to_pandas`.

        Raises:
            InputError: pandas is not installed.

        Complexity: O(points × (metrics + blocks log points)).
        """
        columns: dict[str, Any] = {name: self.values(name) for name in self.metric_names}
        candidates = self.candidates
        for b, block in enumerate(self.block_names):
            columns[block] = candidates[:, b]
            if self.describe is not None:
                distinct, which = np.unique(candidates[:, b], return_inverse=True)
                texts = np.array([self.describe(block, candidate) for candidate in distinct.tolist()], dtype=object)
                columns[f"{block} description"] = texts[which]
        return data_frame(columns)

    def _repr_html_(self) -> str:
        more = f"<p>and {len(self) - POINTS_SHOWN} more points</p>" if len(self) > POINTS_SHOWN else ""
        return f"<p>{escape(repr(self))}</p>{answers_html(islice(self, POINTS_SHOWN), first=0)}{more}"
