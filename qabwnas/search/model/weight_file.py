"""Files of block weights: what ``qabwnas fit-weights`` writes and a search reads."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from qabwnas.errors import FormatError
from qabwnas.io.atomic import atomic_path

FORMAT = "qabwnas-block-weights"
VERSION = 1
_MEMBERS = ("format", "version", "metric", "weights", "origin")


def save_weight_file(
    path: str | os.PathLike[str], weights: Mapping[str, Decimal], metric: str, origin: Mapping[str, Any]
) -> None:
    """Write the weight of every block for the sum of ``metric``; ``origin`` says, in JSON values, where it is from.

    Raises:
        OSError: the file cannot be written.
    """
    content = {"format": FORMAT, "version": VERSION, "metric": metric}
    factors = {name: f"{weight:f}" for name, weight in weights.items()}  # text: exact, whoever reads it
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content | {"weights": factors, "origin": dict(origin)}, indent=2) + "\n")


def load_weight_file(path: str | os.PathLike[str]) -> dict[str, str]:
    """Return block name → weight, a decimal as text; names and values are checked where a search takes them.

    Raises:
        FormatError: the file is foreign, damaged or of a newer version.
        OSError: it cannot be read.
    """
    where = os.fspath(path)
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"), object_pairs_hook=_unique)
    except ValueError as error:
        raise FormatError(f"{where}: not a file of block weights: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise FormatError(f"{where}: not a file of block weights")
    version, weights = content.get("version"), content.get("weights")
    if not isinstance(version, int) or isinstance(version, bool) or version > VERSION:
        raise FormatError(f"{where}: written by version {version!r}, this reads up to {VERSION}")
    for name in content:
        if name not in _MEMBERS:
            raise FormatError(f"{where}: unknown member {name!r}; there are {', '.join(_MEMBERS)}")
    if not isinstance(weights, dict) or not weights or not all(isinstance(w, str) for w in weights.values()):
        raise FormatError(f"{where}: its weights are no mapping of block to decimal, as text")
    return weights


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise ValueError(f"{name!r} stands twice")
    return dict(pairs)
