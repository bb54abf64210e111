"""Stage 8: retrain the found networks. Writes ``networks/NAME-seedN.safetensors``, one file per network and seed.

Networks that differ only in bit widths are trained once and have equal files, because quantisation comes after
retraining. With quantisation-aware training in the configuration, it starts from these weights and also writes
``networks/NAME-seedN-qat.safetensors``.

With a control, the teacher is retrained in the same way.

A network in the folder that is the result of the same training is kept, whatever it is called and whatever it was found
by. So other budgets or another device retrain only what is new.

``NAME`` is :attr:`~qabwnas.pipeline.stages.answers.FoundNetwork.network`. Earlier versions wrote the checkpoints
``networks/CODES-seedN.pt`` and ``networks/CODES-WIDTHS-seedN.pt``, which are read, too.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from qabwnas.data.batches import ImageBatches
from qabwnas.errors import FormatError
from qabwnas.io.atomic import atomic_path
from qabwnas.nets.network import Network, assemble, build_network
from qabwnas.nets.quantise import prepare_qat_network, quantise_network
from qabwnas.pipeline.config.config import Config, config_to_json
from qabwnas.pipeline.execution.jobs import Job
from qabwnas.pipeline.execution.torchrun import training_engine
from qabwnas.pipeline.ledger import Ledger, scratch_identity
from qabwnas.pipeline.stages import data, one_shot
from qabwnas.pipeline.stages.answers import FoundNetwork, load_answers
from qabwnas.pipeline.stages.control import control_networks
from qabwnas.pipeline.stages.data import load_task
from qabwnas.pipeline.stages.quantisation import network_settings, ptq_settings
from qabwnas.pipeline.stages.stage import Stage, StageContext
from qabwnas.pipeline.stages.supernet import load_supernet
from qabwnas.pipeline.stages.teacher import load_teacher
from qabwnas.progress import expect
from qabwnas.quant.qat import convert_qat
from qabwnas.report.result import CONTROL
from qabwnas.train.checkpoint import (
    CHECKPOINT,
    SAFETENSORS,
    WeightsOrigin,
    load_weights,
    read_origin,
    write_safetensors,
)
from qabwnas.train.parallel import rank
from qabwnas.train.retrain import retrain
from qabwnas.train.sampling import derive_seed, seeded_generators
from qabwnas.train.settings import Training
from qabwnas.train.tasks import Task

logger = logging.getLogger(__name__)

KIND = "network"
QUANTISED = "quantised-network"
FOLDER = "networks"
ORIGINS = ("data", "teacher", "supernet")


def retraining_settings(config: Config) -> dict[str, Any]:
    """Return what the weights of every network depend on, besides the network: not whether there is a control."""
    networks = {name: value for name, value in config_to_json(config)["networks"].items() if name != "control"}
    settings = {"seed": config.seed, "networks": networks}
    return settings if config.networks.qat is None else settings | network_settings(config)


def _settings(config: Config) -> dict[str, Any]:
    settings = retraining_settings(config)
    return settings | {"control": True} if config.networks.control else settings


def _make(context: StageContext) -> list[str]:
    found = [network for network in load_answers(context.folder) if network.codes is not None]
    outputs = retrain_all(context, [*control_networks(context.config), *found])
    ledger = Ledger(context.folder)
    kept = {*outputs, *(path for stage in ledger.stages() for path in ledger.outputs(stage))}
    for path in (context.folder / FOLDER).iterdir():
        if f"{FOLDER}/{path.name}" not in kept:  # networks of answers of before
            path.unlink()
    return outputs


def retrain_all(context: StageContext, found: Sequence[FoundNetwork]) -> list[str]:
    """Retrain networks with every seed of the configuration, and return their files, relative to the run folder."""
    config, work = context.config, context.scratch / FOLDER
    work.mkdir(exist_ok=True)
    jobs: dict[str, Job] = {}
    qat: dict[str, Job] = {}
    made: dict[str, Path] = {}
    own, before = context.for_job(), _trained_before(context.folder)
    for network in sorted(found, key=lambda network: (network.codes or [], network.widths)):
        for n in range(config.networks.seeds):
            name, quantised = _trained_name(network, n), _qat_name(network, n)
            made[float_name(network, n)] = work / name
            _keep(before, _weights_origin(context.folder, config, network, n), work / name)
            jobs.setdefault(name, Job(f"{network.network}, seed {n}", retrain_found, (own, network, n)))
            if config.networks.qat is not None:
                made[quantised_name(network, n)] = work / quantised
                _keep(before, _qat_origin(context.folder, config, network, n), work / quantised)
                qat.setdefault(quantised, Job(f"{network.network}, seed {n}, QAT", train_qat, (own, network, n)))
    training, after = config.networks.training, config.networks.qat
    left, left_qat = ([job for name, job in each.items() if not (work / name).exists()] for each in (jobs, qat))
    expect(len(left) * training.steps + (0 if after is None else len(left_qat) * after.steps), "steps")
    engine = training_engine(context.resources.engine)
    engine.run(left)
    engine.run(left_qat)
    (context.folder / FOLDER).mkdir(exist_ok=True)
    for name, path in made.items():
        with atomic_path(context.folder / FOLDER / name) as temporary:
            shutil.copyfile(path, temporary)
    return [f"{FOLDER}/{name}" for name in made]


def deployed_origin(folder: Path, config: Config, found: FoundNetwork, n: int) -> WeightsOrigin:
    """Return the origin of the weights that are deployed: of the float network, or with QAT of the quantised one."""
    return (_weights_origin if config.networks.qat is None else _qat_origin)(folder, config, found, n)


def _weights_origin(folder: Path, config: Config, found: FoundNetwork, n: int) -> WeightsOrigin:
    return WeightsOrigin(KIND, _run_origin(folder, config, found), Path(_trained_name(found, n)).stem)


def _qat_origin(folder: Path, config: Config, found: FoundNetwork, n: int) -> WeightsOrigin:
    return WeightsOrigin(QUANTISED, _run_origin(folder, config, found), Path(_qat_name(found, n)).stem)


def _run_origin(folder: Path, config: Config, found: FoundNetwork) -> str:
    """Return the fingerprint of what the weights of a network depend on, besides operations, bit widths and seed."""
    settings = {**retraining_settings(config), data.STAGE.name: data.STAGE.settings(config)}
    return scratch_identity(settings, origin_files(Ledger(folder), found))


def _trained_before(folder: Path) -> dict[WeightsOrigin, Path]:
    """Return the whole weights in the folder of networks; damaged ones are left out, and made again if necessary."""
    found = {}
    for path in sorted((folder / FOLDER).glob(f"*-seed*{SAFETENSORS}")):
        try:
            found[read_origin(path)] = path
        except FormatError as error:
            logger.warning("networks: %s", error)
    return found


def _keep(before: Mapping[WeightsOrigin, Path], origin: WeightsOrigin, target: Path) -> None:
    """Copy the result of the same training to ``target``, if there is one and ``target`` does not exist yet."""
    if origin in before and not target.exists():
        logger.info("networks: %s: kept, trained before", before[origin].name)
        with atomic_path(target) as temporary:
            shutil.copyfile(before[origin], temporary)


def origins(found: FoundNetwork) -> tuple[str, ...]:
    """Return the stages that the weights of a network come from."""
    if found.family == CONTROL:
        return "data", "teacher"
    return ORIGINS if found.one_shot is None else ("data", "teacher", one_shot.stage_name(found.one_shot))


def origin_files(ledger: Ledger, found: FoundNetwork) -> dict[str, str]:
    """Return path → SHA-256 of the files of a run that the weights of a network come from."""
    done = [stage for stage in origins(found) if stage in ledger.stages()]
    return {path: digest for stage in done for path, digest in ledger.outputs(stage).items()}


def retrain_found(context: StageContext, found: FoundNetwork, n: int) -> None:
    """Retrain a found network with seed ``n`` and write it to the stage's scratch folder, unless the file exists."""
    config, target = context.config, context.scratch / FOLDER / _trained_name(found, n)
    if target.exists():
        return
    network = _initial_network(config, context.folder, found, n)
    _retrain(context, network, config.networks.training, target.stem, f"{found.network}, seed {n}", n)
    if rank() == 0:
        write_safetensors(target, _weights_origin(context.folder, config, found, n), network)


def train_qat(context: StageContext, found: FoundNetwork, n: int) -> None:
    """Continue to train a retrained network at its bit widths, and write it rounded, unless the file exists."""
    config, target = context.config, context.scratch / FOLDER / _qat_name(found, n)
    assert config.networks.qat is not None
    if target.exists():
        return
    network = _initial_network(config, context.folder, found, n)
    load_weights(context.scratch / FOLDER / _trained_name(found, n), KIND, network)
    network.to(context.resources.device)
    calibration = calibration_images(load_task(config, context.folder), context.resources.device)
    prepared = prepare_qat_network(network, found.policy, calibration, ptq_settings(config))
    _retrain(context, prepared, config.networks.qat, target.stem, f"{found.network}, seed {n}, QAT", n)
    if rank() == 0:
        write_safetensors(target, _qat_origin(context.folder, config, found, n), convert_qat(prepared))


def _retrain(context: StageContext, network: Network, training: Training, stem: str, name: str, n: int) -> None:
    config = context.config
    retrain(
        network,
        load_teacher(config, context.folder),
        load_task(config, context.folder),
        training,
        distillation=config.networks.distillation,
        seed=derive_seed(config.seed, "networks", n),
        name=f"networks: {name}",
        progress=context.progress(stem),
        device=torch.device(context.resources.device),
        workers=context.resources.num_workers,
    )


def _initial_network(config: Config, folder: Path, found: FoundNetwork, n: int) -> Network:
    if found.family == CONTROL:
        return load_teacher(config, folder)
    codes = _codes(found)
    if config.networks.initial == "supernet":
        if found.one_shot is not None:
            return one_shot.load_supernet(config, folder, found.one_shot).subnet(codes)
        return assemble(load_teacher(config, folder), load_supernet(config, folder), codes)
    operations = [block.decode(code) for block, code in zip(config.space.blocks, codes, strict=True)]
    with seeded_generators(derive_seed(config.seed, "networks", n, "scratch")):
        return build_network(config.space, operations)


def float_name(found: FoundNetwork, n: int) -> str:
    """Return the file name of a float network that was retrained with seed ``n``."""
    return f"{found.network}-seed{n}{SAFETENSORS}"


def quantised_name(found: FoundNetwork, n: int) -> str:
    """Return the file name of a network trained at its bit widths."""
    return f"{found.network}-seed{n}-qat{SAFETENSORS}"


def _trained_name(found: FoundNetwork, n: int) -> str:
    """Return the file name of unfinished work, which networks that differ only in bit widths share."""
    return f"{_operations(found)}-seed{n}{SAFETENSORS}"


def _qat_name(found: FoundNetwork, n: int) -> str:
    """Return the same for QAT; bit widths per layer are joined by dots."""
    widths = [of_block.replace(" ", ".") for of_block in found.widths]
    return f"{_operations(found)}-{_joined(widths)}-seed{n}{SAFETENSORS}"


def _weights_path(folder: Path, name: str, first_name: str) -> Path:
    """Return the file of a network; ``first_name`` is that of earlier versions, up to its suffix."""
    path, first = folder / FOLDER / name, (folder / FOLDER / first_name).with_suffix(CHECKPOINT)
    return first if first.exists() and not path.exists() else path


def load_network(config: Config, folder: Path, found: FoundNetwork, n: int) -> Network:
    """Return a retrained network in evaluation mode; raises as :func:`~qabwnas.train.checkpoint.load_weights`."""
    network = _initial_network(config, folder, found, n)
    load_weights(_weights_path(folder, float_name(found, n), _trained_name(found, n)), KIND, network)
    return network.eval()


def load_qat(
    config: Config, folder: Path, network: Network, found: FoundNetwork, n: int, calibration: Iterable[Tensor]
) -> Network:
    """Return the result of quantisation-aware training of ``network``, the retrained one, on its device.

    The activation ranges are those of ``network`` on the calibration images, as in training; the file has the rest.
    Raises as :func:`~qabwnas.train.checkpoint.load_weights`.
    """
    quantised = quantise_network(network, found.policy, calibration, ptq_settings(config))
    load_weights(_weights_path(folder, quantised_name(found, n), _qat_name(found, n)), QUANTISED, quantised)
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


def _operations(found: FoundNetwork) -> str:
    return CONTROL if found.family == CONTROL else _joined(_codes(found))


def _joined(parts: Sequence[int] | Sequence[str]) -> str:
    return "-".join(map(str, parts))


STAGE = Stage("networks", (*ORIGINS, "answers"), _settings, _make)
