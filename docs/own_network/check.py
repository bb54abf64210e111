"""Compare a network of a run, loaded as a module, with its ONNX model: python check.py RUN NAME MODEL.onnx."""

from __future__ import annotations

import sys

import numpy as np
import onnxruntime
import torch

import qabwnas


def main(run: str, name: str, model: str) -> None:
    network = qabwnas.load_network(run, name)
    images = torch.rand(64, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        expected = network(images).numpy()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    [found] = session.run(None, {"input": images.numpy()})
    same = (found.argmax(1) == expected.argmax(1)).mean()
    difference = np.abs(found - expected).max()
    print(f"{name}: {same:.1%} of the classes agree, the largest difference of logits is {difference:.2g}")
    step = np.diff(np.unique(expected)).min()
    assert difference <= 2 * step, f"more than two quantisation steps of {step:.2g}"


if __name__ == "__main__":
    main(*sys.argv[1:])
