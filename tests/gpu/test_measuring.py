"""A LUT that is measured on CUDA: the same rounding, the same NSRs up to the order of sums, and no needless waiting."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import cast

import numpy as np
import pytest
import torch

from qabwnas.data.splits import TensorSplit
from qabwnas.measure.calibration import prefix_statistics
from qabwnas.measure.evaluator import exact_float32
from qabwnas.measure.maps import input_target_maps
from qabwnas.measure.populate import populate
from qabwnas.measure.target_variance import measure_target_variances
from qabwnas.measure.tree import TreeWalk, prefix_tree, row_path, tree_layers
from qabwnas.nets.network import Network, build_network
from qabwnas.nets.supernet import Supernet, SupernetBlock
from qabwnas.quant.activations import FakeQuantise
from qabwnas.quant.affine import Affine
from qabwnas.quant.nsr import TargetVariance, image_nsrs, nsr
from qabwnas.quant.weights import fake_quantise_channels
from qabwnas.space import BitWidths, mbconv
from tests.spaces import TINY

pytestmark = pytest.mark.gpu


def teacher_and_supernet() -> tuple[Network, Supernet]:
    torch.manual_seed(1)
    return build_network(TINY, [[mbconv(3, 2)], [mbconv(3, 2)]]).eval(), Supernet(TINY)


def split(seed: int) -> TensorSplit:
    images = torch.randn(14, *TINY.input, generator=torch.Generator().manual_seed(seed))
    return TensorSplit(images, torch.zeros(14, dtype=torch.int64), lambda batch, _: batch)


@pytest.mark.parametrize("bits", [8, 4, 2])
def test_values_are_rounded_alike(device: torch.device, bits: int) -> None:
    x, weights = torch.randn(5, 6, 9, 7), torch.randn(8, 6, 3, 3)
    rounding = FakeQuantise(Affine.of_range(x.min() / 2, x.max(), bits, symmetric=False), inplace=False)
    assert torch.equal(rounding(x.to(device)).cpu(), rounding(x))
    assert torch.equal(fake_quantise_channels(weights.to(device), bits).cpu(), fake_quantise_channels(weights, bits))


def test_nsr_is_that_of_the_cpu(device: torch.device) -> None:
    target, noise = torch.randn(4, 6, 9, 7), torch.randn(4, 6, 9, 7)
    target[:, 2] = 0.5  # a channel without signal
    output = target + 0.1 * noise
    variance = TargetVariance.of(target.double().var((0, 2, 3), unbiased=False))
    for measured in (nsr, image_nsrs):
        there = measured(output.to(device), target.to(device), variance.to(device))
        torch.testing.assert_close(there.cpu(), measured(output, target, variance), rtol=1e-5, atol=0)


def test_a_lut_is_that_of_the_cpu(device: torch.device) -> None:
    """Sums in another order may round a value to the next step, which counts for more on tiny maps."""
    teacher, supernet = teacher_and_supernet()
    expected = populate(teacher, supernet, TINY, split(3), split(4))
    found = populate(teacher.to(device), supernet.to(device), TINY, split(3), split(4))
    assert found.provenance["device"] == device.type
    for block, of_cpu in zip(found.blocks, expected.blocks, strict=True):
        for table, other in zip(block.tables, of_cpu.tables, strict=True):
            for name in ("nsr", "nsr_se"):
                np.testing.assert_allclose(table.columns[name], other.columns[name], rtol=0.02)


def test_the_host_runs_ahead_of_the_gpu_while_rows_are_measured(
    device: torch.device, without_waiting: Callable[[], AbstractContextManager[None]]
) -> None:
    teacher, supernet = teacher_and_supernet()
    teacher.to(device)
    supernet.to(device)
    variances = measure_target_variances(teacher, [block.name for block in TINY.blocks], split(4))
    for b, block in enumerate(TINY.blocks):
        own = cast(SupernetBlock, supernet.blocks[b])
        paths = [
            row_path(block.digits(code), [widths] * block.n_layers)
            for widths in (BitWidths(8, 8), BitWidths(4, 4))
            for code in range(block.n_candidates)
        ]
        operations = prefix_tree([[operation for operation, _ in path] for path in paths])
        [(calibration, _)] = input_target_maps(teacher, b, [split(3).images], "calibration")
        inputs, targets = zip(*input_target_maps(teacher, b, [split(4).images], "validation"), strict=True)
        with exact_float32():
            statistics = prefix_statistics(tree_layers(own), operations, [calibration])
            walk = TreeWalk(own, statistics, inputs, targets, variances[b].to(device))
            with without_waiting():
                rows = dict(walk.image_nsrs(prefix_tree(paths)))
        assert rows.keys() == set(paths)
        assert all(of_images.isfinite().all() for of_images in rows.values())
