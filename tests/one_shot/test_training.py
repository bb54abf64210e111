"""One-shot training: which operations a step trains, and that the gradients of FairNAS's paths are summed."""

from __future__ import annotations

import copy
from collections import Counter
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from qabwnas.data.digits import load_digits
from qabwnas.nets.network import build_network
from qabwnas.one_shot.supernet import OneShotSupernet
from qabwnas.one_shot.training import Method, paths_per_step, sample_path, train_one_shot
from qabwnas.space.yaml import parse_space
from qabwnas.train.feed import labelled_feed
from qabwnas.train.sampling import derive_seed, seeded_generators
from qabwnas.train.settings import Training
from qabwnas.train.tasks import Classification
from qabwnas.train.trainer import Progress
from tests.pipeline.tiny import SPACE

SEEDS = st.integers(0, 2**32)


def test_spos_takes_every_operation_about_equally_often() -> None:
    n_steps, radices = 3000, (2, 3, 6)
    assert paths_per_step("spos", radices) == 1
    paths = [sample_path("spos", radices, step, 0, seed=4) for step in range(n_steps)]
    for layer, radix in enumerate(radices):
        counts = Counter(path[layer] for path in paths)
        deviation = (n_steps * (1 / radix) * (1 - 1 / radix)) ** 0.5
        assert set(counts) == set(range(radix))
        assert all(abs(count - n_steps / radix) < 5 * deviation for count in counts.values())
    assert len(set(paths)) == 36  # layers are drawn independently


@given(st.integers(1, 6), st.integers(1, 5), st.integers(0, 1000), SEEDS)
def test_a_step_of_fairnas_takes_every_operation_of_every_layer_exactly_once(
    radix: int, n_layers: int, step: int, seed: int
) -> None:
    radices = (radix,) * n_layers
    paths = [sample_path("fairnas", radices, step, n, seed) for n in range(paths_per_step("fairnas", radices))]
    assert len(paths) == radix
    for of_layer in zip(*paths, strict=True):
        assert sorted(of_layer) == list(range(radix))


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), SEEDS)
def test_fairnas_is_fair_to_layers_of_other_sizes_over_twelve_steps(radices: list[int], seed: int) -> None:
    n_paths = paths_per_step("fairnas", radices)
    paths = [sample_path("fairnas", radices, step, n, seed) for step in range(12) for n in range(n_paths)]
    for layer, radix in enumerate(radices):
        assert set(Counter(path[layer] for path in paths).values()) == {12 * n_paths // radix}


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("method", ["spos", "fairnas"])
def test_a_step_adds_the_gradients_of_its_paths_and_updates_once(
    method: Method, accumulate: int, tmp_path: Path
) -> None:
    space = parse_space(SPACE)
    with seeded_generators(1):
        like = build_network(space, [block.decode(0) for block in space.blocks])
        supernet = OneShotSupernet(space, like)
    task, settings = Classification(load_digits()), Training(1, 16, 0.1, accumulate=accumulate)
    expected = copy.deepcopy(supernet).train()
    train_one_shot(
        supernet, task, settings, method=method, seed=7, name="test", progress=Progress(tmp_path / "p.pt", "identity")
    )

    [batch] = labelled_feed(task.splits.train, 16, 7)(0, 1)
    optimizer = settings.make_optimizer(expected.parameters())
    for number in range(paths_per_step(method, expected.radices)):
        path = sample_path(method, expected.radices, 0, number, derive_seed(7, "paths"))
        for part in range(accumulate):  # batch norm takes its statistics over a micro-batch
            images, labels = (tensor.chunk(accumulate)[part] for tensor in (batch.images, batch.labels))
            torch.autograd.backward(task.loss(expected(images, path), labels) / accumulate)
    touched = {name for name, parameter in expected.named_parameters() if parameter.grad is not None}
    optimizer.step()
    for name, parameter in supernet.named_parameters():
        torch.testing.assert_close(parameter, expected.get_parameter(name), rtol=1e-4, atol=1e-6)
    all_names = {name for name, _ in supernet.named_parameters()}
    assert touched == all_names if method == "fairnas" else touched < all_names


def test_a_subnet_computes_what_its_path_computes() -> None:
    space = parse_space(SPACE)
    with seeded_generators(1):
        supernet = OneShotSupernet(space, build_network(space, [block.decode(0) for block in space.blocks])).eval()
    images = torch.rand(2, 1, 8, 8)
    for codes in ([0, 0], [2, 1], [3, 0]):
        path = [digit for block, code in zip(space.blocks, codes, strict=True) for digit in block.digits(code)]
        torch.testing.assert_close(supernet.subnet(codes).eval()(images), supernet(images, path))
