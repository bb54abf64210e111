"""What the float path tells of every prefix of a block's rows: batch-norm statistics and ranges.

They are the buffers of an observed operation (:func:`qabwnas.quant.apply.observe`) after the calibration split has
passed through it, all of it at once. They depend on the operations up to it and on nothing else, so that all bit widths
share them, and every chunk of the validation split.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from qabwnas.measure.batch_norm import recalibrate_layer
from qabwnas.quant.apply import observe_in_place
from qabwnas.quant.shallow_copy import twin

Prefix = tuple[int, ...]
"""The operation of every layer so far, the block's entry included."""
TreeStatistics = dict[Prefix, dict[str, Tensor]]
"""Prefix → the buffers of its last operation, by name, in main memory: a few thousand numbers each."""


@torch.inference_mode()
def tree_statistics(
    layers: Sequence[Sequence[nn.Module]], tree: dict[int, Any], calibration: Sequence[Tensor]
) -> TreeStatistics:
    """Return the statistics of every prefix in a tree of operations, given the block's inputs in batches.

    ``layers[l][o]`` is operation ``o`` behind the first ``l`` choices. Keeps, for every layer on the current path, the
    outputs of all batches; nothing waits for the device before the end. Time: a float run of each edge.
    """
    found: TreeStatistics = {}
    _descend((), layers, tree, calibration, found)
    return {prefix: {name: value.cpu() for name, value in buffers.items()} for prefix, buffers in found.items()}


def _descend(
    prefix: Prefix,
    layers: Sequence[Sequence[nn.Module]],
    tree: dict[int, Any],
    maps: Sequence[Tensor],
    found: TreeStatistics,
) -> None:
    for operation, below in tree.items():
        module = observe_in_place(twin(layers[len(prefix)][operation]))
        outputs = recalibrate_layer(module, maps)
        longer = (*prefix, operation)
        found[longer] = dict(module.named_buffers())
        if below:
            _descend(longer, layers, below, outputs, found)


def restore(observed: nn.Module, statistics: dict[str, Tensor]) -> None:
    """Give an observed operation the statistics that were kept of it."""
    for name, buffer in observed.named_buffers():
        buffer.copy_(statistics[name])
