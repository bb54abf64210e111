"""Batches without replacement, as a function of the step."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from qabwnas.train.order import Order


@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 5), st.integers(0, 2**40))
def test_an_epoch_repeats_no_image(n_images: int, batch: int, epoch: int, seed: int) -> None:
    order = Order(n_images, batch, seed)
    n_batches = n_images // order.batch
    taken = torch.cat([order(epoch * n_batches + place) for place in range(n_batches)]).tolist()
    assert len(set(taken)) == len(taken) == n_batches * min(batch, n_images)
    assert set(taken) <= set(range(n_images))


@given(st.permutations(range(12)))
def test_a_step_has_its_batch_whichever_steps_came_before(steps: list[int]) -> None:
    order = Order(10, 3, seed=7)
    assert [order(step).tolist() for step in steps] == [Order(10, 3, seed=7)(step).tolist() for step in steps]


def test_epochs_and_seeds_differ() -> None:
    orders = {tuple(Order(20, 20, seed)(epoch).tolist()) for seed in (0, 1) for epoch in (0, 1)}
    assert len(orders) == 4
