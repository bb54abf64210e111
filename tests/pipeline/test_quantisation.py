"""Ranges and the bits of stem and head, from a run to its export; a LUT that is not continued with others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from qabwnas.cli.main import main
from qabwnas.costs import fixed_costs, network_costs
from qabwnas.lut.lut import Lut
from qabwnas.pipeline.config.load import load_config
from qabwnas.pipeline.config.teacher import TrainedTeacher
from qabwnas.pipeline.run import STAGES, run_stages
from qabwnas.pipeline.stages.report import load_results
from qabwnas.report.table import results_table
from qabwnas.space import INT8, BitWidths, Policy
from tests.pipeline.tiny import SPACE, TINY, TRAINING, write_config

# Without recalibration of batch norm, a supernet of a few steps has NSRs up to 1e13, and small ones are rounded.
pytestmark = pytest.mark.filterwarnings("ignore:metric 'nsr'.*they are rounded:qabwnas.errors.RoundingWarning")

RANGES = """
from qabwnas.quant.observers import MinMaxObserver

class Half(MinMaxObserver):
    def clipping_range(self, bits):
        return self.low / 2, self.high / 2

class Blind(MinMaxObserver):
    observe = None
"""
W6A8 = BitWidths(6, 8)
CHANGES: dict[str, Any] = {
    "fixed_bits": "w6a8",
    "quantisation": {"observer": "own_ranges.Half", "bias_correction": True, "recalibrate": False},
    "budgets": [{"size_bytes": "100%"}],
    "networks": {"training": TRAINING, "qat": TRAINING},
}


def command(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def write(folder: Path, **changes: Any) -> Path:
    (folder / "own_ranges.py").write_text(RANGES)
    return write_config(folder, TINY | CHANGES | changes, SPACE)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a configuration and its finished run."""
    folder = tmp_path_factory.mktemp("ranges")
    run_stages(STAGES, load_config(write(folder)), folder / "run")
    return folder


def test_a_run_uses_one_setting_throughout(made: Path) -> None:
    config, lut = load_config(made / "config.yaml"), Lut.open(made / "run" / "lut.h5")
    settings = lut.provenance["settings"]
    assert settings["activations"] == "asymmetric, per tensor, own_ranges.Half"
    assert settings["biases"].endswith("corrected for the mean error of rounded weights")
    assert settings["batch_norm"] == "as trained in the supernet"
    stem_and_head = fixed_costs(config.space, W6A8)["size_bytes"]
    assert lut.metric("size_bytes").fixed == stem_and_head != fixed_costs(config.space, INT8)["size_bytes"]
    table = results_table(load_results(made / "run"))
    assert "Stem and head have w6a8 in all quantised networks." in table
    results = json.loads((made / "run" / "results.json").read_text())
    teachers = {row["name"]: row["size_bytes"] for row in results["rows"] if row["family"] == "teacher"}
    assert isinstance(config.teacher, TrainedTeacher)
    for bits in (4, 8):
        policy = Policy((BitWidths(bits, bits),) * 2, fixed=W6A8)
        costs = network_costs(config.space, config.teacher.operations, policy)
        assert teachers[f"teacher INT{bits}"] == costs["size_bytes"]
    [answer] = json.loads((made / "run" / "answers.json").read_text())
    assert answer["fixed"] == "w6a8"
    assert float(answer["totals"]["size_bytes"]) == next(
        row["size_bytes"] for row in results["rows"] if row["family"] == "budget"
    )


def test_the_exported_model_has_these_bits(made: Path) -> None:
    """Export compares size and outputs with the simulation, and fails where they differ."""
    exported = command("export", made / "run", "--answer", "1", "-o", made / "export")
    assert exported.exit_code == 0, exported.output
    card = json.loads((made / "export" / "card.json").read_text())
    assert card["fixed_bits"] == "w6a8"
    assert card["size"]["predicted_bytes"] == card["size"]["packed_bytes"]


def test_a_lut_is_not_continued_with_another_setting(made: Path) -> None:
    other = made / "other.yaml"
    content = yaml.safe_load((made / "config.yaml").read_text())
    content["quantisation"] = {"observer": "mse", "recalibrate": False, "bias_correction": True}
    other.write_text(yaml.safe_dump(content))
    refused = command("populate", other, "-o", made / "run")
    assert refused.exit_code == 1
    [line] = [line for line in refused.output.splitlines() if "own_ranges" in line]
    assert 'measure.activations: "asymmetric, per tensor, own_ranges.Half" → "asymmetric, per tensor, mse"' in line
    again = command("populate", made / "config.yaml", "-o", made / "run")
    assert again.exit_code == 0
    assert again.stdout == f"{made / 'run' / 'lut.h5'}\n"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"quantisation": {"observer": "mimax"}},
            "quantisation.observer: 'mimax' is neither one of minmax, percentile,",
        ),
        ({"quantisation": {"observer": "own_ranges.Full"}}, "quantisation.observer: own_ranges.Full: own_ranges ("),
        (
            {"quantisation": {"observer": "own_ranges.Blind"}},
            "quantisation.observer: own_ranges.Blind: raised TypeError:",
        ),
        ({"fixed_bits": "3x"}, "fixed_bits: bit widths '3x' are neither of the form 'w4a8' nor one number"),
    ],
)
def test_wrong_settings_are_one_line(tmp_path: Path, changes: dict[str, Any], said: str, made: Path) -> None:  # noqa: ARG001
    path = write(tmp_path, **changes)
    (tmp_path / "own_ranges.py").unlink()  # that of the finished run is loaded
    refused = command("run", path, "-o", tmp_path / "run")
    assert refused.exit_code == 1
    [line] = refused.stderr.splitlines()
    assert line.startswith(f"error: {path}: {said}")
    assert not (tmp_path / "run").exists()
