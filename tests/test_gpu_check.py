"""benchmarks/gpu_check.py on a CPU: every part runs, and one that fails is one line and does not stop the others."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "gpu_check.py"


@pytest.mark.slow
def test_every_part_runs(tmp_path: Path) -> None:
    output = tmp_path / "check.json"
    command = [sys.executable, str(SCRIPT), "--device", "cpu", "--small", "--output", str(output)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    parts = json.loads(output.read_text())["parts"]
    assert list(parts) == ["machine", "peaks", "tests", "precision", "distillation", "population"]
    assert finished.stdout.count("limit is ") == 2
    assert all(nsrs["float"]["float32"] > 0 for name, nsrs in parts["precision"].items() if name != "seconds")
    assert parts["population"]["32×64"]["mixed_hours"] > parts["population"]["32×64"]["int8_hours"] > 0
