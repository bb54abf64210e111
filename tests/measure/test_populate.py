"""Population equals measuring candidates one by one, to the last bit."""

from __future__ import annotations

import logging
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from qabwnas.costs import COSTS, block_costs, fixed_costs
from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut
from qabwnas.measure.candidate import measure_candidate
from qabwnas.measure.maps import block_maps
from qabwnas.measure.populate import populate, populate_block, provenance
from qabwnas.nets.mbconv import MBConv
from qabwnas.nets.network import Network, build_network
from qabwnas.nets.subnet import extract
from qabwnas.nets.supernet import Supernet
from qabwnas.quant.apply import quantise
from qabwnas.space import FLOAT, BitWidths, Operation
from tests.measure.test_batch_norm import recalibrate_slowly
from tests.quant.test_nsr import formula
from tests.spaces import TINY

SPACE = replace(TINY, bit_widths=(*TINY.bit_widths, FLOAT))


@pytest.fixture(scope="module")
def teacher() -> Network:
    torch.manual_seed(1)
    return build_network(SPACE, [[Operation(3, 2)], [Operation(3, 2)]]).eval()


@pytest.fixture(scope="module")
def supernet() -> Supernet:
    torch.manual_seed(2)
    return Supernet(SPACE)


def batches(seed: int) -> list[Tensor]:
    images = torch.randn(14, 1, 8, 6, generator=torch.Generator().manual_seed(seed))
    return list(images.split([8, 6]))


@pytest.fixture(scope="module")
def lut(teacher: Network, supernet: Supernet) -> Lut:
    return populate(teacher, supernet, SPACE, batches(3), batches(4), fixed=BitWidths(8, 4))


def test_every_candidate_is_measured_as_if_it_were_alone(teacher: Network, supernet: Supernet, lut: Lut) -> None:
    for b, block in enumerate(SPACE.blocks):
        maps = block_maps(teacher, b, batches(3), batches(4))
        for table, widths in zip(lut.blocks[b].tables, SPACE.bit_widths, strict=True):
            alone = [measure_candidate(supernet.blocks[b], c, widths, maps) for c in range(block.n_candidates)]
            assert table.columns["nsr"].tolist() == alone
            assert table.widths == widths


@torch.no_grad()
def test_a_candidate_alone_against_public_parts_only(teacher: Network, supernet: Supernet, lut: Lut) -> None:
    """The whole chain once more, without the pieces that population and :func:`measure_candidate` share."""
    calibration, validation = (teacher.features(torch.cat(batches(seed))) for seed in (3, 4))
    for code in (0, 2, 5):
        candidate = extract(supernet.blocks[1], code).eval()
        recalibrate_slowly(candidate, calibration[1])
        for table in lut.blocks[1].tables:
            assert table.widths is not None
            output = quantise(candidate, table.widths, [calibration[1]])(validation[1])
            tolerance = 1e-4 if table.widths.is_float else 0.02  # single values fall to the next step
            assert table.columns["nsr"][code] == pytest.approx(formula(output, validation[2]), rel=tolerance)


def test_columns_metrics_and_provenance(lut: Lut) -> None:
    assert lut.metric_names == ("nsr", "size_bytes", "macs", "bitops", "peak_activation_bytes")
    assert [metric.aggregation for metric in lut.metrics] == ["sum", "sum", "sum", "sum", "max"]
    assert lut.metric("nsr").fixed is None
    for cost in COSTS:
        assert lut.metric(cost.name).fixed == fixed_costs(SPACE, BitWidths(8, 4))[cost.name]
        for b, block in enumerate(lut.blocks):
            for table, widths in zip(block.tables, SPACE.bit_widths, strict=True):
                assert np.array_equal(table.columns[cost.name], block_costs(SPACE, b, widths)[cost.name])
    assert lut.space == SPACE
    assert lut.provenance["fixed"] == "w8a4"
    assert lut.describe("first", 1) == "k3e1 k5e2 w4a4"


def test_provenance_tells_inputs_apart(teacher: Network, supernet: Supernet) -> None:
    first = provenance(teacher, supernet, batches(3), batches(4))
    assert first == provenance(teacher, supernet, batches(3), batches(4))
    second = provenance(teacher, Supernet(SPACE), batches(5), batches(4))
    assert {key for key in first if first[key] != second[key]} == {"supernet", "calibration"}


def test_fewer_bits_make_more_noise(lut: Lut) -> None:
    for block in lut.blocks:
        four, eight, floats = (table.columns["nsr"].mean() for table in block.tables)
        assert four > eight
        assert eight == pytest.approx(floats, rel=0.2)


def test_progress_is_logged(teacher: Network, supernet: Supernet, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="qabwnas"):
        populate_block(teacher, supernet, SPACE, 0, batches(3), batches(4))
    assert [record.getMessage().split(",")[0] for record in caplog.records] == [
        f"first: {n} of 9 candidates" for n in (3, 5, 7, 9)
    ]


def test_a_broken_feature_map_is_named(teacher: Network, supernet: Supernet) -> None:
    broken = batches(3)
    broken[1][0, 0, 0, 0] = math.nan
    with pytest.raises(InputError, match=r"second: the teacher's feature map on the calibration split holds NaN"):
        populate_block(teacher, supernet, SPACE, 1, broken, batches(4))
    with pytest.raises(InputError, match="second: the validation split has no images"):
        populate_block(teacher, supernet, SPACE, 1, batches(3), [])
    grey = [torch.zeros_like(batch) for batch in batches(4)]
    with pytest.raises(InputError, match="second: channel 0 of the teacher's feature map is constant"):
        populate_block(teacher, supernet, SPACE, 1, batches(3), [image[:, :, :1, :1] for image in grey])


def test_a_broken_candidate_is_named(teacher: Network) -> None:
    supernet = Supernet(SPACE)
    operation = supernet.blocks[0].layers[0][1]
    assert isinstance(operation, MBConv)
    torch.nn.init.constant_(operation.convolutions.project.conv.weight, math.nan)
    with pytest.raises(
        InputError, match=r"first: candidate 3 \(k5e2 k3e1\): convolutions.project: .* must be finite, not nan to nan"
    ):
        populate_block(teacher, supernet, SPACE, 0, batches(3), batches(4))
    floats = replace(SPACE, bit_widths=(FLOAT,))
    with pytest.raises(InputError, match=r"first: candidate 3 \(k5e2 k3e1\): its output holds NaN"):
        populate_block(teacher, supernet, floats, 0, batches(3), batches(4))
