"""Blocks that learn jointly end like blocks that learn independently, bit for bit."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from qabwnas.data.splits import Split, TensorSplit
from qabwnas.data.transforms import random_shift
from qabwnas.errors import QabwnasError
from qabwnas.nets.network import Network, build_network
from qabwnas.nets.supernet import Supernet, SupernetBlock
from qabwnas.quant.nsr import nsr
from qabwnas.space import mbconv
from qabwnas.train.distill import block_seed, distill, distill_block, feature_maps, teacher_map_feed
from qabwnas.train.sampling import ImageOrder, derive_seed, uniform_path
from qabwnas.train.settings import Training
from qabwnas.train.trainer import Progress
from tests.spaces import TINY

STEPS = 6
SETTINGS = tuple(Training(STEPS, 8, rate, min_learning_rate=1e-4, nesterov=False) for rate in (0.05, 0.02))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def split() -> Split:
    images = torch.rand(30, 1, 8, 6, generator=torch.Generator().manual_seed(0))
    return TensorSplit(images, torch.zeros(30, dtype=torch.int64), random_shift)


def networks() -> tuple[Network, Supernet]:
    torch.manual_seed(0)
    return build_network(TINY, [[mbconv(3, 2)], [mbconv(3, 2)]]), Supernet(TINY)


def distilled(split: Split, folder: Path, *groups: list[int], **changes: Any) -> Supernet:
    """Distil a fresh supernet in groups of blocks, one group after the other."""
    teacher, supernet = networks()
    options: dict[str, Any] = {"sampling": "uniform", "seed": 5}
    options["progress"] = lambda b: Progress(folder / f"block{b}.pt", "", every=2)
    for blocks in groups:
        distill(teacher, supernet, blocks, split, SETTINGS, **options | changes)
    return supernet


def assert_equal(supernet: Supernet, expected: Supernet) -> None:
    for (name, tensor), other in zip(supernet.state_dict().items(), expected.state_dict().values(), strict=True):
        assert torch.equal(tensor, other), name


def test_joint_training_is_the_plain_loop_over_blocks_and_steps(split: Split, tmp_path: Path) -> None:
    teacher, expected = networks()
    teacher.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    expected.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    of_batches = derive_seed(5, "supernet")
    for b, settings in enumerate(SETTINGS):
        block = cast(SupernetBlock, expected.blocks[b])
        optimizer = torch.optim.SGD(block.parameters(), lr=1.0, momentum=0.9)
        for step in range(STEPS):
            chosen = ImageOrder(30, 8, of_batches)(step).tolist()
            with torch.no_grad():
                maps = teacher.features(split.draw(chosen, derive_seed(of_batches, "step", step)).images)
            optimizer.param_groups[0]["lr"] = settings.learning_rate_at(step)
            path = uniform_path(block.block.radices, step, block_seed(5, block.block.name))
            loss = nsr(block(maps[b], path), maps[b + 1])
            optimizer.zero_grad()
            if loss.requires_grad:
                loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    assert_equal(distilled(split, tmp_path, [0, 1]), expected)


@pytest.mark.parametrize(("groups", "workers"), [(([0], [1]), 0), (([1], [0]), 0), (([1], [0, 1]), 0), (([0], [1]), 1)])
def test_blocks_end_the_same_jointly_and_independently(
    split: Split, tmp_path: Path, groups: tuple[list[int], ...], workers: int
) -> None:
    for folder in ("joint", "independent"):
        (tmp_path / folder).mkdir()
    joint = distilled(split, tmp_path / "joint", [0, 1])
    assert_equal(distilled(split, tmp_path / "independent", *groups, workers=workers), joint)


class Interrupting(Split):
    """A split that stops the training when a step's batch has been drawn ``n_draws`` times."""

    def __init__(self, split: Split, n_draws: int) -> None:
        self._split = split
        self._left = n_draws

    def __len__(self) -> int:
        return len(self._split)

    def read(self, indices: Any) -> Any:
        return self._split.read(indices)

    def draw(self, indices: Any, seed: int) -> Any:
        if not self._left:
            raise KeyboardInterrupt
        self._left -= 1
        return self._split.draw(indices, seed)

    def digest(self) -> str:
        return self._split.digest()


@pytest.mark.parametrize("n_draws", [1, 2, 5])
def test_blocks_that_were_interrupted_jointly_can_end_independently(split: Split, tmp_path: Path, n_draws: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        distilled(Interrupting(split, n_draws), tmp_path, [0, 1])
    resumed = distilled(split, tmp_path, [1], [0])
    (tmp_path / "whole").mkdir()
    assert_equal(resumed, distilled(split, tmp_path / "whole", [0, 1]))


def test_blocks_of_different_progress_meet(split: Split, tmp_path: Path) -> None:
    """As after a kill between the checkpoints of two blocks."""
    with pytest.raises(KeyboardInterrupt):
        distilled(Interrupting(split, 5), tmp_path, [1])
    with pytest.raises(KeyboardInterrupt):
        distilled(Interrupting(split, 3), tmp_path, [0])
    resumed = distilled(split, tmp_path, [0, 1])
    (tmp_path / "whole").mkdir()
    assert_equal(resumed, distilled(split, tmp_path / "whole", [0, 1]))


def test_a_block_that_is_done_costs_no_image(split: Split, tmp_path: Path) -> None:
    done = distilled(split, tmp_path, [0, 1])
    assert_equal(distilled(Interrupting(split, 0), tmp_path, [0, 1]), done)


def test_the_teacher_stops_after_the_last_block_that_learns(split: Split) -> None:
    teacher, _ = networks()
    teacher.blocks[1] = nn.Module()  # cannot be called
    maps = list(teacher_map_feed(teacher, split, SETTINGS[0], 1, seed=0)(2, 4))
    assert [sorted(step) for step in maps] == [[0, 1], [0, 1]]
    assert not any(tensor.requires_grad for step in maps for tensor in step.values())


class Poisoned(nn.Module):
    """A module that answers NaN to an input of one mean."""

    def __init__(self, module: nn.Module, bad_mean: Tensor) -> None:
        super().__init__()
        self.module = module
        self.bad_mean = bad_mean

    def forward(self, x: Tensor) -> Tensor:
        return torch.where(x.mean() == self.bad_mean, torch.nan, self.module(x))


def test_nan_in_a_feature_map_names_block_and_step(split: Split, tmp_path: Path) -> None:
    teacher, supernet = networks()
    steps = list(teacher_map_feed(teacher, split, SETTINGS[0], 2, seed=derive_seed(5, "supernet"))(0, STEPS))
    teacher.blocks[1] = Poisoned(teacher.blocks[1], steps[3][1].mean())
    with pytest.raises(
        QabwnasError, match="supernet: first, second: the teacher's feature map after second holds NaN .* at step 3"
    ):
        distill(teacher, supernet, [0, 1], split, SETTINGS, sampling="uniform", seed=5,
                progress=lambda b: Progress(tmp_path / f"{b}.pt", ""))  # fmt: skip


def test_nan_in_kept_maps_names_block_and_step(split: Split, tmp_path: Path) -> None:
    teacher, supernet = networks()
    maps = feature_maps(teacher, [split.read(range(8)).images])
    maps[0][:] = torch.nan
    block = cast(SupernetBlock, supernet.blocks[0])
    with pytest.raises(QabwnasError, match="feature map before first holds NaN or infinity at step 0"):
        distill_block(block, maps[0], maps[1], SETTINGS[0], sampling="uniform", seed=0, name="supernet: first",
                      progress=Progress(tmp_path / "c.pt", ""))  # fmt: skip


def test_a_loss_that_the_teacher_is_not_to_blame_for_keeps_its_message(split: Split, tmp_path: Path) -> None:
    teacher, supernet = networks()
    with torch.no_grad():
        for parameter in supernet.blocks[1].parameters():
            parameter.fill_(torch.nan)
    with pytest.raises(QabwnasError, match="supernet: second: the loss is nan at step 0"):
        distill(teacher, supernet, [1], split, SETTINGS, sampling="uniform", seed=5,
                progress=lambda b: Progress(tmp_path / f"{b}.pt", ""))  # fmt: skip
