"""Where tests find the real tables of others, which are not part of the project."""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data"


def data_file(name: str) -> Path:
    """Return a file of the real tables, or skip the test and name what is missing."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"../shared/data/{name} is not here")
    return path
