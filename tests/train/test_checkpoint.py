"""Checkpoints and weights round-trip; any other file at their path gives one clear line."""

import hashlib
import io
import pickle
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from qabwnas.errors import FormatError
from qabwnas.train.checkpoint import (
    WeightsOrigin,
    load_checkpoint,
    load_weights,
    read_origin,
    save_checkpoint,
    write_safetensors,
)

ORIGIN = WeightsOrigin("network", "a run", "1-2-seed0")
CONTENT: dict[str, Any] = {"weights": torch.arange(600.0).reshape(20, 30), "step": 7, "names": ["a", "b"]}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_checkpoint(tmp_path / "c.pt", "test", CONTENT)
    return tmp_path / "c.pt"


def test_round_trip_to_equal_content(path: Path) -> None:
    content = load_checkpoint(path, "test")
    assert torch.equal(content.pop("weights"), CONTENT["weights"])
    assert content == {"step": 7, "names": ["a", "b"]}


def test_torch_reads_it_too(path: Path) -> None:
    assert torch.equal(torch.load(path, weights_only=True)["weights"], CONTENT["weights"])


@given(share=st.floats(0, 1, exclude_max=True))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=50)
def test_a_truncated_file_is_refused(path: Path, share: float) -> None:
    whole = path.read_bytes()
    truncated = path.with_name("truncated.pt")
    truncated.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(FormatError, match="truncated.pt: not a checkpoint, or a truncated one"):
        load_checkpoint(truncated, "test")


@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=200)
def test_a_changed_byte_is_refused(path: Path, place: float, flip: int) -> None:
    changed = bytearray(path.read_bytes())
    changed[int(len(changed) * place)] ^= flip
    other = path.with_name("changed.pt")
    other.write_bytes(changed)
    with pytest.raises(FormatError, match="changed.pt: "):
        load_checkpoint(other, "test")


class Intruder:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("code in a checkpoint was run",))


def external_files() -> dict[str, bytes]:
    archive = io.BytesIO()
    torch.save({"weights": torch.zeros(3)}, archive)
    return {
        "empty": b"",
        "a line": b"epoch: 7\n",
        "lines": b"\nqabwnas-checkpoint one test 00\n",
        "a pickle": pickle.dumps({"step": 7}),
        "a file of torch": archive.getvalue(),
    }


@pytest.mark.parametrize("name", external_files())
def test_a_external_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "external.pt").write_bytes(external_files()[name])
    with pytest.raises(FormatError, match="external.pt: not a checkpoint, or a truncated one"):
        load_checkpoint(tmp_path / "external.pt", "test")


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = io.BytesIO()
    torch.save(Intruder(), archive)
    digest = hashlib.sha256(archive.getvalue()).hexdigest()
    forged = archive.getvalue() + f"\nqabwnas-checkpoint 1 test {digest}\n".encode()
    (tmp_path / "forged.pt").write_bytes(forged)
    with pytest.raises(FormatError, match="forged.pt: holds something else than tensors and plain values"):
        load_checkpoint(tmp_path / "forged.pt", "test")
    assert capsys.readouterr().out == ""


def test_another_kind_and_a_newer_schema_are_named(path: Path) -> None:
    with pytest.raises(FormatError, match=r"c.pt: a checkpoint of kind 'test', not 'teacher'"):
        load_checkpoint(path, "teacher")
    path.write_bytes(path.read_bytes().replace(b"\nqabwnas-checkpoint 1 ", b"\nqabwnas-checkpoint 2 "))
    with pytest.raises(FormatError, match=r"c.pt: written by schema 2, this reads up to 1"):
        load_checkpoint(path, "test")


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_checkpoint(tmp_path / "none.pt", "test")


def network() -> nn.Module:
    """With a weight that two layers share, a buffer without dimensions, and a weight that is not contiguous."""
    torch.manual_seed(0)
    first, second = nn.Conv2d(3, 3, 1, bias=False), nn.Conv2d(3, 3, 1, bias=False)
    second.weight = first.weight
    linear = nn.Linear(4, 2)
    linear.weight = nn.Parameter(linear.weight.t().contiguous().t())
    return nn.Sequential(first, second, nn.BatchNorm2d(3), linear)


def make_zero(module: nn.Module) -> None:
    for parameter in module.parameters():
        parameter.data.zero_()


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    write_safetensors(tmp_path / "w.safetensors", ORIGIN, network())
    return tmp_path / "w.safetensors"


def test_weights_are_read_here_and_by_plain_safetensors(weights: Path) -> None:
    expected = network().state_dict()
    read = network().apply(make_zero)
    load_weights(weights, "network", read)
    for state in (read.state_dict(), safetensors.torch.load_file(weights)):
        assert state.keys() == expected.keys()
        assert all(torch.equal(state[name], tensor) for name, tensor in expected.items())
    with safetensors.safe_open(weights, framework="pt") as file:
        metadata = file.metadata()
    assert {name: metadata[name] for name in ("format", "writer", "kind", "run", "trained")} == {
        "format": "pt",
        "writer": "qabwnas-weights",
        "kind": "network",
        "run": "a run",
        "trained": "1-2-seed0",
    }
    assert read_origin(weights) == ORIGIN


def test_equal_weights_are_equal_files(weights: Path) -> None:
    for _ in range(5):
        other = weights.with_name("other.safetensors")
        write_safetensors(other, ORIGIN, network())
        assert other.read_bytes() == weights.read_bytes()


@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=200)
def test_no_changed_byte_changes_weights(weights: Path, place: float, flip: int) -> None:
    changed = bytearray(weights.read_bytes())
    changed[int(len(changed) * place)] ^= flip
    other, expected = weights.with_name("changed.safetensors"), network().state_dict()
    other.write_bytes(changed)
    read = network().apply(make_zero)
    is_read = False
    with suppress(FormatError):
        load_weights(other, "network", read)
        is_read = True
    assert not is_read or all(torch.equal(read.state_dict()[name], tensor) for name, tensor in expected.items())


@given(share=st.floats(0, 1, exclude_max=True))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=30)
def test_truncated_weights_are_refused(weights: Path, share: float) -> None:
    whole, truncated = weights.read_bytes(), weights.with_name("truncated.safetensors")
    truncated.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(FormatError, match="truncated.safetensors: not a safetensors file, or a damaged one"):
        load_weights(truncated, "network", network())


def test_weights_of_others_of_another_kind_or_structure_are_named(weights: Path) -> None:
    with pytest.raises(FormatError, match="weights of kind 'network', not 'quantised-network'"):
        load_weights(weights, "quantised-network", network())
    with pytest.raises(FormatError, match="w.safetensors: does not fit: "):
        load_weights(weights, "network", nn.Linear(4, 2))
    safetensors.torch.save_file({"weight": torch.zeros(2)}, weights)
    with pytest.raises(FormatError, match="not weights that qabwnas wrote"):
        load_weights(weights, "network", network())
