"""Progress lines of a training, and curves for TensorBoard."""

import logging
from pathlib import Path

import pytest
import torch
from torch import nn

from qabwnas import progress as progress_module
from qabwnas.errors import InputError
from qabwnas.progress import duration
from qabwnas.train import log as log_module
from qabwnas.train.loop import train
from qabwnas.train.settings import Training
from qabwnas.train.trainer import Progress


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (41.2, "42 s"), (60, "1 min"), (61, "2 min"), (3541, "1 h 00 min"), (11100, "3 h 05 min"),
     (100000, "1 d 04 h")],
)  # fmt: skip
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def run(path: Path, steps: int, logs: Path | None = None) -> None:
    module = nn.Linear(2, 1)
    train(module, lambda forward, *_: forward(torch.ones(2)).square().sum(), range, Training(steps, 1, 0.01), seed=0,
          name="net: b", progress=Progress(path, "", logs=logs))  # fmt: skip


def test_a_line_comes_at_every_quarter_with_speed_and_time_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "qabwnas"):
        run(tmp_path / "c.pt", 8)
    assert len(caplog.messages) == 4
    for done, message in zip((2, 4, 6, 8), caplog.messages, strict=True):
        assert message.startswith(f"net: b: {done} of 8 steps, loss ")
        assert ", learning rate 0.0" in message
        assert message.endswith(" steps/s, about 1 s left" if done < 8 else " steps/s")


def test_lines_come_in_between_where_a_quarter_takes_long(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "SECONDS_BETWEEN_LINES", 0.0)
    with caplog.at_level(logging.INFO, "qabwnas"):
        run(tmp_path / "c.pt", 8)
    assert len(caplog.messages) == 8


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # tensorboard's own
def test_curves_for_tensorboard(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run(tmp_path / "c.pt", 120, tmp_path / "logs")
    events = accumulator.EventAccumulator(str(tmp_path / "logs" / "net" / "b"))
    events.Reload()
    assert {"loss", "learning rate", "steps per second"} <= set(events.Tags()["scalars"])
    assert [event.step for event in events.Scalars("loss")] == [50, 100, 120]
    assert events.Scalars("learning rate")[0].value == pytest.approx(Training(120, 1, 0.01).learning_rate_at(49))


def test_logs_without_tensorboard_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "find_spec", lambda _: None)
    run(tmp_path / "without.pt", 1)
    with pytest.raises(InputError, match=r"logs need tensorboard: pip install 'qabwnas\[logs\]'"):
        run(tmp_path / "with.pt", 1, tmp_path / "logs")
