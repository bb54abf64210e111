"""Arrays of a table that may lie in a file: rows of them are read without the others, and some may be replaced."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

from numpy.typing import NDArray


class ArraysInParts(Mapping[str, NDArray[Any]]):
    """Name → array ``(n_rows,)``, of which some rows can be read without the others.

    They are checked when they are read. A pickled or deep-copied one is a dictionary of all arrays, in memory.
    """

    @property
    @abstractmethod
    def n_rows(self) -> int: ...

    @abstractmethod
    def part(self, name: str, first: int, last: int) -> NDArray[Any]:
        """Return rows ``first … last − 1`` of an array; raises as reading all of it does, as far as it looks."""

    @abstractmethod
    def is_whole(self, name: str) -> bool:
        """Return whether an array is int64, without reading it."""

    def __reduce__(self) -> tuple[type[dict[str, NDArray[Any]]], tuple[dict[str, NDArray[Any]]]]:
        return dict, ({name: self[name] for name in self},)


class Replaced(ArraysInParts):
    """Arrays in memory in front of others that are still read late."""

    _others: ArraysInParts
    in_memory: dict[str, NDArray[Any]]

    def __init__(self, others: ArraysInParts, in_memory: Mapping[str, NDArray[Any]]) -> None:
        self._others = others
        self.in_memory = dict(in_memory)
        if isinstance(others, Replaced):  # one layer is enough, however often arrays are replaced
            self._others = others._others
            self.in_memory = {**others.in_memory, **in_memory}

    @property
    def n_rows(self) -> int:
        return self._others.n_rows

    def is_whole(self, name: str) -> bool:
        return self.in_memory[name].dtype.kind == "i" if name in self.in_memory else self._others.is_whole(name)

    def part(self, name: str, first: int, last: int) -> NDArray[Any]:
        if name in self.in_memory:
            return self.in_memory[name][first:last]
        return self._others.part(name, first, last)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.in_memory[name] if name in self.in_memory else self._others[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._others, *self.in_memory]))

    def __len__(self) -> int:
        return len({*self._others, *self.in_memory})

    def __contains__(self, name: object) -> bool:
        return name in self.in_memory or name in self._others


def part(arrays: Mapping[str, NDArray[Any]], name: str, first: int, last: int) -> NDArray[Any]:
    """Return rows ``first … last − 1`` of an array, without reading the others where it lies in a file."""
    if isinstance(arrays, ArraysInParts):
        return arrays.part(name, first, last)
    return arrays[name][first:last]


def in_memory(arrays: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
    """Return those arrays that do not lie in a file."""
    if isinstance(arrays, Replaced):
        return arrays.in_memory
    return {} if isinstance(arrays, ArraysInParts) else arrays


def frozen(values: NDArray[Any]) -> NDArray[Any]:
    """Return an array that nobody can write to: a read-only copy, or the array itself where it is one."""
    if values.flags.writeable or values.base is not None:
        values = values.copy()
        values.flags.writeable = False
    return values
