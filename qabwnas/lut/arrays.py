"""Arrays of a table by name, in memory or in a file, and their types: float64, or int64 for large integers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class LazyArrays(Mapping[str, NDArray[Any]]):
    """Name → array ``(n_rows,)``; a range of rows can be read without the others.

    Arrays are checked when they are read. A pickled or deep-copied one is a dictionary of all arrays, in memory.
    """

    @property
    @abstractmethod
    def n_rows(self) -> int: ...

    @abstractmethod
    def rows(self, name: str, first: int, last: int) -> NDArray[Any]:
        """Return rows ``first … last − 1`` of an array.

        It raises what reading the whole array raises, if the cause lies in these rows.
        """

    @abstractmethod
    def is_int64(self, name: str) -> bool:
        """Return whether an array is int64, without reading it."""

    def __reduce__(self) -> tuple[type[dict[str, NDArray[Any]]], tuple[dict[str, NDArray[Any]]]]:
        return dict, ({name: self[name] for name in self},)


class OverlaidArrays(LazyArrays):
    """Arrays in memory that replace or extend lazy ones."""

    _lazy: LazyArrays
    in_memory: dict[str, NDArray[Any]]

    def __init__(self, lazy: LazyArrays, in_memory: Mapping[str, NDArray[Any]]) -> None:
        self._lazy = lazy
        self.in_memory = dict(in_memory)
        if isinstance(lazy, OverlaidArrays):  # one layer is enough, however often arrays are replaced
            self._lazy = lazy._lazy
            self.in_memory = {**lazy.in_memory, **in_memory}

    @property
    def n_rows(self) -> int:
        return self._lazy.n_rows

    def is_int64(self, name: str) -> bool:
        return self.in_memory[name].dtype.kind == "i" if name in self.in_memory else self._lazy.is_int64(name)

    def rows(self, name: str, first: int, last: int) -> NDArray[Any]:
        if name in self.in_memory:
            return self.in_memory[name][first:last]
        return self._lazy.rows(name, first, last)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.in_memory[name] if name in self.in_memory else self._lazy[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._lazy, *self.in_memory]))

    def __len__(self) -> int:
        return len({*self._lazy, *self.in_memory})

    def __contains__(self, name: object) -> bool:
        return name in self.in_memory or name in self._lazy


def array_rows(arrays: Mapping[str, NDArray[Any]], name: str, first: int, last: int) -> NDArray[Any]:
    """Return rows ``first … last − 1`` of an array; of a lazy one, only these are read."""
    if isinstance(arrays, LazyArrays):
        return arrays.rows(name, first, last)
    return arrays[name][first:last]


def in_memory(arrays: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
    """Return the arrays that are not lazy."""
    if isinstance(arrays, OverlaidArrays):
        return arrays.in_memory
    return {} if isinstance(arrays, LazyArrays) else arrays


def is_int64(arrays: Mapping[str, NDArray[Any]], name: str) -> bool:
    """Return whether an array is int64; a lazy one is not read."""
    return arrays.is_int64(name) if isinstance(arrays, LazyArrays) else arrays[name].dtype == np.int64


def read_only(values: NDArray[Any]) -> NDArray[Any]:
    """Return an array that cannot be written to: a read-only copy, or the array itself if it is read-only."""
    if values.flags.writeable or values.base is not None:
        values = values.copy()
        values.flags.writeable = False
    return values


def common_type(arrays: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Return arrays in one type that holds all of their numbers exactly.

    It is float64 or int64 if all arrays have that type. If the types differ but all numbers are integers, it is int64;
    NaN, of a row that was not measured, becomes 0. Otherwise it is object, with Python numbers.
    """
    if len({array.dtype for array in arrays}) == 1:
        return list(arrays)
    integers = [_as_int64(array) for array in arrays]
    known = [array for array in integers if array is not None]
    return known if len(known) == len(arrays) else [array.astype(object) for array in arrays]


def concatenated(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return the concatenation of arrays, in their :func:`common_type`."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(common_type(arrays))


def _as_int64(array: NDArray[Any]) -> NDArray[np.int64] | None:
    if array.dtype != np.float64:
        return array if array.dtype == np.int64 else None
    known = np.where(np.isnan(array), 0.0, array)
    fits = bool((np.abs(known) <= 2.0**53).all() and (known == np.rint(known)).all())
    return known.astype(np.int64) if fits else None
