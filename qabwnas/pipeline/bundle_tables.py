"""What a latency bundle has to measure: the candidates of a LUT or of a space, and the bit widths of stem and head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut
from qabwnas.space import INT8, BitWidths, SearchSpace

if TYPE_CHECKING:
    from qabwnas.deploy.bundle import Tables  # it needs onnx, which the configuration of a run does not


def check_policy(space: SearchSpace) -> None:
    """Raise InputError if layers of the space have bit widths of their own."""
    if space.policy != "block":
        raise InputError(
            f"the space {space.name!r} has bit widths per layer, but bundles support only bit widths per block"
        )


def tables_of_lut(lut: Lut) -> tuple[SearchSpace, Tables, BitWidths]:
    """Return the space of a LUT and the bit widths of its tables, of stem and head.

    Raises:
        InputError: the LUT has no space, the bit widths of a table are unknown, or layers have their own.
    """
    if lut.space is None:
        raise InputError("the LUT has no space, so its candidates cannot be built")
    check_policy(lut.space)
    tables: dict[str, list[BitWidths]] = {}
    for block in lut.blocks:
        for table in block.tables:
            if table.widths is None:
                raise InputError(f"{block.name}: the LUT does not have its bit widths")
            tables.setdefault(block.name, []).append(table.widths)
    return lut.space, tables, BitWidths.parse(lut.provenance.get("fixed", INT8.name))


def tables_of_space(space: SearchSpace, bit_widths: Sequence[BitWidths]) -> Tables:
    """Return the tables of the LUT that a space will have: every block at these bit widths, or at those of the space.

    Raises:
        InputError: layers of the space have bit widths of their own.
    """
    check_policy(space)
    return {block.name: list(bit_widths or space.bit_widths) for block in space.blocks}
