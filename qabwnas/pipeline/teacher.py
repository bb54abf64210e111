"""Stage 2: train the teacher. Writes ``teacher.pt``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from qabwnas.nets.network import Network, build_network
from qabwnas.pipeline.config import Config
from qabwnas.pipeline.config_yaml import config_to_json
from qabwnas.pipeline.data import load_task
from qabwnas.pipeline.stage import Stage, Workplace
from qabwnas.train.checkpoint import load_weights, save_weights
from qabwnas.train.parallel import rank, tell_others
from qabwnas.train.seeds import derive_seed, own_generators
from qabwnas.train.teacher import train_teacher

KIND = "teacher"
FILE_NAME = "teacher.pt"


def _settings(config: Config) -> dict[str, Any]:
    content = config_to_json(config)
    space = content["space"]
    # What the space lets the search choose from is nothing to the teacher.
    shapes = [{name: block[name] for name in ("channels", "stride", "dilation")} for block in space["blocks"]]
    fixed = {name: space[name] for name in ("input", "stem", "head")}
    return {name: content[name] for name in ("seed", "teacher")} | {"space": {**fixed, "blocks": shapes}}


def _make(place: Workplace) -> list[str]:
    config = place.config
    task = load_task(config, place.folder)
    seed = derive_seed(config.seed, "teacher")
    with own_generators(seed):
        network = build_network(config.space, config.teacher.operations)
    settings = config.teacher.training
    tell_others((place.scratch, place.identity))  # they train with this process: see pipeline.together
    train_teacher(
        network,
        task,
        settings,
        seed=seed,
        name=KIND,
        progress=place.progress(KIND),
        device=torch.device(place.resources.device),
        workers=place.resources.n_readers,
    )
    if rank() == 0:
        save_weights(place.folder / FILE_NAME, KIND, network)
    return [FILE_NAME]


def load_teacher(config: Config, folder: Path) -> Network:
    """Return the teacher of a run, in evaluation mode; raises as :func:`~qabwnas.train.checkpoint.load_weights`."""
    network = build_network(config.space, config.teacher.operations)
    load_weights(folder / FILE_NAME, KIND, network)
    return network.eval()


STAGE = Stage("teacher", ("data",), _settings, _make)
