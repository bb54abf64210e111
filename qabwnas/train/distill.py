"""Distil a teacher into a supernet, block by block (DNA, Li et al., CVPR 2020; Lu et al., CODAI 2023, Section 3).

A block learns in isolation: its input is the teacher's feature map before the block, its target the map after it, and
its loss the noise-to-signal power ratio between its output and the target. A step trains one path.

Blocks can learn jointly from one forward pass of the teacher, or independently, in other processes or on other devices.
Their batches, paths and random numbers are functions of seeds and steps, so the weights are the same.

If torchrun started several processes, each takes its part of every batch, and all take the same path. The variances
that the loss divides by are those of the whole batch, so the gradient is that of one process.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from qabwnas.data.splits import Split
from qabwnas.errors import QabwnasError
from qabwnas.nets.network import Network
from qabwnas.nets.supernet import Supernet, SupernetBlock
from qabwnas.quant.nsr import SMALLEST_SHARE, TargetVariance, nsr
from qabwnas.train.feed import Feed, Maps, cached_map_feed, teacher_map_feed
from qabwnas.train.loop import train_jointly
from qabwnas.train.parallel import mean_over_processes, process_seed
from qabwnas.train.sampling import PATHS, derive_seed
from qabwnas.train.settings import Training
from qabwnas.train.trainer import CPU, Loss, NotFiniteError, Progress, Trainer

logger = logging.getLogger(__name__)


def distill(
    teacher: Network,
    supernet: Supernet,
    chosen: Sequence[int],
    split: Split,
    settings: Sequence[Training],
    *,
    sampling: str,
    seed: int,
    progress: Callable[[int], Progress],
    device: torch.device = CPU,
    workers: int = 0,
    target_variances: Sequence[TargetVariance] | None = None,
) -> None:
    """Train the blocks ``chosen`` of the supernet jointly, in place, on random variants of a split's images.

    The teacher runs once per step, and only up to the last of these blocks that is not done yet. ``settings`` and
    ``progress`` are those of all blocks, chosen or not; the batch size is that of block 0. ``sampling`` is ``uniform``
    or ``fair``: see :mod:`qabwnas.train.sampling`. The weights of a block do not depend on which other blocks were
    chosen. ``seed`` is the run's. ``workers`` processes read the images. ``target_variances`` are the teacher's after
    each block; without them, channels that are (nearly) constant in a batch are left out of its loss.

    Raises:
        QabwnasError: a feature map of the teacher or a loss is not finite; the message names block and step.
        StaleError, FormatError: as :class:`~qabwnas.train.trainer.Trainer`.
    """
    blocks = [cast(SupernetBlock, block) for block in supernet.blocks]
    unfinished: dict[int, Trainer[Maps]] = {}
    for b in chosen:
        name = blocks[b].block.name
        own = block_seed(seed, name)
        trainer = Trainer(
            blocks[b],
            _loss(blocks[b], b, sampling, own, None if target_variances is None else target_variances[b].to(device)),
            settings[b],
            seed=process_seed(own),
            name=f"supernet: {name}",
            progress=progress(b),
            device=device,
        )
        if trainer.done < trainer.settings.steps:
            unfinished[b] = trainer
            if target_variances is not None:
                _log_inactive_channels(name, target_variances[b])
    if unfinished:
        seed = derive_seed(seed, "supernet")
        n_blocks = max(unfinished) + 1
        feed = teacher_map_feed(teacher, split, settings[0], n_blocks, seed=seed, device=device, workers=workers)
        names = ", ".join(blocks[b].block.name for b in unfinished)
        _train(list(unfinished.values()), feed, f"supernet: {names}", blocks)


@torch.no_grad()
def feature_maps(teacher: Network, batches: Iterable[Tensor]) -> list[Tensor]:
    """Return the teacher's feature maps of all images, in evaluation mode: the stem's output, then every block's.

    They are kept in memory, so this is for small data sets: 4 bytes per element.
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
    target_variance: TargetVariance | None = None,
) -> None:
    """Train a block of the supernet, in place, to give ``targets`` for ``inputs``; raises as :func:`distill`.

    ``inputs`` and ``targets`` are the teacher's feature maps before and after the block, of all images, from
    :func:`feature_maps`. They are cached, so the images are always the same, not random variants.
    """
    feed = cached_map_feed(inputs, targets, settings.batch, seed)
    loss = _loss(block, 0, sampling, seed, None if target_variance is None else target_variance.to(inputs.device))
    trainer = Trainer(
        block, loss, settings, seed=process_seed(seed), name=name, progress=progress, device=inputs.device
    )
    if target_variance is not None and trainer.done < settings.steps:
        _log_inactive_channels(block.block.name, target_variance)
    _train([trainer], feed, name, [block])


def block_seed(seed: int, name: str) -> int:
    """Return the seed for what belongs to one block, such as its paths, in a run of seed ``seed``."""
    return derive_seed(seed, "supernet", name)


def _log_inactive_channels(name: str, target_variance: TargetVariance) -> None:
    n_inactive, n_all = len(target_variance.inactive), len(target_variance.variances)
    if n_inactive:
        logger.info(
            "supernet: block %r: %d of %d channels %s no signal (a variance of at most %g of the block's mean); "
            "left out of its loss and its NSRs",
            *(name, n_inactive, n_all, "carries" if n_inactive == 1 else "carry", SMALLEST_SHARE),
        )


def _loss(block: SupernetBlock, b: int, sampling: str, seed: int, target_variance: TargetVariance | None) -> Loss[Maps]:
    draw = PATHS[sampling]

    def loss(forward: nn.Module, maps: Maps, step: int) -> Tensor:
        output = forward(maps[b], draw(block.block.radices, step, seed))
        target = maps[b + 1].float()  # squares overflow in float16
        return nsr(output.float(), target, target_variance, over_processes=mean_over_processes)

    return loss


def _train(trainers: Sequence[Trainer[Maps]], feed: Feed[Maps], name: str, blocks: Iterable[SupernetBlock]) -> None:
    """Train side by side; if a loss is not finite, check whether the teacher's maps are the cause."""
    try:
        train_jointly(trainers, feed, name=name, partly_used=True)
    except NotFiniteError as error:
        names = [block.block.name for block in blocks]
        (maps,) = feed(error.step, error.step + 1)
        for place in sorted(maps):
            if not maps[place].isfinite().all():
                where = f"after {names[place - 1]}" if place else f"before {names[0]}"
                raise QabwnasError(
                    f"{name}: the teacher's feature map {where} holds NaN or infinity at step {error.step}"
                ) from error
        raise
