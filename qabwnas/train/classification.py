"""The task of naming one class an image."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from qabwnas.data.splits import Split
from qabwnas.train.feed import read_batches
from qabwnas.train.task import Score, Task, device_of

BATCH = 256


class Classification(Task):
    """Cross-entropy and accuracy."""

    score_name = "accuracy"

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits, labels)

    @torch.inference_mode()
    def score(self, network: nn.Module, split: Split, *, workers: int = 0) -> Score:
        """Return the share of images whose label has the highest logit, with a binomial's standard error."""
        network.eval()
        device = device_of(network)
        n_right = 0
        for batch in read_batches(split, BATCH, workers=workers):
            n_right += int((network(batch.images.to(device)).argmax(dim=1).cpu() == batch.labels).sum())
        share = n_right / len(split)
        return Score(share, math.sqrt(share * (1 - share) / len(split)))
