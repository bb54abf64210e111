"""Codes of the rows of a block whose layers choose an operation and bit widths.

If a space's policy is ``layer``, a layer chooses one of its operations and one of the space's bit widths. The code of
such a row is mixed-radix like that of a candidate (:class:`~qabwnas.space.search_space.Block`), with one digit
``operation × n_widths + widths`` per layer. Rows with the same first layers are neighbours here, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from qabwnas.errors import InputError
from qabwnas.space.bit_widths import BitWidths
from qabwnas.space.search_space import Block

LARGEST_CODE = 2**63 - 1


class LayerCandidate(NamedTuple):
    """A candidate of a block, and the bit widths of every layer."""

    code: int
    widths: tuple[BitWidths, ...]


@dataclass(frozen=True)
class LayerChoices:
    """All rows of a block whose layers choose operations and bit widths, by their codes.

    Raises:
        InputError: there are so many rows that a code does not fit into 63 bits.
    """

    block: Block
    bit_widths: tuple[BitWidths, ...]

    def __post_init__(self) -> None:
        if self.n_rows - 1 > LARGEST_CODE:
            raise InputError(f"{self.block.name}: {self.n_rows:,} choices of operations and bit widths per layer")

    @cached_property
    def radices(self) -> tuple[int, ...]:
        """The number of pairs of an operation and bit widths of each layer, in layer order."""
        return tuple(n * len(self.bit_widths) for n in self.block.radices)

    @property
    def n_rows(self) -> int:
        return math.prod(self.radices)

    def decode(self, code: int) -> LayerCandidate:
        """Return what a row chooses.

        Raises:
            InputError: ``code`` is not in ``0 … n_rows − 1``.
        """
        if not 0 <= code < self.n_rows:
            raise InputError(f"{self.block.name}: row {code} is not in 0 … {self.n_rows - 1}")
        candidate, place = 0, 1
        widths = []
        for radix, n_operations in zip(reversed(self.radices), reversed(self.block.radices), strict=True):
            code, digit = divmod(code, radix)
            operation, index = divmod(digit, len(self.bit_widths))
            candidate += place * operation
            place *= n_operations
            widths.append(self.bit_widths[index])
        return LayerCandidate(candidate, tuple(reversed(widths)))

    def encode(self, candidate: int, widths: Sequence[BitWidths]) -> int:
        """Return the code of a candidate with the bit widths of every layer: the inverse of :meth:`decode`.

        Raises:
            InputError: there is no such candidate, the space does not have these bit widths, or there is not one per
                layer.
        """
        if len(widths) != self.block.n_layers:
            raise InputError(f"{self.block.name}: {len(widths)} bit widths were given for {self.block.n_layers} layers")
        code = 0
        for radix, operation, of_layer in zip(self.radices, self.block.digits(candidate), widths, strict=True):
            if of_layer not in self.bit_widths:
                raise InputError(f"{self.block.name}: {of_layer.name} is not one of the space's bit widths")
            code = code * radix + operation * len(self.bit_widths) + self.bit_widths.index(of_layer)
        return code

    def describe(self, code: int) -> str:
        """Return what a row chooses as text, such as ``k3e6/w4a4 k5e3/w8a8``."""
        candidate, widths = self.decode(code)
        operations = self.block.decode(candidate)
        return " ".join(f"{o.name}/{w.name}" for o, w in zip(operations, widths, strict=True))
