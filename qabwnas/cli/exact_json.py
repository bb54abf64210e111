"""JSON with exact decimals: a Decimal is written as a number with all its digits, which a float would round."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

_MARK = uuid.uuid4().hex  # so that no text in the content looks like a marked number
_MARKED = re.compile(f'"{_MARK}([-0-9.]+)"')


def _marked(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{_MARK}{value:f}"
    raise TypeError(f"{type(value).__name__} is no JSON value")


_indented = json.JSONEncoder(indent=2, default=_marked, ensure_ascii=False).encode
_compact = json.JSONEncoder(default=_marked, ensure_ascii=False).encode


def dumps(content: Any) -> str:
    """Return indented JSON; keys keep their order, Decimals become numbers without an exponent."""
    return _dumped(content, _indented)


def dumps_line(content: Any) -> str:
    """Return the same JSON as one line without a line end."""
    return _dumped(content, _compact)


def _dumped(content: Any, encode: Callable[[Any], str]) -> str:
    return _MARKED.sub(r"\1", encode(content))
