"""Networks that are described by the operations of their layers, such as teachers, which no candidate code names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qabwnas.errors import InputError
from qabwnas.space import Layer, Operation, SearchSpace


def described_layers(space: SearchSpace, operations: Sequence[Sequence[Operation]]) -> tuple[tuple[Layer, ...], ...]:
    """Return the layers of every block of a network, each with the one operation that it was given.

    Channels, strides and dilations are the space's. A block may have more or fewer layers than in the space, and
    operations that the space does not offer.

    Raises:
        InputError: there is not one list a block, a list is empty, or a layer that changes the shape is a skip.
    """
    if len(operations) != len(space.blocks):
        raise InputError(f"{len(operations)} lists of operations were given for {len(space.blocks)} blocks")
    blocks = []
    for block, chosen in zip(space.blocks, operations, strict=True):
        if not chosen:
            raise InputError(f"{block.name}: no operations were given")
        layers = replace(block, n_layers=len(chosen)).layers
        for index, (layer, operation) in enumerate(zip(layers, chosen, strict=True)):
            if operation.is_skip and not layer.keeps_shape:
                raise InputError(f"{block.name}: layer {index} changes the shape and cannot be skipped")
        blocks.append(tuple(layer._replace(operations=(o,)) for layer, o in zip(layers, chosen, strict=True)))
    return tuple(blocks)
