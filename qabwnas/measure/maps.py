"""The teacher's feature maps around one block: what its candidates are measured on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from qabwnas.data.splits import Split
from qabwnas.errors import InputError
from qabwnas.nets.network import Network
from qabwnas.quant.nsr import NsrMeter

Around = tuple[Tensor, Tensor]
"""A block's input and the teacher's output of it, for the images of one batch."""


@dataclass(frozen=True)
class BlockMaps:
    """Batches of feature maps ``(n, channels, height, width)``, channels last in memory, which convolutions like best.

    Attributes:
        calibration: the block's inputs on the calibration split.
        validation: the block's inputs on the validation split.
        meter: gives the NSR of a candidate's outputs for ``validation`` against the teacher's.
    """

    calibration: list[Tensor]
    validation: list[Tensor]
    meter: NsrMeter


@torch.inference_mode()
def block_maps(teacher: Network, b: int, calibration: Sequence[Tensor], validation: Sequence[Tensor]) -> BlockMaps:
    """Return the maps around block ``b`` for batches of images, all of them in memory, on the teacher's device.

    The teacher is left in evaluation mode.

    Raises:
        InputError: a split has no images, a feature map holds NaN or infinity (the message names the split), or a
            teacher's output is constant on the validation split.
    """
    before = [x for x, _ in maps_around(teacher, b, calibration, "calibration")]
    after = list(maps_around(teacher, b, validation, "validation"))
    for name, images in (("calibration", before), ("validation", after)):
        if not images:
            raise InputError(f"the {name} split has no images")
    return BlockMaps(before, [x for x, _ in after], NsrMeter([y for _, y in after]))


@torch.inference_mode()
def maps_around(teacher: Network, b: int, batches: Iterable[Tensor], split_name: str) -> Iterator[Around]:
    """Yield the maps around block ``b`` for one batch of images after the other, channels last, on its device.

    Raises:
        InputError: a feature map holds NaN or infinity; the message names the split.
    """
    teacher.eval()
    device = next(teacher.parameters()).device
    for images in batches:
        x, y = teacher.features(images.to(device))[b : b + 2]
        if not (x.isfinite().all() and y.isfinite().all()):
            raise InputError(f"the teacher's feature map on the {split_name} split holds NaN or infinity")
        yield x.contiguous(memory_format=torch.channels_last), y.contiguous(memory_format=torch.channels_last)


def image_batches(split: Split, size: int, first: int = 0, last: int | None = None) -> Iterator[Tensor]:
    """Yield images ``first … last − 1`` of a split, in batches of ``size``, the last of which may be smaller."""
    end = len(split) if last is None else last
    for start in range(first, end, size):
        yield split.read(range(start, min(start + size, end))).images
