"""How long and how fast to train."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

OPTIMIZERS = ("sgd", "adamw")
DECAYS = ("cosine", "poly")
POLY_POWER = 0.9
MOMENTUM = 0.9


@dataclass(frozen=True)
class Training:
    """The settings of one training.

    Attributes:
        steps: updates of the weights.
        batch: images an update.
        learning_rate: the highest one, reached after ``warm_up`` steps and then decayed towards 0.
        optimizer: ``sgd`` (Nesterov momentum 0.9) or ``adamw`` (Loshchilov and Hutter 2019).
        decay: ``cosine`` (Loshchilov and Hutter 2017) or ``poly`` of power 0.9 (Chen et al. 2017).
        weight_decay: on the weights of convolutions and linear layers; biases and batch norm are left alone.
        warm_up: steps over which the learning rate rises linearly.
    """

    steps: int
    batch: int
    learning_rate: float
    optimizer: str = "sgd"
    decay: str = "cosine"
    weight_decay: float = 0.0
    warm_up: int = 0

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of a step, ``0 … steps − 1``; a function of the step, so that nothing is stored."""
        if step < self.warm_up:
            return self.learning_rate * (step + 1) / self.warm_up
        remaining = 1 - (step - self.warm_up) / (self.steps - self.warm_up)
        if self.decay == "poly":
            return float(self.learning_rate * remaining**POLY_POWER)
        return self.learning_rate * (1 - math.cos(math.pi * remaining)) / 2

    def make_optimizer(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return a fresh optimiser of the parameters."""
        parameters = list(parameters)
        groups = [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": self.weight_decay},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]
        if self.optimizer == "adamw":
            return torch.optim.AdamW(groups, lr=self.learning_rate)
        return torch.optim.SGD(groups, lr=self.learning_rate, momentum=MOMENTUM, nesterov=True)
