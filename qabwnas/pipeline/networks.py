"""Stage 7: retrain the found networks. Writes ``networks/CODES-SEED.pt``, a file a network and seed.

Answers that differ in bit widths alone share their weights: quantisation comes after retraining.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qabwnas.nets.network import Network, assemble
from qabwnas.pipeline.answers import load_answers
from qabwnas.pipeline.config import Config
from qabwnas.pipeline.config_yaml import config_to_json
from qabwnas.pipeline.data import load_task
from qabwnas.pipeline.stage import Stage, Workplace
from qabwnas.pipeline.supernet import load_supernet
from qabwnas.pipeline.teacher import load_teacher
from qabwnas.train.checkpoint import load_weights, save_weights
from qabwnas.train.retrain import retrain
from qabwnas.train.seeds import derive_seed

KIND = "network"
FOLDER = "networks"


def _settings(config: Config) -> dict[str, Any]:
    return {"seed": config.seed, "networks": config_to_json(config)["networks"]}


def _make(place: Workplace) -> list[str]:
    config = place.config
    task = load_task(config, place.folder)
    teacher = load_teacher(config, place.folder)
    supernet = load_supernet(config, place.folder)
    shutil.rmtree(place.folder / FOLDER, ignore_errors=True)  # networks of other answers
    (place.folder / FOLDER).mkdir()
    outputs = []
    for codes in sorted({tuple(found.codes) for found in load_answers(place.folder) if found.codes is not None}):
        for n in range(config.networks.n_seeds):
            output = file_name(codes, n)
            network = assemble(teacher, supernet, codes)
            retrain(
                network,
                teacher,
                task,
                config.networks.training,
                distillation=config.networks.distillation,
                seed=derive_seed(config.seed, "networks", n),
                name=output.removesuffix(".pt"),
                progress=place.progress(Path(output).stem),
            )
            save_weights(place.folder / output, KIND, network)
            outputs.append(output)
    return outputs


def file_name(codes: Sequence[int], n: int) -> str:
    """Return where the network of these codes is, retrained with seed ``n``, relative to the run folder."""
    return f"{FOLDER}/{'-'.join(map(str, codes))}-seed{n}.pt"


def load_network(config: Config, folder: Path, codes: Sequence[int], n: int) -> Network:
    """Return a retrained network in evaluation mode; raises as :func:`~qabwnas.train.checkpoint.load_weights`."""
    network = assemble(load_teacher(config, folder), load_supernet(config, folder), codes)
    load_weights(folder / file_name(codes, n), KIND, network)
    return network.eval()


STAGE = Stage("networks", ("data", "teacher", "supernet", "answers"), _settings, _make)
