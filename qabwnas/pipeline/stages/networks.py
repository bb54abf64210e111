"""Stage 8: retrain the found networks. Writes ``networks/CODES-seedN.pt``, one file per network and seed.

Answers that differ only in bit widths share these weights, because quantisation comes after retraining. With
quantisation-aware training in the configuration, it starts from them and also writes
``networks/CODES-WIDTHS-seedN.pt``.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from qabwnas.data.batches import ImageBatches
from qabwnas.nets.network import Network, assemble, build_network
from qabwnas.nets.quantise import prepare_qat_network, quantise_network
from qabwnas.pipeline.config.config import Config, config_to_json
from qabwnas.pipeline.execution.jobs import Job
from qabwnas.pipeline.execution.torchrun import training_engine
from qabwnas.pipeline.stages.answers import FoundNetwork, load_answers
from qabwnas.pipeline.stages.data import load_task
from qabwnas.pipeline.stages.quantisation import network_settings, ptq_settings
from qabwnas.pipeline.stages.stage import Stage, StageContext
from qabwnas.pipeline.stages.supernet import load_supernet
from qabwnas.pipeline.stages.teacher import load_teacher
from qabwnas.progress import expect
from qabwnas.quant.qat import convert_qat
from qabwnas.train.checkpoint import load_weights, save_weights
from qabwnas.train.parallel import rank
from qabwnas.train.retrain import retrain
from qabwnas.train.sampling import derive_seed, seeded_generators
from qabwnas.train.settings import Training
from qabwnas.train.tasks import Task

KIND = "network"
QUANTISED = "quantised-network"
FOLDER = "networks"


def _settings(config: Config) -> dict[str, Any]:
    settings = {"seed": config.seed, "networks": config_to_json(config)["networks"]}
    return settings if config.networks.qat is None else settings | network_settings(config)


def _make(context: StageContext) -> list[str]:
    found = [found for found in load_answers(context.folder) if found.codes is not None]
    made = context.scratch / FOLDER
    made.mkdir(exist_ok=True)
    jobs: dict[str, Job] = {}
    qat: dict[str, Job] = {}
    own = context.for_job()
    for network in sorted(found, key=lambda network: (network.codes or [], network.widths)):
        for n in range(context.config.networks.seeds):
            name, quantised = float_name(network, n), quantised_name(network, n)
            jobs[name] = Job(name, retrain_found, (own, network, n))
            if context.config.networks.qat is not None:
                qat[quantised] = Job(quantised, train_qat, (own, network, n))
    training, after = context.config.networks.training, context.config.networks.qat
    expect(len(jobs) * training.steps + (0 if after is None else len(qat) * after.steps), "steps")
    engine = training_engine(context.resources.engine)
    engine.run(list(jobs.values()))
    engine.run(list(qat.values()))
    shutil.rmtree(context.folder / FOLDER, ignore_errors=True)  # networks of other answers
    made.rename(context.folder / FOLDER)
    return [f"{FOLDER}/{name}" for name in (*jobs, *qat)]


def retrain_found(context: StageContext, found: FoundNetwork, n: int) -> None:
    """Retrain a found network with seed ``n`` and write it to the stage's scratch folder, unless the file exists."""
    config, target = context.config, context.scratch / FOLDER / float_name(found, n)
    if target.exists():
        return
    network = _initial_network(config, context.folder, found, n)
    _retrain(context, network, config.networks.training, target.stem, n)
    if rank() == 0:
        save_weights(target, KIND, network)


def train_qat(context: StageContext, found: FoundNetwork, n: int) -> None:
    """Continue to train a retrained network at its bit widths, and write it rounded, unless the file exists."""
    config, target = context.config, context.scratch / FOLDER / quantised_name(found, n)
    assert config.networks.qat is not None
    if target.exists():
        return
    network = _initial_network(config, context.folder, found, n)
    load_weights(context.scratch / FOLDER / float_name(found, n), KIND, network)
    network.to(context.resources.device)
    calibration = calibration_images(load_task(config, context.folder), context.resources.device)
    prepared = prepare_qat_network(network, found.policy, calibration, ptq_settings(config))
    _retrain(context, prepared, config.networks.qat, target.stem, n)
    if rank() == 0:
        save_weights(target, QUANTISED, convert_qat(prepared))


def _retrain(context: StageContext, network: Network, training: Training, name: str, n: int) -> None:
    config = context.config
    retrain(
        network,
        load_teacher(config, context.folder),
        load_task(config, context.folder),
        training,
        distillation=config.networks.distillation,
        seed=derive_seed(config.seed, "networks", n),
        name=f"networks: {name}",
        progress=context.progress(name),
        device=torch.device(context.resources.device),
        workers=context.resources.num_workers,
    )


def _initial_network(config: Config, folder: Path, found: FoundNetwork, n: int) -> Network:
    codes = _codes(found)
    if config.networks.initial == "supernet":
        return assemble(load_teacher(config, folder), load_supernet(config, folder), codes)
    operations = [block.decode(code) for block, code in zip(config.space.blocks, codes, strict=True)]
    with seeded_generators(derive_seed(config.seed, "networks", n, "scratch")):
        return build_network(config.space, operations)


def float_name(found: FoundNetwork, n: int) -> str:
    """Return the file name of a float network that was retrained with seed ``n``."""
    return f"{_joined(_codes(found))}-seed{n}.pt"


def quantised_name(found: FoundNetwork, n: int) -> str:
    """Return the file name of a network trained at its bit widths; bit widths per layer are joined by dots."""
    widths = [of_block.replace(" ", ".") for of_block in found.widths]
    return f"{_joined(_codes(found))}-{_joined(widths)}-seed{n}.pt"


def load_network(config: Config, folder: Path, found: FoundNetwork, n: int) -> Network:
    """Return a retrained network in evaluation mode; raises as :func:`~qabwnas.train.checkpoint.load_weights`."""
    network = _initial_network(config, folder, found, n)
    load_weights(folder / FOLDER / float_name(found, n), KIND, network)
    return network.eval()


def load_qat(
    config: Config, folder: Path, network: Network, found: FoundNetwork, n: int, calibration: Iterable[Tensor]
) -> Network:
    """Return the result of quantisation-aware training of ``network``, the retrained one, on its device.

    The activation ranges are those of ``network`` on the calibration images, as in training; the file has the rest.
    Raises as :func:`~qabwnas.train.checkpoint.load_weights`.
    """
    quantised = quantise_network(network, found.policy, calibration, ptq_settings(config))
    load_weights(folder / FOLDER / quantised_name(found, n), QUANTISED, quantised)
    return quantised


def load_deployed(
    config: Config, folder: Path, network: Network, found: FoundNetwork, n: int, calibration: Iterable[Tensor]
) -> Network:
    """Return ``network`` quantised for deployment: with its QAT weights if the configuration has QAT."""
    if config.networks.qat is None:
        return quantise_network(network, found.policy, calibration, ptq_settings(config))
    return load_qat(config, folder, network, found, n, calibration)


def calibration_images(task: Task, device: str) -> ImageBatches:
    """Return the calibration images in batches on a device; activation ranges come from them."""
    return ImageBatches(task.splits.calibration, device)


def _codes(found: FoundNetwork) -> list[int]:
    assert found.codes is not None, "nothing was found"
    return found.codes


def _joined(parts: Sequence[int] | Sequence[str]) -> str:
    return "-".join(map(str, parts))


STAGE = Stage("networks", ("data", "teacher", "supernet", "answers"), _settings, _make)
