"""One candidate taken out of the supernet, with the weights that it inherits."""

from __future__ import annotations

import copy

from torch import nn

from qabwnas.nets.supernet import SupernetBlock


def extract(supernet_block: SupernetBlock, code: int) -> nn.Sequential:
    """Return candidate ``code`` as a module a layer, with copies of the supernet's weights.

    Raises:
        InputError: ``code`` is no candidate of the block.
    """
    return nn.Sequential(*map(copy.deepcopy, supernet_block.operations(supernet_block.block.digits(code))))
