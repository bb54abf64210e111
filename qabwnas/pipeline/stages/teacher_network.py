"""The teacher's network, before it has the weights of the run, and its costs.

An external teacher comes from a function of the user, which is imported and called here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from qabwnas.costs import FixedParts, OperatorCost, encoder_costs, network_costs, total_costs
from qabwnas.errors import FormatError, InputError
from qabwnas.io.user_code import call, load_object
from qabwnas.nets.external.costs import fixed_parts, teacher_parts
from qabwnas.nets.external.split import check_shapes, part_modules, split_teacher
from qabwnas.nets.external.user_module import evaluation_copy, unwrapped
from qabwnas.nets.layers import build_auxiliary
from qabwnas.nets.mmseg import build_mmseg, load_mmseg
from qabwnas.nets.network import Network, build_network
from qabwnas.nets.pretrained import load_pretrained
from qabwnas.nets.state_dict import load_tensors, read_state_dict
from qabwnas.pipeline.config.config import Config, run_costs
from qabwnas.pipeline.config.teacher import CheckpointTeacher, ModuleTeacher, TrainedTeacher, freezable_parts
from qabwnas.quant.operators import Unquantised
from qabwnas.space import BitWidths, Policy, SearchSpace, Shape
from qabwnas.train.checkpoint import check_whole

logger = logging.getLogger(__name__)


def build_teacher(config: Config) -> Network:
    """Return the teacher's network without an auxiliary head, with new weights or those that a module has.

    Raises:
        InputError: a module cannot be imported, made or split, or its shapes are not those of the space.
    """
    teacher = config.teacher
    if isinstance(teacher, ModuleTeacher):
        return _split(config.space, make_module(teacher.module, teacher.folder), teacher, check=False)
    if isinstance(teacher, CheckpointTeacher):
        return build_mmseg(config.space, teacher.operations)
    return build_network(config.space, teacher.operations)


def given_teacher(config: Config) -> Network:
    """Return a teacher that is not trained here, with the weights that the configuration gives.

    Raises:
        InputError: as :func:`build_teacher`.
        FormatError: the file of weights cannot be read, or does not fit.
    """
    teacher = config.teacher
    if isinstance(teacher, CheckpointTeacher):
        network = build_mmseg(config.space, teacher.operations)
        load_mmseg(teacher.checkpoint, network, teacher.weights_key)
        return network
    assert isinstance(teacher, ModuleTeacher)
    return _split(config.space, _given_module(teacher), teacher, check=True)


def _given_module(teacher: ModuleTeacher) -> nn.Module:
    module = make_module(teacher.module, teacher.folder)
    if teacher.weights is not None:
        inner = unwrapped(module)
        names = {key: key for key in inner.state_dict()}
        tensors = read_state_dict(teacher.weights, teacher.weights_key, names)
        load_tensors(inner, tensors, names, str(teacher.weights))
    return module


def log_float_parts(config: Config, network: Network) -> None:
    """Log which parts of a network stay float at any bit widths, and why."""
    for name, part in zip(part_names(config), (network.stem, *network.blocks, network.head), strict=True):
        if isinstance(part, Unquantised):
            logger.info("teacher: %s stays float (32 bits) at any bit widths: %s", name, part.reason)


def part_names(config: Config) -> list[str]:
    """Return the names of a network's parts in messages: stem, blocks and head."""
    return ["stem", *(f"block {block.name!r}" for block in config.space.blocks), "head"]


def trainable_teacher(config: Config) -> tuple[nn.Module, list[nn.Module]]:
    """Return what is trained to be the teacher, with the weights that it starts from, and its frozen submodules.

    This is a network, with the auxiliary head if the configuration has one; or the user's module itself, because only
    its own code does what it should in training mode. :func:`trained_network` returns the teacher afterwards.

    Raises:
        InputError: as :func:`build_teacher`; or a module does not run in training mode, or a part cannot be frozen.
        FormatError: a file of weights cannot be read, or does not fit.
    """
    teacher = config.teacher
    if isinstance(teacher, ModuleTeacher):
        module = unwrapped(_given_module(teacher))
        _check_training_mode(module, f"teacher.module: {teacher.module}", config.space.input)
        return module, _frozen(config, lambda: part_modules(module, teacher.borders, config.space.input))
    assert isinstance(teacher, TrainedTeacher)
    network = build_teacher(config)
    if teacher.checkpoint is not None:
        _load_checkpoint(network, config.space, teacher)
    if teacher.auxiliary is not None:
        b = config.space.block_index(teacher.auxiliary.block)
        network.auxiliary = build_auxiliary(config.space, b, teacher.auxiliary.channels)
    return network, _frozen(config, lambda: [[part] for part in (network.stem, *network.blocks, network.head)])


def trained_network(config: Config, trained: nn.Module) -> Network:
    """Return the teacher that :func:`trainable_teacher` became; raises as :func:`build_teacher`."""
    if isinstance(config.teacher, ModuleTeacher):
        network = _split(config.space, trained.cpu(), config.teacher, check=True)
        log_float_parts(config, network)
        return network
    assert isinstance(trained, Network)
    trained.auxiliary = None  # only training uses it
    return trained


def _load_checkpoint(network: Network, space: SearchSpace, teacher: TrainedTeacher) -> None:
    assert teacher.checkpoint is not None
    try:
        check_whole(teacher.checkpoint)
        others = load_pretrained(teacher.checkpoint, network, space, teacher.weights_key, new_head=teacher.new_head)
    except FormatError as error:
        raise FormatError(f"teacher.checkpoint: {error}") from error
    dilations = "only its first layer is dilated in mmsegmentation, and all of its layers are here"
    for name in others:
        if name in teacher.frozen:
            raise InputError(f"teacher.frozen: {name!r} has to be trained: {dilations}")
        logger.info("teacher: block %r has to adapt: %s", name, dilations)


def _frozen(config: Config, modules_of_parts: Callable[[], Sequence[Sequence[nn.Module]]]) -> list[nn.Module]:
    """Return the submodules of the parts that the configuration freezes."""
    assert not isinstance(config.teacher, CheckpointTeacher)
    frozen = config.teacher.frozen
    if not frozen:
        return []
    try:
        parts = dict(zip(freezable_parts(config.space), modules_of_parts(), strict=True))
    except InputError as error:
        raise InputError(f"teacher.frozen: {error}") from error
    logger.info("teacher: %s: frozen, weights and statistics stay as they are", ", ".join(frozen))
    return [module for name in frozen for module in parts[name]]


def _check_training_mode(module: nn.Module, name: str, image: Shape) -> None:
    """Raise InputError unless a module gives one tensor in training mode, too."""
    copied = evaluation_copy(module).train()
    answer = call(f"{name}, in training mode", copied, torch.rand(2, image.channels, image.height, image.width))
    if not isinstance(answer, Tensor):
        raise InputError(
            f"{name}: gives {type(answer).__name__} in training mode, not one tensor of logits; give a module that does"
        )


def _split(space: SearchSpace, module: nn.Module, given: ModuleTeacher, *, check: bool) -> Network:
    """Split a module into parts; ``check`` also compares their outputs with the module's."""
    try:
        network = split_teacher(module, given.borders, space.input, check=check)
        check_shapes(network, space)
    except InputError as error:
        raise InputError(f"{given.module}: {error}") from error
    return network


@lru_cache(maxsize=4)
def _module_parts(given: ModuleTeacher, space: SearchSpace) -> Sequence[tuple[OperatorCost, ...]]:
    """Return the operators of a module's parts, which do not depend on its weights; cached, because tracing is slow."""
    network = _split(space, make_module(given.module, given.folder), given, check=False)
    return teacher_parts(network, space.input)


def measured_parts(config: Config) -> FixedParts | None:
    """Return the operators of stem and head if they are the user's code; ``None`` if the space describes them.

    Raises:
        InputError: as :func:`build_teacher` and :func:`~qabwnas.nets.external.costs.fixed_parts`.
    """
    if not isinstance(config.teacher, ModuleTeacher):
        return fixed_parts(config.space)
    parts = _module_parts(config.teacher, config.space)
    return FixedParts(parts[0], parts[-1])


def teacher_costs(config: Config, widths: BitWidths, fixed: BitWidths, *, encoder: bool = False) -> dict[str, float]:
    """Return the teacher's costs with blocks at ``widths`` and stem and head at ``fixed``; keys as ``network_costs``.

    ``encoder`` leaves the head out.
    """
    if not isinstance(config.teacher, ModuleTeacher):
        costs = encoder_costs if encoder else network_costs
        policy = Policy((widths,) * len(config.space.blocks), fixed)
        return costs(config.space, config.teacher.operations, policy, measured_parts(config), run_costs(config))
    stem, *blocks, head = _module_parts(config.teacher, config.space)
    parts = [(stem, fixed), *((block, widths) for block in blocks), (head, fixed)]
    return total_costs(parts[: -1 if encoder else None], run_costs(config))


def make_module(name: str, folder: Path | None = None) -> nn.Module:
    """Call the function ``package.function`` and return the module that it returns.

    Raises:
        InputError: the function cannot be imported (:func:`~qabwnas.io.user_code.load_object`), needs arguments, raises
            an error, or returns no module.
    """
    make = load_object(name, folder)
    if not callable(make):
        raise InputError(f"{name}: is {type(make).__name__}, not a function that gives a module of torch")
    given = call(name, make)
    if not isinstance(given, nn.Module):
        raise InputError(f"{name}: gives {type(given).__name__}, not a module of torch")
    for key, value in [*given.named_parameters(), *given.named_buffers()]:
        if is_lazy(value):
            raise InputError(f"{name}: {key} has no shape yet (a lazy module); run the module once in the function")
    return given
