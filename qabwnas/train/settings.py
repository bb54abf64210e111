"""How long and how fast to train."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

OPTIMIZERS = ("sgd", "adamw")
DECAYS = ("cosine", "poly")
DECAYED = ("weights", "all")
POLY_POWER = 0.9
MOMENTUM = 0.9


@dataclass(frozen=True)
class Training:
    """The settings of one training.

    Attributes:
        steps: updates of the weights.
        batch: images an update.
        learning_rate: the highest one, reached after ``warm_up`` steps and then decayed.
        optimizer: ``sgd`` (momentum 0.9) or ``adamw`` (Loshchilov and Hutter 2019).
        nesterov: whether the momentum of ``sgd`` is Nesterov's; mmsegmentation's and DNA's is not.
        decay: ``cosine`` (Loshchilov and Hutter 2017) or ``poly`` of power 0.9 (Chen et al. 2017).
        min_learning_rate: what the learning rate decays towards; at most ``learning_rate``.
        weight_decay: the factor of the decay of what ``decayed`` says.
        decayed: ``weights`` of convolutions and linear layers, as in DNA; or ``all``, biases and batch norm too, as in
            mmsegmentation.
        warm_up: steps over which the learning rate rises linearly.
        amp: mixed precision on CUDA: float16 where it is safe, gradients scaled (Micikevicius et al., ICLR 2018). CPUs
            always train in float32.
    """

    steps: int
    batch: int
    learning_rate: float
    optimizer: str = "sgd"
    nesterov: bool = True
    decay: str = "cosine"
    min_learning_rate: float = 0.0
    weight_decay: float = 0.0
    decayed: str = "weights"
    warm_up: int = 0
    amp: bool = False

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of a step, ``0 … steps − 1``; a function of the step, so that nothing is stored."""
        if step < self.warm_up:
            return self.learning_rate * (step + 1) / self.warm_up
        remaining = 1 - (step - self.warm_up) / (self.steps - self.warm_up)
        share: float = remaining**POLY_POWER if self.decay == "poly" else (1 - math.cos(math.pi * remaining)) / 2
        return self.min_learning_rate + (self.learning_rate - self.min_learning_rate) * share

    def make_optimizer(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return a fresh optimiser of the parameters."""
        parameters = list(parameters)
        decayed = [p for p in parameters if p.ndim > 1 or self.decayed == "all"]
        others = [p for p in parameters if p.ndim <= 1 and self.decayed != "all"]
        groups = [{"params": decayed, "weight_decay": self.weight_decay}, {"params": others, "weight_decay": 0.0}]
        groups = [group for group in groups if group["params"]]
        if self.optimizer == "adamw":
            return torch.optim.AdamW(groups, lr=self.learning_rate)
        return torch.optim.SGD(groups, lr=self.learning_rate, momentum=MOMENTUM, nesterov=self.nesterov)
