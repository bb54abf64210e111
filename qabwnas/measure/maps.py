"""The teacher's feature maps before and after one block: candidates of the block are measured on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from qabwnas.errors import InputError
from qabwnas.nets.network import Network
from qabwnas.quant.nsr import NsrMeter


@dataclass(frozen=True)
class BlockMaps:
    """Batches of feature maps ``(n, channels, height, width)``, channels last in memory, which is fastest.

    Attributes:
        calibration: the block's inputs on the calibration split.
        validation: the block's inputs on the validation split.
        meter: gives the NSR of a candidate's outputs for ``validation`` relative to the teacher's.
    """

    calibration: list[Tensor]
    validation: list[Tensor]
    meter: NsrMeter


@torch.inference_mode()
def block_maps(teacher: Network, b: int, calibration: Sequence[Tensor], validation: Sequence[Tensor]) -> BlockMaps:
    """Return the maps of block ``b`` for batches of images, all of them in memory, on the teacher's device.

    The teacher is left in evaluation mode.

    Raises:
        InputError: a split has no images, a feature map holds NaN or infinity (the message names the split), or a
            teacher's output is constant on the validation split.
    """
    inputs = [x for x, _ in input_target_maps(teacher, b, calibration, "calibration")]
    pairs = list(input_target_maps(teacher, b, validation, "validation"))
    for name, images in (("calibration", inputs), ("validation", pairs)):
        if not images:
            raise InputError(f"the {name} split has no images")
    return BlockMaps(inputs, [x for x, _ in pairs], NsrMeter([y for _, y in pairs]))


@torch.inference_mode()
def input_target_maps(
    teacher: Network, b: int, batches: Iterable[Tensor], split_name: str
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield block ``b``'s input and the teacher's output of it for each batch of images, channels last, on its device.

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
