"""ONNX Runtime on the CPU."""

from __future__ import annotations

from pathlib import Path

import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from qabwnas.deploy.graph import INPUT, OUTPUT


def open_session(
    model: onnx.ModelProto | Path, *, n_threads: int = 1, optimised: Path | None = None
) -> onnxruntime.InferenceSession:
    """Return a session on the CPU, whose optimised graph is written to ``optimised`` if that is given.

    On x86-64 without VNNI, ONNX Runtime's fastest kernel adds pairs of products in 16 bits, where they saturate; it is
    told to take the exact one.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.x64quantprecision", "1")
    if optimised is not None:
        options.optimized_model_filepath = str(optimised)
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


class OnnxNetwork(nn.Module):
    """An ONNX model as a torch module, so that tasks score it as any other."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        super().__init__()
        self._session = session

    def forward(self, x: Tensor) -> Tensor:
        return torch.from_numpy(self._session.run([OUTPUT], {INPUT: x.numpy()})[0])
