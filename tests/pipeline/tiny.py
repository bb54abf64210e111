"""A configuration whose stages take a second or so together."""

from pathlib import Path
from typing import Any

import yaml

TRAINING = {"steps": 4, "batch": 16, "learning_rate": 0.01}

TINY: dict[str, Any] = {
    "task": "digits",
    "space": "tiny.yaml",
    "seed": 3,
    "teacher": {"operations": ["k3e2 k3e1", "k5e2"], "training": TRAINING},
    "supernet": {"training": TRAINING, "sampling": "fair"},
    "minimize": "nsr",
    "front": ["nsr", "size_bytes"],
    "budgets": [{"size_bytes": "100%"}, {"nsr": 0.000001}, {"macs": 10000000, "size_bytes": "100%"}],
    "networks": {"training": TRAINING, "seeds": 2, "distillation": 0.5},
}

SPACE: dict[str, Any] = {
    "name": "tiny",
    "input": {"channels": 1, "height": 8, "width": 8},
    "stem": {"channels": 4, "kernel": 3, "stride": 2},
    "operations": ["k3e1", "k5e2"],
    "blocks": [{"name": "b1", "channels": 4, "layers": 2}, {"name": "b2", "channels": 6, "layers": 1, "stride": 2}],
    "head": {"kind": "classifier", "classes": 10},
    "bit_widths": [4, 8],
}


def write_config(folder: Path, config: dict[str, Any] = TINY, space: dict[str, Any] = SPACE) -> Path:
    """Write a configuration and its space, and return the path of the configuration."""
    (folder / "tiny.yaml").write_text(yaml.safe_dump(space))
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder / "config.yaml"
