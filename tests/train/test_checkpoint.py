"""Checkpoints round-trip; any other file at their path gives one clear line."""

import hashlib
import io
import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qabwnas.errors import FormatError
from qabwnas.train.checkpoint import load_checkpoint, save_checkpoint

CONTENT = {"weights": torch.arange(600.0).reshape(20, 30), "step": 7, "names": ["a", "b"]}


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
