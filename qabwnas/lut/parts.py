"""Runs of rows of arrays that may lie in a file: what is read of a table too large to be held."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray


class ArraysInParts(Mapping[str, NDArray[Any]]):
    """Name → array, of which some rows can be read without the others."""

    @abstractmethod
    def part(self, name: str, first: int, last: int) -> NDArray[Any]:
        """Return rows ``first … last − 1`` of an array; raises as reading all of it does, as far as it looks."""


def part(arrays: Mapping[str, NDArray[Any]], name: str, first: int, last: int) -> NDArray[Any]:
    """Return rows ``first … last − 1`` of an array, without reading the others where it lies in a file."""
    if isinstance(arrays, ArraysInParts):
        return arrays.part(name, first, last)
    return arrays[name][first:last]
