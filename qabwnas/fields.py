"""Read a mapping of YAML or JSON values field by field, so that every error can name the field it is about."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from qabwnas.errors import InputError

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
            raise InputError(f"{self.path(name)}: missing")
        return content

    def fields(self, name: str) -> Fields:
        """Return the mapping in the field, to be read in its turn."""
        return Fields(self.value(name), self.path(name))

    def text(self, name: str) -> str:
        """Return a name: text that is not empty and holds no slash."""
        content = self.value(name)
        if not isinstance(content, str) or not content or "/" in content:
            raise InputError(f"{self.path(name)}: {content!r} is not a name")
        return content

    def sentence(self, name: str) -> str:
        """Return text for people, not empty."""
        content = self.value(name)
        if not isinstance(content, str) or not content.strip():
            raise InputError(f"{self.path(name)}: {content!r} is not a text")
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
        """Refuse the fields that nobody has read: each is a slip of the pen."""
        for name in self._content:
            if name not in self._read:
                raise InputError(f"{self.path(str(name))}: unknown field")

    def path(self, name: str) -> str:
        """Return where a field is, as messages name it."""
        return f"{self.where}.{name}" if self.where.endswith("]") or ": " in self.where else f"{self.where}: {name}"


def parse_yaml(text: str, where: str) -> Any:
    """Return the content of a YAML text.

    Raises:
        InputError: the text is not YAML; the message starts with ``where``.
    """
    import yaml  # here, so that a search of a LUT does not pay for it

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{where}: not YAML: {' '.join(str(error).split())}") from error


def named(where: str, parse: Callable[[str], T], content: Any) -> T:
    """Return ``parse`` of a name or number; its InputError gets ``where`` in front."""
    if not isinstance(content, (str, int)) or isinstance(content, bool):
        raise InputError(f"{where}: {content!r} is not a name")
    try:
        return parse(str(content))
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def whole_number(where: str, content: Any, smallest: int = 1) -> int:
    """Return ``content`` if it is a whole number of ``smallest`` or more, else raise InputError."""
    if not isinstance(content, int) or isinstance(content, bool) or content < smallest:
        raise InputError(f"{where}: {content!r} is not a whole number of {smallest} or more")
    return content


def check_odd(where: str, kernel: int) -> None:
    """Raise InputError if the kernel is even: it would have no middle."""
    if kernel % 2 == 0:
        raise InputError(f"{where}: the kernel {kernel} is not odd")
