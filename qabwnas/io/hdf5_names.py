"""Escape names, which may have any character, for members of an HDF5 group: ``/`` separates a path, NUL ends a name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import unquote

from qabwnas.errors import InputError

_ESCAPED = {"%": "%25", "/": "%2F", "\0": "%00"}


def encode_name(name: str) -> str:
    """Return ``name`` with ``%``, ``/`` and NUL as ``%25``, ``%2F`` and ``%00``, and the name ``.`` as ``%2E``.

    Raises:
        InputError: the name is empty, or not Unicode text (it has a lone surrogate).
    """
    if not name:
        raise InputError("an empty name cannot be stored")
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"the name {name!r} is not Unicode text") from error
    # For HDF5, "." is the group itself.
    return "%2E" if name == "." else re.sub("[%/\0]", lambda found: _ESCAPED[found[0]], name)


def decode_name(encoded: str) -> str:
    """Return the name that :func:`encode_name` encoded."""
    return unquote(encoded)


def encode_names(names: Sequence[str]) -> list[str]:
    """Return ``"000 first"``, ``"001 second"`` …: encoded names that sort in the given order.

    The number has three digits, or as many as the last one needs. An empty name gives only the number.
    """
    n_digits = max(3, len(str(len(names) - 1)))
    return [f"{i:0{n_digits}d} {encode_name(name)}" if name else f"{i:0{n_digits}d}" for i, name in enumerate(names)]


def decode_names(members: Iterable[str]) -> dict[str, str]:
    """Return member → name in the order of their numbers: the inverse of :func:`encode_names`.

    Raises:
        ValueError: the members are not numbered 0, 1, 2 ….
    """
    decoded = {}
    for number, member in enumerate(sorted(members, key=_number)):
        if _number(member) != number:
            raise ValueError(f"member {number} is missing: {member!r} is in its place")
        decoded[member] = decode_name(member.partition(" ")[2])
    return decoded


def _number(member: str) -> int:
    digits = member.partition(" ")[0]
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"{member!r} does not begin with a number")
    return int(digits)
