"""Read a search space from YAML or by preset name, and write it as JSON values; every error names its field."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qabwnas.errors import InputError
from qabwnas.io.fields import Fields, check_odd, named
from qabwnas.io.user_code import DOTTED_PATH
from qabwnas.space.bit_widths import POLICIES, BitWidths
from qabwnas.space.layer_policy import LayerChoices
from qabwnas.space.operation import SKIP, Operation, mbconvs
from qabwnas.space.search_space import HEAD_KINDS, Block, Head, SearchSpace, Setting, Shape, Stem

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def presets() -> tuple[str, ...]:
    """Return the names of the spaces that come with the package."""
    return tuple(sorted(Path(entry.name).stem for entry in _presets().iterdir() if entry.name.endswith(".yaml")))


def _presets() -> Traversable:
    from importlib import resources  # here, because reading the space of a LUT does not need it

    return resources.files("qabwnas.space") / "presets"


def load_space(source: str | os.PathLike[str]) -> SearchSpace:
    """Return the space of a preset name, or of a YAML file (a path that ends in ``.yaml`` or ``.yml``).

    Raises:
        InputError: there is no such preset or file, or a field in it is wrong; the message names the field.
    """
    from qabwnas.io.yaml_reader import parse_yaml, read_yaml  # here, because reading the space of a LUT needs no YAML

    source = os.fspath(source)
    if source.endswith((".yaml", ".yml")):
        return parse_space(read_yaml(Path(source)), source)
    if source not in presets():
        raise InputError(f"space {source!r} is neither a preset ({', '.join(presets())}) nor a .yaml file")
    text = (_presets() / f"{source}.yaml").read_text(encoding="utf-8")
    return parse_space(parse_yaml(text, source), source)


def parse_space(content: Any, where: str = "space") -> SearchSpace:
    """Return the space that nested YAML or JSON values describe, as :func:`space_to_json` writes them.

    Raises:
        InputError: a field is missing, unknown or out of range; the message starts with ``where`` and the field.
    """
    top = Fields(content, where)
    sides = top.fields("input")
    shape = Shape(sides.integer("channels"), sides.integer("height"), sides.integer("width"))
    sides.end()
    stem = _parse_stem(top.fields("stem"))
    head = _parse_head(top.fields("head"))
    shared = top.optional("operations")
    blocks: list[Block] = []
    entries = top.entries("blocks")
    for index, entry in enumerate(entries):
        fields = Fields(entry, f"{where}: blocks[{index}]")
        in_channels = blocks[-1].out_channels if blocks else stem.out_channels
        blocks.append(_parse_block(fields, in_channels, shared))
    names = [block.name for block in blocks]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise InputError(f"{where}: blocks[{index}].name: {name!r} appears twice")
    widths = tuple(
        named(f"{where}: bit_widths[{i}]", BitWidths.parse, entry) for i, entry in enumerate(top.entries("bit_widths"))
    )
    if len(set(widths)) != len(widths):
        raise InputError(f"{where}: bit_widths: an entry appears twice")
    policy = top.choice("policy", POLICIES, default="block")
    space = SearchSpace(top.text("name"), shape, stem, tuple(blocks), head, widths, policy)
    top.end()
    check_policy(space, where)
    return space


def check_policy(space: SearchSpace, where: str) -> None:
    """Raise InputError if layers choose bit widths and a block has more rows than there are codes."""
    if space.policy == "layer":
        for block in space.blocks:
            try:
                LayerChoices(block, space.bit_widths)
            except InputError as error:
                raise InputError(f"{where}: policy: {error}") from error


def space_to_json(space: SearchSpace) -> dict[str, Any]:
    """Return the space as JSON values that :func:`parse_space` reads back to an equal space."""
    stem: dict[str, Any] = {
        "channels": space.stem.channels,
        "kernel": space.stem.kernel,
        "stride": space.stem.stride,
    }
    if space.stem.separable_channels is not None:
        stem["separable_channels"] = space.stem.separable_channels
    head: dict[str, Any] = {"kind": space.head.kind, "classes": space.head.n_classes}
    if space.head.kind == "deeplabv3":
        head |= {"channels": space.head.channels, "dilations": list(space.head.dilations)}
    head |= {name: _as_json(value) for name, value in space.head.settings}
    return {
        "name": space.name,
        "input": {"channels": space.input.channels, "height": space.input.height, "width": space.input.width},
        "stem": stem,
        "blocks": [
            {
                "name": block.name,
                "channels": block.out_channels,
                "layers": block.n_layers,
                "stride": block.stride,
                "dilation": block.dilation,
                "operations": [operation.name for operation in block.operations],
            }
            for block in space.blocks
        ],
        "head": head,
        "bit_widths": [widths.name for widths in space.bit_widths],
        # The default is left out, so that spaces are written as before there were other policies.
        **({} if space.policy == "block" else {"policy": space.policy}),
    }


def _parse_stem(fields: Fields) -> Stem:
    separable = fields.integer("separable_channels") if fields.has("separable_channels") else None
    stem = Stem(fields.integer("channels"), fields.odd("kernel"), fields.integer("stride"), separable)
    fields.end()
    return stem


def _parse_head(fields: Fields) -> Head:
    kind = fields.value("kind")
    if kind not in HEAD_KINDS and not (isinstance(kind, str) and re.match(DOTTED_PATH, kind)):
        kinds = ", ".join(HEAD_KINDS)
        raise InputError(f"{fields.path('kind')}: {kind!r} is not one of {kinds}, or a class package.Class")
    n_classes = fields.integer("classes")
    if kind not in HEAD_KINDS:
        settings = fields.rest().items()
        head = Head(kind, n_classes, settings=tuple((name, _setting(fields.path(name), v)) for name, v in settings))
    elif kind == "classifier":
        head = Head(kind, n_classes)
    else:
        head = Head(kind, n_classes, fields.integer("channels"), tuple(fields.integers("dilations")))
    fields.end()
    return head


def _setting(where: str, value: Any) -> Setting:
    """Return a value of JSON as one that cannot be changed."""
    if isinstance(value, list):
        return tuple(_setting(f"{where}[{i}]", each) for i, each in enumerate(value))
    if not isinstance(value, bool | int | float | str) or (isinstance(value, float) and not math.isfinite(value)):
        raise InputError(f"{where}: {value!r} is not a number, a text, true, false, or a list of these")
    return value


def _as_json(value: Setting) -> Any:
    return [_as_json(each) for each in value] if isinstance(value, tuple) else value


def _parse_block(fields: Fields, in_channels: int, shared_operations: Any) -> Block:
    operations = fields.optional("operations")
    if operations is None:
        operations = shared_operations
    if operations is None:
        raise InputError(f"{fields.where}.operations: missing, both here and for the whole space")
    block = Block(
        name=fields.text("name"),
        in_channels=in_channels,
        out_channels=fields.integer("channels"),
        n_layers=fields.integer("layers"),
        stride=fields.integer("stride", default=1),
        dilation=fields.integer("dilation", default=1),
        operations=_parse_operations(operations, f"{fields.where}.operations"),
    )
    fields.end()
    for index, layer in enumerate(block.layers):
        if not layer.operations:
            raise InputError(f"{fields.where}.operations: layer {index} changes the shape and cannot be skipped")
    return block


def _parse_operations(content: Any, where: str) -> tuple[Operation, ...]:
    """Read ``[k3e3, se_k5e6, package.Class:3, skip]`` or ``{kernels: [3, 5], expansions: [3, 6], skip: true}``."""
    if isinstance(content, Mapping):
        fields = Fields(content, where)
        kernels: list[int] = fields.integers("kernels")
        for index, kernel in enumerate(kernels):
            check_odd(f"{where}.kernels[{index}]", kernel)
        operations = mbconvs(kernels, fields.integers("expansions"))
        if fields.optional("skip"):
            operations += (SKIP,)
        fields.end()
    elif isinstance(content, list):
        operations = tuple(named(f"{where}[{i}]", Operation.parse, entry) for i, entry in enumerate(content))
    else:
        raise InputError(f"{where}: neither a list of operations nor a mapping with kernels and expansions")
    if not operations:
        raise InputError(f"{where}: empty")
    if len(set(operations)) != len(operations):
        raise InputError(f"{where}: an operation appears twice")
    return operations
