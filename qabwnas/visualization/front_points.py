"""What figures say about the points of a front: bit widths, families and texts for hovering."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qabwnas.report.result import MIXED
from qabwnas.search.frontier import Frontier
from qabwnas.visualization.axes import escaped
from qabwnas.visualization.style import UNKNOWN

_WIDTHS = re.compile(r"\bw\d+a\d+\b")


def widths_in(description: str) -> tuple[str, ...]:
    """Return the bit widths that the description of a candidate names, each once.

    >>> widths_in("k3e6 k5e3 w4a8"), widths_in("k3e6/w4a4 k5e3/w8a8")
    (('w4a8',), ('w4a4', 'w8a8'))
    """
    return tuple(dict.fromkeys(_WIDTHS.findall(description)))


def operations_in(description: str) -> tuple[str, ...]:
    """Return the operations that the description of a candidate names, one per layer, without bit widths."""
    words = (word.partition("/")[0] for word in description.split())
    return tuple(word for word in words if not _WIDTHS.fullmatch(word))


class PointTexts:
    """The candidates of some points of a front as texts; each candidate is described once.

    Attributes:
        points: the numbers of the points, int64 ``(n,)``.
        candidates: int32 ``(n, n_blocks)``.
    """

    def __init__(self, front: Frontier, points: NDArray[np.int64]) -> None:
        self.front = front
        self.points = points
        self.candidates = front.candidates_of(points)
        self._texts: list[Sequence[str]] = []
        self._which: list[NDArray[np.intp]] = []
        for b, block in enumerate(front.block_names):
            distinct, which = np.unique(self.candidates[:, b], return_inverse=True)
            describe = front.describe
            self._texts.append([str(c) if describe is None else describe(block, c) for c in distinct.tolist()])
            self._which.append(which)

    def of_block(self, b: int) -> tuple[Sequence[str], NDArray[np.intp]]:
        """Return the distinct descriptions of a block's candidates, and which one each point has, ``(n,)``."""
        return self._texts[b], self._which[b]

    def families(self) -> list[str]:
        """Return the family of each point: homogeneous bit widths such as ``w8a8``, ``mixed``, or unknown."""
        known: dict[tuple[str, ...], int] = {}
        codes = []  # per block: the bit widths of each point, as a number
        for b in range(len(self._texts)):
            texts, which = self.of_block(b)
            numbers = [known.setdefault(widths_in(text), len(known)) for text in texts]
            codes.append(np.array(numbers)[which])
        names = list(known)
        first = codes[0]
        same = np.all([column == first for column in codes], axis=0)
        single = [names[code][0] if len(names[code]) == 1 else MIXED if names[code] else UNKNOWN for code in first]
        return [family if is_same else MIXED for family, is_same in zip(single, same.tolist(), strict=True)]

    def hover(self) -> list[str]:
        """Return one text per point: its number and one line per block."""
        lines = [
            np.array([f"<br>{escaped(block)}: {escaped(text)}" for text in texts], dtype=object)[which]
            for block, (texts, which) in zip(
                self.front.block_names, (self.of_block(b) for b in range(len(self._texts))), strict=True
            )
        ]
        return [f"point {point}{''.join(blocks)}" for point, *blocks in zip(self.points.tolist(), *lines, strict=True)]
