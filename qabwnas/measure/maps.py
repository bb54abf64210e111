"""The teacher's feature maps around one block: what its candidates are measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from qabwnas.errors import InputError
from qabwnas.nets.network import Network
from qabwnas.quant.nsr import NsrMeter


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
    """Return the maps around block ``b`` for batches of images, on the teacher's device.

    The teacher is left in evaluation mode.

    Raises:
        InputError: a split has no images, a feature map holds NaN or infinity (the message names the split), or a
            channel of the teacher's output is constant on the validation split.
    """
    before, _ = _maps(teacher, b, calibration, "calibration")
    inputs, targets = _maps(teacher, b, validation, "validation")
    return BlockMaps(before, inputs, NsrMeter(targets))


def _maps(teacher: Network, b: int, images: Sequence[Tensor], split: str) -> tuple[list[Tensor], list[Tensor]]:
    if not images:
        raise InputError(f"the {split} split has no images")
    teacher.eval()
    device = next(teacher.parameters()).device
    inputs, outputs = [], []
    for batch in images:
        x, y = teacher.features(batch.to(device))[b : b + 2]
        if not (x.isfinite().all() and y.isfinite().all()):
            raise InputError(f"the teacher's feature map on the {split} split holds NaN or infinity")
        inputs.append(x.contiguous(memory_format=torch.channels_last))
        outputs.append(y.contiguous(memory_format=torch.channels_last))
    return inputs, outputs
