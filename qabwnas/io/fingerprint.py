"""SHA-256 of settings, independent of key order and Python version, and of files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np


def canonical_json(content: Any) -> str:
    """Return ``content`` as JSON with sorted keys and no spaces; floats in shortest round-trip form.

    NumPy scalars are written as numbers and booleans.

    Raises:
        TypeError: something in ``content`` is not a JSON value.
        ValueError: ``content`` has NaN or infinity.
    """
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False, default=_plain
    )


def _plain(value: object) -> int | float | bool:
    if isinstance(value, np.floating):
        return float(str(value))  # the shortest decimal in its own precision
    if isinstance(value, np.generic) and value.dtype.kind in "iub":  # a timedelta64 is an integer by its class
        return cast("int | bool", value.item())
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def fingerprint(content: Any) -> str:
    """Return the SHA-256 (64 hexadecimal digits) of ``content`` as canonical JSON."""
    import hashlib  # here, because it loads a library that opening a LUT does not need

    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 (64 hexadecimal digits) of a file's content; raises OSError if it cannot be read."""
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
