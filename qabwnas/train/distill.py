"""Distil a teacher into a supernet, block by block (DNA, Li et al., CVPR 2020; Lu et al., CODAI 2023, Section 3).

A block learns in isolation: its input is the teacher's feature map in front of the block, its target the one behind
it, its loss the noise-to-signal power ratio between its output and the target. A step trains one path.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from qabwnas.nets.network import Network
from qabwnas.nets.supernet import SupernetBlock
from qabwnas.quant.nsr import nsr
from qabwnas.train.loop import Progress, train
from qabwnas.train.order import Order
from qabwnas.train.paths import fair_path, uniform_path
from qabwnas.train.settings import Training

PATHS = {"uniform": uniform_path, "fair": fair_path}


@torch.no_grad()
def feature_maps(teacher: Network, batches: Iterable[Tensor]) -> list[Tensor]:
    """Return the teacher's feature maps of all images, in evaluation mode: the stem's output, then every block's.

    They are kept in memory, so this is for data sets that are small: 4 bytes an element.
    """
    teacher.eval()
    parts = [teacher.features(batch) for batch in batches]
    return [torch.cat(maps) for maps in zip(*parts, strict=True)]


def distill_block(
    block: SupernetBlock,
    inputs: Tensor,
    targets: Tensor,
    settings: Training,
    *,
    sampling: str,
    seed: int,
    name: str,
    progress: Progress,
) -> None:
    """Train a block of the supernet, in place, to give ``targets`` for ``inputs``.

    ``inputs`` and ``targets`` are the teacher's feature maps around the block, ``(n, channels, height, width)`` each,
    image by image. ``sampling`` is ``uniform`` or ``fair``: see :mod:`qabwnas.train.paths`. Raises as
    :func:`~qabwnas.train.loop.train`.
    """
    order = Order(len(inputs), settings.batch, seed)
    radices = block.block.radices

    def loss_at(step: int) -> Tensor:
        chosen = order(step)
        return nsr(block(inputs[chosen], PATHS[sampling](radices, step, seed)), targets[chosen])

    train(block, loss_at, settings, seed=seed, name=name, progress=progress)
