"""The network that a configuration's teacher is, before its weights are those of the run, and what it costs."""

from __future__ import annotations

import importlib
import inspect
import logging

from torch import nn

from qabwnas.costs import FixedParts, encoder_costs, network_costs, total_costs
from qabwnas.errors import InputError
from qabwnas.nets.auxiliary import build_auxiliary
from qabwnas.nets.check import check_shapes
from qabwnas.nets.foreign import split_teacher
from qabwnas.nets.mmseg import build_mmseg, load_mmseg
from qabwnas.nets.network import Network, build_network
from qabwnas.nets.part_costs import fixed_parts, teacher_parts
from qabwnas.nets.state_dict import load_tensors, read_state_dict
from qabwnas.nets.trace import unwrapped
from qabwnas.pipeline.config import Config, ModuleConfig
from qabwnas.quant.operators import Unquantised
from qabwnas.space import BitWidths, Policy

logger = logging.getLogger(__name__)


def build_teacher(config: Config) -> Network:
    """Return the teacher's network without an auxiliary head; its weights are fresh, or a module's own.

    Raises:
        InputError: a module cannot be imported, made or split, or its shapes are not those of the space.
    """
    teacher = config.teacher
    if teacher.module is not None:
        return _split(config, make_module(teacher.module.function), teacher.module, check=False)
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
        load_mmseg(teacher.checkpoint, network)
        return network
    module = make_module(teacher.module.function)
    if teacher.module.weights is not None:
        inner = unwrapped(module)
        names = {key: key for key in inner.state_dict()}
        load_tensors(inner, read_state_dict(teacher.module.weights), names, str(teacher.module.weights))
    network = _split(config, module, teacher.module, check=True)
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


def make_module(name: str) -> nn.Module:
    """Return what the function of that name, in a package that is installed, gives when it is called.

    Raises:
        InputError: it cannot be imported, needs arguments, or gives no module.
    """
    package, _, function = name.rpartition(".")
    try:
        make = getattr(importlib.import_module(package), function)
        inspect.signature(make).bind()
    except (ImportError, AttributeError) as error:
        raise InputError(f"{name}: cannot be imported: {error}") from error
    except TypeError as error:
        raise InputError(f"{name}: not a function that can be called without arguments: {error}") from error
    module = make()
    if not isinstance(module, nn.Module):
        raise InputError(f"{name}: gives {type(module).__name__}, not a module of torch")
    return module


def _split(config: Config, module: nn.Module, given: ModuleConfig, *, check: bool) -> Network:
    """Split a module; its parts are compared with it only where its weights are those of the run."""
    try:
        network = split_teacher(module, given.borders, config.space.input, check=check)
        check_shapes(network, config.space)
    except InputError as error:
        raise InputError(f"{given.function}: {error}") from error
    return network


def measured_parts(config: Config) -> FixedParts | None:
    """Return the operators of stem and head where the teacher is a module; ``None`` where the space describes them."""
    return None if config.teacher.module is None else fixed_parts(build_teacher(config), config.space.input)


def teacher_costs(config: Config, widths: BitWidths, *, encoder: bool = False) -> dict[str, float]:
    """Return what the teacher costs at these bit widths, without its head if ``encoder``; keys as ``network_costs``."""
    if config.teacher.module is None:
        costs = encoder_costs if encoder else network_costs
        policy = Policy.homogeneous(widths, len(config.space.blocks))
        return costs(config.space, config.teacher.operations, policy)
    parts = teacher_parts(build_teacher(config), config.space.input)
    return total_costs([(part, widths) for part in parts[: -1 if encoder else None]])
