"""Groups of rows with equal bit widths: of all blocks, or of named sets of blocks.

A group number says the set of blocks, and the bit widths within it. A subnet takes, for every set, rows of one group;
rows of blocks in no set have the number :data:`FREE`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError

FREE = -2
"""The group of rows of blocks that are in no set."""
SET_SHIFT = 32
"""The set's number is above this bit, the number of the bit widths below."""


def combinations(blocks: Sequence[NDArray[np.int64]]) -> list[list[int]]:
    """Return every combination of one group per set that all blocks of the set have, in ascending order.

    Args:
        blocks: per block, the group of each row.
    """
    common: dict[int, set[int]] = {}
    for groups in blocks:
        present = set(np.unique(groups).tolist()) - {FREE}
        if present:
            number = min(present) >> SET_SHIFT
            common[number] = common[number] & present if number in common else present
    return [[FREE, *chosen] for chosen in itertools.product(*(sorted(common[number]) for number in sorted(common)))]


def check_common_groups(blocks: Sequence[NDArray[np.int64]]) -> None:
    """Check that some combination of groups exists.

    Raises:
        InputError: none does.
    """
    if not combinations(blocks):
        raise InputError("bits 'homogeneous': no bit widths remain that all blocks have")
