"""The search space: the possible subnets, their bit widths, and the integer code of each candidate."""

from qabwnas.space.bit_widths import (
    FLOAT,
    INT8,
    POLICIES,
    BitWidths,
    BlockWidths,
    Policy,
    block_widths,
    layer_widths,
    parse_widths,
    widths_text,
)
from qabwnas.space.operation import SKIP, Operation, mbconv, mbconvs
from qabwnas.space.search_space import HEAD_KINDS, Block, Head, Layer, SearchSpace, Shape, Stem

__all__ = [
    "FLOAT",
    "HEAD_KINDS",
    "INT8",
    "POLICIES",
    "SKIP",
    "BitWidths",
    "Block",
    "BlockWidths",
    "Head",
    "Layer",
    "Operation",
    "Policy",
    "SearchSpace",
    "Shape",
    "Stem",
    "block_widths",
    "layer_widths",
    "mbconv",
    "mbconvs",
    "parse_widths",
    "widths_text",
]
