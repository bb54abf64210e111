"""What ``test_kill`` runs: trainings that are killed at random moments, continued, and compared with whole ones.

    python -m tests.train.killed teacher|supernet N_MOMENTS FOLDER

Every training is a process that is forked from this one, which has loaded torch and computed nothing. So it starts
at once, and the moments fall into the training and its checkpoints. Prints how many of them came before the end.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import torch
import torch._dynamo  # an optimizer imports it, which takes ten times as long as the trainings here
from torch import Tensor

from qabwnas.data.digits import random_shift
from qabwnas.data.splits import Splits, TensorSplit
from qabwnas.nets.network import build_network
from qabwnas.nets.supernet import Supernet
from qabwnas.space import mbconv
from qabwnas.train.checkpoint import load_checkpoint
from qabwnas.train.distill import distill
from qabwnas.train.settings import Training
from qabwnas.train.tasks import Classification
from qabwnas.train.teacher import train_teacher
from qabwnas.train.trainer import KIND, Progress
from tests.spaces import TINY

STEPS = 10


def train(kind: str, path: Path) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    split = TensorSplit(torch.rand(40, 1, 8, 6), torch.arange(40) % 3, random_shift)
    teacher = build_network(TINY, [[mbconv(3, 2)], [mbconv(3, 2)]])
    settings = Training(STEPS, 8, 0.002, optimizer="adamw", weight_decay=1e-3)
    progress = Progress(path, "", every=1)
    if kind == "teacher":
        task = Classification(Splits(split, split, split, split))
        train_teacher(teacher, task, settings, seed=1, name=kind, progress=progress)
    else:
        distill(teacher, Supernet(TINY), [1], split, [settings] * 2, sampling="fair", seed=1,
                progress=lambda _: progress)  # fmt: skip


def killed_after(cpu_seconds: float | None, work: Callable[[], None]) -> float:
    """Work in a process of its own, which the kernel ends after so many CPU seconds; return how many it computed.

    It ends as by kill -9: nothing handles SIGPROF. Time in which others have the processor does not count, so that as
    many moments come before the end on a busy machine.
    """
    child = os.fork()
    if child == 0:
        try:
            if cpu_seconds is not None:
                signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
            work()
        finally:
            os._exit(0)  # whatever happened, it must not go on as its parent does
    _, _, usage = os.wait4(child, 0)
    return usage.ru_utime + usage.ru_stime


def equal(content: object, other: object) -> bool:
    """Return whether two checkpoints hold the same, tensors bit for bit."""
    if isinstance(content, dict):
        return isinstance(other, dict) and equal([*content.items()], [*other.items()])
    if isinstance(content, (list, tuple)):
        return isinstance(other, type(content)) and len(content) == len(other) and all(map(equal, content, other))
    if isinstance(content, Tensor):
        return isinstance(other, Tensor) and torch.equal(content, other)
    return content == other


def main(kind: str, n_moments: int, folder: Path) -> None:
    whole = folder / "whole.pt"
    seconds = killed_after(None, lambda: train(kind, whole))
    generator = random.Random(0)
    n_before_the_end = 0
    for moment in range(n_moments):
        path = folder / f"{moment}.pt"
        killed_after(generator.uniform(0.001, seconds), lambda path=path: train(kind, path))  # type: ignore[misc]
        before_the_end = not path.exists() or load_checkpoint(path, KIND)["step"] < STEPS
        n_before_the_end += before_the_end
        killed_after(None, lambda path=path: train(kind, path))  # type: ignore[misc]
        ended, expected = load_checkpoint(path, KIND), load_checkpoint(whole, KIND)
        assert ended["step"] == STEPS
        assert equal(ended, expected), f"another result after the kill at moment {moment}"
    print(n_before_the_end)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
