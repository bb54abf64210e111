"""Block weights from a run: how much each block's NSR says of the score that its networks have.

Scores are those of the validation split: the weights choose networks, and the test split is for reports alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np
import torch

from qabwnas.lut.lut import Lut
from qabwnas.measure.batch_norm import recalibrate
from qabwnas.nets.network import Network, assemble
from qabwnas.nets.quantise import quantise_network
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.execution.resources import Resources
from qabwnas.pipeline.run import finished_config
from qabwnas.pipeline.stages import answers, lut, networks
from qabwnas.pipeline.stages.data import load_task
from qabwnas.pipeline.stages.found import Found
from qabwnas.pipeline.stages.front_points import mixed_front_points
from qabwnas.pipeline.stages.networks import calibration_images, load_deployed, load_network
from qabwnas.pipeline.stages.supernet import load_supernet
from qabwnas.pipeline.stages.teacher import load_teacher
from qabwnas.report.block_weights import BlockWeights, check_enough, fit_block_weights
from qabwnas.train.task import Task


@dataclass(frozen=True)
class Calibration:
    """Fitted weights with the names of their blocks, and what they were fitted to."""

    block_names: tuple[str, ...]
    fit: BlockWeights
    networks: str
    score: str


def calibrate_retrained(folder: Path, resources: Resources) -> Calibration:
    """Fit block weights to the retrained networks of a run, quantised as they would be deployed.

    Raises:
        InputError: the run has not retrained its networks yet, or as
            :func:`~qabwnas.report.block_weights.fit_block_weights`.
    """
    config = finished_config(folder, networks.STAGE)
    found = [found for found in answers.load_answers(folder) if found.codes is not None]
    task = load_task(config, folder)

    def score(found: Found) -> float:
        values = []
        for n in range(config.networks.n_seeds):
            network = load_network(config, folder, found, n).to(resources.device)
            images = calibration_images(task, resources.device)
            values.append(_score(load_deployed(config, folder, network, found, n, images), task, resources))
        return mean(values)

    return _calibrate(config, found, [score(each) for each in _distinct(config, found)], "retrained", task)


def calibrate_inherited(folder: Path, n: int, resources: Resources) -> Calibration:
    """Fit block weights to ``n`` networks, evenly spaced by size along the front, with the weights that they inherit.

    Each gets its own batch-norm statistics, is quantised after them, and is not trained: minutes instead of hours, and
    less like what is deployed.

    Raises:
        InputError: the run has no LUT yet, or as :func:`~qabwnas.report.block_weights.fit_block_weights`.
    """
    config = finished_config(folder, lut.STAGE)
    found = mixed_front_points(Lut.open(folder / lut.FILE_NAME), n)
    teacher = load_teacher(config, folder).to(resources.device)
    supernet = load_supernet(config, folder).to(resources.device)
    task = load_task(config, folder)

    @torch.inference_mode()
    def score(found: Found) -> float:
        assert found.codes is not None
        network = assemble(teacher, supernet, found.codes).eval()
        _recalibrate(network, task, resources.device)
        quantised = quantise_network(network, found.policy, calibration_images(task, resources.device))
        return _score(quantised, task, resources)

    return _calibrate(config, found, [score(each) for each in _distinct(config, found)], "inherited", task)


def _recalibrate(network: Network, task: Task, device: str) -> None:
    """Give the blocks the statistics of the maps that they get within this network.

    Exact statistics need the maps of all calibration images at once, one operator's, as population does.
    """
    maps = [network.stem(images) for images in calibration_images(task, device)]
    for block in network.blocks:
        assert isinstance(block, torch.nn.Sequential)
        maps = recalibrate(block, maps)


def _score(network: Network, task: Task, resources: Resources) -> float:
    return task.score(network, task.splits.validation, workers=resources.n_readers).value


def _distinct(config: Config, found: Sequence[Found]) -> list[Found]:
    """Return every network once; raises InputError before anything is scored where they are too few."""
    distinct = {(*(each.codes or ()), *each.widths): each for each in found}
    check_enough(len(distinct), len(config.space.blocks))
    return list(distinct.values())


def _calibrate(
    config: Config, found: Sequence[Found], scores: Sequence[float], networks: str, task: Task
) -> Calibration:
    nsrs = np.array([each.nsrs for each in _distinct(config, found)])
    names = tuple(block.name for block in config.space.blocks)
    return Calibration(names, fit_block_weights(nsrs, scores), networks, task.score_name)
