"""What the score of an added network depends on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from qabwnas.pipeline.added import _score_stage
from qabwnas.pipeline.config.config import QuantisationConfig
from qabwnas.pipeline.config.load import demo_config
from qabwnas.pipeline.ledger import Ledger
from qabwnas.pipeline.stages import report
from qabwnas.pipeline.stages.answers import FoundNetwork
from qabwnas.space import BitWidths


def test_a_score_is_made_again_for_other_ranges_or_fixed_bits_as_the_report_is(tmp_path: Path) -> None:
    found, ledger = FoundNetwork("choice", "added", codes=[0], widths=["w8a8"]), Ledger(tmp_path)
    ledger.enter(f"retrain-{found.network}", {}, [], 0.0)
    stage = _score_stage(found, ledger)
    config = demo_config()
    changed = [
        replace(config, quantisation=QuantisationConfig(observer="mse")),
        replace(config, quantisation=QuantisationConfig(bias_correction=True)),
        replace(config, fixed_bits=BitWidths(4, 4)),
    ]
    for other in changed:
        assert stage.settings(other) != stage.settings(config)
        assert report.STAGE.settings(other) != report.STAGE.settings(config)
