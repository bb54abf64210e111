"""Files of block weights read back exactly, and other files are refused in one line."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from qabwnas.errors import FormatError
from qabwnas.search.model.weights import load_weight_file, save_weight_file


def test_weights_read_back_exactly(tmp_path: Path) -> None:
    weights = {"layer1": Decimal("0.100"), "layer2": Decimal("1.9")}
    save_weight_file(tmp_path / "w.json", weights, "nsr", {"tau_after": 0.5})
    assert load_weight_file(tmp_path / "w.json") == {"layer1": "0.100", "layer2": "1.9"}
    content = json.loads((tmp_path / "w.json").read_text())
    assert (content["metric"], content["origin"]) == ("nsr", {"tau_after": 0.5})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("layer1 2", "w.json: not a file of block weights: "),
        ("[]", "w.json: not a file of block weights$"),
        ('{"layer1": 2}', "w.json: not a file of block weights$"),
        ('{"format": "qabwnas-block-weights", "version": 2}', "w.json: written by version 2, this reads up to 1"),
        ('{"format": "qabwnas-block-weights"}', "w.json: written by version None, this reads up to 1"),
        ('{"format": "qabwnas-block-weights", "version": true}', "w.json: written by version True, this reads up to 1"),
        (
            '{"format": "qabwnas-block-weights", "version": 1, "wights": {}}',
            "w.json: unknown member 'wights'; there are",
        ),
        ('{"format": 1, "format": 2}', "w.json: not a file of block weights: 'format' occurs twice"),
        ('{"weights": {"a": "1", "a": "2"}}', "w.json: not a file of block weights: 'a' occurs twice"),
        ('{"format": "qabwnas-block-weights", "version": 1, "weights": {}}', "w.json: its weights are not a mapping"),
        ('{"format": "qabwnas-block-weights", "version": 1, "weights": {"a": 1}}', "w.json: its weights are not a map"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "w.json").write_text(text)
    with pytest.raises(FormatError, match=message):
        load_weight_file(tmp_path / "w.json")
