"""Distil a teacher into a supernet, block by block (DNA, Li et al., CVPR 2020; Lu et al., CODAI 2023, Section 3).

A block learns in isolation: its input is the teacher's feature map in front of the block, its target the one behind
it, its loss the noise-to-signal power ratio between its output and the target. A step trains one path.

Blocks can learn side by side from one forward pass of the teacher, or each on its own, in other processes or on other
devices: their batches, paths and random numbers are functions of seeds and steps, so the weights are the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from qabwnas.data.splits import Split
from qabwnas.errors import QabwnasError
from qabwnas.nets.network import Network
from qabwnas.nets.supernet import Supernet, SupernetBlock
from qabwnas.quant.nsr import SMALLEST_SHARE, Signal, nsr
from qabwnas.train.feed import CPU, Feed, drawn_batches
from qabwnas.train.loop import train_together
from qabwnas.train.order import Order
from qabwnas.train.paths import fair_path, uniform_path
from qabwnas.train.seeds import derive_seed
from qabwnas.train.settings import Training
from qabwnas.train.trainer import Loss, NotFiniteError, Progress, Trainer, mixed_precision

logger = logging.getLogger(__name__)

PATHS = {"uniform": uniform_path, "fair": fair_path}
Maps = Mapping[int, Tensor]
"""Feature maps of a batch, ``(n, channels, height, width)`` each: 0 is the stem's, ``b + 1`` block ``b``'s."""


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
    signals: Sequence[Signal] | None = None,
) -> None:
    """Train the blocks ``chosen`` of the supernet, in place, side by side, on random variants of a split's images.

    The teacher runs once a step, and only as far as the last of these blocks that is not done yet. ``settings`` and
    ``progress`` are those of every block, chosen or not; batches are of the size that block 0 has. ``sampling`` is
    ``uniform`` or ``fair``: see :mod:`qabwnas.train.paths`. A block's weights do not depend on which others were
    chosen. ``seed`` is the run's. ``workers`` processes read the images. ``signals`` are the teacher's behind every
    block; without them, channels that are (nearly) constant in a batch are left out of its loss.

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
            _loss(blocks[b], b, sampling, own, None if signals is None else signals[b].to(device)),
            settings[b],
            seed=own,
            name=f"supernet: {name}",
            progress=progress(b),
            device=device,
        )
        if trainer.done < trainer.settings.steps:
            unfinished[b] = trainer
            if signals is not None:
                _tell_silent(name, signals[b])
    if unfinished:
        seed = derive_seed(seed, "supernet")
        feed = taught_maps(teacher, split, settings[0], max(unfinished) + 1, seed=seed, device=device, workers=workers)
        names = ", ".join(blocks[b].block.name for b in unfinished)
        _train(list(unfinished.values()), feed, f"supernet: {names}", blocks)


def taught_maps(
    teacher: Network,
    split: Split,
    settings: Training,
    n_blocks: int,
    *,
    seed: int,
    device: torch.device = CPU,
    workers: int = 0,
) -> Feed[Maps]:
    """Return a feed of the teacher's maps, up to those of its first ``n_blocks`` blocks, in evaluation mode."""
    teacher.eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    order = Order(len(split), settings.batch_size, seed)

    def feed(first: int, last: int) -> Iterator[Maps]:
        for batch in drawn_batches(split, order, seed, first, last, workers=workers):
            with torch.no_grad(), mixed_precision(settings, device):
                maps = [teacher.stem(batch.images.to(device, non_blocking=True))]
                for block in teacher.blocks[:n_blocks]:
                    maps.append(block(maps[-1]))
            yield dict(enumerate(maps))

    return feed


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
    signal: Signal | None = None,
) -> None:
    """Train a block of the supernet, in place, to give ``targets`` for ``inputs``; raises as :func:`distill`.

    ``inputs`` and ``targets`` are the teacher's feature maps around the block, of all images, from
    :func:`feature_maps`. The teacher is not asked again, so the images are always the same, not random variants.
    """
    order = Order(len(inputs), settings.batch_size, seed)

    def feed(first: int, last: int) -> Iterator[Maps]:
        for step in range(first, last):
            chosen = order(step)
            yield {0: inputs[chosen], 1: targets[chosen]}

    loss = _loss(block, 0, sampling, seed, None if signal is None else signal.to(inputs.device))
    trainer = Trainer(block, loss, settings, seed=seed, name=name, progress=progress, device=inputs.device)
    if signal is not None and trainer.done < settings.steps:
        _tell_silent(block.block.name, signal)
    _train([trainer], feed, name, [block])


def block_seed(seed: int, name: str) -> int:
    """Return the seed of what is a block's own, such as its paths, in a run of seed ``seed``."""
    return derive_seed(seed, "supernet", name)


def _tell_silent(name: str, signal: Signal) -> None:
    n_silent, n_all = len(signal.silent), len(signal.variances)
    if n_silent:
        logger.info(
            "supernet: block %r: %d of %d channels %s no signal (a variance of at most %g of the block's mean); "
            "left out of its loss and its NSRs",
            *(name, n_silent, n_all, "carries" if n_silent == 1 else "carry", SMALLEST_SHARE),
        )


def _loss(block: SupernetBlock, b: int, sampling: str, seed: int, signal: Signal | None) -> Loss[Maps]:
    draw = PATHS[sampling]

    def loss(forward: nn.Module, maps: Maps, step: int) -> Tensor:
        output = forward(maps[b], draw(block.block.radices, step, seed))
        return nsr(output.float(), maps[b + 1].float(), signal)  # float16 has no room for squares

    return loss


def _train(trainers: Sequence[Trainer[Maps]], feed: Feed[Maps], name: str, blocks: Iterable[SupernetBlock]) -> None:
    """Train side by side; where a loss is not finite, look whether the teacher is to blame."""
    try:
        train_together(trainers, feed, name=name)
    except NotFiniteError as error:
        names = [block.block.name for block in blocks]
        (maps,) = feed(error.step, error.step + 1)
        for place in sorted(maps):
            if not maps[place].isfinite().all():
                where = f"behind {names[place - 1]}" if place else f"in front of {names[0]}"
                raise QabwnasError(
                    f"{name}: the teacher's feature map {where} holds NaN or infinity at step {error.step}"
                ) from error
        raise
