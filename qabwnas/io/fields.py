"""Read a mapping of YAML or JSON values field by field, so that every error can name the field it is about."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from qabwnas.errors import InputError

if TYPE_CHECKING:
    from yaml import MarkedYAMLError

T = TypeVar("T")

LARGEST_NUMBER = sys.float_info.max
"""Whole numbers may be larger, and are no doubles then."""


class Fields:
    """A mapping whose errors say where they are, and whose fields all have to be read before :meth:`end`.

    ``where`` stands before the field's name in every message: ``space: head.kind: …``.

    Every reading method raises InputError where the field is missing (and has no default) or is of another kind.
    """

    def __init__(self, content: Any, where: str) -> None:
        if not isinstance(content, Mapping):
            raise InputError(f"{where}: not a mapping of fields")
        self.where = where
        self._content = content
        self._read: set[str] = set()

    def has(self, name: str) -> bool:
        """Return whether the field is there and not null."""
        return self._content.get(name) is not None

    def contains(self, name: str) -> bool:
        """Return whether the field is there, if only as null."""
        return name in self._content

    def optional(self, name: str) -> Any:
        """Return the field's content as it stands, ``None`` where it is missing."""
        self._read.add(name)
        return self._content.get(name)

    def value(self, name: str) -> Any:
        """Return the field's content as it stands."""
        content = self.optional(name)
        if content is None:
            raise InputError(f"{self.path(name)}: missing{_nearest(name, self._unread(), '; is {} meant for it?')}")
        return content

    def fields(self, name: str) -> Fields:
        """Return the mapping in the field, to be read in its turn."""
        return Fields(self.value(name), self.path(name))

    def text(self, name: str) -> str:
        """Return a name: text that is not empty and holds no slash."""
        content = self.value(name)
        if not isinstance(content, str) or not content or "/" in content:
            raise InputError(f"{self.path(name)}: {content!r} is not a name{_quotes(content)}")
        return content

    def sentence(self, name: str) -> str:
        """Return text for people, not empty."""
        content = self.value(name)
        if not isinstance(content, str) or not content.strip():
            raise InputError(f"{self.path(name)}: {content!r} is not a text{_quotes(content)}")
        return content

    def choice(self, name: str, choices: Sequence[str], default: str | None = None) -> str:
        """Return one of ``choices``."""
        content = self.value(name) if default is None or self.has(name) else default
        self._read.add(name)
        if content not in choices:
            raise InputError(f"{self.path(name)}: {content!r} is not one of {', '.join(choices)}")
        return str(content)

    def integer(self, name: str, default: int | None = None, smallest: int = 1) -> int:
        """Return a whole number of ``smallest`` or more."""
        content = self.optional(name) if default is not None else self.value(name)
        return whole_number(self.path(name), default if content is None else content, smallest)

    def odd(self, name: str) -> int:
        """Return an odd whole number of 1 or more."""
        number = self.integer(name)
        check_odd(self.path(name), number)
        return number

    def decimal(self, name: str) -> Decimal:
        """Return a finite number of 0 or more with all the digits that it was read with."""
        content = self.value(name)
        if isinstance(content, float):
            content = Decimal(repr(content))
        if isinstance(content, bool) or not isinstance(content, (int, Decimal)) or not 0 <= content <= LARGEST_NUMBER:
            raise InputError(f"{self.path(name)}: {shown(content)} is not a number of 0 or more")
        return Decimal(content)

    def number(self, name: str, default: float | None = None) -> float:
        """Return a finite number of 0 or more."""
        content = self.optional(name) if default is not None else self.value(name)
        content = default if content is None else content
        if not isinstance(content, (int, float)) or isinstance(content, bool) or not 0 <= content <= LARGEST_NUMBER:
            raise InputError(f"{self.path(name)}: {content!r} is not a number of 0 or more")
        return float(content)

    def flag(self, name: str, default: bool) -> bool:
        """Return true or false."""
        content = self.optional(name)
        content = default if content is None else content
        if not isinstance(content, bool):
            raise InputError(f"{self.path(name)}: {content!r} is neither true nor false")
        return content

    def entries(self, name: str) -> list[Any]:
        """Return a list of one entry or more."""
        content = self.value(name)
        if not isinstance(content, list) or not content:
            raise InputError(f"{self.path(name)}: not a list of one entry or more")
        return content

    def integers(self, name: str) -> list[int]:
        """Return a list of whole numbers, each 1 or more."""
        return [whole_number(f"{self.path(name)}[{i}]", entry) for i, entry in enumerate(self.entries(name))]

    def end(self) -> None:
        """Refuse the fields that nobody has read: each is a slip of the pen. Messages name the nearest known one."""
        for name in self._unread():
            known = sorted(self._read - self._content.keys())
            raise InputError(f"{self.path(name)}: unknown field{_nearest(name, known, '; is {} meant?')}")

    def _unread(self) -> list[str]:
        return [str(name) for name in self._content if name not in self._read]

    def path(self, name: str) -> str:
        """Return where a field is, as messages name it."""
        return f"{self.where}.{name}" if self.where.endswith("]") or ": " in self.where else f"{self.where}: {name}"


def _nearest(name: str, others: Sequence[str], text: str) -> str:
    """Return ``text`` with the one of ``others`` that is spelt most like ``name``; nothing where none is."""
    close = difflib.get_close_matches(name, others, n=1)
    return text.format(repr(close[0])) if close else ""


def shown(content: Any) -> str:
    """Return content as messages show it: a number as it was read, a text between quotes."""
    return str(content) if isinstance(content, Decimal) else repr(content)


def _quotes(content: Any) -> str:
    return "; put it between quotes" if isinstance(content, (bool, int, float)) else ""


def read_yaml(path: Path) -> Any:
    """Return the content of a YAML file; raises InputError, which names it, where it cannot be read or as below."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: cannot be read: not text in UTF-8") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, where: str, exact: bool = False) -> Any:
    """Return the content of a YAML text, with the numbers of YAML 1.2 (see :mod:`~qabwnas.io.yaml_reader`).

    With ``exact``, numbers with a point or an exponent are Decimal, which holds all of their digits.

    Raises:
        InputError: the text is not YAML, or a mapping has a key twice; the message starts with ``where``.
    """
    import yaml  # here, so that a search of a LUT does not pay for it

    from qabwnas.io import yaml_reader

    try:
        return yaml_reader.load(text, exact)
    except yaml_reader.RepeatedKeyError as error:
        raise InputError(f"{where}: {_problem(error)}") from error
    except yaml.MarkedYAMLError as error:
        raise InputError(f"{where}: not YAML: {_problem(error)}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{where}: not YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise InputError(f"{where}: not YAML: nested too deeply") from error


def _problem(error: MarkedYAMLError) -> str:
    line = "" if error.problem_mark is None else f"line {error.problem_mark.line + 1}: "
    return line + " ".join(f"{error.context or ''} {error.problem}".split())


def user_path(text: str, folder: Path) -> Path:
    """Return the absolute path that a user wrote: from ``folder`` where it is relative; ``~`` is the home folder.

    Raises:
        InputError: there is no home folder for it.
    """
    try:
        return (folder / Path(text).expanduser()).absolute()
    except RuntimeError as error:
        raise InputError(f"{text!r}: {error}") from error


def named(where: str, parse: Callable[[str], T], content: Any) -> T:
    """Return ``parse`` of a name or number; its InputError gets ``where`` in front."""
    if not isinstance(content, (str, int)) or isinstance(content, bool):
        raise InputError(f"{where}: {content!r} is not a name")
    try:
        return parse(str(content))
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def whole_number(where: str, content: Any, smallest: int = 1) -> int:
    """Return ``content`` if it is a whole number of ``smallest`` or more, as ``8e4`` is, else raise InputError."""
    if isinstance(content, Decimal):
        content = float(content)  # infinite if it is too large to be written out
    if isinstance(content, float) and content.is_integer():
        content = int(content)
    if not isinstance(content, int) or isinstance(content, bool) or content < smallest:
        raise InputError(f"{where}: {content!r} is not a whole number of {smallest} or more")
    return content


def check_odd(where: str, kernel: int) -> None:
    """Raise InputError if the kernel is even: it would have no middle."""
    if kernel % 2 == 0:
        raise InputError(f"{where}: the kernel {kernel} is not odd")
