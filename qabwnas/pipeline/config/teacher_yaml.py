"""Read the teacher of a configuration, and write it as JSON values.

A teacher is one of three: layers of the space that are trained here (``operations``, ``training`` and, if wanted,
``auxiliary``), the same with the weights of a checkpoint of mmsegmentation (``operations``, ``checkpoint``), or any
other module (``module``, ``borders`` and, if wanted, ``weights``). ``weights_key`` chooses one of several state dicts
in a file, and ``folder`` is where the module's package is, if not beside the configuration.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from qabwnas.errors import InputError
from qabwnas.io.fields import Fields, check_odd, named, user_path
from qabwnas.pipeline.config.config import AuxiliaryConfig, ModuleConfig, TeacherConfig
from qabwnas.space import Operation, SearchSpace
from qabwnas.train.settings import Training

Operations = tuple[tuple[Operation, ...], ...]


def parse_teacher(
    fields: Fields, space: SearchSpace, folder: Path, parse_training: Callable[[Fields], Training]
) -> TeacherConfig:
    """Read a teacher; files are found from ``folder``, that of the configuration.

    Raises InputError as :class:`~qabwnas.io.fields.Fields` does, or where the operations do not make a network.
    """
    if fields.has("module"):
        module = _parse_module(fields, space, folder)
        teacher = TeacherConfig((), module=module, weights_key=_parse_key(fields) if module.weights else None)
    elif fields.has("checkpoint"):
        checkpoint = _parse_file(fields, "checkpoint", folder)
        teacher = TeacherConfig(_parse_operations(fields, space), checkpoint=checkpoint, weights_key=_parse_key(fields))
    else:
        operations = _parse_operations(fields, space)
        training = parse_training(fields.fields("training"))
        teacher = TeacherConfig(operations, training, _parse_auxiliary(fields, space))
    fields.end()
    return teacher


def teacher_to_json(teacher: TeacherConfig) -> dict[str, Any]:
    """Return the fields of a teacher that it has."""
    key = {} if teacher.weights_key is None else {"weights_key": teacher.weights_key}
    content: dict[str, Any]
    if teacher.module is not None:
        module = teacher.module
        paths = {"folder": module.folder, "weights": module.weights}
        content = {"module": module.function, "borders": list(module.borders)}
        return content | {name: str(path) for name, path in paths.items() if path is not None} | key
    content = {"operations": [" ".join(o.name for o in block) for block in teacher.operations]}
    if teacher.checkpoint is not None:
        return content | {"checkpoint": str(teacher.checkpoint)} | key
    assert teacher.training is not None
    content["training"] = asdict(teacher.training)
    return content if teacher.auxiliary is None else content | {"auxiliary": asdict(teacher.auxiliary)}


def _parse_operations(fields: Fields, space: SearchSpace) -> Operations:
    where = fields.path("operations")
    operations = tuple(
        tuple(named(f"{where}[{b}]", Operation.parse, name) for name in str(block).split())
        for b, block in enumerate(fields.entries("operations"))
    )
    for b, block in enumerate(operations):
        for operation in block:
            if not operation.is_skip:
                check_odd(f"{where}[{b}]", operation.kernel)
    try:
        space.network_layers(operations)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    return operations


def _parse_auxiliary(fields: Fields, space: SearchSpace) -> AuxiliaryConfig | None:
    if fields.optional("auxiliary") is None:
        return None
    if space.head.kind == "classifier":
        raise InputError(f"{fields.path('auxiliary')}: auxiliary heads are for pixel-wise logits, not a classifier's")
    inner = fields.fields("auxiliary")
    auxiliary = AuxiliaryConfig(
        block=inner.choice("block", tuple(block.name for block in space.blocks)),
        channels=inner.integer("channels", default=AuxiliaryConfig.channels),
        weight=inner.number("weight", default=AuxiliaryConfig.weight),
    )
    inner.end()
    return auxiliary


def _parse_module(fields: Fields, space: SearchSpace, folder: Path) -> ModuleConfig:
    function = fields.text("module")
    if "." not in function or not all(part.isidentifier() for part in function.split(".")):
        raise InputError(f"{fields.path('module')}: {function!r} is not of the form package.function")
    borders = tuple(_border(f"{fields.path('borders')}[{i}]", name) for i, name in enumerate(fields.entries("borders")))
    if len(borders) != len(space.blocks) + 1:
        raise InputError(
            f"{fields.path('borders')}: {len(borders)} were given, not one for the input of the first of "
            f"{len(space.blocks)} blocks and one for each block's output"
        )
    weights = _parse_file(fields, "weights", folder) if fields.optional("weights") is not None else None
    beside = fields.optional("folder")
    if beside is not None and not isinstance(beside, str):
        raise InputError(f"{fields.path('folder')}: {beside!r} is not a folder")
    return ModuleConfig(function, borders, weights, user_path(beside or ".", folder))


def _parse_key(fields: Fields) -> str | None:
    return None if fields.optional("weights_key") is None else fields.sentence("weights_key")


def _border(where: str, content: Any) -> str:
    """Return the name of a module; whole numbers name those of ``nn.Sequential``."""
    if not isinstance(content, (str, int)) or isinstance(content, bool):
        raise InputError(f"{where}: {content!r} is not the name of a module; put it between quotes")
    return str(content)


def _parse_file(fields: Fields, name: str, folder: Path) -> Path:
    content = fields.value(name)
    if not isinstance(content, str):
        raise InputError(f"{fields.path(name)}: {content!r} is not a file")
    path = user_path(content, folder)
    if not path.is_file():
        raise InputError(f"{fields.path(name)}: {content!r} is not a file: there is none at {path}")
    return path
