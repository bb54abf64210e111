"""State dicts of others are read, or refused in one line; nothing in them is run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from qabwnas.errors import FormatError
from qabwnas.nets.state_dict import read_state_dict

TENSORS = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).state_dict()


def written(path: Path, content: object, *, legacy: bool = False) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    return path


@pytest.mark.parametrize("content", [TENSORS, {"state_dict": TENSORS, "optimizer": {"lr": 0.1}, "meta": {"iter": 5}}])
@pytest.mark.parametrize("legacy", [False, True])
def test_a_state_dict_is_read_alone_or_among_other_things(tmp_path: Path, content: object, legacy: bool) -> None:
    tensors = read_state_dict(written(tmp_path / "a.pth", content, legacy=legacy))
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)


@pytest.mark.parametrize("legacy", [False, True])
@given(share=st.floats(0, 1, exclude_max=True))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60, deadline=None
)
def test_a_truncated_file_is_refused(tmp_path: Path, legacy: bool, share: float) -> None:
    whole = written(tmp_path / "whole.pth", {"meta": {"a": "b" * 50}, "state_dict": TENSORS}, legacy=legacy)
    truncated = tmp_path / "truncated.pth"
    truncated.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])
    with pytest.raises(FormatError, match="truncated.pth: not a checkpoint of torch, or a truncated one") as caught:
        read_state_dict(truncated)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "meta",
    [
        {"palette": np.array([[128, 64, 128]], np.uint8)},
        {"mIoU": np.float64(0.7384), "best": np.float32(1), "steps": np.int64(8), "done": np.bool_(True)},
        {"names": np.array(["road", "sidewalk"])},
    ],
)
def test_numbers_and_arrays_of_numpy_are_plain_enough(tmp_path: Path, meta: object) -> None:
    path = written(tmp_path / "numpy.pth", {"meta": meta, "state_dict": TENSORS})
    assert read_state_dict(path).keys() == TENSORS.keys()


class Intruder:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("code in a checkpoint was run",))


@pytest.mark.parametrize("meta", [Intruder(), np.array([Intruder()], dtype=object), Path("a"), nn.ReLU()])
def test_other_objects_are_neither_made_nor_run(
    tmp_path: Path, meta: object, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path / "objects.pth", {"meta": meta, "state_dict": TENSORS})
    with pytest.raises(FormatError, match="objects.pth: holds Python objects .*: torch.save") as caught:
        read_state_dict(path)
    assert "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", [[1, 2], {}, {"state_dict": {}}, {"state_dict": {"a": 1}}, torch.zeros(3)])
def test_a_file_without_weights_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(FormatError, match="other.pth: holds no state dict"):
        read_state_dict(written(tmp_path / "other.pth", content))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_state_dict(tmp_path / "none.pth")
