"""Bit widths of layers and blocks, and policies, which give bit widths to a whole network."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from qabwnas.errors import InputError

SMALLEST_BITS, LARGEST_BITS = 2, 16


class BitWidths(NamedTuple):
    """Bit widths of weights and activations, 2 to 16 each; 32 for both means unquantised floats."""

    weights: int
    activations: int

    @property
    def name(self) -> str:
        """``w4a8`` for 4-bit weights and 8-bit activations."""
        return f"w{self.weights}a{self.activations}"

    @property
    def is_float(self) -> bool:
        return self == FLOAT

    @classmethod
    def parse(cls, name: str | int) -> BitWidths:
        """Return the bit widths of a :attr:`name` such as ``w4a8``, or of one number for both (``8`` is ``w8a8``).

        Raises:
            InputError: the text has another form, or a width is not in 2 to 16.
        """
        match = re.fullmatch(r"w(\d+)a(\d+)|(\d+)", str(name))
        if match is None:
            raise InputError(f"bit widths {name!r} are neither of the form 'w4a8' nor one number")
        widths = cls(int(match[1] or match[3]), int(match[2] or match[3]))
        if widths.is_float or all(SMALLEST_BITS <= w <= LARGEST_BITS for w in (widths.weights, widths.activations)):
            return widths
        raise InputError(f"bit widths {name} are not in {SMALLEST_BITS} to {LARGEST_BITS}")


FLOAT = BitWidths(32, 32)
INT8 = BitWidths(8, 8)

BlockWidths = BitWidths | tuple[BitWidths, ...]
"""The bit widths of a block: the same for all of its layers, or one per layer."""


def block_widths(widths: Sequence[BitWidths]) -> BlockWidths:
    """Return the bit widths of a block from those of its layers: one for all if they are equal."""
    return widths[0] if len(set(widths)) == 1 else tuple(widths)


def layer_widths(widths: BlockWidths, n_layers: int) -> tuple[BitWidths, ...]:
    """Return the bit widths of every layer of a block.

    Raises:
        InputError: they are given for another number of layers.
    """
    if isinstance(widths, BitWidths):
        return (widths,) * n_layers
    if len(widths) != n_layers:
        raise InputError(f"bit widths of {len(widths)} layers ({widths_text(widths)}) were given for {n_layers}")
    return widths


def widths_text(widths: BlockWidths) -> str:
    """Return ``w4a8`` if all layers have the same bit widths, or ``w4a8 w8a8`` with one per layer."""
    return widths.name if isinstance(widths, BitWidths) else " ".join(each.name for each in widths)


def parse_widths(text: str) -> BlockWidths:
    """Return the bit widths of a :func:`widths_text`.

    Raises:
        InputError: the text has another form.
    """
    widths = [BitWidths.parse(name) for name in text.split(" ")]
    return widths[0] if len(widths) == 1 else tuple(widths)


POLICIES = ("block", "layer")
"""What has bit widths of its own: every block, or every layer of it."""


@dataclass(frozen=True)
class Policy:
    """Bit widths of a whole network: those of every block, and those of the fixed parts (stem and head)."""

    blocks: tuple[BlockWidths, ...]
    fixed: BitWidths = INT8

    @classmethod
    def homogeneous(cls, widths: BitWidths, n_blocks: int) -> Policy:
        """Return the policy with the same bit widths everywhere, stem and head included."""
        return cls(blocks=(widths,) * n_blocks, fixed=widths)
