"""The search space: what a subnet may be made of, and the integer code of each candidate."""

from qabwnas.space.search_space import (
    FLOAT,
    HEAD_KINDS,
    INT8,
    POLICIES,
    SKIP,
    BitWidths,
    Block,
    BlockWidths,
    Head,
    Layer,
    Operation,
    Policy,
    SearchSpace,
    Shape,
    Stem,
    mbconvs,
)

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
    "mbconvs",
]
