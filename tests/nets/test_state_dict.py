"""State dicts of other programs are read, or refused in one line; none of their code is run."""

from __future__ import annotations

import argparse
import importlib.util
import shlex
import subprocess
import sys
import tarfile
import warnings
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from qabwnas.errors import FormatError, InputError
from qabwnas.nets.state_dict import load_tensors, read_state_dict

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
    with pytest.raises(FormatError, match="objects.pth: holds Python objects .*: python -c 'import torch; ") as caught:
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


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 4, 3, bias=False), bn=nn.BatchNorm2d(4)))


OWN = {name: tensor + (1 if tensor.is_floating_point() else 0) for name, tensor in net().state_dict().items()}
EMA = {name: tensor * 2 for name, tensor in OWN.items()}


def load(path: Path, key: str | None = None) -> nn.Module:
    module = net()
    names = {name: name for name in module.state_dict()}
    load_tensors(module, read_state_dict(path, key, names), names, str(path))
    return module


def assert_loaded(module: nn.Module, expected: dict[str, torch.Tensor]) -> None:
    for name, tensor in module.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            torch.testing.assert_close(tensor, expected[name].to(tensor.dtype), rtol=0, atol=0)


def prefixed(prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + name: tensor for name, tensor in OWN.items()}


@pytest.mark.parametrize(
    "content",
    [
        prefixed("module."),
        prefixed("_orig_mod."),
        prefixed("_orig_mod.module."),
        prefixed("model._orig_mod."),
        {name.replace("conv.", "conv._orig_mod."): tensor for name, tensor in OWN.items()},
        {"state_dict": prefixed("model.") | {"criterion.weight": torch.ones(3)}, "optimizer_states": [{"state": {}}]},
        {"model": OWN, "epoch": 3, "best_acc1": torch.tensor(0.5)},
        {"model": OWN, "args": argparse.Namespace(lr=0.1, sizes=[1, 2])},
        {"model": OWN, "criterion": {"empty_weight": torch.ones(3)}},
        {"ema": {"module": OWN, "decay": 0.99}},
        {"net": OWN, "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": [{"lr": 0.1}]}},
        {name: tensor for name, tensor in OWN.items() if "tracked" not in name},
        {"conv.weight": nn.Parameter(OWN["conv.weight"])} | {k: v for k, v in OWN.items() if k != "conv.weight"},
        {name: tensor.double() for name, tensor in OWN.items()},
        OWN | {"epoch": 5},
    ],
)
def test_usual_forms_of_checkpoints_are_loaded(tmp_path: Path, content: object) -> None:
    assert_loaded(load(written(tmp_path / "a.pth", content)), OWN)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_of_half_precision_are_widened(tmp_path: Path, dtype: torch.dtype) -> None:
    half = {name: tensor.to(dtype) for name, tensor in OWN.items()}
    module = load(written(tmp_path / "a.pth", half))
    assert module.get_parameter("conv.weight").dtype == torch.float32
    assert_loaded(module, half)


def test_safetensors_are_loaded(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    safetensors.save_file(prefixed("module."), tmp_path / "a.safetensors")
    assert_loaded(load(tmp_path / "a.safetensors"), OWN)
    whole = (tmp_path / "a.safetensors").read_bytes()
    (tmp_path / "short.safetensors").write_bytes(whole[:-10])
    with pytest.raises(FormatError, match="short.safetensors: not a file of safetensors, or a truncated one"):
        load(tmp_path / "short.safetensors")


def test_without_safetensors_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match="a.safetensors: needs safetensors: pip install safetensors"):
        load(tmp_path / "a.safetensors")


@pytest.mark.parametrize("other", ["state_dict_ema", "model_ema", "ema"])
def test_of_several_state_dicts_the_user_chooses_one(tmp_path: Path, other: str) -> None:
    path = written(tmp_path / "a.pth", {"state_dict": OWN, other: EMA})
    keys = ", ".join(repr(key) for key in sorted(["state_dict", other]))
    with pytest.raises(FormatError, match=f"a.pth: holds several state dicts: {keys}; choose one by weights_key$"):
        load(path)
    assert_loaded(load(path, "state_dict"), OWN)
    assert_loaded(load(path, other), EMA)
    with pytest.raises(FormatError, match=f"a.pth: has no state dict 'none'; it has {keys}$"):
        load(path, "none")


def test_what_is_taken_and_left_out_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    content = {"state_dict": prefixed("model.") | {"loss.weight": torch.ones(3)}}
    with caplog.at_level("INFO", "qabwnas"):
        load(written(tmp_path / "a.pth", content))
    path = tmp_path / "a.pth"
    assert caplog.messages == [
        f"{path}: takes the weights in 'state_dict'",
        f"{path}: removes the prefix 'model.', ignores 1 tensors without it",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "a Git LFS pointer"),
        (b"\n <!DOCTYPE html><html><body>Sign in</body></html>", "not a checkpoint: the download gave an HTML page"),
        (b"\xef\xbb\xbf<html></html>", "not a checkpoint: the download gave an HTML page"),
        (b"<?xml version='1.0'?><Error>AccessDenied</Error>", "not a checkpoint: the download gave an XML page"),
        (b'{"weight_map": {}}', "JSON text, not a checkpoint"),
        (b"\x1f\x8b\x08\x00abc", "gzip-compressed; unpack it first"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"", "not a checkpoint of torch, or a truncated one"),
        ({"state_dict": prefixed("student.") | prefixed("teacher.")},
         "the network's names are there with several prefixes: 'student.', 'teacher.'; keep one"),
        ({"optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}}}, "holds no state dict"),
        (prefixed("module.") | {"module.conv.weight": torch.ones(4, 3, 5, 5)},
         r"module.conv.weight has the shape \(4, 3, 5, 5\), the network's is \(4, 3, 3, 3\)"),
        (prefixed("module.") | {"module.extra": torch.ones(2)}, "has more than the network takes: module.extra"),
        ({k: v for k, v in prefixed("module.").items() if "bias" not in k}, "has no module.bn.bias$"),
        ({"other": torch.ones(3)}, "has no conv.weight and 4 more; its names are like other$"),
        (OWN | {"bn.weight": torch.ones(4, dtype=torch.int8)},
         "bn.weight is of torch.int8, the network's is of torch.float32"),
        (OWN | {"bn.weight": torch.full((4,), 1e300, dtype=torch.float64)}, "bn.weight holds NaN or infinity"),
        (OWN | {"bn.weight": torch.ones(4).to_sparse()}, "bn.weight is sparse"),
        (OWN | {"bn.weight": torch.ones(4, device="meta")}, "bn.weight is without data"),
    ],
)  # fmt: skip
def test_other_files_are_refused_by_what_they_are(tmp_path: Path, content: object, message: str) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(FormatError, match=f"a.pth: {message}") as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_archives_of_something_else_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.zeros(3))
    with pytest.raises(FormatError, match="a.npz: a zip archive without a checkpoint of torch; it holds a.npy"):
        load(tmp_path / "a.npz")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(tmp_path / "a.npz", "a.npz")
    with pytest.raises(FormatError, match="a.tar: a tar archive, not a checkpoint"):
        load(tmp_path / "a.tar")


def loaded_net() -> nn.Module:
    module = net()
    module.load_state_dict(OWN)
    return module


def advised_code(path: Path) -> str:
    """Return the Python code of the command in the error message, which writes :func:`tensors_of` ``path``."""
    with pytest.raises(FormatError) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    command = str(caught.value).partition("python -c ")[2]
    _, code = shlex.split(f"-c {command}")
    return code


def tensors_of(path: Path) -> Path:
    return path.with_name(f"{path.stem}-tensors.pth")


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ({"model": OWN, "path": Path("a")}, "holds Python objects in addition to its tensors"),
        (OWN | {"path": Path("a")}, "holds Python objects in addition to its tensors"),
        ({"epoch": 1, "state": {"model": OWN, "path": Path("a")}}, "holds Python objects in addition to its tensors"),
        ({"model": loaded_net()}, "holds Python objects in addition to its tensors"),
        (OrderedDict(state_dict=OWN, norm=nn.ReLU()), "holds Python objects in addition to its tensors"),
        (loaded_net(), "is a whole pickled object of torch.nn.modules.container.Sequential, not a state dict"),
    ],
)
def test_the_advice_works_on_the_file_it_is_given_for(tmp_path: Path, content: object, kind: str, legacy: bool) -> None:
    path = written(tmp_path / "it's a file.pth", content, legacy=legacy)
    with pytest.raises(FormatError, match=f"file.pth: {kind}"):
        load(path)
    exec(advised_code(path), {"__name__": "__main__"})
    assert_loaded(load(tensors_of(path)), OWN)


def test_the_advice_for_torchscript_works_on_it(tmp_path: Path) -> None:
    module = loaded_net().eval()
    path = tmp_path / "script.pt"
    with warnings.catch_warnings(category=DeprecationWarning, action="ignore"):  # torch's own, of its old archives
        torch.jit.save(torch.jit.trace(module, torch.zeros(1, 3, 8, 8)), path)
    with pytest.raises(FormatError, match="script.pt: is a TorchScript archive, not a state dict"):
        load(path)
    subprocess.run([sys.executable, "-c", advised_code(path)], check=True)
    assert_loaded(load(tensors_of(path)), OWN)
