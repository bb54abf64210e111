"""Stage 7: retrain the found networks. Writes ``networks/CODES-seedN.pt``, a file a network and seed.

Answers that differ in bit widths alone share these weights: quantisation comes after retraining. Quantisation-aware
training, where the configuration has it, starts from them and writes ``networks/CODES-WIDTHS-seedN.pt`` too.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from qabwnas.data.batches import ImageBatches
from qabwnas.nets.network import Network, assemble, build_network
from qabwnas.nets.quantise import prepare_network, quantise_network
from qabwnas.pipeline.config.config import Config, config_to_json
from qabwnas.pipeline.execution.jobs import Job, Serial
from qabwnas.pipeline.execution.torchrun import training_engine
from qabwnas.pipeline.stages.answers import load_answers
from qabwnas.pipeline.stages.data import load_task
from qabwnas.pipeline.stages.found import Found
from qabwnas.pipeline.stages.stage import Stage, Workplace
from qabwnas.pipeline.stages.supernet import load_supernet
from qabwnas.pipeline.stages.teacher import load_teacher
from qabwnas.quant.qat import finish
from qabwnas.train.checkpoint import load_weights, save_weights
from qabwnas.train.parallel import rank
from qabwnas.train.retrain import retrain
from qabwnas.train.seeds import derive_seed, own_generators
from qabwnas.train.settings import Training
from qabwnas.train.task import Task

KIND = "network"
QUANTISED = "quantised-network"
FOLDER = "networks"


def _settings(config: Config) -> dict[str, Any]:
    return {"seed": config.seed, "networks": config_to_json(config)["networks"]}


def _make(place: Workplace) -> list[str]:
    found = [found for found in load_answers(place.folder) if found.codes is not None]
    made = place.scratch / FOLDER
    made.mkdir(exist_ok=True)
    jobs: dict[str, Job] = {}
    tuning: dict[str, Job] = {}
    alone = replace(place, resources=replace(place.resources, engine=Serial()))  # a job starts none of its own
    for network in sorted(found, key=lambda network: (network.codes or [], network.widths)):
        for n in range(place.config.networks.n_seeds):
            name, quantised = float_name(network, n), quantised_name(network, n)
            jobs[name] = Job(name, retrain_found, (alone, network, n))
            if place.config.networks.qat is not None:
                tuning[quantised] = Job(quantised, tune_found, (alone, network, n))
    engine = training_engine(place.resources.engine)
    engine.run(list(jobs.values()))
    engine.run(list(tuning.values()))
    shutil.rmtree(place.folder / FOLDER, ignore_errors=True)  # networks of other answers
    made.rename(place.folder / FOLDER)
    return [f"{FOLDER}/{name}" for name in (*jobs, *tuning)]


def retrain_found(place: Workplace, found: Found, n: int) -> None:
    """Retrain a found network with seed ``n`` and write it to the stage's scratch folder, unless it is there."""
    config, target = place.config, place.scratch / FOLDER / float_name(found, n)
    if target.exists():
        return
    network = _initial_network(config, place.folder, found, n)
    _retrain(place, network, config.networks.training, target.stem, n)
    if rank() == 0:
        save_weights(target, KIND, network)


def tune_found(place: Workplace, found: Found, n: int) -> None:
    """Train a retrained network on at its bit widths, and write it rounded, unless it is there."""
    config, target = place.config, place.scratch / FOLDER / quantised_name(found, n)
    assert config.networks.qat is not None
    if target.exists():
        return
    network = _initial_network(config, place.folder, found, n)
    load_weights(place.scratch / FOLDER / float_name(found, n), KIND, network)
    network.to(place.resources.device)
    calibration = calibration_images(load_task(config, place.folder), place.resources.device)
    prepared = prepare_network(network, found.policy, calibration)
    _retrain(place, prepared, config.networks.qat, target.stem, n)
    if rank() == 0:
        save_weights(target, QUANTISED, finish(prepared))


def _retrain(place: Workplace, network: Network, training: Training, name: str, n: int) -> None:
    config = place.config
    retrain(
        network,
        load_teacher(config, place.folder),
        load_task(config, place.folder),
        training,
        distillation=config.networks.distillation,
        seed=derive_seed(config.seed, "networks", n),
        name=f"networks: {name}",
        progress=place.progress(name),
        device=torch.device(place.resources.device),
        workers=place.resources.n_readers,
    )


def _initial_network(config: Config, folder: Path, found: Found, n: int) -> Network:
    codes = _codes(found)
    if config.networks.initial == "supernet":
        return assemble(load_teacher(config, folder), load_supernet(config, folder), codes)
    operations = [block.decode(code) for block, code in zip(config.space.blocks, codes, strict=True)]
    with own_generators(derive_seed(config.seed, "networks", n, "scratch")):
        return build_network(config.space, operations)


def float_name(found: Found, n: int) -> str:
    """Return the file of a network in float, retrained with seed ``n``."""
    return f"{_joined(_codes(found))}-seed{n}.pt"


def quantised_name(found: Found, n: int) -> str:
    """Return the file of a network that was trained at its bit widths; those of layers are joined by dots."""
    widths = [of_block.replace(" ", ".") for of_block in found.widths]
    return f"{_joined(_codes(found))}-{_joined(widths)}-seed{n}.pt"


def load_network(config: Config, folder: Path, found: Found, n: int) -> Network:
    """Return a retrained network in evaluation mode; raises as :func:`~qabwnas.train.checkpoint.load_weights`."""
    network = _initial_network(config, folder, found, n)
    load_weights(folder / FOLDER / float_name(found, n), KIND, network)
    return network.eval()


def load_tuned(folder: Path, network: Network, found: Found, n: int, calibration: Iterable[Tensor]) -> Network:
    """Return what quantisation-aware training made of ``network``, the retrained one, on the device that it is on.

    Ranges of activations are those of ``network`` on the calibration images, as in training; the file has the rest.
    Raises as :func:`~qabwnas.train.checkpoint.load_weights`.
    """
    quantised = quantise_network(network, found.policy, calibration)
    load_weights(folder / FOLDER / quantised_name(found, n), QUANTISED, quantised)
    return quantised


def load_deployed(
    config: Config, folder: Path, network: Network, found: Found, n: int, calibration: Iterable[Tensor]
) -> Network:
    """Return ``network`` quantised as it would be deployed: tuned where the configuration has it so."""
    if config.networks.qat is None:
        return quantise_network(network, found.policy, calibration)
    return load_tuned(folder, network, found, n, calibration)


def calibration_images(task: Task, device: str) -> ImageBatches:
    """Return the images that ranges come from, in batches, on a device."""
    return ImageBatches(task.splits.calibration, device)


def _codes(found: Found) -> list[int]:
    assert found.codes is not None, "nothing was found"
    return found.codes


def _joined(parts: Sequence[int] | Sequence[str]) -> str:
    return "-".join(map(str, parts))


STAGE = Stage("networks", ("data", "teacher", "supernet", "answers"), _settings, _make)
