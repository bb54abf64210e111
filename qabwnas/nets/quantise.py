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
from qabwnas.quant.wiring import Wiring
from qabwnas.space import BitWidths, BlockWidths, Policy
from qabwnas.space.bit_widths import layer_widths

Convert = Callable[[nn.Module, BitWidths], nn.Module]


def quantise_network(network: Network, policy: Policy, images: Iterable[Tensor]) -> Network:
    """Return a copy of ``network`` for evaluation, every block at its bit widths, stem and head at ``policy.fixed``.

    ``images`` are batches of calibration images; all ranges come from one pass over them in float. What passes from
    one part to the next is rounded twice: as the output of the one, then to the bits of the other; those of a block
    whose layers have their own are the first layer's. From layer to layer of a block it is rounded once, as an output.

    Raises:
        InputError: the policy is for another number of blocks, or of layers in one; there are no images, or a value is
            not finite.
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


def _convert(observed: Network, policy: Policy, convert: Convert) -> Network:
    blocks = [
        convert_block(block, widths, convert) for block, widths in zip(observed.blocks, policy.blocks, strict=True)
    ]
    return Network(convert(observed.stem, policy.fixed), blocks, convert(observed.head, policy.fixed))


def convert_block(entered_block: nn.Module, widths: BlockWidths, convert: Convert) -> nn.Module:
    """Return an observed block, an input operator in front, as ``convert`` makes it at its bit widths.

    Raises:
        InputError: the widths are those of another number of layers, or of layers where the block is a module of
            another kind; otherwise as ``convert``.
    """
    if isinstance(widths, BitWidths):
        return convert(entered_block, widths)
    entry, block = entered_block.children() if isinstance(entered_block, nn.Sequential) else (None, None)
    if entry is None or not isinstance(block, nn.Sequential):
        raise InputError("bit widths a layer were given for a block that is not a row of layers")
    layers = list(block)
    each = layer_widths(widths, len(layers))
    converted = nn.Sequential(*(convert(layer, w) for layer, w in zip(layers, each, strict=True)))
    whole = nn.Sequential(convert(entry, each[0]), converted)
    Wiring.of(whole).connect(whole)  # a layer by itself does not know what the layer before it writes
    return whole
