"""How much memory the feature maps of a population take, and how many images are processed together.

A *batch* is the input of one kernel call: as many images as keep the widest map of the block within
``BATCH_ELEMENTS``. It depends on shapes and the kind of device alone. A *chunk* is as many batches as fit into memory
at once. Every number is computed within a batch, so that no result depends on the number of batches per chunk.

Only float32 feature maps are counted, 4 bytes per element. For images with ``x`` elements at the block's input, ``y``
at its output (and after each of its ``l`` layers) and ``w`` inside its widest operation:

- calibration, all images at once: ``x + (l − 1) · y + max(w, 2y)`` per image;
- validation: ``2x + l · y`` per image of a chunk (its input, float and rounded; the target, and a map after every layer
  except the last);
- three maps of the widest operation for one batch, in both.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor

from qabwnas.costs.operation_type import layer_costs
from qabwnas.errors import InputError
from qabwnas.nets.supernet import SupernetBlock
from qabwnas.space import Shape

BYTES = 4
LARGEST_BATCH = 256
# On CPUs, maps that stay in the cache are faster; on GPUs, kernels should take much longer than their launch.
BATCH_ELEMENTS = {"cpu": 2**22, "cuda": 2**27}
CPU_MEMORY = 2 * 10**9
CUDA_SHARE = 0.8


@dataclass(frozen=True)
class Footprint:
    """The elements of one image's feature maps around and inside a block; see the module for the names."""

    x: int
    y: int
    w: int
    n_layers: int

    @classmethod
    def of(cls, block: SupernetBlock, x: Tensor, y: Tensor) -> Footprint:
        """Return the footprint of a block, given its input maps ``x`` and output maps ``y`` of some images."""
        widest = 0
        for index, layer in enumerate(block.block.layers):
            entry = Shape(layer.in_channels, *(x if index == 0 else y).shape[2:])
            operators = chain(*(layer_costs(layer, operation, entry) for operation in layer.operations))
            widest = max([widest, *(max(operator.live) for operator in operators)])
        return cls(x[0].numel(), y[0].numel(), max(widest, x[0].numel(), y[0].numel()), len(block.block.layers))

    def batch(self, device: torch.device, n_images: int) -> int:
        """Return how many images one kernel call gets, for splits of at most ``n_images``."""
        return min(max(BATCH_ELEMENTS[device.type] // self.w, 1), LARGEST_BATCH, n_images)

    def calibration_bytes(self, n_images: int, batch: int) -> int:
        """Return the bytes of the maps of ``n_images`` calibration images."""
        each = self.x + (self.n_layers - 1) * self.y + max(self.w, 2 * self.y)
        return BYTES * (n_images * each + 3 * batch * self.w)

    def chunk_bytes(self, n_images: int, batch: int) -> int:
        """Return the bytes of the maps of a chunk of ``n_images`` validation images."""
        return BYTES * (n_images * (2 * self.x + self.n_layers * self.y) + 3 * batch * self.w)

    def batches_per_chunk(self, n_calibration: int, batch: int, max_memory: int) -> int:
        """Return how many batches make a chunk.

        Raises:
            InputError: the calibration images, or one batch, need more than ``max_memory`` bytes; the message says how
                much they need.
        """
        needed = max(self.calibration_bytes(n_calibration, batch), self.chunk_bytes(batch, batch))
        if needed > max_memory:
            raise InputError(
                f"the feature maps of {n_calibration} calibration images, and of {batch} validation images at once, "
                f"need {_megabytes(needed)}, and max_memory is {_megabytes(max_memory)}"
            )
        fixed = self.chunk_bytes(0, batch)
        return (max_memory - fixed) // (self.chunk_bytes(batch, batch) - fixed)


def default_memory(device: torch.device) -> int:
    """Return the default limit on feature maps in bytes: 2 GB, or most of the free memory of a GPU."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0] * CUDA_SHARE)
    return CPU_MEMORY


def _megabytes(n_bytes: int) -> str:
    return f"{-(-n_bytes // 10**6):,} MB" if n_bytes >= 10**7 else f"{n_bytes:,} bytes"
