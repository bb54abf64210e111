"""JSON with exact decimals: a Decimal is written as a number with all its digits, which a float would round."""

from __future__ import annotations

import json
import re
import uuid
from decimal import Decimal
from typing import Any


def dumps(content: Any) -> str:
    """Return indented JSON; keys keep their order, Decimals become numbers without an exponent."""
    mark = uuid.uuid4().hex  # so that no text in the content looks like a marked number

    def marked(value: object) -> str:
        if isinstance(value, Decimal):
            return f"{mark}{value:f}"
        raise TypeError(f"{type(value).__name__} is no JSON value")

    text = json.dumps(content, indent=2, default=marked, ensure_ascii=False)
    return re.sub(f'"{mark}([-0-9.]+)"', r"\1", text)
