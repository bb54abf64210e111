"""A network that a search found, as ``answers.json`` holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from qabwnas.lut.lut import Lut
from qabwnas.space import Policy
from qabwnas.space.bit_widths import parse_widths, widths_text


@dataclass(frozen=True)
class Found:
    """The network that was found under budgets, or a point of a front.

    Attributes:
        name: what the report calls it.
        family: what it belongs to: ``budget``, ``mixed``, or the bit widths that all its blocks share, as ``w8a8``.
        budgets: metric → upper bound, resolved to a number.
        codes: the code of the chosen operations of every block; ``None`` where nothing fits.
        widths: the chosen bit widths of every block: ``w4a8``, or one a layer, ``w4a8 w8a8``.
        nsrs: the noise-to-signal power ratio of every block's candidate, as measured.
        totals: metric → exact total.
        smallest: where nothing fits, metric → the smallest total that the other budgets allow.
    """

    name: str
    family: str
    budgets: dict[str, str] = field(default_factory=dict)
    codes: list[int] | None = None
    widths: list[str] = field(default_factory=list)
    nsrs: list[float] = field(default_factory=list)
    totals: dict[str, str] = field(default_factory=dict)
    smallest: dict[str, str | None] = field(default_factory=dict)

    @classmethod
    def of_choice(
        cls,
        name: str,
        family: str,
        lut: Lut,
        choice: Mapping[str, int],
        totals: Mapping[str, Decimal],
        budgets: Mapping[str, str],
    ) -> Found:
        """Return the network of a candidate of every block, by the block's name."""
        rows = [lut.block(block).locate(candidate) for block, candidate in choice.items()]
        return cls(
            name,
            family,
            dict(budgets),
            codes=[table.code(row) for table, row in rows],
            widths=[widths_text(widths) for table, row in rows if (widths := table.widths_of(row)) is not None],
            nsrs=[float(table.columns["nsr"][row]) for table, row in rows],
            totals={metric: str(total) for metric, total in totals.items()},
        )

    @property
    def policy(self) -> Policy:
        return Policy(tuple(map(parse_widths, self.widths)))
