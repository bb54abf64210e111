"""Which candidates a scope leaves, asked run by run, so that a block of any length needs no memory of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, LutBlock
from qabwnas.search.bit_rules import BitRules
from qabwnas.search.operation_rule import OperationRule


@dataclass(frozen=True)
class RowRules:
    """The rules of a scope for one LUT, whose names have been looked up."""

    lut: Lut
    bits: BitRules
    operations: tuple[OperationRule, ...]

    def of_block(self, block: LutBlock) -> BlockRules:
        return BlockRules(self, block)


class BlockRules:
    """The rules for one block. After all runs were asked for, :meth:`check` tells whether a candidate is left."""

    def __init__(self, rules: RowRules, block: LutBlock) -> None:
        self._lut, self._bits, self._block = rules.lut, rules.bits, block
        self._operations = [rule for rule in rules.operations if rule.block in (None, block.name)]
        self._leaves_some = [False] * len(self._operations)

    def allowed(self, first: int, last: int) -> NDArray[np.bool_]:
        """Return which of candidates ``first … last − 1`` keep all rules, bool ``(last − first,)``."""
        left = self._bits.allowed(self._block, first, last)
        for i, rule in enumerate(self._operations):
            left &= rule.allowed(self._lut, self._block, first, last)
            self._leaves_some[i] |= bool(left.any())
        return left

    def groups(self, first: int, last: int) -> NDArray[np.int64] | None:
        """Return a number for the bit widths of each, int64 ``(last − first,)``, where all must have the same."""
        return self._bits.groups(self._block, first, last) if self._bits.homogeneous else None

    def check(self) -> None:
        """Check that some candidate was left.

        Raises:
            InputError: none was; the message names the first rule behind which there is none.
        """
        for rule, leaves_some in zip(self._operations, self._leaves_some, strict=True):
            if not leaves_some:
                raise InputError(f"{rule} leaves no candidate of block {self._block.name!r}")


def check_common_groups(groups: Sequence[NDArray[np.int64]]) -> None:
    """Check that some group is in every block.

    Raises:
        InputError: none is.
    """
    if not set.intersection(*(set(np.unique(of_block).tolist()) for of_block in groups)):
        raise InputError("bits 'homogeneous': no bit widths are left that all blocks could have")
