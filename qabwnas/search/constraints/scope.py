"""What a search may choose from, and how blocks count in its objective: filters and factors, no new table needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.io.numeric import Number, exact_number, shown
from qabwnas.lut.lut import Lut

if TYPE_CHECKING:
    from qabwnas.search.constraints.row_rules import RowRules


@dataclass(frozen=True)
class Scope:
    """Restrictions of a search over a LUT, and weights of its objective; all parts hold together.

    Attributes:
        weights: block name → factor of the block's values in the objective, an exact decimal of 0 or more; 1 where a
            block is not named. The fixed part counts once. Where the objective is a maximum, values are scaled before
            the maximum is taken. Budgets and reported totals are not weighted.
        bits: bit widths that may be used. ``8``, ``w4a8`` or ``4,8``: in every block, these; ``layer1=8,6``: in block
            ``layer1`` these, whatever is said of every block. Several of a kind add up. ``homogeneous``: all blocks
            have the same widths, any that the rest allows. Empty: free.
        pin: operations that must be used. ``layer1/0=k3e6``: layer 0 of block ``layer1`` has it; ``layer1=k3e6``: every
            layer of the block has it; ``k3e6``: every layer of every block has it; ``layer1=#17``: the block's
            candidate is number 17. In a LUT without a space ``layer1=TEXT`` takes the candidates of that description,
            and ``TEXT`` those of every block.
        forbid: operations, named in the same ways, that may not be used: ``layer1/0=k3e6`` not in that layer,
            ``layer1=k3e6`` in no layer of the block, ``k3e6`` in none at all, ``layer1=#17`` not that candidate.

    Raises:
        InputError: a weight is not a number or negative, or a part is no list or mapping. Names are looked up, and
            other texts read, when the scope meets a LUT.
    """

    weights: Mapping[str, Number] = field(default_factory=dict)
    bits: Sequence[str | int] = ()
    pin: Sequence[str] = ()
    forbid: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.weights, Mapping):
            raise InputError(f"weights: {shown(self.weights)} do not say which block each is of")
        weights = {name: exact_number(f"weight {name!r}", weight) for name, weight in self.weights.items()}
        for name, weight in weights.items():
            if weight < 0:
                raise InputError(f"weight {name!r}: {weight} is negative")
        object.__setattr__(self, "weights", weights)
        for part in ("bits", "pin", "forbid"):
            texts = getattr(self, part)
            if isinstance(texts, str | Mapping) or not isinstance(texts, Iterable):
                raise InputError(f"{part}: {shown(texts)} is not a list")
            object.__setattr__(self, part, tuple(str(text).strip() for text in texts))

    def __hash__(self) -> int:
        return hash((frozenset(self.weights.items()), self.bits, self.pin, self.forbid))

    @property
    def is_weighted(self) -> bool:
        """Whether some block's weight is not 1."""
        return any(weight != 1 for weight in self.weights.values())

    def factors(self, block_names: Sequence[str]) -> dict[str, Decimal]:
        """Return the weight of every block, by its name."""
        return {name: exact_number(name, self.weights.get(name, 1)) for name in block_names}

    def rules(self, lut: Lut) -> RowRules:
        """Return the rules that this makes for the candidates of a LUT.

        Raises:
            InputError: a block, layer, operation, candidate or bit width is named that the LUT does not have, or a text
                is of none of the forms.
        """
        from qabwnas.search.constraints.bit_rules import BitRules
        from qabwnas.search.constraints.operation_rule import OperationRule
        from qabwnas.search.constraints.row_rules import RowRules

        for name in self.weights:
            lut.block(name)
        bits = BitRules.of(self.bits, lut)
        pins = (OperationRule.of("pin", text, lut) for text in self.pin)
        bans = (OperationRule.of("forbid", text, lut) for text in self.forbid)
        return RowRules(lut, bits, ", ".join(map(str, self.bits)), (*pins, *bans))

    def selection(self, lut: Lut) -> Selection:
        """Return the candidates that this leaves of a LUT; O(rows × layers) where anything is restricted.

        Raises:
            InputError: as of :meth:`rules`, or nothing is left of a block; the message names the block and the part.
        """
        from qabwnas.search.constraints.row_rules import check_common_groups

        rules = self.rules(lut)
        candidates, groups = [], []
        for block in lut.blocks:
            of_block = rules.of_block(block)
            left = of_block.allowed(0, block.n_candidates)
            of_block.check()
            candidates.append(np.flatnonzero(left))
            numbers = of_block.groups(0, block.n_candidates)
            if numbers is not None:
                groups.append(numbers[left])
        if not groups:
            return Selection(tuple(candidates), None)
        check_common_groups(groups)
        return Selection(tuple(candidates), tuple(groups))

    def as_json(self) -> dict[str, Any]:
        """Return this as JSON values, the parts that restrict nothing left out."""
        weights = {name: f"{weight:f}" for name, weight in self.factors(tuple(self.weights)).items()}
        parts = {"weights": weights, "bits": list(self.bits), "pin": list(self.pin), "forbid": list(self.forbid)}
        return {name: part for name, part in parts.items() if part}

    @classmethod
    def from_json(cls, content: object) -> Scope:
        """Return the scope that :meth:`as_json` gave.

        Raises:
            InputError: it is not of that form.
        """
        if not isinstance(content, dict) or not set(content) <= {"weights", "bits", "pin", "forbid"}:
            raise InputError("a scope has weights, bits, pin and forbid, and nothing else")
        lists = [content.get(part, []) for part in ("bits", "pin", "forbid")]
        if not isinstance(content.get("weights", {}), dict) or not all(isinstance(part, list) for part in lists):
            raise InputError("the weights of a scope are an object, its other parts lists")
        return cls(content.get("weights", {}), *lists)


@dataclass(frozen=True, eq=False)
class Selection:
    """What a scope leaves of a LUT.

    Attributes:
        candidates: a block: the candidates' numbers, int64, ascending, at least one.
        groups: where all blocks must have the same bit widths, a block: a number for the widths of each of these
            candidates, int64, equal across blocks for equal widths; else ``None``.
    """

    candidates: tuple[NDArray[np.int64], ...]
    groups: tuple[NDArray[np.int64], ...] | None
