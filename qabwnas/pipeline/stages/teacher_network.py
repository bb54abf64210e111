"""The network that a configuration's teacher is, before its weights are those of the run, and what it costs."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import lru_cache

from torch import nn

from qabwnas.costs import FixedParts, OperatorCost, encoder_costs, network_costs, total_costs
from qabwnas.errors import InputError
from qabwnas.nets.auxiliary import build_auxiliary
from qabwnas.nets.check import check_shapes
from qabwnas.nets.external import split_teacher
from qabwnas.nets.mmseg import build_mmseg, load_mmseg
from qabwnas.nets.network import Network, build_network
from qabwnas.nets.part_costs import teacher_parts
from qabwnas.nets.state_dict import load_tensors, read_state_dict
from qabwnas.nets.trace import unwrapped
from qabwnas.pipeline.config.config import Config, ModuleConfig
from qabwnas.pipeline.stages.teacher_module import make_module
from qabwnas.quant.operators import Unquantised
from qabwnas.space import BitWidths, Policy, SearchSpace

logger = logging.getLogger(__name__)


def build_teacher(config: Config) -> Network:
    """Return the teacher's network without an auxiliary head; its weights are fresh, or a module's own.

    Raises:
        InputError: a module cannot be imported, made or split, or its shapes are not those of the space.
    """
    teacher = config.teacher
    if teacher.module is not None:
        module = make_module(teacher.module.function, teacher.module.folder)
        return _split(config.space, module, teacher.module, check=False)
    if teacher.checkpoint is not None:
        return build_mmseg(config.space, teacher.operations)
    return build_network(config.space, teacher.operations)


def given_teacher(config: Config) -> Network:
    """Return a teacher that is not trained here, with the weights that it was given.

    Raises:
        InputError: as :func:`build_teacher`.
        FormatError: the file of weights cannot be read, or does not fit.
    """
    teacher = config.teacher
    if teacher.module is None:
        assert teacher.checkpoint is not None
        network = build_mmseg(config.space, teacher.operations)
        load_mmseg(teacher.checkpoint, network, teacher.weights_key)
        return network
    module = make_module(teacher.module.function, teacher.module.folder)
    if teacher.module.weights is not None:
        inner = unwrapped(module)
        names = {key: key for key in inner.state_dict()}
        tensors = read_state_dict(teacher.module.weights, teacher.weights_key, names)
        load_tensors(inner, tensors, names, str(teacher.module.weights))
    network = _split(config.space, module, teacher.module, check=True)
    for name, part in zip(part_names(config), (network.stem, *network.blocks, network.head), strict=True):
        if isinstance(part, Unquantised):
            logger.info("teacher: %s stays float (32 bits) at any bit widths: %s", name, part.reason)
    return network


def part_names(config: Config) -> list[str]:
    """Return how messages call the parts of a network: stem, blocks and head."""
    return ["stem", *(f"block {block.name!r}" for block in config.space.blocks), "head"]


def trainable_teacher(config: Config) -> Network:
    """Return a teacher with fresh weights, and with the auxiliary head that its training may use."""
    network = build_teacher(config)
    if config.teacher.auxiliary is not None:
        b = config.space.block_index(config.teacher.auxiliary.block)
        network.auxiliary = build_auxiliary(config.space, b, config.teacher.auxiliary.channels)
    return network


def _split(space: SearchSpace, module: nn.Module, given: ModuleConfig, *, check: bool) -> Network:
    """Split a module; its parts are compared with it only where its weights are those of the run."""
    try:
        network = split_teacher(module, given.borders, space.input, check=check)
        check_shapes(network, space)
    except InputError as error:
        raise InputError(f"{given.function}: {error}") from error
    return network


@lru_cache(maxsize=4)
def _module_parts(given: ModuleConfig, space: SearchSpace) -> Sequence[tuple[OperatorCost, ...]]:
    """Return the operators of a module's parts; they do not depend on its weights, and tracing it takes a while."""
    network = _split(space, make_module(given.function, given.folder), given, check=False)
    return teacher_parts(network, space.input)


def measured_parts(config: Config) -> FixedParts | None:
    """Return the operators of stem and head where the teacher is a module; ``None`` where the space describes them.

    Raises:
        InputError: as :func:`build_teacher`.
    """
    if config.teacher.module is None:
        return None
    parts = _module_parts(config.teacher.module, config.space)
    return FixedParts(parts[0], parts[-1])


def teacher_costs(config: Config, widths: BitWidths, *, encoder: bool = False) -> dict[str, float]:
    """Return what the teacher costs at these bit widths, without its head if ``encoder``; keys as ``network_costs``."""
    if config.teacher.module is None:
        costs = encoder_costs if encoder else network_costs
        policy = Policy.homogeneous(widths, len(config.space.blocks))
        return costs(config.space, config.teacher.operations, policy)
    parts = _module_parts(config.teacher.module, config.space)
    return total_costs([(part, widths) for part in parts[: -1 if encoder else None]])
