"""CSV text of whole columns of subnets at once: exact decimals of integer units, without a loop over rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qabwnas.search.model.grid import Grid

_ROWS_PER_STEP = 1 << 12
"""So many lines fit the cache of a core while they are written."""

_NOTHING = 0
_SIGN, _POINT, _ZERO, _COMMA = b"-.0,"
_LINE_END = np.frombuffer(b"\r\n", dtype=np.uint8)


def subnet_lines(grids: Sequence[Grid], units: NDArray[np.int64], candidates: NDArray[np.int32]) -> bytes:
    r"""Return one line of CSV per subnet: exact totals of ``units`` ``(n, n_metrics)``, then its ``candidates``.

    Totals are plain decimals without trailing zeros. Lines end in ``\r\n``. Complexity: O(characters), in numpy.
    """
    decimals = [*(grid.decimals for grid in grids), *([0] * candidates.shape[1])]
    texts = []
    for start in range(0, len(units), _ROWS_PER_STEP):
        rows = slice(start, start + _ROWS_PER_STEP)
        texts.append(_lines([*units[rows].T, *candidates[rows].T], decimals))
    return b"".join(texts)


def _lines(columns: Sequence[NDArray[Any]], decimals: Sequence[int]) -> bytes:
    """Return the lines of columns ``(n,)`` of integers in units of 10**−decimals."""
    magnitudes = [_magnitudes(column) for column in columns]
    n_before = [
        max(1, len(str(magnitude.max())) - n_after) for magnitude, n_after in zip(magnitudes, decimals, strict=True)
    ]
    # A sign, the digits before the point, the point, the digits after it, and a comma.
    widths = [before + after + 3 for before, after in zip(n_before, decimals, strict=True)]
    # Every character has its place; what is not written stays _NOTHING and is left out.
    characters = np.full((len(columns[0]), sum(widths) + 1), _NOTHING, dtype=np.uint8)
    end = 0
    for column, magnitude, n_after, width in zip(columns, magnitudes, decimals, widths, strict=True):
        cell = characters[:, end : end + width - 1]
        cell[column < 0, 0] = _SIGN
        _write_digits(cell[:, 1:], magnitude, n_after)
        end += width
        characters[:, end - 1] = _COMMA
    characters[:, -2:] = _LINE_END
    return characters.tobytes().translate(None, bytes([_NOTHING]))


def _magnitudes(column: NDArray[Any]) -> NDArray[Any]:
    """Return absolute values as unsigned integers, of 32 bits if they fit."""
    unsigned = column.astype(np.int64, copy=False).view(np.uint64)
    magnitudes = np.where(column < 0, -unsigned, unsigned)  # modulo 2^64
    return magnitudes.astype(np.uint32) if magnitudes.max() < 2**32 else magnitudes


def _write_digits(cell: NDArray[np.uint8], magnitudes: NDArray[Any], n_after: int) -> None:
    """Write digits from the right into ``cell`` ``(n, n_before + 1 + n_after)``, with ``n_after`` after the point."""
    has_fraction = np.zeros(len(cell), dtype=np.bool_)
    left = magnitudes
    place = cell.shape[1]
    for n_written in range(cell.shape[1] - 1):
        place -= 1
        if n_written == n_after:
            cell[:, place] = has_fraction * np.uint8(_POINT)
            place -= 1
        shorter = left // 10
        digits = (left - shorter * 10).astype(np.uint8)
        if n_written < n_after:
            has_fraction |= digits > 0
            is_written = has_fraction
        else:
            is_written = left > 0 if n_written > n_after else np.ones_like(has_fraction)
        digits += _ZERO
        np.multiply(digits, is_written, out=cell[:, place])
        left = shorter
