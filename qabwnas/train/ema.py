"""An exponential moving average of a module's weights, which often scores better than the last weights.

Averages of the iterates of stochastic gradient descent: Polyak and Juditsky (1992); exponential ones, for networks:
Tarvainen and Valpola (NeurIPS 2017). Running statistics of batch norm are averaged as the weights are, so that they
belong to each other.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class WeightAverage:
    """The average of the weights after every step, ``average ← d · average + (1 − d) · weights``.

    In step ``t`` (from 1), ``d = min(decay, (1 + t) / (10 + t))``, so that the first weights are forgotten early (as in
    TensorFlow's ExponentialMovingAverage). Tensors of whole numbers are those of the last step.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._decay = decay
        self._n_steps = 0
        self._average = {name: tensor.clone() for name, tensor in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Add the weights after a step to the average."""
        self._n_steps += 1
        decay = min(self._decay, (1 + self._n_steps) / (10 + self._n_steps))
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point():
                self._average[name].lerp_(tensor, 1 - decay)
            else:
                self._average[name].copy_(tensor)

    def copy_to(self, module: nn.Module) -> None:
        """Replace the weights of a module by their average."""
        module.load_state_dict(self._average)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the average, by the names of the module's state dict."""
        return self._average

    def load_state_dict(self, average: Mapping[str, Tensor], n_steps: int) -> None:
        """Continue from the average after so many steps.

        Raises:
            KeyError: ``average`` belongs to another module.
        """
        for name, tensor in self._average.items():
            tensor.copy_(average[name])
        self._n_steps = n_steps
