"""Frozen candidates of a block, made as a population of a LUT makes them, with residual connections and strides."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from qabwnas.measure.calibration import recalibrate
from qabwnas.nets.supernet import SupernetBlock
from qabwnas.quant.operators import Input
from qabwnas.quant.ptq import convert, prepare
from qabwnas.space import SKIP, BitWidths, Block, Operation, mbconvs

SHAPE = (16, 14, 14)
SAME = Block("same", 16, 16, 3, 1, 1, (*mbconvs((3, 5, 7), (1, 3, 6)), SKIP))
SMALLER = Block("smaller", 16, 24, 3, 2, 1, (*mbconvs((3, 5, 7), (1, 3, 6)), SKIP))
OTHERS = tuple(map(Operation.parse, ("fused_k3e1", "fused_k5e3", "se_k3e1", "se_k5e3")))
MIXED = Block("mixed", 16, 16, 3, 1, 1, (*OTHERS, SKIP))
MIXED_SMALLER = Block("mixed smaller", 16, 24, 2, 2, 1, (*OTHERS, SKIP))
DILATED = Block("dilated", 16, 16, 2, 1, 2, mbconvs((3, 5), (1, 6)))


def images(seed: int, n: int = 16) -> Tensor:
    return torch.randn(n, *SHAPE, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def candidate(block: Block, operations: Sequence[str], widths: BitWidths) -> nn.Sequential:
    """Return a candidate with random weights, its statistics and ranges found on random maps."""
    torch.manual_seed(7)
    digits = [
        [o.name for o in layer.operations].index(name) for layer, name in zip(block.layers, operations, strict=True)
    ]
    observed = prepare(nn.Sequential(Input(), *SupernetBlock(block).operations(digits)))
    recalibrate(observed, [images(1), images(2)])
    return convert(observed, widths)
