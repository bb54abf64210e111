"""The NSR of the quantised teacher, for all blocks and bit widths at once, equals one after the other."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from qabwnas.data import batches
from qabwnas.data.splits import TensorSplit
from qabwnas.errors import InputError
from qabwnas.measure.maps import block_maps
from qabwnas.measure.teacher_nsr import teacher_nsrs
from qabwnas.nets.network import Network, build_network
from qabwnas.quant.ptq import quantise
from qabwnas.space import BitWidths, mbconv
from tests.spaces import TINY

WIDTHS = [BitWidths(8, 8), BitWidths(4, 6)]
NAMES = [block.name for block in TINY.blocks]


def network() -> Network:
    torch.manual_seed(1)
    return build_network(TINY, [[mbconv(3, 2)], [mbconv(3, 2)]]).eval()


def split(images: Tensor) -> TensorSplit:
    return TensorSplit(images, torch.zeros(len(images)), lambda batch, _: batch)


def images(seed: int) -> Tensor:
    return torch.randn(14, 1, 8, 6, generator=torch.Generator().manual_seed(seed))


@torch.inference_mode()
def one_by_one(teacher: Network, b: int, widths: BitWidths, size: int) -> float:
    maps = block_maps(teacher, b, images(3).split(size), images(4).split(size))
    quantised = quantise(teacher.blocks[b], widths, maps.calibration)
    return maps.meter(quantised(batch) for batch in maps.validation)


@pytest.mark.parametrize("size", [14, 3])
def test_all_at_once_is_one_after_the_other(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_ELEMENTS", size * 8 * 6)
    teacher = network()
    found = teacher_nsrs(teacher, NAMES, split(images(3)), split(images(4)), WIDTHS)
    assert found == {widths: [one_by_one(teacher, b, widths, size) for b in range(2)] for widths in WIDTHS}
    assert all(found[WIDTHS[1]][b] > found[WIDTHS[0]][b] > 0 for b in range(2))


def test_splits_without_images_are_refused() -> None:
    with pytest.raises(InputError, match="the validation split has 0 images, and a standard error needs two"):
        teacher_nsrs(network(), NAMES, split(images(3)), split(images(4)[:0]), WIDTHS)
    with pytest.raises(InputError, match="no calibration data has passed here"):
        teacher_nsrs(network(), NAMES, split(images(3)[:0]), split(images(4)), WIDTHS)
