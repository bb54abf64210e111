"""Which candidates a scope leaves, asked run by run, so that a block of any length needs no memory of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, LutBlock
from qabwnas.search.constraints.bit_rules import BitRules
from qabwnas.search.constraints.operation_rule import OperationRule


@dataclass(frozen=True)
class RowRules:
    """The rules of a scope for one LUT, whose names have been looked up."""

    lut: Lut
    bits: BitRules
    bits_text: str
    operations: tuple[OperationRule, ...]

    def of_block(self, block: LutBlock) -> BlockRules:
        return BlockRules(self, block)


class BlockRules:
    """The rules for one block. After all runs were asked for, :meth:`check` tells whether a candidate is left."""

    def __init__(self, rules: RowRules, block: LutBlock) -> None:
        self._rules, self._block = rules, block
        self._operations = [rule for rule in rules.operations if rule.block in (None, block.name)]
        self._bits_leave_some = False
        self._leaves_some = [False] * len(self._operations)

    def allowed(self, first: int, last: int) -> NDArray[np.bool_]:
        """Return which of candidates ``first … last − 1`` keep all rules, bool ``(last − first,)``."""
        left = self._rules.bits.allowed(self._block, first, last)
        self._bits_leave_some |= bool(left.any())
        for i, rule in enumerate(self._operations):
            left &= rule.allowed(self._rules.lut, self._block, first, last)
            self._leaves_some[i] |= bool(left.any())
        return left

    def groups(self, first: int, last: int) -> NDArray[np.int64] | None:
        """Return a number for the bit widths of each, int64 ``(last − first,)``, where all must have the same."""
        bits = self._rules.bits
        return bits.groups(self._block, first, last) if bits.homogeneous else None

    def check(self) -> None:
        """Check that some candidate was left.

        Raises:
            InputError: none was; the message names the first part behind which there is none.
        """
        if not self._bits_leave_some:
            raise InputError(f"bits {self._rules.bits_text!r} leave no candidate of block {self._block.name!r}")
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
