"""Which bit widths blocks may have, from text: ``8``, ``w4a8,8``, ``BLOCK=4``, ``homogeneous``, ``A,B=homogeneous``.

If layers have their own bit widths, the rule holds for every layer of a block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, LutBlock, Table
from qabwnas.search.constraints.equal_widths import FREE, SET_SHIFT
from qabwnas.space import BitWidths

HOMOGENEOUS = "homogeneous"


@dataclass(frozen=True)
class BitWidthRule:
    """The bit widths that each block may have.

    Attributes:
        widths: block name → its allowed widths; a block that is not named may have any.
        equal: block name → the number of the set of blocks that must have the same widths in all their layers; with
            ``homogeneous``, all blocks are in set 0.
    """

    widths: Mapping[str, frozenset[BitWidths]]
    equal: Mapping[str, int]

    @classmethod
    def of(cls, texts: Sequence[str | int], lut: Lut) -> BitWidthRule:
        """Parse the texts for a LUT.

        Raises:
            InputError: a text has none of the forms, names an unknown block or widths that no such block has, or leaves
                a block without any widths; a block is in two sets; or the LUT does not state the widths of a block.
        """
        equal: dict[str, int] = {}
        n_sets = 0
        everywhere: set[BitWidths] = set()
        own: dict[str, set[BitWidths]] = {}
        for text in map(str, texts):
            name, equals, values = text.rpartition("=")
            if values.strip() == HOMOGENEOUS:
                members = _named_blocks(lut, name, text) if equals else lut.block_names
                _offered(lut, members, text)
                for member in members:
                    if member in equal:
                        raise InputError(f"bits {text!r}: block {member!r} is already in a homogeneous set")
                    equal[member] = n_sets
                n_sets += 1
                continue
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
        return cls({name: frozenset(wanted) for name, wanted in allowed.items()}, equal)

    def allowed(self, block: LutBlock, first: int, last: int) -> NDArray[np.bool_]:
        """Return which of a block's candidates ``first … last − 1`` have allowed widths, bool ``(last − first,)``."""
        return np.concatenate([self._allowed_rows(block.name, *rows) for rows in block.tables_of(first, last)])

    def _allowed_rows(self, block_name: str, table: Table, first: int, last: int) -> NDArray[np.bool_]:
        allowed = self.widths.get(block_name)
        if table.rows is None:
            return np.full(last - first, allowed is None or table.widths in allowed)
        of_layers = table.rows.widths[:, first:last]
        right = np.ones(last - first, dtype=np.bool_)
        if allowed is not None:
            right &= np.array([widths in allowed for widths in table.rows.choices.bit_widths])[of_layers].all(axis=0)
        if block_name in self.equal:
            right &= (of_layers == of_layers[0]).all(axis=0)
        return right

    def groups(self, block: LutBlock, first: int, last: int) -> NDArray[np.int64]:
        """Return a number for the bit widths of each candidate, int64 ``(last − first,)``.

        It has a meaning only if all layers of the candidate have the same widths. Numbers are those of
        :mod:`qabwnas.search.constraints.equal_widths`.
        """
        if block.name not in self.equal:
            return np.full(last - first, FREE, dtype=np.int64)
        numbers = []
        for table, low, high in block.tables_of(first, last):
            if table.rows is not None:
                of_widths = np.array([_number(widths) for widths in table.rows.choices.bit_widths])
                numbers.append(of_widths[table.rows.widths[0, low:high]])
            elif table.widths is not None:
                numbers.append(np.full(high - low, _number(table.widths), dtype=np.int64))
        return np.concatenate(numbers) + (self.equal[block.name] << SET_SHIFT)


def _named_blocks(lut: Lut, names: str, text: str) -> list[str]:
    """Return the two or more blocks of ``A,B``."""
    blocks = [lut.block(name.strip()).name for name in names.split(",")]
    if len(blocks) < 2:
        raise InputError(f"bits {text!r}: name two or more blocks, separated by commas")
    return blocks


def _offered(lut: Lut, names: Sequence[str], text: str) -> dict[str, set[BitWidths]]:
    offered: dict[str, set[BitWidths]] = {}
    for name in names:
        tables = lut.block(name).tables
        if any(table.widths is None and table.rows is None for table in tables):
            raise InputError(f"bits {text!r}: the LUT does not say the bit widths of block {name!r}")
        offered[name] = {table.widths for table in tables if table.widths is not None}
        offered[name].update(*(table.rows.choices.bit_widths for table in tables if table.rows is not None))
    return offered


def _number(widths: BitWidths) -> int:
    return widths.weights << 8 | widths.activations


def _parse(value: str, text: str) -> BitWidths:
    try:
        return BitWidths.parse(value)
    except InputError as error:
        raise InputError(f"bits {text!r}: {error}") from error
