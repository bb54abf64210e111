"""Read the configuration of a run from YAML, and write it as JSON values; every error names its field."""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from importlib import resources
from pathlib import Path
from typing import Any

from qabwnas.errors import InputError
from qabwnas.io.fields import Fields, named, user_path
from qabwnas.io.yaml_reader import parse_yaml, read_yaml
from qabwnas.measure.sample import check_sample
from qabwnas.pipeline.config.config import DISTILLATIONS, INITIAL_WEIGHTS, Config, NetworksConfig, SupernetConfig
from qabwnas.pipeline.config.task_yaml import parse_task, task_to_json, with_root
from qabwnas.pipeline.config.teacher_yaml import parse_teacher, teacher_to_json
from qabwnas.pipeline.stages.budgets import METRICS, resolve_budget
from qabwnas.pipeline.stages.feasibility import check_budgets
from qabwnas.pipeline.stages.teacher_module import make_module
from qabwnas.pipeline.stages.teacher_network import measured_parts
from qabwnas.space import POLICIES, BitWidths, SearchSpace
from qabwnas.space.yaml import check_policy, load_space, parse_space, space_to_json
from qabwnas.train.paths import SAMPLINGS
from qabwnas.train.settings import DECAYED, DECAYS, OPTIMIZERS, Training


def load_config(path: str | os.PathLike[str], data: Path | None = None, sample: int | None = None) -> Config:
    """Return the configuration in a YAML file; a space given as a file is found from the configuration's folder.

    ``data`` is the folder of the data, ``sample`` how many rows a block are measured, instead of what the file says.

    Raises:
        InputError: the file cannot be read, a field in it is wrong, or no network keeps its budgets; the message names
            the field.
    """
    path = Path(path)
    content = read_yaml(path)
    if data is not None:
        content = with_root(content, data, str(path))
    if sample is not None and isinstance(content, dict):
        content = content | {"sample": sample}
    config = parse_config(content, str(path), path.parent)
    check_budgets(config, str(path))
    return config


def stored_config(path: Path) -> Config:
    """Return the configuration that a run keeps, as :func:`config_to_json` gave it; raises as :func:`parse_config`.

    Whether budgets can be met is not checked: older runs answer that nothing fits.
    """
    return parse_config(read_yaml(path), str(path), path.parent)


def demo_config() -> Config:
    """Return the configuration of ``qabwnas demo``, which comes with the package."""
    text = (resources.files("qabwnas") / "configs" / "digits.yaml").read_text(encoding="utf-8")
    return parse_config(parse_yaml(text, "digits.yaml"), "digits.yaml")


def parse_config(content: Any, where: str = "config", folder: Path = Path()) -> Config:
    """Return the configuration that nested YAML values describe.

    Raises:
        InputError: a field is missing, unknown or out of range; the message starts with ``where`` and the field.
    """
    top = Fields(content, where)
    task = parse_task(top, folder)
    space = _parse_space(top, folder)
    minimize = top.choice("minimize", METRICS)
    config = Config(
        task=task,
        space=space,
        seed=top.integer("seed", smallest=0),
        teacher=parse_teacher(top.fields("teacher"), space, folder, _parse_training),
        supernet=_parse_supernet(top.fields("supernet"), len(space.blocks)),
        minimize=minimize,
        front=_parse_front(top, minimize),
        budgets=_parse_budgets(top),
        networks=_parse_networks(top.fields("networks")),
        front_points=top.integer("front_points", default=0, smallest=0),
        sample=None if top.optional("sample") is None else top.integer("sample"),
    )
    top.end()
    _check_module(config, top)
    try:
        check_sample(config.space, config.sample)
    except InputError as error:
        raise InputError(f"{top.path('sample')}: {error}") from error
    for index, budgets in enumerate(config.budgets):
        for metric, budget in budgets.items():
            try:
                resolve_budget(config, metric, budget)
            except InputError as error:
                raise InputError(f"{top.path('budgets')}[{index}]: {error}") from error
    return config


def _check_module(config: Config, top: Fields) -> None:
    """Import and split a teacher that is made elsewhere, so that what is wrong with it is said of its own field."""
    module = config.teacher.module
    if module is not None:
        try:
            make_module(module.function, module.folder)
        except InputError as error:
            raise InputError(f"{top.path('teacher')}.module: {error}") from error
        try:
            measured_parts(config)
        except InputError as error:
            raise InputError(f"{top.path('teacher')}: {error}") from error


def config_to_json(config: Config) -> dict[str, Any]:
    """Return the configuration as JSON values, with nothing left to defaults."""
    return {
        "task": task_to_json(config.task),
        "space": space_to_json(config.space),
        "seed": config.seed,
        "teacher": teacher_to_json(config.teacher),
        "supernet": {
            "training": asdict(config.supernet.training[0])
            | {"learning_rate": [training.learning_rate for training in config.supernet.training]},
            "sampling": config.supernet.sampling,
            "distill": config.supernet.distill,
        },
        "minimize": config.minimize,
        "front": list(config.front),
        "budgets": [dict(budgets) for budgets in config.budgets],
        "front_points": config.front_points,
        "sample": config.sample,
        "networks": {
            "training": asdict(config.networks.training),
            "seeds": config.networks.n_seeds,
            "distillation": config.networks.distillation,
            "initial": config.networks.initial,
            "qat": None if config.networks.qat is None else asdict(config.networks.qat),
        },
    }


def _parse_space(top: Fields, folder: Path) -> SearchSpace:
    source = top.value("space")
    if isinstance(source, dict):  # as config_to_json writes it
        return parse_space(source, top.path("space"))
    if not isinstance(source, str):
        raise InputError(f"{top.path('space')}: {source!r} is neither the name of a preset nor a .yaml file")
    is_file = source.endswith((".yaml", ".yml"))
    space = named(top.path("space"), load_space, str(user_path(source, folder)) if is_file else source)
    if top.has("policy"):
        space = replace(space, policy=top.choice("policy", POLICIES))
    if top.has("bit_widths"):
        space = replace(space, bit_widths=_parse_bit_widths(top))
    check_policy(space, top.where)
    return space


def _parse_bit_widths(top: Fields) -> tuple[BitWidths, ...]:
    entries = top.entries("bit_widths")
    widths = tuple(named(f"{top.path('bit_widths')}[{i}]", BitWidths.parse, entry) for i, entry in enumerate(entries))
    if len(set(widths)) != len(widths):
        raise InputError(f"{top.path('bit_widths')}: an entry stands twice")
    return widths


def _parse_supernet(fields: Fields, n_blocks: int) -> SupernetConfig:
    supernet = SupernetConfig(
        training=_parse_trainings(fields.value("training"), fields.path("training"), n_blocks),
        sampling=fields.choice("sampling", SAMPLINGS, default="uniform"),
        distill=fields.choice("distill", DISTILLATIONS, default="together"),
    )
    fields.end()
    return supernet


def _parse_networks(fields: Fields) -> NetworksConfig:
    networks = NetworksConfig(
        training=_parse_training(fields.fields("training")),
        n_seeds=fields.integer("seeds", default=1),
        distillation=fields.number("distillation", default=0.0),
        initial=fields.choice("initial", INITIAL_WEIGHTS, default=NetworksConfig.initial),
        qat=_parse_training(fields.fields("qat")) if fields.optional("qat") is not None else None,
    )
    if networks.qat is not None and networks.qat.amp:
        raise InputError(f"{fields.path('qat')}.amp: rounding is trained in float32, as it is evaluated")
    if networks.distillation > 1:
        raise InputError(f"{fields.path('distillation')}: {networks.distillation} is not a share of 0 to 1")
    fields.end()
    return networks


def _parse_trainings(content: Any, where: str, n_blocks: int) -> tuple[Training, ...]:
    """Read a training whose learning rate is one number for all blocks, or a list of one a block."""
    rates = content.get("learning_rate") if isinstance(content, dict) else None
    if not isinstance(rates, list):
        return (_parse_training(Fields(content, where)),) * n_blocks
    if len(rates) != n_blocks:
        raise InputError(f"{where}.learning_rate: {len(rates)} learning rates were given for {n_blocks} blocks")
    return tuple(_parse_training(Fields(content | {"learning_rate": rate}, where)) for rate in rates)


def _parse_training(fields: Fields) -> Training:
    training = Training(
        steps=fields.integer("steps"),
        batch=fields.integer("batch"),
        learning_rate=fields.number("learning_rate"),
        optimizer=fields.choice("optimizer", OPTIMIZERS, default=Training.optimizer),
        nesterov=fields.flag("nesterov", default=Training.nesterov),
        decay=fields.choice("decay", DECAYS, default=Training.decay),
        min_learning_rate=fields.number("min_learning_rate", default=Training.min_learning_rate),
        weight_decay=fields.number("weight_decay", default=Training.weight_decay),
        decayed=fields.choice("decayed", DECAYED, default=Training.decayed),
        warm_up=fields.integer("warm_up", default=Training.warm_up, smallest=0),
        amp=fields.flag("amp", default=Training.amp),
    )
    if training.min_learning_rate > training.learning_rate:
        where = fields.path("min_learning_rate")
        raise InputError(f"{where}: {training.min_learning_rate} is more than learning_rate, {training.learning_rate}")
    if training.warm_up >= training.steps:
        raise InputError(f"{fields.path('warm_up')}: {training.warm_up} is not less than steps, {training.steps}")
    fields.end()
    return training


def _parse_front(top: Fields, minimize: str) -> tuple[str, ...]:
    metrics = tuple(top.entries("front"))
    for index, metric in enumerate(metrics):
        if metric not in METRICS:
            raise InputError(f"{top.path('front')}[{index}]: {metric!r} is not one of {', '.join(METRICS)}")
    if minimize not in metrics or len(set(metrics)) != len(metrics) or len(metrics) < 2:
        raise InputError(f"{top.path('front')}: not {minimize!r} and other metrics, each once")
    return (minimize, *(metric for metric in metrics if metric != minimize))


def _parse_budgets(top: Fields) -> tuple[dict[str, str], ...]:
    budgets = []
    for index, entry in enumerate(top.entries("budgets")):
        where = f"{top.path('budgets')}[{index}]"
        if not isinstance(entry, dict):
            raise InputError(f"{where}: not a mapping of metric to budget")
        budgets.append({str(metric): str(budget) for metric, budget in entry.items()})
    return tuple(budgets)
