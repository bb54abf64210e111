"""Operations: the choices in one layer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from qabwnas.errors import InputError


class Operation(NamedTuple):
    """One choice in one layer: an MBConv (inverted residual) with a kernel and an expansion, or a skip.

    ``kernel`` is odd, 1 or more; ``expansion`` multiplies the layer's input channels. A skip has neither (0, 0).
    """

    kernel: int
    expansion: int

    @property
    def is_skip(self) -> bool:
        return self.kernel == 0

    @property
    def name(self) -> str:
        """``k5e6`` for an MBConv of kernel 5 and expansion 6, or ``skip``."""
        return "skip" if self.is_skip else f"k{self.kernel}e{self.expansion}"

    @classmethod
    def parse(cls, name: str) -> Operation:
        """Return the operation of that :attr:`name`.

        Raises:
            InputError: ``name`` is neither ``skip`` nor of the form ``k5e6``.
        """
        if name == "skip":
            return SKIP
        match = re.fullmatch(r"k(\d+)e(\d+)", name)
        if match is None:
            raise InputError(f"operation {name!r} is neither 'skip' nor of the form 'k5e6'")
        return cls(kernel=int(match[1]), expansion=int(match[2]))


SKIP = Operation(kernel=0, expansion=0)


def mbconvs(kernels: Iterable[int], expansions: Iterable[int]) -> tuple[Operation, ...]:
    """Return every MBConv of ``kernels`` × ``expansions``, kernels slowest."""
    expansions = tuple(expansions)
    return tuple(Operation(kernel, expansion) for kernel in kernels for expansion in expansions)
