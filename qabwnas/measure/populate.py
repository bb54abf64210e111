"""Population of LUTs: every candidate of every block, quantised at every bit width of the space, measured.

The unit of work is a shard (:mod:`qabwnas.measure.shard`). :func:`measure_shard` gives a LUT in which the rows of one
shard are measured and all others masked; a caller may store it in a file. :func:`qabwnas.lut.merge.merge_luts` merges
shards. No row depends on how the space is divided, nor on the available memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from qabwnas.costs import COSTS, CostMetric, FixedParts, block_costs, fixed_costs, row_costs
from qabwnas.data.splits import Split
from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.lut.merge import merge_luts
from qabwnas.lut.rows import LayerRows
from qabwnas.measure.evaluator import BlockEvaluator
from qabwnas.measure.memory import CPU_MEMORY
from qabwnas.measure.sample import Sample, space_rows
from qabwnas.measure.settings import PAPER_SETTINGS, MeasureSettings
from qabwnas.measure.shard import Shard, space_shards
from qabwnas.measure.target_variance import inactive_channels, measure_target_variances
from qabwnas.measure.tree import Path, row_path
from qabwnas.nets.external.costs import fixed_parts
from qabwnas.nets.network import Network
from qabwnas.nets.supernet import Supernet, SupernetBlock
from qabwnas.quant.nsr import NsrEstimate, TargetVariance
from qabwnas.quant.tensor_digest import module_digest
from qabwnas.space import BitWidths, Block, Policy, SearchSpace
from qabwnas.space.bit_widths import layer_widths

MEASURED = ("nsr", "nsr_se")
ALL = Sample()


def populate(
    teacher: Network,
    supernet: Supernet,
    space: SearchSpace,
    calibration: Split,
    validation: Split,
    *,
    fixed: BitWidths = Policy.fixed,
    max_memory: int = CPU_MEMORY,
    sample: Sample = ALL,
    settings: MeasureSettings = PAPER_SETTINGS,
) -> Lut:
    """Return the LUT of a whole space; all shards are measured in this process, one after the other.

    Teacher and supernet are on one device; ``max_memory`` is in bytes; ``sample`` says which rows a block has if
    layers have bit widths of their own; ``settings`` how rows are calibrated and quantised. Raises as
    :func:`measure_shard` and :func:`~qabwnas.measure.sample.check_sample`.
    """
    rows = space_rows(space, sample)
    names = [block.name for block in space.blocks]
    variances = measure_target_variances(teacher, names, validation)
    device = str(next(teacher.parameters()).device)
    made_with = provenance(teacher, supernet, calibration, validation, fixed, device, sample, settings)
    made_with |= inactive_channels(names, variances)
    return merge_luts(
        {
            shard.name(space): measure_shard(
                teacher,
                supernet,
                space,
                shard,
                calibration,
                validation,
                variances[shard.b],
                max_memory,
                made_with,
                fixed_parts(space),
                rows,
                settings=settings,
            )
            for shard in space_shards(space, rows=rows)
        }
    )


def measure_shard(
    teacher: Network,
    supernet: Supernet,
    space: SearchSpace,
    shard: Shard,
    calibration: Split,
    validation: Split,
    target_variance: TargetVariance,
    max_memory: int,
    made_with: Mapping[str, Any],
    parts: FixedParts | None = None,
    rows: Sequence[LayerRows | None] | None = None,
    costs: Sequence[CostMetric] = COSTS,
    settings: MeasureSettings = PAPER_SETTINGS,
    workers: int = 0,
) -> Lut:
    """Return the LUT of a space with the rows of one shard measured, at each of ``space.bit_widths``.

    ``parts`` are the operators of stem and head if the space does not describe them. ``rows`` are those of every block
    if layers have bit widths of their own (:func:`~qabwnas.measure.sample.space_rows`). ``workers`` processes read the
    images; with 0 this process does.

    Columns are ``nsr`` relative to the teacher's output of the block on the validation images, ``nsr_se``, its standard
    error, and the ``costs``. Time: about the number of tree edges (:mod:`~qabwnas.measure.tree`)
    × images.

    Raises:
        InputError: ``max_memory`` is too small, a split has no images, or a value is not finite; the message names the
            block and, if it is an error of a candidate, the first such candidate.
    """
    block = space.blocks[shard.b]
    device = next(teacher.parameters()).device
    evaluator = BlockEvaluator(
        teacher,
        cast(SupernetBlock, supernet.blocks[shard.b]),
        shard.b,
        calibration,
        validation,
        target_variance.to(device),
        max_memory,
        settings,
        workers,
    )
    lut = unmeasured_lut(space, made_with, parts, rows or [None] * len(space.blocks), costs)
    try:
        estimates = evaluator.measure(_paths(block, lut.blocks[shard.b], shard))
    except InputError as error:
        raise InputError(f"{block.name}: {error}") from error
    return _with_rows(lut, shard, estimates)


def _paths(block: Block, lut_block: LutBlock, shard: Shard) -> list[Path]:
    """Return the path of every row of a shard, table by table."""
    paths = []
    for table in lut_block.tables:
        for row in range(shard.first, shard.last):
            widths = table.widths_of(row)
            assert widths is not None, "a table of a space has bit widths"
            paths.append(row_path(block.digits(table.code(row)), layer_widths(widths, block.n_layers)))
    return paths


def unmeasured_lut(
    space: SearchSpace,
    made_with: Mapping[str, Any],
    parts: FixedParts | None,
    rows: Sequence[LayerRows | None],
    costs: Sequence[CostMetric] = COSTS,
) -> Lut:
    """Return the LUT of a space with its costs and no other value; ``made_with`` holds the bits of stem and head."""
    constant = fixed_costs(space, BitWidths.parse(made_with["fixed"]), parts, costs)
    metrics = (Metric(cost.name, cost.unit, cost.aggregation, constant[cost.name]) for cost in costs)
    blocks = (
        LutBlock(block.name, _unmeasured_tables(space, b, rows[b], costs)) for b, block in enumerate(space.blocks)
    )
    return Lut((*map(Metric, MEASURED), *metrics), tuple(blocks), space, made_with)


def _unmeasured_tables(
    space: SearchSpace, b: int, rows: LayerRows | None, costs: Sequence[CostMetric]
) -> tuple[Table, ...]:
    if rows is not None:
        columns = row_costs(space, b, rows.operations, rows.widths, costs)
        return (_unmeasured_table(len(rows.codes), columns, rows=rows),)
    n_rows = space.blocks[b].n_candidates
    return tuple(_unmeasured_table(n_rows, block_costs(space, b, w, costs), widths=w) for w in space.bit_widths)


def _unmeasured_table(n_rows: int, costs: Mapping[str, NDArray[np.float64]], **known: Any) -> Table:
    values = {name: np.full(n_rows, np.nan) for name in MEASURED}
    masks = {name: np.zeros(n_rows, dtype=np.bool_) for name in MEASURED}
    return Table({**values, **costs}, measured=masks, **known)


def _with_rows(lut: Lut, shard: Shard, estimates: Sequence[NsrEstimate]) -> Lut:
    """Return the LUT with the shard's rows filled in, table by table."""
    block = lut.blocks[shard.b]
    n = shard.last - shard.first
    tables = []
    for i, table in enumerate(block.tables):
        of_table = estimates[i * n : (i + 1) * n]
        known = np.zeros(table.n_rows, dtype=np.bool_)
        known[shard.first : shard.last] = True
        columns = {name: np.full(table.n_rows, np.nan) for name in MEASURED}
        columns["nsr"][known] = [estimate.value for estimate in of_table]
        columns["nsr_se"][known] = [estimate.standard_error for estimate in of_table]
        masks = dict.fromkeys(MEASURED, known)
        tables.append(replace(table, columns={**table.columns, **columns}, measured={**table.measured, **masks}))
    filled = LutBlock(block.name, tuple(tables))
    return replace(lut, blocks=tuple(filled if b == shard.b else other for b, other in enumerate(lut.blocks)))


def provenance(
    teacher: Network,
    supernet: Supernet,
    calibration: Split,
    validation: Split,
    fixed: BitWidths,
    device: str,
    sample: Sample = ALL,
    settings: MeasureSettings = PAPER_SETTINGS,
) -> dict[str, Any]:
    """Return JSON values that record how a LUT is measured: digests of weights and images, and the settings.

    They include the kind of ``device``, because kernels of another kind round differently, and the sample of rows, if
    rows were sampled.
    """
    kind = torch.device(device).type
    sampled = {} if sample.n_rows is None else {"sample": {"rows": sample.n_rows, "seed": sample.seed}}
    return sampled | {
        "teacher": module_digest(teacher),
        "supernet": module_digest(supernet),
        "calibration": calibration.digest(),
        "validation": validation.digest(),
        "settings": settings.to_json(),
        "device": kind,
        "fixed": fixed.name,
    }
