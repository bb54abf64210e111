"""Whole numbers that doubles do not hold: such columns are int64, all others float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qabwnas.lut.chunks import ArraysInParts


def is_whole(arrays: Mapping[str, NDArray[Any]], name: str) -> bool:
    """Return whether a column is int64; one that lies in a file is not read for it."""
    return arrays.is_whole(name) if isinstance(arrays, ArraysInParts) else arrays[name].dtype == np.int64


def alike(arrays: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Return arrays in one type that holds all of their numbers exactly.

    It is float64 or int64 where that is the type of all. Else it is int64 where all numbers are whole (NaN, of a row
    that was not measured, becomes 0), and otherwise Python's own numbers in arrays of objects.
    """
    if len({array.dtype for array in arrays}) == 1:
        return list(arrays)
    whole = [_as_whole(array) for array in arrays]
    known = [array for array in whole if array is not None]
    return known if len(known) == len(arrays) else [array.astype(object) for array in arrays]


def joined(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return arrays behind one another, in the type that :func:`alike` gives them."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(alike(arrays))


def _as_whole(array: NDArray[Any]) -> NDArray[np.int64] | None:
    if array.dtype != np.float64:
        return array if array.dtype == np.int64 else None
    known = np.where(np.isnan(array), 0.0, array)
    fits = bool((np.abs(known) <= 2.0**53).all() and (known == np.rint(known)).all())
    return known.astype(np.int64) if fits else None
