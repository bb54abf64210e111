"""Losses and scores of tasks compared with the plain formulas."""

import math

import pytest
import torch
from sklearn.metrics import jaccard_score
from torch import Tensor, nn
from torch.nn import functional as F

from qabwnas.data.splits import IGNORED, Splits, TensorSplit
from qabwnas.train.tasks import Classification, Segmentation


def unmoved(images: Tensor, _: torch.Generator) -> Tensor:
    return images


def task_data(images: Tensor, labels: Tensor) -> Splits:
    split = TensorSplit(images, labels, unmoved)
    return Splits(split, split, split, split)


def test_accuracy_counts_right_answers() -> None:
    logits = torch.eye(10).repeat(50, 1)
    labels = torch.arange(10).repeat(50)
    labels[:75] = (labels[:75] + 1) % 10
    network = nn.Sequential(nn.BatchNorm1d(10), nn.Dropout(0.9))  # wrong, unless it is in evaluation mode
    task = Classification(task_data(logits, labels))
    score = task.score(network, task.splits.test)
    assert score.value == 425 / 500
    assert score.standard_error == pytest.approx(math.sqrt(0.85 * 0.15 / 500))


@pytest.fixture
def segmentation() -> Segmentation:
    """Answers of five classes, of which labels and answers never have the last; some pixels are ignored."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.rand(9, 5, 6, 8, generator=generator)
    logits[:, 4] = -1
    labels = torch.randint(0, 4, (9, 6, 8), generator=generator)
    labels[torch.rand(9, 6, 8, generator=generator) < 0.2] = IGNORED
    return Segmentation(task_data(logits, labels), 5)


def mean_iou(images: Tensor, labels: Tensor) -> float:
    answers, counted = images.argmax(1), labels != IGNORED
    return float(jaccard_score(labels[counted], answers[counted], average="macro"))


def test_mean_intersection_over_union(segmentation: Segmentation) -> None:
    split = segmentation.splits.test
    assert isinstance(split, TensorSplit)
    score = segmentation.score(nn.Dropout(0.9), split)
    assert score.value == pytest.approx(mean_iou(split.images, split.labels))
    left_out = [
        mean_iou(*(torch.cat([part[:i], part[i + 1 :]]) for part in (split.images, split.labels))) for i in range(9)
    ]
    spread = sum((value - sum(left_out) / 9) ** 2 for value in left_out)
    assert score.standard_error == pytest.approx(math.sqrt(8 / 9 * spread))


def test_a_single_image_gives_no_differences(segmentation: Segmentation) -> None:
    images, labels = torch.rand(1, 3, 4, 4), torch.randint(0, 3, (1, 4, 4))
    score = segmentation.score(nn.Identity(), TensorSplit(images, labels, unmoved))
    assert score.value == pytest.approx(mean_iou(images, labels))
    assert (score.standard_error, score.leave_one_out) == (0, None)


def test_reading_processes_change_no_score() -> None:
    task = Classification(task_data(torch.eye(10).repeat(60, 1), torch.arange(600) % 7))
    alone, with_readers = (task.score(nn.Identity(), task.splits.test, workers=workers) for workers in (0, 2))
    assert alone == with_readers


def test_segmentation_loss_scales_up_and_ignores(segmentation: Segmentation) -> None:
    coarse = torch.rand(2, 5, 3, 4, requires_grad=True)
    labels = torch.randint(0, 5, (2, 6, 8))
    labels[0, :3] = IGNORED
    fine = F.interpolate(coarse, scale_factor=2, mode="bilinear")
    pixels = fine.movedim(1, -1)[labels != IGNORED].log_softmax(-1)
    expected = -pixels.gather(-1, labels[labels != IGNORED][:, None]).mean()
    torch.testing.assert_close(segmentation.loss(coarse, labels), expected)
