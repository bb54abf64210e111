"""Stage 7: the best network under every budget, and points of fronts. Writes ``answers.json``.

The fronts are those of size and NSR, as in the figure of the paper: one front for each bit width that all blocks share,
and the mixed one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from qabwnas.io.atomic import atomic_path
from qabwnas.io.fingerprint import fingerprint
from qabwnas.lut.lut import Lut
from qabwnas.lut.units import unit_of
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.config.values import BITS, bounds_of, scope_of
from qabwnas.pipeline.stages.budgets import resolve_budget
from qabwnas.pipeline.stages.latency import latency_settings, searched_lut
from qabwnas.pipeline.stages.stage import Stage, StageContext
from qabwnas.report.result import BUDGET, MIXED, ONE_SHOT
from qabwnas.search.api import search
from qabwnas.search.constraints.scope import Scope
from qabwnas.search.frontier import Frontier
from qabwnas.space import INT8, BitWidths, Policy
from qabwnas.space.bit_widths import parse_widths, widths_text

FILE_NAME = "answers.json"
FRONT_METRICS = ("nsr", "size_bytes")
HASH_DIGITS, LONGEST_LABEL = 6, 80


@dataclass(frozen=True)
class FoundNetwork:
    """A network that a search found under budgets, or a point of a front.

    Attributes:
        name: what it was found by, as text: ``size_bytes ≤ 98304``, ``mixed front 1/3``.
        family: ``budget``, ``added``, ``control``, the method of one-shot NAS that found it (``spos``, ``fairnas``), or
            the front of the point: ``mixed``, or the bit widths that all its blocks share, such as ``w8a8``.
        budgets: metric → upper bound, resolved to a number.
        codes: the code of the chosen operations of every block; ``None`` if no network fits, empty for the teacher.
        widths: the chosen bit widths of every block: ``w4a8``, or one per layer, ``w4a8 w8a8``.
        nsrs: the noise-to-signal power ratio of every block's candidate, as measured.
        totals: metric → exact total.
        smallest: if no network fits, metric → the smallest total that the other budgets allow.
        fixed: the bit widths of stem and head.
        bits: the bit widths that the search allowed, as in the configuration; empty for all.
    """

    name: str
    family: str
    budgets: dict[str, str] = field(default_factory=dict)
    codes: list[int] | None = None
    widths: list[str] = field(default_factory=list)
    nsrs: list[float] = field(default_factory=list)
    totals: dict[str, str] = field(default_factory=dict)
    smallest: dict[str, str | None] = field(default_factory=dict)
    fixed: str = INT8.name
    bits: str = ""

    @classmethod
    def of_choice(
        cls,
        name: str,
        family: str,
        lut: Lut,
        choice: Mapping[str, int],
        totals: Mapping[str, Decimal],
        budgets: Mapping[str, str],
    ) -> FoundNetwork:
        """Return the network of one candidate per block; ``choice`` maps the name of a block to its candidate."""
        rows = [lut.block(block).locate(candidate) for block, candidate in choice.items()]
        return cls(
            name,
            family,
            dict(budgets),
            codes=[table.code(row) for table, row in rows],
            widths=[widths_text(widths) for table, row in rows if (widths := table.widths_of(row)) is not None],
            nsrs=[float(table.columns["nsr"][row]) for table, row in rows],
            totals={metric: str(total) for metric, total in totals.items()},
            fixed=lut.provenance.get("fixed", INT8.name),
        )

    @property
    def policy(self) -> Policy:
        return Policy(tuple(map(parse_widths, self.widths)), BitWidths.parse(self.fixed))

    @property
    def network(self) -> str:
        """The name of the network in files and commands: its budgets, or its place on a front, and a hash of what it
        is: ``size_bytes-98.3kB-3fa9c1``, ``mixed-front-1of3-0b7d2e``."""
        parts = [] if self.one_shot is None else [self.one_shot]
        parts += [f"{metric}-{_rounded(metric, bound)}" for metric, bound in self.budgets.items()] or [self.name]
        label = "-".join([*parts, *([f"{BITS}-{self.bits}"] if self.bits else [])])
        label = re.sub(r"[^\w.+]+", "-", label.replace("/", "of"))[:LONGEST_LABEL]
        return f"{label}-{fingerprint([self.codes, self.widths])[:HASH_DIGITS]}"

    @property
    def one_shot(self) -> str | None:
        """The method whose one-shot supernet the weights come from; ``None`` for the run's own supernet."""
        return self.family if self.family in ONE_SHOT else None

    def is_same_network(self, other: FoundNetwork) -> bool:
        """Return whether both have the same operations and bit widths, and weights from the same supernet."""
        return (self.codes, self.widths, self.one_shot) == (other.codes, other.widths, other.one_shot)


def _rounded(metric: str, value: str) -> str:
    """Return an amount with about three digits and a unit: ``98.3kB``, ``12ms``, ``1.5M``."""
    amount, unit = Decimal(value), unit_of(metric)
    if unit not in ("", "bytes", "B"):
        return f"{amount:.3g}{unit}"
    prefix = ""
    for larger in "kMGT":
        if amount < 1000:
            break
        amount, prefix = amount / 1000, larger
    text = f"{amount:.0f}" if amount >= 100 else f"{amount:.3g}"
    return f"{text}{prefix}{'B' if unit else ''}"


def _settings(config: Config) -> dict[str, Any]:
    searched = {"minimize": config.minimize, "budgets": list(config.budgets), "front_points": config.front_points}
    return searched | latency_settings(config)


def _make(context: StageContext) -> list[str]:
    table = searched_lut(context.config, context.folder)
    answers = [vars(_find(context.config, table, budgets)) for budgets in context.config.budgets]
    if context.config.front_points:
        answers += map(vars, front_points(table, context.config.space.bit_widths, context.config.front_points))
    with atomic_path(context.folder / FILE_NAME) as temporary:
        temporary.write_text(json.dumps(answers, indent=2) + "\n", encoding="utf-8")
    return [FILE_NAME]


def _find(config: Config, table: Lut, entry: Mapping[str, str]) -> FoundNetwork:
    bounds = {metric: resolve_budget(config, metric, budget, table) for metric, budget in bounds_of(entry).items()}
    texts, bits = {metric: str(bound) for metric, bound in bounds.items()}, entry.get(BITS, "")
    name = ", ".join([*(f"{metric} ≤ {bound}" for metric, bound in texts.items()), *([f"bits {bits}"] if bits else [])])
    result = search(table, minimize=config.minimize, budgets=bounds, scope=scope_of(entry))
    if not result.answers:
        smallest = {metric: None if least is None else str(least) for metric, least in result.smallest.items()}
        return FoundNetwork(name, BUDGET, texts, smallest=smallest, bits=bits)
    answer = result.answers[0]
    return replace(FoundNetwork.of_choice(name, BUDGET, table, answer.choice, answer.totals, texts), bits=bits)


def load_answers(folder: Path) -> list[FoundNetwork]:
    """Return the networks of a run: one per entry of its budgets, then the points of fronts."""
    return [FoundNetwork(**answer) for answer in json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))]


def front_points(lut: Lut, bit_widths: Sequence[BitWidths], n: int) -> Iterator[FoundNetwork]:
    """Yield ``n`` networks, or all if there are fewer, of every front, evenly spaced by size, smallest first."""
    families: dict[str, Scope | None] = {widths.name: Scope(bits=(widths.name,)) for widths in bit_widths}
    if len(bit_widths) > 1:
        families[MIXED] = None
    for family, scope in families.items():
        yield from _points(lut, family, scope, n)


def mixed_front_points(lut: Lut, n: int) -> list[FoundNetwork]:
    """Return ``n`` networks, or all if there are fewer, of the front of all bit widths, chosen in the same way."""
    return list(_points(lut, MIXED, None, n))


def _points(lut: Lut, family: str, scope: Scope | None, n: int) -> Iterator[FoundNetwork]:
    front = Frontier.build(lut, FRONT_METRICS, scope=scope)
    points = evenly_spaced(front.values("size_bytes").tolist(), n)
    for number, point in enumerate(points, start=1):
        name = f"{family} front {number}/{len(points)}"
        yield FoundNetwork.of_choice(name, family, lut, front.choice(point), front.totals(point), {})


def evenly_spaced(sizes: Sequence[float], n: int) -> list[int]:
    """Return the indices of ``n`` of these sizes, or of all if there are fewer, smallest size first.

    For each of ``n`` evenly spaced places from the smallest to the largest size, take the nearest size that is not
    taken yet. With ``n = 1``, the place is the middle. O(n × sizes).
    """
    n = min(n, len(sizes))
    low, high = min(sizes, default=0), max(sizes, default=0)
    left = set(range(len(sizes)))
    for k in range(n):
        place = low + (high - low) * (k / (n - 1) if n > 1 else 0.5)
        left.remove(min(left, key=lambda index: (abs(sizes[index] - place), index)))
    return sorted(set(range(len(sizes))) - left, key=lambda index: (sizes[index], index))


STAGE = Stage("answers", ("lut", "latency"), _settings, _make)
