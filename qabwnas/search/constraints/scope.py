"""Scopes: which candidates a search may choose, and how much each block counts in the objective.

A scope is a filter over rows and a factor per block, so it needs no new table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.io.numeric import Number, exact_number, shown
from qabwnas.lut.lut import Lut, LutBlock
from qabwnas.search.constraints.bit_width_rule import HOMOGENEOUS, BitWidthRule
from qabwnas.search.constraints.equal_widths import check_common_groups
from qabwnas.search.constraints.operation_rule import OperationRule


@dataclass(frozen=True)
class Scope:
    """Restrictions of a search over a LUT, and weights of its objective. All of them apply together.

    >>> scope = Scope(bits=["layer1=8", "homogeneous"], forbid=["k7e6"])
    >>> result = search(lut, budgets={"size_bytes": 1e6}, scope=scope)

    Attributes:
        weights: block name → factor of the block's values in the objective, an exact decimal of 0 or more; 1 for every
            block that is not named. The fixed part counts once. If the objective is a maximum, values are scaled before
            the maximum is taken. Budgets and reported totals are not weighted.
        bits: the bit widths that may be used. ``8``, ``w4a8`` or ``4,8`` hold for every block; ``layer1=8,6`` holds for
            block ``layer1`` and replaces what is given for every block. Several entries of one kind add up.
            ``homogeneous``: all blocks have the same widths, chosen from those that the rest allows.
            ``layer1,layer2=homogeneous``: these blocks have the same widths; a block is in one such set. Empty: no
            restriction.
        pin: operations that must be used. ``layer1/0=k3e6``: in layer 0 of block ``layer1``; ``layer1=k3e6``: in every
            layer of the block; ``k3e6``: in every layer of every block; ``layer1=#17``: the block uses candidate
            number 17. In a LUT without a space, ``layer1=TEXT`` selects the candidates with that description, and
            ``TEXT`` those of every block.
        forbid: operations that may not be used, in the same notation: ``layer1/0=k3e6``: not in that layer;
            ``layer1=k3e6``: in no layer of the block; ``k3e6``: nowhere; ``layer1=#17``: not that candidate.
        skip_unmeasured: leave out candidates that lack the objective, or a metric with a budget or of the front.
            Otherwise such candidates are an error.

    Raises:
        InputError: a weight is not a number or is negative, or an attribute is not a list or mapping. Names are looked
            up, and other texts are parsed, when the scope is applied to a LUT.
    """

    weights: Mapping[str, Number] = field(default_factory=dict)
    bits: Sequence[str | int] = ()
    pin: Sequence[str] = ()
    forbid: Sequence[str] = ()
    skip_unmeasured: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.weights, Mapping):
            raise InputError(f"weights: {shown(self.weights)} is not a mapping of block to number")
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
        if not isinstance(self.skip_unmeasured, bool):
            raise InputError(f"skip_unmeasured: {shown(self.skip_unmeasured)} is neither True nor False")

    def __hash__(self) -> int:
        return hash((frozenset(self.weights.items()), self.bits, self.pin, self.forbid, self.skip_unmeasured))

    @property
    def is_weighted(self) -> bool:
        """Whether the weight of some block is not 1."""
        return any(weight != 1 for weight in self.weights.values())

    def factors(self, block_names: Sequence[str]) -> dict[str, Decimal]:
        """Return the weight of every block, by name."""
        return {name: exact_number(name, self.weights.get(name, 1)) for name in block_names}

    @property
    def has_named_sets(self) -> bool:
        """Whether some, but not all, blocks must have equal bit widths."""
        return any("=" in str(text) and str(text).endswith(HOMOGENEOUS) for text in self.bits)

    def rules(self, lut: Lut, metric_names: Sequence[str]) -> ScopeRules:
        """Return the rules of this scope for the candidates of a LUT, in a search over these metrics.

        Raises:
            InputError: the LUT lacks a named block, layer, operation, candidate or bit width, or a text has none of the
                forms above.
        """
        for name in self.weights:
            lut.block(name)
        bits = BitWidthRule.of(self.bits, lut)
        pins = (OperationRule.of("pin", text, lut) for text in self.pin)
        bans = (OperationRule.of("forbid", text, lut) for text in self.forbid)
        return ScopeRules(
            lut,
            bits,
            ", ".join(map(str, self.bits)),
            (*pins, *bans),
            tuple(metric_names) if self.skip_unmeasured else (),
        )

    def selection(self, lut: Lut, metric_names: Sequence[str] = ()) -> Selection:
        """Return the candidates that this scope allows in a search over these metrics; O(rows × layers).

        Raises:
            InputError: as for :meth:`rules`, or no candidate of a block is left; the message names the block and the
                restriction.
        """
        rules = self.rules(lut, metric_names)
        candidates, groups = [], []
        for block in lut.blocks:
            of_block = BlockRules(rules, block)
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
        """Return the scope as JSON values, without the attributes that restrict nothing."""
        weights = {name: f"{weight:f}" for name, weight in self.factors(tuple(self.weights)).items()}
        parts = {"weights": weights, "bits": list(self.bits), "pin": list(self.pin), "forbid": list(self.forbid)}
        return {name: part for name, part in parts.items() if part} | (
            {"skip_unmeasured": True} if self.skip_unmeasured else {}
        )

    @classmethod
    def from_json(cls, content: object) -> Scope:
        """Return the scope that :meth:`as_json` wrote.

        Raises:
            InputError: the content does not have that form.
        """
        if not isinstance(content, dict) or not set(content) <= {"weights", "bits", "pin", "forbid", "skip_unmeasured"}:
            raise InputError("a scope has only weights, bits, pin, forbid and skip_unmeasured")
        lists = [content.get(part, []) for part in ("bits", "pin", "forbid")]
        if not isinstance(content.get("weights", {}), dict) or not all(isinstance(part, list) for part in lists):
            raise InputError("the weights of a scope are an object, its other parts lists")
        bits, pin, forbid = lists
        return cls(content.get("weights", {}), bits, pin, forbid, content.get("skip_unmeasured", False))


@dataclass(frozen=True, eq=False)
class Selection:
    """The candidates that a scope allows.

    Attributes:
        candidates: per block, the numbers of its allowed candidates, int64, ascending, at least one.
        groups: ``None``, unless all blocks must have the same bit widths. Then per block a number for the widths of
            each allowed candidate, int64; equal widths have equal numbers in all blocks.
    """

    candidates: tuple[NDArray[np.int64], ...]
    groups: tuple[NDArray[np.int64], ...] | None


@dataclass(frozen=True)
class ScopeRules:
    """The rules of a scope for one LUT, with all names looked up."""

    lut: Lut
    bits: BitWidthRule
    bits_text: str
    operations: tuple[OperationRule, ...]
    measured: tuple[str, ...] = ()


class BlockRules:
    """The rules of a scope for one block, applied chunk by chunk, so that memory does not grow with the block.

    After all chunks, :meth:`check` raises if no candidate was allowed.
    """

    def __init__(self, rules: ScopeRules, block: LutBlock) -> None:
        self._rules, self._block = rules, block
        self._operations = [rule for rule in rules.operations if rule.block in (None, block.name)]
        self._bits_leave_some = False
        self._leaves_some = [False] * len(self._operations)
        self._measured_leaves_some = False

    def allowed(self, first: int, last: int) -> NDArray[np.bool_]:
        """Return which of candidates ``first … last − 1`` satisfy all rules, bool ``(last − first,)``."""
        left = self._rules.bits.allowed(self._block, first, last)
        self._bits_leave_some |= bool(left.any())
        for i, rule in enumerate(self._operations):
            left &= rule.allowed(self._rules.lut, self._block, first, last)
            self._leaves_some[i] |= bool(left.any())
        for metric in self._rules.measured:
            measured = self._block.measured_rows(metric, first, last)
            if measured is not None:
                left &= measured
        self._measured_leaves_some |= bool(left.any())
        return left

    def groups(self, first: int, last: int) -> NDArray[np.int64] | None:
        """Return a number for the bit widths of each candidate, int64 ``(last − first,)``, if all must be equal."""
        bits = self._rules.bits
        return bits.groups(self._block, first, last) if bits.equal else None

    def check(self) -> None:
        """Check that some candidate was allowed.

        Raises:
            InputError: none was; the message names the first rule that left none.
        """
        if not self._bits_leave_some:
            raise InputError(f"bits {self._rules.bits_text!r} leave no candidate of block {self._block.name!r}")
        for rule, leaves_some in zip(self._operations, self._leaves_some, strict=True):
            if not leaves_some:
                raise InputError(f"{rule} leaves no candidate of block {self._block.name!r}")
        if not self._measured_leaves_some:
            raise InputError(
                f"skip_unmeasured leaves no candidate of block {self._block.name!r}: none has all of "
                f"{', '.join(self._rules.measured)}"
            )
