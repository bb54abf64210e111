"""Score a candidate of a one-shot supernet: inherited weights, its own batch-norm statistics, quantised."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from qabwnas.data.batches import ImageBatches
from qabwnas.measure.calibration import recalibrate
from qabwnas.nets.network import Network
from qabwnas.nets.quantise import quantise_network
from qabwnas.quant.operators import Unquantised
from qabwnas.quant.ptq import PtqSettings
from qabwnas.space import Policy
from qabwnas.train.tasks import Task


@torch.inference_mode()
def score_candidate(
    network: Network, policy: Policy, task: Task, settings: PtqSettings, *, device: str, workers: int = 0
) -> float:
    """Return the score on the validation split, 0 … 1, of a subnet that is quantised by ``policy``.

    Batch norms, those of stem and head included, get exact statistics on the calibration split (Guo et al., ECCV 2020,
    Section 3.3), in ``network`` itself; ranges of activations come from the same images. Time: two float passes over
    the calibration split and one quantised pass over the validation split. ``workers`` processes read the images.

    Raises:
        InputError: a batch norm cannot be recalibrated, or a value is not finite.
    """
    network.eval()
    calibration = ImageBatches(task.splits.calibration, device)
    recalibrate_network(network, calibration)
    quantised = quantise_network(network, policy, calibration, settings)
    return task.score(quantised, task.splits.validation, workers=workers).value


def recalibrate_network(network: Network, images: Iterable[Tensor]) -> None:
    """Set the statistics of all batch norms of a network in place, part by part; all images are in memory at once.

    A part that stays float, because its operators are unknown, keeps the running statistics of its training.
    """
    maps = list(images)
    for part in (network.stem, *network.blocks, network.head):
        if isinstance(part, Unquantised):
            maps = [part(x) for x in maps]
        else:
            maps = recalibrate(part if isinstance(part, torch.nn.Sequential) else torch.nn.Sequential(part), maps)
