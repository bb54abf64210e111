"""The descriptions of the candidates of a front's points, which a file of a front keeps without the LUT."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import h5py
import numpy as np

from qabwnas.errors import InputError
from qabwnas.io.hdf5_read import TEXT, Group
from qabwnas.io.hdf5_write import encode_texts, write_array
from qabwnas.search.front.points import FrontPoints

INT32 = np.dtype(np.int32)
_POINTS_PER_CHUNK = 1 << 16

Texts = Mapping[str, Mapping[int, str]]
"""Block name → candidate → description."""


class StoredDescriptions:
    """The descriptions of candidates, without the LUT; they are loaded when one is needed."""

    def __init__(self, load: Callable[[], Texts]) -> None:
        self._load: Callable[[], Texts] | None = load

    @cached_property
    def texts(self) -> Texts:
        assert self._load is not None
        return self._load()

    def __call__(self, block: str, candidate: int) -> str:
        text = self.texts[block].get(candidate)
        if text is None:
            raise InputError(f"{block}: the front has no description of candidate {candidate}")
        return text

    def __getstate__(self) -> dict[str, Any]:
        return {"texts": self.texts, "_load": None}


def stored_descriptions(front: FrontPoints) -> StoredDescriptions | None:
    """Return the descriptions of the candidates that points have, ``None`` if there are none; O(points × blocks)."""
    describe = front.describe
    if describe is None or isinstance(describe, StoredDescriptions):
        return describe
    used: list[set[int]] = [set() for _ in front.block_names]
    for start in range(0, len(front), _POINTS_PER_CHUNK):
        points = np.arange(start, min(start + _POINTS_PER_CHUNK, len(front)))
        for found, column in zip(used, front.candidates_of(points).T, strict=True):
            found.update(np.flatnonzero(np.bincount(column)).tolist())
    texts = {
        block: {candidate: describe(block, candidate) for candidate in sorted(found)}
        for block, found in zip(front.block_names, used, strict=True)
    }
    return StoredDescriptions(lambda: texts)


def write_descriptions(group: h5py.Group, texts: Mapping[int, str]) -> None:
    """Write the descriptions of a block's candidates into its group; raises InputError if one cannot be stored."""
    write_array(group, "described", np.array(list(texts), dtype=INT32), ("candidate",))
    encoded = encode_texts(f"{group.name}: descriptions", list(texts.values()))
    write_array(group, "descriptions", encoded, ("candidate",))


def read_descriptions(blocks: Group, members: Mapping[str, str]) -> StoredDescriptions | None:
    """Return what :func:`write_descriptions` wrote: ``members`` maps groups to block names. ``None`` in older files."""
    groups = {name: blocks.group(member) for member, name in members.items()}
    if not all("descriptions" in group for group in groups.values()):
        return None
    return StoredDescriptions(lambda: {name: _read(group) for name, group in groups.items()})


def _read(group: Group) -> dict[int, str]:
    numbers = group.dataset("described", INT32, (None,), ("candidate",)).read().tolist()
    texts = group.dataset("descriptions", TEXT, (len(numbers),), ("candidate",)).read_texts(0, len(numbers))
    return dict(zip(numbers, texts, strict=True))
