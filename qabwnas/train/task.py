"""Tasks: what networks are trained for and judged by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from qabwnas.data.digits import load_digits
from qabwnas.data.shift import random_shift
from qabwnas.data.splits import Split, Splits


@dataclass(frozen=True)
class Task:
    """A data set with its loss and its score.

    Attributes:
        load: gives the data.
        augment: gives a random variant of a batch of training images, of the same shape.
        loss: of logits and labels, as a scalar.
        score: of a network on a split, 0 … 1, higher is better.
        score_name: what the score is called.
    """

    load: Callable[[], Splits]
    augment: Callable[[Tensor], Tensor]
    loss: Callable[[Tensor, Tensor], Tensor]
    score: Callable[[nn.Module, Split], float]
    score_name: str


@torch.inference_mode()
def accuracy(network: nn.Module, split: Split) -> float:
    """Return the share of images whose label has the highest logit; the network is left in evaluation mode."""
    network.eval()
    n_right = sum(int((network(part.images).argmax(dim=1) == part.labels).sum()) for part in split.batches())
    return n_right / len(split)


TASKS = {"digits": Task(load_digits, random_shift, F.cross_entropy, accuracy, "accuracy")}
