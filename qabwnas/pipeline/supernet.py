"""Stage 3: distil the teacher into the supernet, block by block. Writes ``supernet.pt``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from qabwnas.nets.supernet import Supernet, SupernetBlock
from qabwnas.pipeline.config import Config
from qabwnas.pipeline.config_yaml import config_to_json
from qabwnas.pipeline.data import load_task
from qabwnas.pipeline.stage import Stage, Workplace
from qabwnas.pipeline.teacher import load_teacher
from qabwnas.train.checkpoint import load_weights, save_weights
from qabwnas.train.distill import distill_block, feature_maps
from qabwnas.train.feed import images
from qabwnas.train.seeds import derive_seed, own_generators

KIND = "supernet"
FILE_NAME = "supernet.pt"


def _settings(config: Config) -> dict[str, Any]:
    content = config_to_json(config)
    operations = {block["name"]: [block["layers"], block["operations"]] for block in content["space"]["blocks"]}
    return {"seed": config.seed, "supernet": content["supernet"], "space": {"operations": operations}}


def _make(place: Workplace) -> list[str]:
    config = place.config
    maps = feature_maps(load_teacher(config, place.folder), images(load_task(config, place.folder).splits.train))
    with own_generators(derive_seed(config.seed, "supernet")):
        supernet = Supernet(config.space)
    for b, block in enumerate(config.space.blocks):
        distill_block(
            cast(SupernetBlock, supernet.blocks[b]),
            maps[b],
            maps[b + 1],
            config.supernet.training,
            sampling=config.supernet.sampling,
            seed=derive_seed(config.seed, "supernet", block.name),
            name=f"supernet: {block.name}",
            progress=place.progress(f"block{b}"),
        )
    save_weights(place.folder / FILE_NAME, KIND, supernet)
    return [FILE_NAME]


def load_supernet(config: Config, folder: Path) -> Supernet:
    """Return the supernet of a run; raises as :func:`~qabwnas.train.checkpoint.load_weights`."""
    supernet = Supernet(config.space)
    load_weights(folder / FILE_NAME, KIND, supernet)
    return supernet


STAGE = Stage("supernet", ("data", "teacher"), _settings, _make)
