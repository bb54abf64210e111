"""``run`` twice: the second run continues the first one's teacher with other classes, and keeps its stem."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from qabwnas.train.checkpoint import load_checkpoint
from tests.cli import run as qabwnas
from tests.pipeline.tiny import SPACE, TINY, TRAINING, write_config

OPTIONS = TRAINING | {"max_grad_norm": 1.0, "ema_decay": 0.9, "accumulate": 2, "label_smoothing": 0.1}


@pytest.mark.slow
@pytest.mark.usefixtures("torch_threads")
def test_a_teacher_keeps_its_pretraining(tmp_path: Path) -> None:
    content = TINY | {"networks": {"training": OPTIONS}, "budgets": [{"size_bytes": "100%"}]}
    for name, teacher, n_classes in (
        ("a", {"training": OPTIONS}, 10),
        ("b", {"training": TRAINING, "checkpoint": "../a/run/teacher.pt", "new_head": True, "frozen": ["stem"]}, 12),
    ):
        folder = tmp_path / name
        folder.mkdir()
        space = SPACE | {"head": SPACE["head"] | {"classes": n_classes}}
        config = write_config(folder, content | {"teacher": TINY["teacher"] | teacher}, space)
        result = qabwnas("run", config, "-o", folder / "run", "--device", "cpu")
        assert result.exit_code == 0, result.stderr
        assert "teacher INT8" in result.stdout
    assert "teacher.pt: its head is left out; training starts with a new one" in result.stderr
    assert "teacher: stem: frozen, weights and statistics stay as they are" in result.stderr
    before, after = (load_checkpoint(tmp_path / name / "run" / "teacher.pt", "teacher") for name in "ab")
    stem = [name for name in before if name.startswith("stem.")]
    assert all(torch.equal(before[name], after[name]) for name in stem)
    trained = [name for name in before if name.startswith("blocks.") and name.endswith("conv.weight")]
    assert not any(torch.equal(before[name], after[name]) for name in trained)
