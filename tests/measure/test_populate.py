"""Population equals measuring candidates one by one, to the last bit."""

from __future__ import annotations

import logging
import math
import re
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from qabwnas import progress
from qabwnas.costs import COSTS, block_costs, fixed_costs
from qabwnas.data.splits import Split, TensorSplit
from qabwnas.errors import InputError, StaleError
from qabwnas.lut.lut import Lut
from qabwnas.lut.merge import merge_luts
from qabwnas.measure import evaluator as evaluator_module
from qabwnas.measure import memory
from qabwnas.measure.calibration import PrefixStatistics, recalibrate
from qabwnas.measure.candidate import measure_candidate
from qabwnas.measure.evaluator import BlockEvaluator
from qabwnas.measure.maps import block_maps
from qabwnas.measure.memory import CPU_MEMORY, Footprint
from qabwnas.measure.populate import measure_shard, populate, provenance
from qabwnas.measure.settings import PAPER_SETTINGS, MeasureSettings
from qabwnas.measure.shard import space_shards
from qabwnas.measure.target_variance import measure_target_variances
from qabwnas.measure.tree import TreeWalk, row_path
from qabwnas.nets.layers import MBConv
from qabwnas.nets.network import Network, build_network
from qabwnas.nets.supernet import Supernet, SupernetBlock, extract
from qabwnas.quant.data_flow import DataFlow
from qabwnas.quant.nsr import NsrEstimate
from qabwnas.quant.observers import MseObserver, PercentileObserver, RangeObserver
from qabwnas.quant.operators import Input
from qabwnas.quant.ptq import PtqSettings, convert, prepare, quantise
from qabwnas.space import FLOAT, BitWidths, SearchSpace, mbconv
from qabwnas.space.yaml import load_space
from tests.measure.test_calibration import recalibrate_slowly
from tests.quant.test_nsr import formula
from tests.spaces import OTHERS, TINY


class MeanObserver(RangeObserver):
    """An observer of a user, with a state that is no tensor: the mean of the ranges of all batches."""

    def __init__(self) -> None:
        super().__init__()
        self.ranges: list[tuple[float, float]] = []

    def observe(self, x: Tensor) -> None:
        self.ranges.append((float(x.min()), float(x.max())))

    def clipping_range(self, bits: int) -> tuple[Tensor, Tensor]:
        low, high = torch.tensor(self.ranges).mean(0) * (0.9 if bits < 8 else 0.95)
        return low, high


_FIRST, _SECOND = TINY.blocks
SPACE = replace(
    TINY,
    blocks=(_FIRST, replace(_SECOND, operations=(*_SECOND.operations, OTHERS[-1]))),
    bit_widths=(*TINY.bit_widths, FLOAT),
)


@pytest.fixture(scope="module")
def teacher() -> Network:
    torch.manual_seed(1)
    return build_network(SPACE, [[mbconv(3, 2)], [mbconv(3, 2)]]).eval()


@pytest.fixture(scope="module")
def supernet() -> Supernet:
    torch.manual_seed(2)
    return Supernet(SPACE)


def images(seed: int) -> Tensor:
    return torch.randn(14, 1, 8, 6, generator=torch.Generator().manual_seed(seed))


def split_of(images: Tensor) -> Split:
    return TensorSplit(images, torch.zeros(len(images), dtype=torch.int64), lambda batch, _: batch)


def split(seed: int) -> Split:
    return split_of(images(seed))


def measure_block(teacher: Network, supernet: Supernet, space: SearchSpace, b: int, *splits: Split) -> Lut:
    """Return the LUT of the only shard of a block."""
    [shard] = [shard for shard in space_shards(space) if shard.b == b]
    variances = measure_target_variances(teacher, [block.name for block in space.blocks], splits[1])[b]
    made_with = provenance(teacher, supernet, *splits, BitWidths(8, 8), "cpu")
    return measure_shard(teacher, supernet, space, shard, *splits, variances, CPU_MEMORY, made_with)


@pytest.fixture(scope="module")
def lut(teacher: Network, supernet: Supernet) -> Lut:
    return populate(teacher, supernet, SPACE, split(3), split(4), fixed=BitWidths(8, 4))


def unchanged(batch: Tensor, _: torch.Generator) -> Tensor:
    return batch


def test_worker_processes_that_read_the_images_change_no_bit(teacher: Network, supernet: Supernet, lut: Lut) -> None:
    """A GPU waits for images that are decoded by one process."""
    splits = [TensorSplit(images(seed), torch.zeros(14, dtype=torch.int64), unchanged) for seed in (3, 4)]
    [shard] = [shard for shard in space_shards(SPACE) if shard.b == 0]
    variances = measure_target_variances(teacher, ["first", "second"], splits[1])[0]
    made_with = provenance(teacher, supernet, *splits, BitWidths(8, 4), "cpu")
    found = measure_shard(teacher, supernet, SPACE, shard, *splits, variances, CPU_MEMORY, made_with, workers=1)
    for table, expected in zip(found.blocks[0].tables, lut.blocks[0].tables, strict=True):
        assert np.array_equal(table.columns["nsr"], expected.columns["nsr"])


def test_every_candidate_is_measured_as_if_it_were_alone(teacher: Network, supernet: Supernet, lut: Lut) -> None:
    for b, block in enumerate(SPACE.blocks):
        maps = block_maps(teacher, b, [images(3)], [images(4)])
        for table, widths in zip(lut.blocks[b].tables, SPACE.bit_widths, strict=True):
            alone = [measure_candidate(supernet.blocks[b], c, widths, maps) for c in range(block.n_candidates)]
            assert table.columns["nsr"].tolist() == [estimate.value for estimate in alone]
            assert table.columns["nsr_se"].tolist() == [estimate.standard_error for estimate in alone]
            assert not table.measured
            assert table.widths == widths


@pytest.mark.parametrize("recalibrated", [True, False])
@pytest.mark.parametrize(
    "ptq",
    [PtqSettings(MseObserver), PtqSettings(partial(PercentileObserver, 99.0), True), PtqSettings(MeanObserver)],
    ids=["mse", "percentile and bias correction", "of a user"],
)
def test_rows_are_those_of_one_by_one_with_other_ranges(
    teacher: Network, supernet: Supernet, lut: Lut, ptq: PtqSettings, recalibrated: bool
) -> None:
    settings = MeasureSettings(ptq, recalibrated)
    narrow = replace(SPACE, bit_widths=(BitWidths(3, 4), BitWidths(8, 8)))
    found = populate(teacher, supernet, narrow, split(3), split(4), settings=settings)
    assert found.provenance["settings"] == settings.to_json() != lut.provenance["settings"]
    for b, block in enumerate(narrow.blocks):
        maps = block_maps(teacher, b, [images(3)], [images(4)])
        for table, widths in zip(found.blocks[b].tables, narrow.bit_widths, strict=True):
            codes = range(block.n_candidates)
            alone = [measure_candidate(supernet.blocks[b], c, widths, maps, settings).value for c in codes]
            default = [measure_candidate(supernet.blocks[b], c, widths, maps).value for c in codes]
            assert table.columns["nsr"].tolist() == alone != default


def test_shards_of_other_settings_are_not_merged(teacher: Network, supernet: Supernet) -> None:
    made = {
        name: populate(teacher, supernet, TINY, split(3), split(4), settings=settings)
        for name, settings in {"a": PAPER_SETTINGS, "b": MeasureSettings(PtqSettings(MseObserver), False)}.items()
    }
    differences = (
        'settings.batch_norm ("recalibrated for each candidate", "as trained in the supernet"); '
        'settings.activations ("asymmetric, per tensor, min-max", "asymmetric, per tensor, mse")'
    )
    with pytest.raises(StaleError, match=f"^a and b differ in {re.escape(differences)}$"):
        merge_luts(made)


@torch.no_grad()
def test_a_candidate_alone_against_public_parts_only(teacher: Network, supernet: Supernet, lut: Lut) -> None:
    """The whole chain once more, without the pieces that population and :func:`measure_candidate` share."""
    calibration, validation = (teacher.features(images(seed)) for seed in (3, 4))
    for code in (0, 2, 5):
        candidate = extract(supernet.blocks[1], code).eval()
        recalibrate_slowly(candidate, calibration[1])
        for table in lut.blocks[1].tables:
            assert table.widths is not None
            output = quantise(candidate, table.widths, [calibration[1]])(validation[1])
            tolerance = 1e-4 if table.widths.is_float else 0.02  # single values are rounded to the next step
            assert table.columns["nsr"][code] == pytest.approx(formula(output, validation[2]), rel=tolerance)


def test_columns_metrics_and_provenance(lut: Lut) -> None:
    assert lut.metric_names == ("nsr", "nsr_se", "size_bytes", "macs", "bitops", "peak_activation_bytes")
    assert [metric.aggregation for metric in lut.metrics] == ["sum", "sum", "sum", "sum", "sum", "max"]
    assert lut.metric("nsr").fixed is None
    for cost in COSTS:
        assert lut.metric(cost.name).fixed == fixed_costs(SPACE, BitWidths(8, 4))[cost.name]
        for b, block in enumerate(lut.blocks):
            for table, widths in zip(block.tables, SPACE.bit_widths, strict=True):
                assert np.array_equal(table.columns[cost.name], block_costs(SPACE, b, widths)[cost.name])
    assert lut.space == SPACE
    assert lut.provenance["fixed"] == "w8a4"
    assert lut.describe("first", 1) == "k3e1 k5e2 w4a4"


def test_made_withtells_inputs_apart(teacher: Network, supernet: Supernet) -> None:
    first = provenance(teacher, supernet, split(3), split(4), BitWidths(8, 8), "cpu")
    assert first == provenance(teacher, supernet, split(3), split(4), BitWidths(8, 8), "cpu")
    second = provenance(teacher, Supernet(SPACE), split(5), split(4), BitWidths(4, 4), "cpu")
    assert {key for key in first if first[key] != second[key]} == {"supernet", "calibration", "fixed"}


def test_fewer_bits_make_more_noise(lut: Lut) -> None:
    for block in lut.blocks:
        four, eight, floats = (table.columns["nsr"].mean() for table in block.tables)
        assert four > eight
        assert eight == pytest.approx(floats, rel=0.2)


def test_progress_is_logged(
    teacher: Network, supernet: Supernet, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    with caplog.at_level(logging.INFO, logger="qabwnas"):
        measure_block(teacher, supernet, SPACE, 0, split(3), split(4))
    n_rows = 9 * len(SPACE.bit_widths)
    assert [record.getMessage().split(",")[0] for record in caplog.records] == [
        f"first: candidates 0 to 8: {done} of {n_rows} rows" for done in range(1, n_rows + 1)
    ]


def test_a_broken_feature_map_is_named(teacher: Network, supernet: Supernet) -> None:
    broken = images(3)
    broken[9, 0, 0, 0] = math.nan
    with pytest.raises(InputError, match=r"second: the teacher's feature map on the calibration split holds NaN"):
        measure_block(teacher, supernet, SPACE, 1, split_of(broken), split(4))
    with pytest.raises(InputError, match=r"first: the teacher's feature map holds NaN"):
        measure_block(teacher, supernet, SPACE, 1, split(3), split_of(broken))
    with pytest.raises(InputError, match="second: the calibration split has no images"):
        measure_block(teacher, supernet, SPACE, 1, split_of(images(3)[:0]), split(4))
    with pytest.raises(InputError, match="the validation split has 1 images, and a standard error needs two"):
        measure_block(teacher, supernet, SPACE, 1, split(3), split_of(images(4)[:1]))
    with pytest.raises(InputError, match="first: the teacher's feature map is constant: none"):
        measure_block(teacher, supernet, SPACE, 1, split(3), split_of(torch.zeros(5, 1, 1, 1)))
    with pytest.raises(InputError, match="the validation split has no images"):
        block_maps(teacher, 1, [images(3)], [])


def test_a_broken_candidate_is_named(teacher: Network) -> None:
    supernet = Supernet(SPACE)
    operation = supernet.blocks[0].layers[0][1]
    assert isinstance(operation, MBConv)
    torch.nn.init.constant_(operation.convolutions.project.conv.weight, math.nan)
    with pytest.raises(
        InputError, match=r"first: candidate 3 \(k5e2 k3e1\): convolutions.project: .* must be finite, not nan to nan"
    ):
        measure_block(teacher, supernet, SPACE, 0, split(3), split(4))
    floats = replace(SPACE, bit_widths=(FLOAT,))
    with pytest.raises(InputError, match=r"first: candidate 3 \(k5e2 k3e1\): its output holds NaN"):
        measure_block(teacher, supernet, floats, 0, split(3), split(4))


def test_no_bit_depends_on_how_many_images_a_chunk_has(
    teacher: Network, supernet: Supernet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches of three images here, so that chunks of 3, 6, … 14 images are possible."""
    footprint = Footprint.of(supernet.blocks[0], *teacher.features(images(3))[:2])
    monkeypatch.setitem(memory.BATCH_ELEMENTS, "cpu", 3 * footprint.w)
    chunks: list[int] = []

    def walk(block: SupernetBlock, statistics: PrefixStatistics, inputs: list[Tensor], *rest: Any) -> TreeWalk:
        chunks.append(sum(map(len, inputs)))
        return TreeWalk(block, statistics, inputs, *rest)

    monkeypatch.setattr(evaluator_module, "TreeWalk", walk)
    calibration = split_of(images(3)[:4])
    paths = [row_path(SPACE.blocks[0].digits(code), [w] * 2) for w in SPACE.bit_widths for code in range(9)]
    estimates = [
        replace(evaluator(teacher, supernet, max_memory), calibration=calibration).measure(paths)
        for max_memory in (footprint.chunk_bytes(7, 3), footprint.chunk_bytes(11, 3), 10**9)
    ]
    assert chunks == [6, 6, 2, 9, 5, 14]
    assert estimates[0] == estimates[1] == estimates[2]


def test_too_little_memory_says_how_much_is_needed(teacher: Network, supernet: Supernet) -> None:
    said = "first: the feature maps of 14 calibration images, and of 14 validation images at once, need "
    with pytest.raises(InputError, match=f"^{said}[0-9,]+ bytes, and max_memory is 1,000 bytes$") as caught:
        populate(teacher, supernet, SPACE, split(3), split(4), max_memory=1000)
    needed = int(str(caught.value).removeprefix(said).split(" ")[0].replace(",", ""))
    with pytest.raises(InputError, match=f"^{said}{needed:,} bytes, and max_memory is {needed - 1:,} bytes$"):
        populate(teacher, supernet, SPACE, split(3), split(4), max_memory=needed - 1)
    evaluator(teacher, supernet, max_memory=needed).measure([row_path([0, 0], [BitWidths(8, 8)] * 2)])


def evaluator(teacher: Network, supernet: Supernet, max_memory: int = CPU_MEMORY) -> BlockEvaluator:
    variances = measure_target_variances(teacher, ["first", "second"], split(4))[0]
    return BlockEvaluator(teacher, supernet.blocks[0], 0, split(3), split(4), variances, max_memory)


def test_rows_do_not_depend_on_how_the_space_is_divided(teacher: Network, supernet: Supernet, lut: Lut) -> None:
    shards = space_shards(SPACE, 2)
    assert len(shards) > 5
    variances = measure_target_variances(teacher, ["first", "second"], split(4))
    made_with = provenance(teacher, supernet, split(3), split(4), BitWidths(8, 4), "cpu")
    parts = {
        shard.name(SPACE): measure_shard(
            teacher, supernet, SPACE, shard, split(3), split(4), variances[shard.b], CPU_MEMORY, made_with
        )
        for shard in reversed(shards)
    }
    merged = merge_luts(parts)
    assert merged.provenance == lut.provenance
    for block, same in zip(merged.blocks, lut.blocks, strict=True):
        assert all(not table.measured for table in block.tables)
        for name in lut.metric_names:
            assert block.column(name).tobytes() == same.column(name).tobytes()


def test_shards_are_the_largest_subtrees_within_a_limit() -> None:
    paper = load_space("cityscapes-mbv2")
    shards = space_shards(paper)
    assert [(shard.b, shard.last - shard.first) for shard in shards] == (
        [(0, 216), (1, 216)] + [(2, 216)] * 6 + [(3, 216)] * 6 + [(4, 216), (5, 6)]
    )
    for limit in (1, 5, 6, 35, 36, 216, 5000):
        for b, block in enumerate(paper.blocks):
            ranges = [(shard.first, shard.last) for shard in space_shards(paper, limit) if shard.b == b]
            assert [first for first, _ in ranges] == [0, *(last for _, last in ranges[:-1])]
            assert ranges[-1][1] == block.n_candidates
            assert all(last - first <= limit for first, last in ranges)
    assert shards[3].name(paper) == "block3-216"


def test_widths_of_every_layer_are_their_own(teacher: Network, supernet: Supernet) -> None:
    """A row whose layers have different bit widths is the network that has been converted layer by layer."""
    block = supernet.blocks[0]
    maps = block_maps(teacher, 0, [images(3)], [images(4)])
    widths = [BitWidths(4, 8), BitWidths(8, 4)]
    measure = evaluator(teacher, supernet).measure
    codes = [1, 4, 6]
    paths = [row_path(SPACE.blocks[0].digits(code), widths) for code in codes]
    for code, estimate in zip(codes, measure(paths), strict=True):
        candidate = prepare(torch.nn.Sequential(Input(), *extract(block, code)))
        with torch.inference_mode():
            recalibrate(candidate, maps.calibration)
            converted = [convert(part, w) for part, w in zip(candidate, [widths[0], *widths], strict=True)]
            whole = torch.nn.Sequential(*converted)
            DataFlow.of(whole).connect(whole)
            alone = maps.meter.image_nsrs(whole(batch) for batch in maps.validation)
        assert estimate == NsrEstimate.of_images(alone)
