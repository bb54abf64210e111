"""Read a mapping of YAML or JSON values field by field, so that every error names its field."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from qabwnas.errors import InputError
from qabwnas.io.numeric import shown

T = TypeVar("T")

LARGEST_NUMBER = sys.float_info.max
"""The largest double; Python integers may be larger."""


class Fields:
    """A mapping whose errors name the field, and whose fields must all be read before :meth:`end`.

    ``where`` comes before the field's name in every message: ``space: head.kind: …``.

    Every reading method raises InputError if the field is missing (and has no default) or has another type.
    """

    def __init__(self, content: Any, where: str) -> None:
        if not isinstance(content, Mapping):
            raise InputError(f"{where}: not a mapping of fields")
        self.where = where
        self._content = content
        self._read: set[str] = set()

    def has(self, name: str) -> bool:
        """Return whether the field is present and not null."""
        return self._content.get(name) is not None

    def contains(self, name: str) -> bool:
        """Return whether the field is present; it may be null."""
        return name in self._content

    def optional(self, name: str) -> Any:
        """Return the field's content unchanged, ``None`` if it is missing."""
        self._read.add(name)
        return self._content.get(name)

    def value(self, name: str) -> Any:
        """Return the field's content unchanged."""
        content = self.optional(name)
        if content is None:
            raise InputError(
                f"{self.path(name)}: missing{_nearest(name, self._unread(), '; did you misspell it as {}?')}"
            )
        return content

    def fields(self, name: str) -> Fields:
        """Return the mapping in the field."""
        return Fields(self.value(name), self.path(name))

    def text(self, name: str) -> str:
        """Return a name: text that is not empty and has no slash."""
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
        """Return an integer of ``smallest`` or more."""
        content = self.optional(name) if default is not None else self.value(name)
        return parse_integer(self.path(name), default if content is None else content, smallest)

    def odd(self, name: str) -> int:
        """Return an odd integer of 1 or more."""
        number = self.integer(name)
        check_odd(self.path(name), number)
        return number

    def decimal(self, name: str) -> Decimal:
        """Return a finite number of 0 or more with all digits of the file."""
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
        """Return a list with at least one entry."""
        content = self.value(name)
        if not isinstance(content, list) or not content:
            raise InputError(f"{self.path(name)}: not a list with at least one entry")
        return content

    def integers(self, name: str) -> list[int]:
        """Return a list of integers, each 1 or more."""
        return [parse_integer(f"{self.path(name)}[{i}]", entry) for i, entry in enumerate(self.entries(name))]

    def rest(self) -> dict[str, Any]:
        """Return the fields that were not read yet, with their content unchanged."""
        return {name: self.optional(name) for name in self._unread()}

    def end(self) -> None:
        """Raise InputError for a field that was not read, because it is unknown; the message gives a similar name."""
        for name in self._unread():
            known = sorted(self._read - self._content.keys())
            raise InputError(f"{self.path(name)}: unknown field{_nearest(name, known, '; did you mean {}?')}")

    def _unread(self) -> list[str]:
        return [str(name) for name in self._content if name not in self._read]

    def path(self, name: str) -> str:
        """Return the name of a field in messages."""
        return f"{self.where}.{name}" if self.where.endswith("]") or ": " in self.where else f"{self.where}: {name}"


def _nearest(name: str, others: Sequence[str], text: str) -> str:
    """Return ``text`` with the most similar one of ``others``; empty if none is similar to ``name``."""
    close = difflib.get_close_matches(name, others, n=1)
    return text.format(repr(close[0])) if close else ""


def _quotes(content: Any) -> str:
    return "; put it in quotes" if isinstance(content, (bool, int, float)) else ""


def user_path(text: str, folder: Path) -> Path:
    """Return the absolute path that a user wrote: a relative one starts at ``folder``; ``~`` is the home folder.

    Raises:
        InputError: the home folder is unknown.
    """
    try:
        return (folder / Path(text).expanduser()).absolute()
    except RuntimeError as error:
        raise InputError(f"{text!r}: {error}") from error


def named(where: str, parse: Callable[[str], T], content: Any) -> T:
    """Return ``parse`` of a name or number; its InputError gets ``where`` as a prefix."""
    if not isinstance(content, (str, int)) or isinstance(content, bool):
        raise InputError(f"{where}: {content!r} is not a name")
    try:
        return parse(str(content))
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def parse_integer(where: str, content: Any, smallest: int = 1) -> int:
    """Return ``content`` as an integer of ``smallest`` or more; ``8e4`` and ``2.0`` are integers too.

    Raises:
        InputError: it is not; the message starts with ``where``.
    """
    if isinstance(content, Decimal):
        content = float(content)  # infinite if it is too large for a double
    if isinstance(content, float) and content.is_integer():
        content = int(content)
    if not isinstance(content, int) or isinstance(content, bool) or content < smallest:
        raise InputError(f"{where}: {content!r} is not a whole number of {smallest} or more")
    return content


def check_odd(where: str, kernel: int) -> None:
    """Raise InputError if the kernel is even: it would have no centre."""
    if kernel % 2 == 0:
        raise InputError(f"{where}: the kernel {kernel} is not odd")
