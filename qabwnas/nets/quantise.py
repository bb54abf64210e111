"""A bit-width policy applied to a whole network."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from qabwnas.errors import InputError
from qabwnas.nets.network import Network
from qabwnas.quant.apply import freeze, observe
from qabwnas.quant.operators import entered
from qabwnas.quant.qat import prepare
from qabwnas.space import BitWidths, Policy


def quantise_network(network: Network, policy: Policy, images: Iterable[Tensor]) -> Network:
    """Return a copy of ``network`` for evaluation, every block at its bit widths, stem and head at ``policy.fixed``.

    ``images`` are batches of calibration images; all ranges come from one pass over them in float. What passes from
    one part to the next is rounded twice: as the output of the one, then to the bits of the other.

    Raises:
        InputError: the policy is for another number of blocks, there are no images, or a value is not finite.
    """
    return _convert(_observe(network, policy, images), policy, freeze)


def prepare_network(network: Network, policy: Policy, images: Iterable[Tensor]) -> Network:
    """Return a copy of ``network`` for quantisation-aware training (:mod:`qabwnas.quant.qat`).

    It computes what :func:`quantise_network` would give, and raises what that does.
    :func:`~qabwnas.quant.qat.finish` makes a network of the same form from it.
    """
    return _convert(_observe(network, policy, images), policy, prepare)


def _observe(network: Network, policy: Policy, images: Iterable[Tensor]) -> Network:
    """Return a copy with observers that have seen ``images``, and an input operator in front of every part."""
    if len(policy.blocks) != len(network.blocks):
        raise InputError(f"a policy of {len(policy.blocks)} blocks was given for a network of {len(network.blocks)}")
    observed = observe(
        Network(entered(network.stem), [entered(block) for block in network.blocks], entered(network.head))
    )
    with torch.no_grad():
        for batch in images:
            observed(batch)
    return observed


def _convert(observed: Network, policy: Policy, convert: Callable[[nn.Module, BitWidths], nn.Module]) -> Network:
    blocks = [convert(block, widths) for block, widths in zip(observed.blocks, policy.blocks, strict=True)]
    return Network(convert(observed.stem, policy.fixed), blocks, convert(observed.head, policy.fixed))
