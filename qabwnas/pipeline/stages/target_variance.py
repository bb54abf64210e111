"""The teacher's signal, which students are trained and measured against: a file in a stage's scratch folder."""

from __future__ import annotations

from pathlib import Path

from qabwnas.measure.target_variance import measure_target_variances
from qabwnas.nets.network import Network
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.stages.data import load_task
from qabwnas.pipeline.stages.teacher import load_teacher
from qabwnas.quant.nsr import TargetVariance
from qabwnas.train.checkpoint import load_checkpoint, save_checkpoint

FILE_NAME = "signal.pt"
KIND = "signal"


def write_signals(config: Config, folder: Path, device: str, path: Path) -> None:
    """Find out the signal behind every block of a run and write it to ``path``, if it is not there; as a job.

    Raises InputError as :func:`~qabwnas.measure.target_variance.measure_target_variances`.
    """
    if path.exists():
        return
    teacher: Network = load_teacher(config, folder).to(device)
    names = [block.name for block in config.space.blocks]
    signals = measure_target_variances(teacher, names, load_task(config, folder).splits.validation)
    save_checkpoint(path, KIND, {"variances": [signal.variances for signal in signals]})


def load_signals(path: Path) -> list[TargetVariance]:
    """Return what :func:`write_signals` wrote."""
    return [TargetVariance.of(variances) for variances in load_checkpoint(path, KIND)["variances"]]
