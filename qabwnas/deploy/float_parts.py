"""Parts of a network that stay float, exported by torch: the only parts that are traced.

Torch's exporter follows one run of the part. What it wrote is therefore compared with the part on another number of
images.
"""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from qabwnas.deploy.graph import INPUT, OPSET, OUTPUT, FloatPart
from qabwnas.deploy.runner import RUNTIME_ERRORS
from qabwnas.errors import InputError, MismatchError
from qabwnas.quant.operators import Unquantised

HIGHEST_OPSET = 20
"""The last opset that torch's exporter by tracing knows."""
TRACED_IMAGES, COMPARED_IMAGES = 2, 3
TOLERANCE = 1e-4
"""Relative to the largest absolute value, as for the parts of a teacher (:mod:`qabwnas.nets.external.verify`)."""


def export_float_parts(module: nn.Module, shape: tuple[int, ...]) -> dict[str, tuple[FloatPart, onnx.ModelProto]]:
    """Return every part of a network that stays float as an ONNX model, by its path, in the order in which they run.

    ``shape`` is that of one input of the network. Takes two forward passes if there are such parts.

    Raises:
        InputError: torch cannot export a part; the message names the part and the operation.
        MismatchError: an exported part does not compute what the part does.
    """
    found: dict[str, tuple[FloatPart, onnx.ModelProto]] = {}
    reads = [_inputs(module, shape, n) for n in (TRACED_IMAGES, COMPARED_IMAGES)]
    for path, traced in reads[0].items():
        part = module.get_submodule(path)
        assert isinstance(part, Unquantised)
        model, opset = _exported(part, path, traced)
        _check(model, part, path, reads[1][path])
        n_parameters = sum(parameter.numel() for parameter in part.parameters())
        found[path] = FloatPart(path, part.reason, n_parameters, opset), model
    return found


def _inputs(module: nn.Module, shape: tuple[int, ...], n: int) -> dict[str, Tensor]:
    """Return what the float parts of a network read for ``n`` images of random numbers, by path."""
    found: dict[str, Tensor] = {}
    parts = [(path, part) for path, part in module.named_modules() if isinstance(part, Unquantised)]
    if not parts:
        return found

    def keep(path: str) -> Any:
        return lambda _part, inputs: found.setdefault(path, inputs[0].clone())

    hooks = [part.register_forward_pre_hook(keep(path)) for path, part in parts]
    try:
        module(torch.randn(n, *shape, generator=torch.Generator().manual_seed(0)))
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _exported(part: Unquantised, path: str, x: Tensor) -> tuple[onnx.ModelProto, int]:
    """Return a part as a model of the lowest opset that it can be written in, and that opset."""
    reason = None
    for opset in range(OPSET, HIGHEST_OPSET + 1):
        file = io.BytesIO()
        try:
            with _exporter_settings(), warnings.catch_warnings():
                # Torch announces that it will remove this exporter, and doubts traced shapes, which are compared below.
                warnings.simplefilter("ignore")
                torch.onnx.export(
                    part.part,
                    (x,),
                    file,  # type: ignore[arg-type]  # torch's annotation leaves out what this exporter also takes
                    dynamo=False,
                    opset_version=opset,
                    input_names=[INPUT],
                    output_names=[OUTPUT],
                    dynamic_axes={INPUT: {0: "n"}, OUTPUT: {0: "n"}},
                )
        except RuntimeError as error:  # the base class of all that tracing and writing raise
            reason = error
            continue
        return onnx.load_from_string(file.getvalue()), opset
    text = " ".join(str(reason).split()).partition(". ")[0]
    raise InputError(
        f"{path}: stays float ({part.reason}), and torch cannot write it as ONNX of opset {OPSET} to {HIGHEST_OPSET}: "
        f"{text}"
    ) from reason


@contextlib.contextmanager
def _exporter_settings() -> Iterator[None]:
    """Let attention run as operations that ONNX knows, and drop the graphs that torch prints if it knows one not.

    Torch's C++ code prints them, even if its log is switched off; so the file descriptor is redirected.
    """
    fast, stderr = torch.backends.mha.get_fastpath_enabled(), os.dup(2)
    torch.backends.mha.set_fastpath_enabled(False)
    torch._C._jit_set_onnx_log_output_stream("stderr")  # not buffered, unlike stdout
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        torch._C._jit_set_onnx_log_output_stream("stdout")
        torch.backends.mha.set_fastpath_enabled(fast)


def _check(model: onnx.ModelProto, part: Unquantised, path: str, x: Tensor) -> None:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    expected = part(x.clone()).numpy()
    try:
        [given] = session.run([OUTPUT], {INPUT: x.numpy()})
    except RUNTIME_ERRORS as error:
        reason = " ".join(str(error).split())
        raise MismatchError(f"{path}: stays float, and as ONNX it does not run on {len(x)} images: {reason}") from error
    if given.shape != expected.shape:
        difference = f"the shape {given.shape} in place of {expected.shape}"
    elif np.abs(given - expected).max() > TOLERANCE * np.abs(expected).max():
        difference = f"values up to {np.abs(given - expected).max():.2g} away from {np.abs(expected).max():.2g}"
    else:
        return
    raise MismatchError(f"{path}: stays float, and as ONNX it gives {difference}")
