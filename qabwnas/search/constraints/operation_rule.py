"""Operations that must or must not be used: ``k3e6``, ``BLOCK=k3e6``, ``BLOCK/LAYER=k3e6``, ``BLOCK=#17``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, LutBlock, Table
from qabwnas.search.model.columns import row_chunks
from qabwnas.space import Block, Operation


@dataclass(frozen=True)
class OperationRule:
    """A rule that requires (``pin``) or forbids (``forbid``) an operation or a candidate.

    Attributes:
        kind: ``pin`` or ``forbid``.
        text: the text of the user.
        block: the name of the block; ``None``: every block.
        layer: the layer, counted from 0; ``None``: every layer.
        what: the name of an operation, ``#`` and the number of a candidate, or a description.
    """

    kind: Literal["pin", "forbid"]
    text: str
    block: str | None
    layer: int | None
    what: str

    def __str__(self) -> str:
        return f"{self.kind} {self.text!r}"

    @classmethod
    def of(cls, kind: Literal["pin", "forbid"], text: str, lut: Lut) -> OperationRule:
        """Parse a rule for a LUT.

        Raises:
            InputError: the LUT has no such block, layer, operation or candidate.
        """
        block, layer, what = _split(kind, text, lut)
        rule = cls(kind, text, block, layer, what)
        if layer is not None and lut.space is None:
            raise InputError(f"{rule}: the LUT has no space, and so no layers")
        if what.startswith("#") and block is None:
            raise InputError(f"{rule}: a candidate's number needs a block: BLOCK={what}")
        blocks = [lut.block(block)] if block is not None else lut.blocks
        if not any(rule._uses(lut, of, *chunk).any() for of in blocks for chunk in row_chunks(of)):
            where = (
                "any block" if block is None else f"block {block!r}" + (f", layer {layer}" if layer is not None else "")
            )
            raise InputError(f"{rule}: there is no {what!r} in {where}")
        return rule

    def allowed(self, lut: Lut, block: LutBlock, first: int, last: int) -> NDArray[np.bool_]:
        """Return which of a block's candidates ``first … last − 1`` satisfy the rule, bool ``(last − first,)``."""
        uses = self._uses(lut, block, first, last)
        return np.asarray(uses.all(axis=0) if self.kind == "pin" else ~uses.any(axis=0))

    def _uses(self, lut: Lut, block: LutBlock, first: int, last: int) -> NDArray[np.bool_]:
        """Return where these candidates use what the rule names, per layer: bool ``(n_layers, last − first)``.

        If the rule names a number or a description, a candidate counts as one layer.
        """
        if self.what.startswith("#"):
            number = self.what[1:]
            if not (number.isascii() and number.isdigit() and int(number) < block.n_candidates):
                raise InputError(f"{self}: {block.name} has candidates #0 to #{block.n_candidates - 1}")
            return np.asarray([np.arange(first, last) == int(number)])
        if lut.space is None:
            return self._described(block, first, last)
        try:
            operation = Operation.parse(self.what)
        except InputError as error:
            raise InputError(f"{self}: {error}") from error
        of_space = lut.space.blocks[lut.space.block_index(block.name)]
        layers = range(of_space.n_layers) if self.layer is None else [self.layer]
        if layers[-1] >= of_space.n_layers:
            raise InputError(f"{self}: block {block.name!r} has layers 0 to {of_space.n_layers - 1}")
        uses = [
            np.stack([_has(of_space, layer, operation, *rows) for layer in layers])
            for rows in block.tables_of(first, last)
        ]
        return np.concatenate(uses, axis=1)

    def _described(self, block: LutBlock, first: int, last: int) -> NDArray[np.bool_]:
        hits: list[bool] = []
        for table, low, high in block.tables_of(first, last):
            if table.descriptions is None:
                raise InputError(
                    f"{self}: the LUT describes no candidates of block {block.name!r}: use {block.name}=#N"
                )
            hits.extend(words == self.what for words in table.descriptions[low:high])
        return np.array(hits, dtype=np.bool_)[np.newaxis]


def _has(block: Block, layer: int, operation: Operation, table: Table, first: int, last: int) -> NDArray[np.bool_]:
    """Return which rows ``first … last − 1`` of a table have the operation in a layer, bool ``(last − first,)``."""
    offered = block.layers[layer].operations
    if operation not in offered:
        return np.zeros(last - first, dtype=np.bool_)
    if table.rows is not None:
        return np.asarray(table.rows.operations[layer, first:last] == offered.index(operation))
    digits = np.unravel_index(np.arange(first, last), block.radices)[layer]
    return np.asarray(digits == offered.index(operation))


def _split(kind: str, text: str, lut: Lut) -> tuple[str | None, int | None, str]:
    """Split a rule into block, layer and the rest.

    Names and descriptions may contain ``=``: the rule is split at the first ``=`` that follows the name of a block.
    """
    parts = text.split("=")
    for n in range(1, len(parts)):
        place, what = "=".join(parts[:n]), "=".join(parts[n:])
        name, slash, layer = place.rpartition("/")
        if place in lut.block_names:
            return place, None, what
        if slash and name in lut.block_names and layer.isascii() and layer.isdigit():
            return name, int(layer), what
    if len(parts) > 1 and lut.space is not None:
        raise InputError(
            f"{kind} {text!r}: {parts[0]!r} is neither a block of the LUT ({', '.join(lut.block_names)}) "
            "nor one with a layer's number, BLOCK/LAYER"
        )
    return None, None, text
