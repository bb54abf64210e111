"""Learning rates against torch's own schedulers, and what is decayed."""

import pytest
import torch
from torch import nn

from qabwnas.train.settings import Training


@pytest.mark.parametrize("decay", ["cosine", "poly"])
def test_the_learning_rate_equals_that_of_torch(decay: str) -> None:
    settings = Training(steps=50, batch=1, learning_rate=0.3, decay=decay)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.3)
    scheduler = (
        torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=50)
        if decay == "cosine"
        else torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=50, power=0.9)
    )
    for step in range(50):
        assert settings.learning_rate_at(step) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
        optimizer.step()
        scheduler.step()


def test_warm_up_rises_to_the_highest_rate() -> None:
    settings = Training(steps=10, batch=1, learning_rate=0.4, warm_up=4)
    assert [settings.learning_rate_at(step) for step in range(5)] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4])
    assert settings.learning_rate_at(9) > 0


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_only_weights_are_decayed(optimizer: str) -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    settings = Training(steps=1, batch=1, learning_rate=0.1, optimizer=optimizer, weight_decay=0.5)
    decays = {
        parameter: group["weight_decay"]
        for group in settings.make_optimizer(module.parameters()).param_groups
        for parameter in group["params"]
    }
    assert {name: decays[parameter] for name, parameter in module.named_parameters()} == {
        "0.weight": 0.5, "0.bias": 0.0, "1.weight": 0.0, "1.bias": 0.0,
    }  # fmt: skip
