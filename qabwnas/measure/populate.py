"""Population of LUTs: every candidate of every block, quantised at every bit width of the space, measured.

The unit of work is a block: :func:`populate_block` gives its tables, which a caller may keep while the next block
runs, and :func:`make_lut` puts the blocks together. One Python process with one OpenMP thread is the fastest way on
small feature maps, and makes the result independent of how many cores there are.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from torch import Tensor

from qabwnas.costs import COSTS, FixedParts, block_costs, fixed_costs
from qabwnas.digest import module_digest, tensors_digest
from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.measure.maps import BlockMaps, block_maps
from qabwnas.measure.tree import walk_candidates
from qabwnas.nets.network import Network
from qabwnas.nets.supernet import Supernet, SupernetBlock
from qabwnas.space import BitWidths, Policy, SearchSpace

logger = logging.getLogger(__name__)

N_REPORTS = 4

# What a value in a LUT depends on beyond weights and data; part of every LUT's provenance.
SETTINGS: dict[str, Any] = {
    "batch_norm": "recalibrated for each candidate",
    "weights": "symmetric, per output channel, min-max",
    "activations": "asymmetric, per tensor, min-max",
}


def populate(
    teacher: Network,
    supernet: Supernet,
    space: SearchSpace,
    calibration: Sequence[Tensor],
    validation: Sequence[Tensor],
    *,
    fixed: BitWidths = Policy.fixed,
) -> Lut:
    """Return the LUT of a whole space: the blocks of :func:`populate_block`, put together by :func:`make_lut`."""
    tables = [populate_block(teacher, supernet, space, b, calibration, validation) for b in range(len(space.blocks))]
    return make_lut(space, tables, fixed, provenance(teacher, supernet, calibration, validation))


def populate_block(
    teacher: Network,
    supernet: Supernet,
    space: SearchSpace,
    b: int,
    calibration: Sequence[Tensor],
    validation: Sequence[Tensor],
) -> list[Table]:
    """Measure every candidate of block ``b``; one table for each of ``space.bit_widths``, a row a candidate code.

    Columns are ``nsr`` against the teacher's output of the block on the validation images, and the costs of
    :mod:`qabwnas.costs`. ``calibration`` and ``validation`` are batches of images; teacher and supernet are on one
    device. Progress is logged. Time: about the number of tree edges (:mod:`~qabwnas.measure.tree`) × images.

    Raises:
        InputError: a split has no images, a channel of the teacher is constant, or a value is not finite; the message
            names the block and, where there is one, the first candidate that it concerns.
    """
    block = space.blocks[b]
    try:
        maps = block_maps(teacher, b, calibration, validation)
    except InputError as error:
        raise InputError(f"{block.name}: {error}") from error
    ratios = np.array(_measure_all(cast(SupernetBlock, supernet.blocks[b]), space.bit_widths, maps), dtype=np.float64)
    return [
        Table(block.n_candidates, {"nsr": ratios[:, i].copy(), **block_costs(space, b, widths)}, widths)
        for i, widths in enumerate(space.bit_widths)
    ]


def _measure_all(supernet_block: SupernetBlock, widths: Sequence[BitWidths], maps: BlockMaps) -> list[list[float]]:
    """Return the NSR of candidate ``c`` at the ``i``-th bit widths as ``[c][i]``."""
    block = supernet_block.block
    start = time.perf_counter()
    rows: list[list[float]] = []
    try:
        for ratios in walk_candidates(supernet_block, widths, maps):
            if not all(map(math.isfinite, ratios)):
                raise InputError("its output holds NaN or infinity")
            rows.append(ratios)
            if len(rows) * N_REPORTS // block.n_candidates > (len(rows) - 1) * N_REPORTS // block.n_candidates:
                seconds = time.perf_counter() - start
                logger.info("%s: %d of %d candidates, %.1f s", block.name, len(rows), block.n_candidates, seconds)
    except InputError as error:
        raise InputError(f"{block.name}: candidate {len(rows)} ({block.describe(len(rows))}): {error}") from error
    return rows


def make_lut(
    space: SearchSpace,
    tables: Sequence[Sequence[Table]],
    fixed: BitWidths,
    provenance: Mapping[str, Any],
    parts: FixedParts | None = None,
) -> Lut:
    """Return the LUT of all blocks' tables, with the costs of stem and head at ``fixed`` bit widths.

    ``parts`` are the operators of stem and head where they are not those that the space describes.
    """
    constant = fixed_costs(space, fixed, parts)
    metrics = (Metric("nsr"), *(Metric(cost.name, cost.unit, cost.aggregation, constant[cost.name]) for cost in COSTS))
    blocks = tuple(LutBlock(block.name, tuple(t)) for block, t in zip(space.blocks, tables, strict=True))
    return Lut(metrics, blocks, space, {**provenance, "fixed": fixed.name})


def provenance(
    teacher: Network, supernet: Supernet, calibration: Sequence[Tensor], validation: Sequence[Tensor]
) -> dict[str, Any]:
    """Return JSON values that tell what a LUT is measured with: digests of weights and images, and the settings."""
    return {
        "teacher": module_digest(teacher),
        "supernet": module_digest(supernet),
        "calibration": tensors_digest({str(i): batch for i, batch in enumerate(calibration)}),
        "validation": tensors_digest({str(i): batch for i, batch in enumerate(validation)}),
        "settings": SETTINGS,
    }
