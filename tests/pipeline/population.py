"""A configuration whose LUT takes several shards, and a population in a process of its own that can be killed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from qabwnas.cli.main import main
from qabwnas.measure import shard
from tests.pipeline import tiny
from tests.pipeline.tiny import SPACE, TINY

LARGEST_SHARD = 2
"""Candidates a shard, so that even a tiny space has several: :func:`small_shards`."""

CONFIG: dict[str, Any] = TINY | {"teacher": TINY["teacher"] | {"operations": ["k3e2 k3e1 k5e2", "k5e2"]}}
BLOCKS = [{"name": "b1", "channels": 4, "layers": 3}, {"name": "b2", "channels": 6, "layers": 1, "stride": 2}]


def write_config(folder: Path) -> Path:
    """Write the configuration and its space, and return the path of it."""
    return tiny.write_config(folder, CONFIG, SPACE | {"blocks": BLOCKS})


def small_shards() -> None:
    """Make shards of this process small; the processes that it starts take the shards that they are given."""
    shard.space_shards.__defaults__ = (LARGEST_SHARD,)


if __name__ == "__main__":
    small_shards()
    main(sys.argv[1:])
