"""Values that several sections of a configuration have: paths, spaces, operations, bit widths, budgets.

Relative paths and the file of a space are found from the folder in the validation context, that of the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    FilePath,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
)

from qabwnas.io.fields import user_path
from qabwnas.search.constraints.scope import Scope
from qabwnas.space import BitWidths, Operation, SearchSpace
from qabwnas.space.yaml import load_space, parse_space, space_to_json


class FieldError(ValueError):
    """A value is wrong because of another section; ``field`` is its path within the section that is checked."""

    def __init__(self, field: str, message: object) -> None:
        super().__init__(str(message))
        self.field = field


def read_path(value: Any, info: ValidationInfo) -> Path:
    """Return a path of a configuration as an absolute one, or one relative to the working directory."""
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} is not a path; put it between quotes")
    return user_path(value, config_folder(info))


def config_folder(info: ValidationInfo) -> Path:
    """Return the folder of the configuration that is read."""
    return info.context["folder"] if info.context else Path()


def _read_space(value: Any, info: ValidationInfo) -> SearchSpace:
    if isinstance(value, SearchSpace):
        return value
    if isinstance(value, Mapping):  # as the folder of a run holds it
        return parse_space(value, str(value.get("name")))
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is neither the name of a preset nor a .yaml file")
    return load_space(str(user_path(value, config_folder(info))) if value.endswith((".yaml", ".yml")) else value)


def _read_operations(value: Any) -> tuple[Operation, ...]:
    if isinstance(value, tuple):
        return value
    return tuple(map(Operation.parse, str(value).split()))


def _read_bit_widths(value: Any) -> BitWidths:
    if isinstance(value, BitWidths):
        return value
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise ValueError(f"{value!r} is not a bit width such as 8 or w4a8")
    return BitWidths.parse(value)


def check_distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the values; raise ValueError if two are equal."""
    if len(set(values)) != len(values):
        raise ValueError("an entry is given twice")
    return values


def as_text(value: Any) -> Any:
    """Return a number as text; what YAML reads as a truth value or as a decimal is not what was meant as a name."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _amount(value: Any) -> Any:
    return str(value) if isinstance(value, float) else as_text(value)


BITS = "bits"
"""The key of an entry of the budgets that is no metric: the bit widths that its networks may have."""


def bounds_of(entry: Mapping[str, str]) -> dict[str, str]:
    """Return metric → largest total of an entry of the budgets, as text."""
    return {metric: bound for metric, bound in entry.items() if metric != BITS}


def scope_of(entry: Mapping[str, str]) -> Scope | None:
    """Return the networks that an entry of the budgets allows by their bit widths; ``None`` allows all.

    Raises:
        InputError: as :class:`~qabwnas.search.constraints.scope.Scope`.
    """
    return Scope(bits=(entry[BITS],)) if BITS in entry else None


UserPath = Annotated[Path, BeforeValidator(read_path, json_schema_input_type=str)]
UserFile = Annotated[FilePath, BeforeValidator(read_path, json_schema_input_type=str)]
Budget = Annotated[str, BeforeValidator(_amount, json_schema_input_type=float | str)]
Border = Annotated[str, BeforeValidator(as_text, json_schema_input_type=int | str)]
Space = Annotated[
    SearchSpace,
    PlainValidator(_read_space, json_schema_input_type=str | dict[str, Any]),
    PlainSerializer(space_to_json),
]
BlockOperations = Annotated[
    tuple[Operation, ...],
    PlainValidator(_read_operations, json_schema_input_type=str),
    PlainSerializer(lambda operations: " ".join(operation.name for operation in operations)),
]
Operations = Annotated[
    tuple[BlockOperations, ...],
    Field(min_length=1, description="The operations of each block, one per layer, such as [k3e6 k3e6, k5e6]."),
]
Widths = Annotated[
    BitWidths,
    PlainValidator(_read_bit_widths, json_schema_input_type=int | str),
    PlainSerializer(lambda widths: widths.name),
]
WeightsKey = Annotated[
    str | None, Field(min_length=1, description="The state dict to take, where the file has several.")
]
