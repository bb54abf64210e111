"""Fit weights of blocks to the networks of a run, so that the weighted sum of NSRs predicts their scores.

Scores are those of the validation split, because the weights choose networks; the test split is only for reports.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np
import torch

from qabwnas.lut.lut import Lut
from qabwnas.measure.calibration import recalibrate
from qabwnas.nets.network import Network, assemble
from qabwnas.nets.quantise import quantise_network
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.execution.jobs import Resources
from qabwnas.pipeline.run import finished_config
from qabwnas.pipeline.stages import answers, lut, networks
from qabwnas.pipeline.stages.answers import FoundNetwork, mixed_front_points
from qabwnas.pipeline.stages.data import load_task
from qabwnas.pipeline.stages.networks import calibration_images, load_deployed, load_network
from qabwnas.pipeline.stages.quantisation import ptq_settings
from qabwnas.pipeline.stages.supernet import load_supernet
from qabwnas.pipeline.stages.teacher import load_teacher
from qabwnas.report.block_weights import BlockWeights, check_enough, fit_block_weights
from qabwnas.train.tasks import Task


@dataclass(frozen=True)
class FittedWeights:
    """Fitted weights with the names of their blocks, and the networks and the score that they were fitted to."""

    block_names: tuple[str, ...]
    fit: BlockWeights
    networks: str
    score: str


def fit_retrained(folder: Path, resources: Resources) -> FittedWeights:
    """Fit block weights to the retrained networks of a run, quantised as for deployment.

    Raises:
        InputError: the run has not retrained its networks yet, or as
            :func:`~qabwnas.report.block_weights.fit_block_weights`.
    """
    config = finished_config(folder, networks.STAGE)
    found = [found for found in answers.load_answers(folder) if found.codes is not None]
    task = load_task(config, folder)

    def score(found: FoundNetwork) -> float:
        values = []
        for n in range(config.networks.seeds):
            network = load_network(config, folder, found, n).to(resources.device)
            images = calibration_images(task, resources.device)
            values.append(_score(load_deployed(config, folder, network, found, n, images), task, resources))
        return mean(values)

    return _fit(config, found, [score(each) for each in _distinct(config, found)], "retrained", task)


def fit_inherited(folder: Path, n: int, resources: Resources) -> FittedWeights:
    """Fit block weights to ``n`` networks with inherited weights, evenly spaced by size along the front.

    Each network gets its own batch-norm statistics and is then quantised, without training. This takes minutes instead
    of hours, but differs more from the deployed networks.

    Raises:
        InputError: the run has no LUT yet, or as :func:`~qabwnas.report.block_weights.fit_block_weights`.
    """
    config = finished_config(folder, lut.STAGE)
    found = mixed_front_points(Lut.open(folder / lut.FILE_NAME), n)
    teacher = load_teacher(config, folder).to(resources.device)
    supernet = load_supernet(config, folder).to(resources.device)
    task = load_task(config, folder)

    @torch.inference_mode()
    def score(found: FoundNetwork) -> float:
        assert found.codes is not None
        network = assemble(teacher, supernet, found.codes).eval()
        if config.quantisation.recalibrate:
            _recalibrate(network, task, resources.device)
        images = calibration_images(task, resources.device)
        quantised = quantise_network(network, found.policy, images, ptq_settings(config))
        return _score(quantised, task, resources)

    return _fit(config, found, [score(each) for each in _distinct(config, found)], "inherited", task)


def _recalibrate(network: Network, task: Task, device: str) -> None:
    """Recompute the batch-norm statistics of the blocks for the feature maps that they get in this network.

    Exact statistics need the maps of all calibration images at once, of one operator at a time, as in population.
    """
    maps = [network.stem(images) for images in calibration_images(task, device)]
    for block in network.blocks:
        assert isinstance(block, torch.nn.Sequential)
        maps = recalibrate(block, maps)


def _score(network: Network, task: Task, resources: Resources) -> float:
    return task.score(network, task.splits.validation, workers=resources.num_workers).value


def _distinct(config: Config, found: Sequence[FoundNetwork]) -> list[FoundNetwork]:
    """Return the distinct networks; raises InputError, before anything is scored, if they are too few."""
    distinct = {(*(each.codes or ()), *each.widths): each for each in found}
    check_enough(len(distinct), len(config.space.blocks))
    return list(distinct.values())


def _fit(
    config: Config, found: Sequence[FoundNetwork], scores: Sequence[float], networks: str, task: Task
) -> FittedWeights:
    nsrs = np.array([each.nsrs for each in _distinct(config, found)])
    names = tuple(block.name for block in config.space.blocks)
    return FittedWeights(names, fit_block_weights(nsrs, scores), networks, task.score_name)
