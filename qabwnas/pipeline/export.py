"""Export a found network: an ONNX model, its weights, and a card that describes it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
from torch import nn

from qabwnas.deploy.check import (
    OnnxNetwork,
    check_outputs,
    check_scores,
    check_size,
    open_session,
    packed_bytes,
    stored_bytes,
)
from qabwnas.deploy.graph import float_parts
from qabwnas.deploy.onnx_export import onnx_model
from qabwnas.io.atomic import atomic_path
from qabwnas.io.fingerprint import file_sha256
from qabwnas.lut.lut import Lut
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.load import AnyAnswer, check_retraining, retrained_network
from qabwnas.pipeline.stages import lut, networks
from qabwnas.pipeline.stages.answers import FoundNetwork
from qabwnas.pipeline.stages.data import load_task
from qabwnas.space.yaml import space_to_json
from qabwnas.train.checkpoint import write_safetensors
from qabwnas.train.tasks import Task
from qabwnas.version import __version__

FORMAT = "qabwnas-export"
SCHEMA_VERSION = 2
MODEL_NAME, WEIGHTS_NAME, CARD_NAME = "model.onnx", "weights.safetensors", "card.json"


def export_answer(folder: Path, answer: AnyAnswer, n: int, output: Path, row: int | None = None) -> dict[str, Any]:
    """Write the network of an answer of a run, retrained with seed ``n``, to a folder, and return its card.

    ``answer`` and ``row`` are those of :func:`~qabwnas.pipeline.load.load_network`.

    ONNX Runtime runs the model on the calibration split and scores it on the test split. Files are written, the card
    last, only if outputs, score and size agree with the fake-quantised network and the prediction.

    Raises:
        InputError: the run has no such answer or retraining, or has not retrained its network; or a part of the network
            cannot be exported (:func:`~qabwnas.deploy.onnx_export.onnx_model`).
        MismatchError: outputs, score or size of the model differ.
    """
    config, found = retrained_network(folder, answer, row)
    check_retraining(folder, config, n)
    task = load_task(config, folder)
    calibration = list(networks.calibration_images(task, "cpu"))
    network = networks.load_network(config, folder, found, n)
    quantised = networks.load_deployed(config, folder, network, found, n, calibration)
    image = config.space.input
    model = onnx_model(quantised, (image.channels, image.height, image.width))
    check_size(model, float(found.totals["size_bytes"]))
    executed = OnnxNetwork(open_session(model))
    outputs = {
        "runtime": f"onnxruntime {onnxruntime.__version__}",
        "n_calibration_images": sum(map(len, calibration)),
        "from_fake_quantised": asdict(check_outputs(quantised, executed, calibration)),
    }
    scores = _scores(task, quantised, executed)
    output.mkdir(parents=True, exist_ok=True)
    (output / CARD_NAME).unlink(missing_ok=True)  # a card says that the files next to it are complete
    _write(output / MODEL_NAME, model.SerializeToString())
    weights = network if config.networks.qat is None else quantised
    write_safetensors(output / WEIGHTS_NAME, networks.deployed_origin(folder, config, found, n), weights)
    card = {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "writer_version": __version__,
        **_network_card(config, found, n),
        "opset": model.opset_import[0].version,
        "float_parts": [asdict(part) for part in float_parts(model)],
        "size": _sizes(model, found),
        "scores": scores,
        "outputs": outputs,
        "provenance": dict(Lut.open(folder / lut.FILE_NAME).provenance),
        "sha256": {name: file_sha256(output / name) for name in (MODEL_NAME, WEIGHTS_NAME)},
    }
    _write(output / CARD_NAME, (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode())
    return card


def _scores(task: Task, quantised: nn.Module, executed: nn.Module) -> dict[str, Any]:
    simulated, measured = (task.score(module, task.splits.test) for module in (quantised, executed))
    check_scores(simulated.value, measured.value, task.score_name)
    return {
        "name": task.score_name,
        "n_test_images": len(task.splits.test),
        "fake_quantised": simulated.value,
        "onnxruntime": measured.value,
        "standard_error": measured.standard_error,
    }


def _network_card(config: Config, found: FoundNetwork, n: int) -> dict[str, Any]:
    assert found.codes is not None
    rows = zip(config.space.blocks, found.codes, found.widths, strict=True)
    return {
        "network": found.network,
        "name": found.name,
        "retraining": n,
        "seed": config.seed,
        "task": config.task.name,
        "space": space_to_json(config.space),
        "blocks": [
            {"name": block.name, "candidate": code, "operations": block.describe(code), "bits": bits}
            for block, code, bits in rows
        ],
        "fixed_bits": found.policy.fixed.name,
        "weights": "float" if config.networks.qat is None else "trained at their bits",
        "budgets": found.budgets,
        "predicted": found.totals,
    }


def _sizes(model: onnx.ModelProto, found: FoundNetwork) -> dict[str, int]:
    """Return the bytes: as predicted, of the constants (packed to their bits, and as stored), and of the file."""
    return {
        "predicted_bytes": int(float(found.totals["size_bytes"])),
        "packed_bytes": packed_bytes(model),
        "stored_bytes": stored_bytes(model),
        "file_bytes": model.ByteSize(),
    }


def _write(path: Path, content: bytes) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
