"""DeepLabv3 on MobileNetV2 as mmsegmentation trains it, and its checkpoints (``deeplabv3_m-v2-d8_*``).

Keys follow mmsegmentation's module tree; README.md has the table. In a dilated stage of its MobileNetV2, only
the first layer is dilated; a block of a space dilates all of its layers. This module builds networks for such weights.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from torch import nn

from qabwnas.errors import InputError
from qabwnas.nets.layers import MBConv
from qabwnas.nets.network import Network, network_of_layers
from qabwnas.nets.state_dict import load_tensors, read_state_dict
from qabwnas.quant.operators import Convolution
from qabwnas.space import Operation, SearchSpace
from qabwnas.space.operation import MBCONV

AUXILIARY, HEAD = "auxiliary_head.", "decode_head."
"""What the names of the weights of the heads start with."""


def build_mmseg(space: SearchSpace, operations: Sequence[Sequence[Operation]]) -> Network:
    """Return a network with fresh weights that computes the same as mmsegmentation's with equal weights.

    The checkpoints ``deeplabv3_m-v2-d8_*`` belong to the preset ``cityscapes-mbv2`` with ``k3e6`` in 2, 3, 4, 3, 3 and
    1 layers.

    Raises:
        InputError: the stem has no separable layer, the head is not DeepLabv3, or the operations are not all MBConvs or
            do not make a network.
    """
    if space.stem.separable_channels is None:
        raise InputError(f"the space {space.name!r} has no separable layer in its stem, as MobileNetV2 has")
    if space.head.kind != "deeplabv3":
        raise InputError(f"the space {space.name!r} has the head {space.head.kind!r}, not 'deeplabv3'")
    for operation in {operation for of_block in operations for operation in of_block}:
        if operation.path != MBCONV:
            raise InputError(f"{operation.name}: mmsegmentation's MobileNetV2 has only layers such as k3e6")
    blocks = [
        [layers[0], *(layer._replace(dilation=1) for layer in layers[1:])]
        for layers in space.network_layers(operations)
    ]
    return network_of_layers(space, blocks)


def load_mmseg(path: str | os.PathLike[str], network: Network, key: str | None = None) -> None:
    """Load a checkpoint of mmsegmentation into a network of :func:`build_mmseg`, in place.

    ``key`` names the state dict in the file, if it has several. The weights of the auxiliary head are loaded if the
    network has one, and ignored otherwise.

    Raises:
        FormatError: the file cannot be read (see :func:`~qabwnas.nets.state_dict.read_state_dict`) or does not fit the
            network key by key.
        OSError: the file does not exist or cannot be read.
    """
    names = mmseg_names(network)
    tensors = read_state_dict(path, key, names.values())
    load_tensors(network, tensors, names, os.fspath(path), ignored=() if network.auxiliary else (AUXILIARY,))


def mmseg_names(network: Network) -> dict[str, str]:
    """Return mmsegmentation's name of every parameter and buffer of a network of :func:`build_mmseg`."""
    modules = dict(_modules(network))
    names = {}
    for key in network.state_dict():
        prefix = next(p for p in modules if key.startswith(f"{p}."))
        rest = key.removeprefix(f"{prefix}.")
        convolution = network.get_submodule(prefix)
        assert isinstance(convolution, Convolution)
        if isinstance(
            convolution.norm, nn.Identity
        ):  # a classifier; in mmsegmentation it is a convolution without a wrapper
            names[key] = f"{modules[prefix]}.{rest.removeprefix('conv.')}"
        else:
            names[key] = f"{modules[prefix]}.{rest.replace('norm.', 'bn.')}"
    return names


def _modules(network: Network) -> Iterator[tuple[str, str]]:
    """Yield the path of every convolution, here and in mmsegmentation."""
    yield "stem.conv", "backbone.conv1"
    yield "stem.depthwise", "backbone.layer1.0.conv.0"
    yield "stem.project", "backbone.layer1.0.conv.1"
    for b, block in enumerate(network.blocks):
        for n, layer in enumerate(block.children()):
            if isinstance(layer, MBConv):
                for i, (name, _) in enumerate(layer.convolutions.named_children()):
                    yield f"blocks.{b}.{n}.convolutions.{name}", f"backbone.layer{b + 2}.{n}.conv.{i}"
    for n, _ in enumerate(network.get_submodule("head.branches").children()):
        yield f"head.branches.{n}", f"decode_head.aspp_modules.{n}"
    yield "head.pool.1", "decode_head.image_pool.1"
    yield "head.bottleneck", "decode_head.bottleneck"
    yield "head.classifier", "decode_head.conv_seg"
    yield "auxiliary.convolution", "auxiliary_head.convs.0"
    yield "auxiliary.classifier", "auxiliary_head.conv_seg"
