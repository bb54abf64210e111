"""The order of images and the paths of a supernet, as functions of seed and step."""

from collections import Counter

import torch
from hypothesis import given
from hypothesis import strategies as st

from qabwnas.train.sampling import ImageOrder, fair_path, uniform_path


@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 5), st.integers(0, 2**40))
def test_an_epoch_repeats_no_image(n_images: int, batch: int, epoch: int, seed: int) -> None:
    order = ImageOrder(n_images, batch, seed)
    n_batches = n_images // order.batch
    taken = torch.cat([order(epoch * n_batches + place) for place in range(n_batches)]).tolist()
    assert len(set(taken)) == len(taken) == n_batches * min(batch, n_images)
    assert set(taken) <= set(range(n_images))


@given(st.permutations(range(12)))
def test_a_step_has_its_batch_whichever_steps_came_before(steps: list[int]) -> None:
    order = ImageOrder(10, 3, seed=7)
    assert [order(step).tolist() for step in steps] == [ImageOrder(10, 3, seed=7)(step).tolist() for step in steps]


def test_epochs_and_seeds_differ() -> None:
    orders = {tuple(ImageOrder(20, 20, seed)(epoch).tolist()) for seed in (0, 1) for epoch in (0, 1)}
    assert len(orders) == 4


RADICES = st.lists(st.integers(1, 7), min_size=1, max_size=4)
SEEDS = st.integers(0, 2**32)


@given(RADICES, st.integers(0, 50), SEEDS)
def test_fair_sampling_takes_every_operation_of_every_layer_once_a_round(
    radices: list[int], round_: int, seed: int
) -> None:
    for layer, radix in enumerate(radices):
        taken = [fair_path(radices, step, seed)[layer] for step in range(round_ * radix, (round_ + 1) * radix)]
        assert sorted(taken) == list(range(radix))


def test_fair_rounds_differ_between_rounds_layers_and_seeds() -> None:
    rounds = {tuple(fair_path([6, 6], 6 * r + s, seed)[layer] for s in range(6))
              for r in range(5) for layer in (0, 1) for seed in (0, 1)}  # fmt: skip
    assert len(rounds) > 15


@given(RADICES, st.integers(0, 1000), SEEDS)
def test_uniform_paths_stay_inside_and_repeat_for_their_seed(radices: list[int], step: int, seed: int) -> None:
    path = uniform_path(radices, step, seed)
    assert all(0 <= operation < radix for operation, radix in zip(path, radices, strict=True))
    assert path == uniform_path(radices, step, seed)


def test_uniform_paths_are_uniform() -> None:
    counts = Counter(uniform_path([2, 3], step, 0) for step in range(6000))
    assert len(counts) == 6
    # Six standard deviations of a binomial count of mean 1,000.
    assert all(abs(count - 1000) < 6 * (1000 * 5 / 6) ** 0.5 for count in counts.values())
