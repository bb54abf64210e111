"""Whether a teacher belongs to a space: its feature maps must have the shapes of the space's blocks."""

from __future__ import annotations

import torch
from torch import Tensor

from qabwnas.errors import InputError
from qabwnas.nets.network import Network
from qabwnas.nets.part_shapes import without_data
from qabwnas.space import SearchSpace, Shape


@torch.no_grad()
def check_shapes(teacher: Network, space: SearchSpace) -> None:
    """Raise unless the teacher's feature maps have the shapes that the space says, on an image of the space's size.

    Nothing is computed but shapes.

    Raises:
        InputError: the teacher has another number of blocks, a feature map or the number of classes is another one
            (the message names the block and both), or it does not run on such an image at all.
    """
    if len(teacher.blocks) != len(space.blocks):
        raise InputError(f"the teacher has {len(teacher.blocks)} blocks, the space {space.name!r} {len(space.blocks)}")
    names = [f"{space.blocks[0].name}: its input", *(f"{block.name}: its output" for block in space.blocks)]
    image = space.input
    try:
        empty = without_data(teacher)
        maps = empty.features(torch.empty((1, image.channels, image.height, image.width), device="meta"))
        logits = empty.head(maps[-1])
    except RuntimeError as error:
        raise InputError(f"the teacher does not run on {_text(image)}: {' '.join(str(error).split())}") from error
    for name, given, shape in zip(names, maps, space.block_inputs, strict=True):
        if tuple(given.shape[1:]) != (shape.channels, shape.height, shape.width):
            raise InputError(f"{name} is {_sides(given)} in the teacher and {_text(shape)} in the space {space.name!r}")
    if logits.ndim < 2:
        raise InputError(f"the teacher's logits have the shape {tuple(logits.shape)}, without a dimension of classes")
    if logits.shape[1] != space.head.n_classes:
        raise InputError(
            f"the teacher tells {logits.shape[1]} classes apart, the space {space.name!r} has {space.head.n_classes}"
        )


def _sides(tensor: Tensor) -> str:
    return " × ".join(map(str, tensor.shape[1:]))


def _text(shape: Shape) -> str:
    return f"{shape.channels} × {shape.height} × {shape.width}"
