"""A bit-width policy applied to a whole network."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from qabwnas.errors import InputError
from qabwnas.nets.network import Network
from qabwnas.quant.data_flow import DataFlow
from qabwnas.quant.operators import with_input
from qabwnas.quant.ptq import PAPER, PtqSettings, convert, prepare
from qabwnas.quant.qat import prepare_qat
from qabwnas.space import BitWidths, BlockWidths, Policy
from qabwnas.space.bit_widths import layer_widths

Convert = Callable[[nn.Module, BitWidths], nn.Module]


def quantise_network(
    network: Network, policy: Policy, images: Iterable[Tensor], settings: PtqSettings = PAPER
) -> Network:
    """Return a copy of ``network`` for evaluation, every block at its bit widths, stem and head at ``policy.fixed``.

    ``images`` are batches of calibration images; all ranges come from one pass over them in float, by ``settings``. The
    output of a part is rounded twice: as output of this part, then to the bits of the next part. A block with bit
    widths per layer reads its input at the bits of its first layer. Between layers of a block a tensor is rounded once,
    as an output.

    Raises:
        InputError: the policy has another number of blocks, or of layers in a block; there are no images, or a value is
            not finite.
    """
    return _convert_parts(_prepared(network, policy, images, settings), policy, convert)


def prepare_qat_network(
    network: Network, policy: Policy, images: Iterable[Tensor], settings: PtqSettings = PAPER
) -> Network:
    """Return a copy of ``network`` for quantisation-aware training (:mod:`qabwnas.quant.qat`).

    It computes the values of :func:`quantise_network` and raises the same errors.
    :func:`~qabwnas.quant.qat.convert_qat` makes a network of the same form from it.
    """
    return _convert_parts(_prepared(network, policy, images, settings), policy, prepare_qat)


def _prepared(network: Network, policy: Policy, images: Iterable[Tensor], settings: PtqSettings) -> Network:
    """Return a copy that was calibrated on ``images``, with an input operator in front of every part."""
    if len(policy.blocks) != len(network.blocks):
        raise InputError(f"a policy of {len(policy.blocks)} blocks was given for a network of {len(network.blocks)}")
    prepared = prepare(
        Network(with_input(network.stem), [with_input(block) for block in network.blocks], with_input(network.head)),
        settings,
    )
    with torch.no_grad():
        for batch in images:
            prepared(batch)
    return prepared


def _convert_parts(prepared: Network, policy: Policy, convert: Convert) -> Network:
    blocks = [
        convert_block(block, widths, convert) for block, widths in zip(prepared.blocks, policy.blocks, strict=True)
    ]
    return Network(convert(prepared.stem, policy.fixed), blocks, convert(prepared.head, policy.fixed))


def convert_block(block_with_input: nn.Module, widths: BlockWidths, convert: Convert) -> nn.Module:
    """Apply ``convert`` to a prepared block with an input operator in front, at the block's bit widths.

    Raises:
        InputError: the widths are for another number of layers, or per layer although the block is not a sequence of
            layers; otherwise as ``convert``.
    """
    if isinstance(widths, BitWidths):
        return convert(block_with_input, widths)
    entry, block = block_with_input.children() if isinstance(block_with_input, nn.Sequential) else (None, None)
    if entry is None or not isinstance(block, nn.Sequential):
        raise InputError("bit widths per layer were given for a block that is not a sequence of layers")
    layers = list(block)
    each = layer_widths(widths, len(layers))
    converted = nn.Sequential(*(convert(layer, w) for layer, w in zip(layers, each, strict=True)))
    whole = nn.Sequential(convert(entry, each[0]), converted)
    DataFlow.of(whole).connect(whole)  # a single layer does not know which grid the layer before it writes
    return whole
