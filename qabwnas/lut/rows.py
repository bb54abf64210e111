"""Rows of a table whose layers have bit widths of their own: some of all combinations that a block's layers allow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.io.numeric import number_array, shown
from qabwnas.lut.arrays import read_only
from qabwnas.space.layer_policy import LayerCandidate, LayerChoices


@dataclass(frozen=True, eq=False, repr=False)
class LayerRows:
    """Rows by their codes.

    Attributes:
        choices: what the codes mean.
        codes: int64 ``(n_rows,)``, ascending; copied, and read-only.

    Raises:
        InputError: the codes are not a list of integers, not ascending, or one is not in ``0 … choices.n_rows − 1``;
            the message names the row.
    """

    choices: LayerChoices
    codes: NDArray[np.int64]

    def __post_init__(self) -> None:
        if not isinstance(self.choices, LayerChoices):
            raise InputError(f"choices: {shown(self.choices)} are not LayerChoices")
        codes = number_array("codes", self.codes)
        if codes.ndim != 1 or codes.dtype.kind not in "iu":
            raise InputError(f"codes: {shown(self.codes)} is not a list of integers")
        object.__setattr__(self, "codes", read_only(codes.astype(np.int64, copy=False)))
        outside = np.flatnonzero((self.codes < 0) | (self.codes >= self.choices.n_rows))
        if outside.size:
            code = self.codes[outside[0]]
            raise InputError(f"row {outside[0]}: the code {code} is not in 0 … {self.choices.n_rows - 1}")
        falling = np.flatnonzero(np.diff(self.codes) <= 0)
        if falling.size:
            raise InputError(f"row {falling[0] + 1}: its code is not above that of the row before")

    def __reduce__(self) -> tuple[type[LayerRows], tuple[LayerChoices, NDArray[np.int64]]]:
        return LayerRows, (self.choices, self.codes)

    def __repr__(self) -> str:
        return f"<LayerRows of {self.choices.block.name!r}: rows {len(self.codes)} of {self.choices.n_rows}>"

    @cached_property
    def operations(self) -> NDArray[np.int64]:
        """The index of the operation of every layer in every row, int64 ``(n_layers, n_rows)``."""
        return self._digits // len(self.choices.bit_widths)

    @cached_property
    def widths(self) -> NDArray[np.int64]:
        """The index of the bit widths of every layer in every row, int64 ``(n_layers, n_rows)``."""
        return self._digits % len(self.choices.bit_widths)

    @property
    def _digits(self) -> NDArray[np.int64]:
        return np.stack(np.unravel_index(self.codes, self.choices.radices)).astype(np.int64)

    def candidate(self, row: int) -> LayerCandidate:
        """Return what a row chooses."""
        return self.choices.decode(int(self.codes[row]))

    def describe(self, row: int) -> str:
        """Return what a row chooses as text, such as ``k3e6/w4a4 k5e3/w8a8``."""
        return self.choices.describe(int(self.codes[row]))
