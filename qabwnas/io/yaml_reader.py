"""Read YAML with the numbers of YAML 1.2, and refuse repeated keys.

PyYAML follows YAML 1.1: ``1e-3`` is text, ``010`` is eight, ``1:30`` is ninety, and the last of several equal keys
counts. These rules of YAML 1.1 still hold here: ``yes``, ``no``, ``on`` and ``off`` are true and false, ``1_000`` is a
thousand, and ``<<`` merges mappings.
"""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from qabwnas.errors import InputError

INTEGER = re.compile(r"[-+]?[0-9][0-9_]*$|0o[0-7_]+$|0x[0-9a-fA-F_]+$")
FLOAT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?$"
    r"|[-+]?\.(?:inf|Inf|INF)$|\.(?:nan|NaN|NAN)$"
)
INTEGER_TAG, FLOAT_TAG, DATE_TAG = (f"tag:yaml.org,2002:{name}" for name in ("int", "float", "timestamp"))


class RepeatedKeyError(yaml.MarkedYAMLError):
    """A mapping has a key twice."""


class Loader(yaml.SafeLoader):
    """See above. Raises YAMLError, usually with a mark, and ValueError if a tag does not fit its text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML defines this class attribute
        first: [pair for pair in pairs if pair[0] not in (INTEGER_TAG, FLOAT_TAG, DATE_TAG)]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in lines:
                    problem = f"{key.value!r} is given twice, first in line {lines[key.tag, key.value]}"
                    raise RepeatedKeyError(None, None, problem, key.start_mark)
                lines[key.tag, key.value] = key.start_mark.line + 1
        return node


def _integer(loader: Loader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node)).replace("_", "")
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


def _float(loader: Loader, node: yaml.ScalarNode) -> float:
    return float(re.sub(r"\.(?=inf|nan)", "", str(loader.construct_scalar(node)).replace("_", "").lower()))


class ExactLoader(Loader):
    """Read finite decimals as Decimal, so that measurements keep all of their digits."""


def _decimal(loader: Loader, node: yaml.ScalarNode) -> Decimal | float:
    number = _float(loader, node)
    is_finite = node.value.strip("+-.").lower() not in ("inf", "nan")
    return Decimal(node.value.replace("_", "")) if is_finite else number


Loader.add_implicit_resolver(INTEGER_TAG, INTEGER, list("-+0123456789"))
Loader.add_implicit_resolver(FLOAT_TAG, FLOAT, list("-+.0123456789"))
Loader.add_constructor(INTEGER_TAG, _integer)
Loader.add_constructor(FLOAT_TAG, _float)
ExactLoader.add_constructor(FLOAT_TAG, _decimal)


def read_yaml(path: Path, exact: bool = False) -> Any:
    """Return the content of a YAML file; raises InputError if it cannot be read, and as :func:`parse_yaml`."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: cannot be read: not UTF-8 text") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    return parse_yaml(text, str(path), exact)


def parse_yaml(text: str, where: str, exact: bool = False) -> Any:
    """Return the content of a YAML text with one document.

    With ``exact``, numbers with a point or an exponent are Decimal, which holds all of their digits.

    Raises:
        InputError: the text is not YAML, or a mapping repeats a key; the message starts with ``where``.
    """
    try:
        return yaml.load(text, ExactLoader if exact else Loader)
    except RepeatedKeyError as error:
        raise InputError(f"{where}: {_problem(error)}") from error
    except yaml.MarkedYAMLError as error:
        raise InputError(f"{where}: not YAML: {_problem(error)}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{where}: not YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise InputError(f"{where}: not YAML: nested too deeply") from error


def _problem(error: yaml.MarkedYAMLError) -> str:
    line = "" if error.problem_mark is None else f"line {error.problem_mark.line + 1}: "
    return line + " ".join(f"{error.context or ''} {error.problem}".split())
