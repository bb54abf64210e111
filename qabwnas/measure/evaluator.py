"""Measure rows of one block in bounded memory: the NSR of each, over the tree of their prefixes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qabwnas.data.batches import ImageBatches
from qabwnas.data.splits import Split
from qabwnas.errors import InputError
from qabwnas.measure.calibration import PrefixStatistics, prefix_statistics
from qabwnas.measure.maps import input_target_maps
from qabwnas.measure.memory import Footprint
from qabwnas.measure.settings import PAPER_SETTINGS, MeasureSettings
from qabwnas.measure.tree import Path, TreeWalk, path_code, prefix_tree, tree_layers
from qabwnas.nets.network import Network
from qabwnas.nets.supernet import SupernetBlock
from qabwnas.progress import activity
from qabwnas.quant.nsr import NsrEstimate, TargetVariance


@dataclass(frozen=True)
class BlockEvaluator:
    """Measures rows of one block.

    Attributes:
        teacher: on the device that computes.
        block: of the supernet, on the same device.
        b: its index.
        calibration: gives batch-norm statistics and ranges.
        validation: outputs are compared on these images.
        target_variance: of the teacher's channels after the block, on the same device.
        max_memory: for feature maps, in bytes; no result depends on it.
        settings: how rows are calibrated and quantised.
        workers: processes that read the images; with 0 this process does.
    """

    teacher: Network
    block: SupernetBlock
    b: int
    calibration: Split
    validation: Split
    target_variance: TargetVariance
    max_memory: int
    settings: MeasureSettings = PAPER_SETTINGS
    workers: int = 0

    def measure(self, paths: Sequence[Path]) -> list[NsrEstimate]:
        """Return the NSR of every path, with its standard error over the images of the validation split.

        The whole calibration split goes through the tree of operations once. The validation split goes in chunks, each
        through the tree of operations and bit widths. Progress is shown.

        Raises:
            InputError: ``max_memory`` is too small, a split has no images, or a value is not finite; the message names
                the first candidate that has the error, if it is an error of a candidate.
        """
        with exact_float32():
            footprint = self._footprint()
            batch = footprint.batch(self._device, max(len(self.calibration), len(self.validation)))
            n_batches = footprint.batches_per_chunk(len(self.calibration), batch, self.max_memory)
            statistics = self._statistics(paths, batch)
            nsrs = self._image_nsrs(paths, statistics, batch, batch * n_batches)
        self._check_finite(paths, nsrs)
        return [NsrEstimate.of_images(row) for row in nsrs]

    @property
    def _device(self) -> torch.device:
        return self.target_variance.variances.device

    def _maps(
        self, split: Split, name: str, batch: int, images: range | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the block's input and target maps of some images of a split, or of all."""
        batches = ImageBatches(split, size=batch, indices=images, workers=self.workers)
        return input_target_maps(self.teacher, self.b, batches, name)

    def _footprint(self) -> Footprint:
        if not len(self.calibration):
            raise InputError("the calibration split has no images")
        first = ImageBatches(self.calibration, size=1, indices=range(1))
        [(x, y)] = input_target_maps(self.teacher, self.b, first, "calibration")
        return Footprint.of(self.block, x, y)

    def _statistics(self, paths: Sequence[Path], batch: int) -> PrefixStatistics:
        inputs = [x for x, _ in self._maps(self.calibration, "calibration", batch)]
        operations = prefix_tree([[digit for digit, _ in path] for path in paths])
        ptq, recalibrated = self.settings.ptq, self.settings.recalibrated
        return prefix_statistics(tree_layers(self.block), operations, inputs, ptq, recalibrated=recalibrated)

    def _image_nsrs(
        self, paths: Sequence[Path], statistics: PrefixStatistics, batch: int, chunk: int
    ) -> NDArray[np.float64]:
        """Return the NSR of each path on each image, float64 ``(n_paths, n_images)``."""
        tree, rows = prefix_tree(paths), {path: row for row, path in enumerate(paths)}
        n_images = len(self.validation)
        nsrs = np.empty((len(paths), n_images))
        with activity(self._name(paths), len(paths), "rows") as shown:
            for first in range(0, n_images, chunk):
                last = min(first + chunk, n_images)
                pairs = self._maps(self.validation, "validation", batch, range(first, last))
                inputs, targets = map(list, zip(*pairs, strict=True))
                walk = TreeWalk(self.block, statistics, inputs, targets, self.target_variance)
                # Collect results on the device and fetch them once: fetching each would let the device idle.
                gathered = torch.empty((len(paths), last - first), dtype=torch.float64, device=self._device)
                for path, of_images in walk.image_nsrs(tree):
                    gathered[rows[path]] = of_images
                    shown.advance((last - first) / n_images)  # a row is done when all images are
                nsrs[:, first:last] = gathered.cpu().numpy()
        return nsrs

    def _name(self, paths: Sequence[Path]) -> str:
        block = self.block.block
        return f"{block.name}: candidates {path_code(block, paths[0])} to {path_code(block, paths[-1])}"

    def _check_finite(self, paths: Sequence[Path], nsrs: NDArray[np.float64]) -> None:
        block = self.block.block
        broken = np.flatnonzero(~np.isfinite(nsrs).all(axis=1)).tolist()
        if broken:
            code = min(path_code(block, paths[row]) for row in broken)
            raise InputError(f"candidate {code} ({block.describe(code)}): its output holds NaN or infinity")


@contextmanager
def exact_float32() -> Iterator[None]:
    """Compute in real float32 inside the ``with`` block: no TF32 on CUDA, which drops 13 bits."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = False
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before
