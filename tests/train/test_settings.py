"""Learning rates compared with torch's schedulers, and which weights are decayed."""

import pytest
import torch
from torch import nn

from qabwnas.train.settings import Training


@pytest.mark.parametrize("decay", ["cosine", "poly"])
def test_the_learning_rate_equals_that_of_torch(decay: str) -> None:
    settings = Training(steps=50, batch=1, learning_rate=0.3, lr_schedule=decay)
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


def test_everything_is_decayed_where_that_is_asked_for() -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    settings = Training(steps=1, batch=1, learning_rate=0.1, weight_decay=0.5, weight_decay_on="all")
    (group,) = settings.make_optimizer(module.parameters()).param_groups
    assert (len(group["params"]), group["weight_decay"]) == (4, 0.5)


@pytest.mark.parametrize("decay", ["cosine", "poly"])
def test_the_learning_rate_ends_near_its_minimum_and_never_below(decay: str) -> None:
    settings = Training(steps=1000, batch=1, learning_rate=0.01, lr_schedule=decay, min_learning_rate=1e-4)
    rates = [settings.learning_rate_at(step) for step in range(1000)]
    assert rates[0] == pytest.approx(0.01)
    assert 1e-4 <= rates[-1] < 1.3e-4
    assert rates == sorted(rates, reverse=True)


def test_poly_with_a_minimum_is_that_of_the_formula() -> None:
    """(highest − minimum) · (1 − step / steps)^0.9 + minimum, as in mmsegmentation."""
    settings = Training(steps=80, batch=8, learning_rate=0.01, lr_schedule="poly", min_learning_rate=1e-4)
    for step in (0, 7, 79):
        assert settings.learning_rate_at(step) == pytest.approx(1e-4 + (0.01 - 1e-4) * (1 - step / 80) ** 0.9)


@pytest.mark.parametrize(("nesterov", "moved"), [(False, 1.0), (True, 1.9)])
def test_momentum_is_nesterovs_or_plain(nesterov: bool, moved: float) -> None:
    weight = nn.Parameter(torch.zeros(1))
    optimizer = Training(steps=1, batch=1, learning_rate=0.1, nesterov=nesterov).make_optimizer([weight])
    weight.grad = torch.ones(1)
    optimizer.step()
    assert weight.item() == pytest.approx(-0.1 * moved)
