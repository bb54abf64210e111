"""Which bit widths blocks may have, as text: ``8``, ``w4a8,8``, ``BLOCK=4``, ``homogeneous``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, LutBlock
from qabwnas.space import BitWidths

HOMOGENEOUS = "homogeneous"


@dataclass(frozen=True)
class BitRules:
    """The widths that every block may have.

    Attributes:
        widths: block name → its widths; a block that is not named may have any.
        homogeneous: all blocks must have the same.
    """

    widths: Mapping[str, frozenset[BitWidths]]
    homogeneous: bool

    @classmethod
    def of(cls, texts: Sequence[str | int], lut: Lut) -> BitRules:
        """Read the rules for a LUT.

        Raises:
            InputError: a text is of none of the forms, names a block that is not in the LUT or widths that no block in
                question has, leaves a block without any, or the LUT does not say its widths.
        """
        everywhere: set[BitWidths] = set()
        own: dict[str, set[BitWidths]] = {}
        for text in map(str, texts):
            if text == HOMOGENEOUS:
                _offered(lut, lut.block_names, text)
                continue
            name, equals, values = text.rpartition("=")
            names = [lut.block(name).name] if equals else lut.block_names
            offered = _offered(lut, names, text)
            for value in values.split(","):
                widths = _parse(value.strip(), text)
                if not any(widths in of_block for of_block in offered.values()):
                    where = f"block {name!r}" if equals else "any block"
                    raise InputError(f"bits {text!r}: there is no table of {widths.name} in {where}")
                (own.setdefault(name, set()) if equals else everywhere).add(widths)
        allowed = {name: own.get(name, everywhere) for name in lut.block_names if name in own or everywhere}
        for name, wanted in allowed.items():
            offered_here = _offered(lut, [name], ", ".join(map(str, texts)))[name]
            if not wanted & offered_here:
                has = ", ".join(sorted(widths.name for widths in offered_here))
                raise InputError(
                    f"bits {', '.join(map(str, texts))!r} leave no candidate of block {name!r}: it has {has}"
                )
        return cls({name: frozenset(wanted) for name, wanted in allowed.items()}, HOMOGENEOUS in texts)

    def allowed(self, block: LutBlock, first: int, last: int) -> NDArray[np.bool_]:
        """Return which of a block's candidates ``first … last − 1`` have widths that it may have, bool."""
        if block.name not in self.widths:
            return np.ones(last - first, dtype=np.bool_)
        right = [table.widths in self.widths[block.name] for table in block.tables]
        return np.array(right)[_tables_of(block, first, last)]

    def groups(self, block: LutBlock, first: int, last: int) -> NDArray[np.int64]:
        """Return a number for the widths of each of these candidates, int64."""
        numbers = [table.widths.weights << 8 | table.widths.activations for table in block.tables if table.widths]
        return np.array(numbers, dtype=np.int64)[_tables_of(block, first, last)]


def _tables_of(block: LutBlock, first: int, last: int) -> NDArray[np.int64]:
    """Which table each candidate stands in."""
    return np.asarray(np.searchsorted(block.starts, np.arange(first, last), side="right") - 1)


def _offered(lut: Lut, names: Sequence[str], text: str) -> dict[str, set[BitWidths]]:
    offered: dict[str, set[BitWidths]] = {}
    for name in names:
        tables = lut.block(name).tables
        offered[name] = {table.widths for table in tables if table.widths is not None}
        if len(offered[name]) < len(tables):
            raise InputError(f"bits {text!r}: the LUT does not say the bit widths of block {name!r}")
    return offered


def _parse(value: str, text: str) -> BitWidths:
    try:
        return BitWidths.parse(value)
    except InputError as error:
        raise InputError(f"bits {text!r}: {error}") from error
