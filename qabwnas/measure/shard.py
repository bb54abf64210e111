"""One piece of a population: a subtree of a block at all bit widths, measured in bounded memory.

Where layers have bit widths of their own, it is a run of rows in the order of their codes: neighbours share prefixes.

A shard is a subtree of at most ``LARGEST_SHARD`` candidates: in the space of the paper a whole block of three layers or
less, and the candidates of one first operation in a block of four, each about 260 runs of a layer for each bit width.
Smaller shards would repeat the teacher's forward passes and the shared first layers more often, and shards of single
bit widths the float path; larger ones lose more when they are killed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from qabwnas.data.splits import Split
from qabwnas.errors import InputError
from qabwnas.lut.rows import LayerRows
from qabwnas.measure.maps import image_batches, maps_around
from qabwnas.measure.memory import Footprint
from qabwnas.measure.precision import exact_float32
from qabwnas.measure.statistics import TreeStatistics, tree_statistics
from qabwnas.measure.tree import Path, Walk, path_code, prefix_tree, tree_layers
from qabwnas.nets.network import Network
from qabwnas.nets.supernet import SupernetBlock
from qabwnas.quant.nsr import NsrEstimate, Signal
from qabwnas.space import Block, SearchSpace

logger = logging.getLogger(__name__)

LARGEST_SHARD = 216
REPORT_SECONDS = 10.0


@dataclass(frozen=True)
class Shard:
    """Candidates ``first … last − 1`` of block ``b``, or these rows where its layers have bit widths of their own."""

    b: int
    first: int
    last: int

    def name(self, space: SearchSpace) -> str:
        """Return what the shard is called, in messages and files: ``block3-216`` begins at candidate 216."""
        return f"{space.blocks[self.b].name}-{self.first}"


def space_shards(
    space: SearchSpace, largest: int = LARGEST_SHARD, *, rows: Sequence[LayerRows | None] | None = None
) -> list[Shard]:
    """Return all shards of a space, in the order of blocks and candidates: the largest subtrees within ``largest``.

    ``rows`` are those of every block, as :func:`~qabwnas.measure.sample.space_rows` gives them; of rows, a shard has at
    most ``largest`` for each of the space's bit widths.
    """
    shards = []
    for b, block in enumerate(space.blocks):
        of_block = None if rows is None else rows[b]
        if of_block is not None:
            n, size = len(of_block.codes), largest * len(space.bit_widths)
            shards += [Shard(b, first, min(first + size, n)) for first in range(0, n, size)]
            continue
        size = block.n_candidates
        for radix in block.radices:
            if size <= largest:
                break
            size //= radix
        shards += [Shard(b, first, first + size) for first in range(0, block.n_candidates, size)]
    return shards


@dataclass(frozen=True)
class Laboratory:
    """What the rows of one block are measured with.

    Attributes:
        teacher: on the device where all is computed.
        block: of the supernet, on the same device.
        b: its index.
        calibration: gives batch-norm statistics and ranges.
        validation: what outputs are compared on.
        signal: the variances of the teacher's channels behind the block (:mod:`qabwnas.measure.target_variance`).
        max_memory: what feature maps may take, in bytes; no result depends on it.
    """

    teacher: Network
    block: SupernetBlock
    b: int
    calibration: Split
    validation: Split
    signal: Signal
    max_memory: int


def measure_rows(lab: Laboratory, paths: Sequence[Path]) -> list[NsrEstimate]:
    """Return the NSR of every path, with its standard error over the images of the validation split.

    The calibration split goes through the tree of operations once, all of it; the validation split in chunks, each
    through the tree of operations and bit widths. Progress is logged.

    Raises:
        InputError: ``max_memory`` is too small, a split has no images, or a value is not finite; the message names the
            first candidate that it concerns, where there is one.
    """
    with exact_float32():
        footprint = _footprint(lab)
        batch = footprint.batch(lab.signal.variances.device, max(len(lab.calibration), len(lab.validation)))
        n_batches = footprint.batches_a_chunk(len(lab.calibration), batch, lab.max_memory)
        statistics = _statistics(lab, paths, batch)
        ratios = _ratios(lab, paths, statistics, batch, batch * n_batches)
    _check_finite(lab.block.block, paths, ratios)
    return [NsrEstimate.of_ratios(row) for row in ratios]


def _footprint(lab: Laboratory) -> Footprint:
    if not len(lab.calibration):
        raise InputError("the calibration split has no images")
    [(x, y)] = maps_around(lab.teacher, lab.b, image_batches(lab.calibration, 1, 0, 1), "calibration")
    return Footprint.of(lab.block, x, y)


def _statistics(lab: Laboratory, paths: Sequence[Path], batch: int) -> TreeStatistics:
    images = image_batches(lab.calibration, batch)
    inputs = [x for x, _ in maps_around(lab.teacher, lab.b, images, "calibration")]
    operations = prefix_tree([[digit for digit, _ in path] for path in paths])
    return tree_statistics(tree_layers(lab.block), operations, inputs)


def _ratios(
    lab: Laboratory, paths: Sequence[Path], statistics: TreeStatistics, batch: int, chunk: int
) -> NDArray[np.float64]:
    """Return what each image adds to the NSR of each path, float64 ``(n_paths, n_images)``."""
    tree, rows = prefix_tree(paths), {path: row for row, path in enumerate(paths)}
    n_images = len(lab.validation)
    ratios = np.empty((len(paths), n_images))
    progress = _Progress(lab.block.block, paths, -(-n_images // chunk))
    for first in range(0, n_images, chunk):
        last = min(first + chunk, n_images)
        images = image_batches(lab.validation, batch, first, last)
        inputs, targets = map(list, zip(*maps_around(lab.teacher, lab.b, images, "validation"), strict=True))
        walk = Walk(lab.block, statistics, inputs, targets, lab.signal)
        # They are gathered on the device and fetched once: to look at each would let it run dry.
        gathered = torch.empty((len(paths), last - first), dtype=torch.float64, device=lab.signal.variances.device)
        for path, of_images in walk.ratios(tree):
            gathered[rows[path]] = of_images
            progress.step()
        ratios[:, first:last] = gathered.cpu().numpy()
    return ratios


def _check_finite(block: Block, paths: Sequence[Path], ratios: NDArray[np.float64]) -> None:
    broken = np.flatnonzero(~np.isfinite(ratios).all(axis=1)).tolist()
    if broken:
        code = min(path_code(block, paths[row]) for row in broken)
        raise InputError(f"candidate {code} ({block.describe(code)}): its output holds NaN or infinity")


class _Progress:
    """Logs every now and then how many of the paths have been measured; a chunk counts for its part."""

    def __init__(self, block: Block, paths: Sequence[Path], n_chunks: int) -> None:
        first, last = path_code(block, paths[0]), path_code(block, paths[-1])
        self._name = f"{block.name}: candidates {first} to {last}"
        self._n_steps = len(paths) * n_chunks
        self._done = 0
        self._start = self._reported = time.perf_counter()

    def step(self) -> None:
        self._done += 1
        now = time.perf_counter()
        if now - self._reported >= REPORT_SECONDS:
            seconds = now - self._start
            left = seconds * (self._n_steps - self._done) / self._done
            share = 100 * self._done // self._n_steps
            logger.info("%s: %d %% in %.0f s, about %.0f s to go", self._name, share, seconds, left)
            self._reported = now
