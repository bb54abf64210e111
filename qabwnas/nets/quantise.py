"""A bit-width policy applied to a whole network."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from qabwnas.errors import InputError
from qabwnas.nets.network import Network
from qabwnas.quant.apply import freeze, observe
from qabwnas.quant.operators import entered
from qabwnas.space import Policy


def quantise_network(network: Network, policy: Policy, images: Iterable[Tensor]) -> Network:
    """Return a copy of ``network`` for evaluation, every block at its bit widths, stem and head at ``policy.fixed``.

    ``images`` are batches of calibration images; all ranges come from one pass over them in float. What passes from
    one part to the next is rounded twice: as the output of the one, then to the bits of the other.

    Raises:
        InputError: the policy is for another number of blocks, there are no images, or a value is not finite.
    """
    if len(policy.blocks) != len(network.blocks):
        raise InputError(f"a policy of {len(policy.blocks)} blocks was given for a network of {len(network.blocks)}")
    observed = observe(
        Network(entered(network.stem), [entered(block) for block in network.blocks], entered(network.head))
    )
    with torch.no_grad():
        for batch in images:
            observed(batch)
    blocks = [freeze(block, widths) for block, widths in zip(observed.blocks, policy.blocks, strict=True)]
    return Network(freeze(observed.stem, policy.fixed), blocks, freeze(observed.head, policy.fixed))
