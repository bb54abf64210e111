"""Settings of a training, and the strict numbers that all configuration is made of.

They are checked by pydantic: wrong values raise ``pydantic.ValidationError``, which is a ValueError.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal

import torch
from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass
from torch import nn

POLY_POWER = 0.9
MOMENTUM = 0.9

STRICT = ConfigDict(extra="forbid")
"""No section of a configuration takes unknown fields."""


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


# No text and no truth value is a number; 8e4 is a whole number.
Whole = Annotated[int, Field(strict=True, ge=0), BeforeValidator(_whole)]
Count = Annotated[int, Field(strict=True, ge=1), BeforeValidator(_whole)]
Number = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Flag = Annotated[bool, Field(strict=True)]


def _is_default(default: object) -> Callable[[object], bool]:
    return lambda value: value == default


_Rates = Annotated[
    Annotated[Number, Tag("number")] | Annotated[tuple[Number, ...], Field(min_length=1), Tag("list")],
    Discriminator(lambda value: "list" if isinstance(value, list | tuple) else "number"),
]


@dataclass(frozen=True, config=STRICT)
class TrainingSettings:
    """How long and how fast to train: one training, or several that differ in their learning rates."""

    steps: Count = Field(description="Updates of the weights.")
    batch: Count = Field(description="Images per update.")
    learning_rate: _Rates = Field(
        description="The highest learning rate, reached after warm_up. A list has one per block."
    )
    optimizer: Literal["sgd", "adamw"] = Field(
        default="sgd", description="SGD with momentum 0.9, or AdamW (Loshchilov and Hutter 2019)."
    )
    nesterov: Flag = Field(
        default=True, description="Nesterov momentum for sgd. mmsegmentation and DNA train without it."
    )
    lr_schedule: Literal["cosine", "poly"] = Field(
        default="cosine",
        description="cosine (Loshchilov and Hutter 2017), or polynomial decay of power 0.9 (Chen et al. 2017).",
    )
    min_learning_rate: Number = Field(
        default=0.0, description="The learning rate at the end of the schedule; at most learning_rate."
    )
    weight_decay: Number = Field(default=0.0, description="The factor of the weight decay.")
    weight_decay_on: Literal["weights", "all"] = Field(
        default="weights",
        description="Weights of convolutions and linear layers only, as DNA; or all parameters, as mmsegmentation.",
    )
    warm_up: Whole = Field(default=0, description="Steps in which the learning rate rises linearly; fewer than steps.")
    amp: Flag = Field(
        default=False,
        description="Mixed precision on CUDA: float16 where it is safe, with scaled gradients (Micikevicius et al., "
        "ICLR 2018). CPUs always train in float32.",
    )
    # Settings that came later are left out of files at their default, so that finished stages of older runs stay done.
    max_grad_norm: Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)] | None = Field(
        default=None,
        exclude_if=_is_default(None),
        description="Gradients with a larger norm over all weights are scaled down to it (Pascanu et al., ICML 2013).",
    )
    ema_decay: Annotated[float, Field(strict=True, gt=0, lt=1)] | None = Field(
        default=None,
        exclude_if=_is_default(None),
        description="The result is an exponential moving average of the weights with this decay (Polyak and Juditsky "
        "1992; Tarvainen and Valpola, NeurIPS 2017), such as 0.999; by default, the last weights.",
    )

    @field_validator("min_learning_rate")
    @classmethod
    def _at_most_learning_rate(cls, rate: float, info: ValidationInfo) -> float:
        highest = info.data.get("learning_rate", math.inf)
        if rate > (min(highest) if isinstance(highest, tuple) else highest):
            raise ValueError(f"{rate} is more than learning_rate, {highest}")
        return rate

    @field_validator("warm_up")
    @classmethod
    def _fewer_than_steps(cls, n_steps: int, info: ValidationInfo) -> int:
        if n_steps >= info.data.get("steps", math.inf):
            raise ValueError(f"{n_steps} is not less than steps, {info.data['steps']}")
        return n_steps

    def trainings(self) -> tuple[Training, ...]:
        """Return one training per learning rate."""
        rates = self.learning_rate if isinstance(self.learning_rate, tuple) else (self.learning_rate,)
        return tuple(Training(**(vars(self) | {"learning_rate": rate})) for rate in rates)


@dataclass(frozen=True, config=STRICT)
class Training(TrainingSettings):
    """How long and how fast to train. A training on labels also has the fields that a supernet's has not."""

    learning_rate: Number = Field(description="The highest learning rate, reached after warm_up.")
    accumulate: Count = Field(
        default=1,
        exclude_if=_is_default(1),
        description="Micro-batches that each batch is divided into, one after the other, to save memory. Their "
        "gradients are added up. Batch norm takes its statistics over a micro-batch.",
    )
    label_smoothing: Annotated[Number, Field(lt=1)] = Field(
        default=0.0,
        exclude_if=_is_default(0.0),
        description="The share of each label that is spread evenly over all classes (Szegedy et al., CVPR 2016), such "
        "as 0.1; below 1.",
    )

    @field_validator("accumulate")
    @classmethod
    def _divides_the_batch(cls, accumulate: int, info: ValidationInfo) -> int:
        batch = info.data.get("batch", accumulate)
        if batch % accumulate:
            raise ValueError(f"{accumulate} micro-batches of equal size cannot be made of a batch of {batch}")
        return accumulate

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of a step, ``0 … steps − 1``; a function of the step, so that nothing is stored."""
        if step < self.warm_up:
            return self.learning_rate * (step + 1) / self.warm_up
        remaining = 1 - (step - self.warm_up) / (self.steps - self.warm_up)
        share = remaining**POLY_POWER if self.lr_schedule == "poly" else (1 - math.cos(math.pi * remaining)) / 2
        return self.min_learning_rate + (self.learning_rate - self.min_learning_rate) * float(share)

    def make_optimizer(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return a fresh optimiser of the parameters."""
        parameters = list(parameters)
        decayed = [p for p in parameters if p.ndim > 1 or self.weight_decay_on == "all"]
        others = [p for p in parameters if p.ndim <= 1 and self.weight_decay_on != "all"]
        groups = [{"params": decayed, "weight_decay": self.weight_decay}, {"params": others, "weight_decay": 0.0}]
        groups = [group for group in groups if group["params"]]
        if self.optimizer == "adamw":
            return torch.optim.AdamW(groups, lr=self.learning_rate)
        return torch.optim.SGD(groups, lr=self.learning_rate, momentum=MOMENTUM, nesterov=self.nesterov)
