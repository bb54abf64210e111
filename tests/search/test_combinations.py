"""The table of docs/budgets.md: every feature in every command equals the slow way, or is refused with its message."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import qabwnas
from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.search import Scope
from qabwnas.search.batch.batch import answer_batch
from qabwnas.space import BitWidths
from tests import oracle
from tests.search import BACKENDS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "budgets.md"
REFERENCE = "b0=0,b1=3,b2=1"
Totals = Mapping[str, Fraction]


def table() -> Lut:
    """Three blocks of two candidates at two bit widths; one candidate of each block has no energy."""
    generator = np.random.default_rng(5)
    blocks = []
    for b in range(3):
        tables = []
        for widths in (BitWidths(4, 4), BitWidths(8, 8)):
            columns = {
                name: np.round(generator.integers(low, high, 2) / scale, 6)
                for name, low, high, scale in [
                    ("loss", 1, 60, 10), ("size_bytes", 10, 90, 1), ("extra_bytes", 1, 40, 1),
                    ("peak_bytes", 20, 90, 1), ("latency_ms", 1, 50, 10), ("accuracy", 1, 30, 100),
                    ("energy_mJ", 1, 9, 1),
                ]
            }  # fmt: skip
            known = np.array([widths.weights == 8 or b == 1, True])
            tables.append(Table(columns, widths, {} if known.all() else {"energy_mJ": known}))
        blocks.append(LutBlock(f"b{b}", tuple(tables)))
    metrics = (
        Metric("loss"), Metric("size_bytes", "bytes", fixed=7), Metric("extra_bytes", "bytes"),
        Metric("peak_bytes", "bytes", "max", fixed=30), Metric("latency_ms", "ms", fixed=0.3),
        Metric("accuracy", higher_is_better=True), Metric("energy_mJ", "mJ"),
    )  # fmt: skip
    return Lut(metrics, tuple(blocks))


LUT = table()
NAMES = LUT.metric_names
SUBNETS = [(dict(zip(NAMES, vector, strict=True)), choice) for vector, choice in oracle.subnets(LUT, NAMES)]
MIDDLE = {name: sorted(totals[name] for totals, _ in SUBNETS)[len(SUBNETS) // 2] for name in NAMES}
LARGEST = {name: max(totals[name] for totals, _ in SUBNETS) for name in NAMES}
NAMED = next(totals for totals, choice in SUBNETS if choice == (0, 3, 1))


def number(value: Fraction) -> str:
    return f"{value.numerator / value.denominator:.10f}".rstrip("0").rstrip(".")


@dataclass(frozen=True)
class Feature:
    """A request, and its meaning."""

    keeps: Callable[[Totals, tuple[int, ...]], bool] = lambda _totals, _choice: True
    budgets: dict[str, str] = field(default_factory=dict)
    within: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    over: tuple[str, ...] = ("size_bytes",)
    objective: str = "loss"
    maximize: bool = False
    scope: Scope | None = None
    weights: tuple[int, ...] = (1, 1, 1)

    def value(self, totals: Totals, choice: tuple[int, ...]) -> Fraction:
        if self.weights == (1, 1, 1):
            return totals[self.objective]
        parts = [
            oracle.shortest(LUT.blocks[b].column(self.objective)[c]) * self.weights[b] for b, c in enumerate(choice)
        ]
        return sum(parts, Fraction(0))

    def best_first(self) -> list[Fraction]:
        values = [self.value(totals, choice) for totals, choice in SUBNETS if self.keeps(totals, choice)]
        return sorted(values, reverse=self.maximize)

    @property
    def sense(self) -> dict[str, Any]:
        return {"maximize": self.objective} if self.maximize else {"minimize": self.objective}


def at_most(name: str, bound: Fraction) -> Callable[[Totals, tuple[int, ...]], bool]:
    return lambda totals, _: sum(totals[each] for each in name.split("+")) <= bound


def at_least(name: str, bound: Fraction) -> Callable[[Totals, tuple[int, ...]], bool]:
    return lambda totals, _: sum(totals[each] for each in name.split("+")) >= bound


SIZE, MS, PEAK = MIDDLE["size_bytes"], MIDDLE["latency_ms"], MIDDLE["peak_bytes"]
POINTS = oracle.front(LUT, ["loss", "latency_ms"])
ON_FRONT = POINTS[len(POINTS) // 2][0][1]  # another one, so that an equality leaves a point of the front
SUMS, MIXED = "size_bytes+extra_bytes", "size_bytes+peak_bytes"
WIDE = LARGEST["latency_ms"] - Fraction(1, 2)
WIDTHS = [["w4a4"] * 2 + ["w8a8"] * 2] * 3
FEATURES = {
    "upper bound": Feature(
        at_most("size_bytes", SIZE), {"size_bytes": number(SIZE)}, {"size_bytes": (None, number(SIZE))}
    ),
    "lower bound on a sum over blocks": Feature(
        at_least("latency_ms", MS), {"latency_ms>=": number(MS)}, {"latency_ms": (number(MS), None)}, ("latency_ms",)
    ),
    "lower bound on a maximum over blocks": Feature(
        at_least("peak_bytes", PEAK), {"peak_bytes>=": number(PEAK)}, {"peak_bytes": (number(PEAK), None)},
        ("peak_bytes",),
    ),
    "range": Feature(
        lambda totals, _: MS <= totals["latency_ms"] <= WIDE, {"latency_ms": f"{number(MS)}:{number(WIDE)}"},
        {"latency_ms": (number(MS), number(WIDE))}, ("latency_ms",),
    ),
    "equality": Feature(
        lambda totals, _: totals["latency_ms"] == ON_FRONT, {"latency_ms==": number(ON_FRONT)},
        {"latency_ms": (number(ON_FRONT), number(ON_FRONT))}, ("latency_ms",),
    ),
    "share of the largest total": Feature(
        at_most("size_bytes", LARGEST["size_bytes"] * Fraction(6, 10)), {"size_bytes": "60%"},
        {"size_bytes": (None, "60%")},
    ),
    "share of a reference": Feature(
        at_most("size_bytes", NAMED["size_bytes"] * Fraction(9, 10)), {"size_bytes": f"90% of {REFERENCE}"},
        {"size_bytes": (None, f"90% of {REFERENCE}")},
    ),
    "sum of sums": Feature(at_most(SUMS, SIZE), {SUMS: number(SIZE)}, {SUMS: (None, number(SIZE))}, (SUMS,)),
    "sum with a maximum": Feature(
        at_most(MIXED, SIZE + 50), {MIXED: number(SIZE + 50)}, {MIXED: (None, number(SIZE + 50))}, (MIXED,)
    ),
    "lower bound on a sum with a maximum": Feature(
        at_least(MIXED, SIZE), {f"{MIXED}>=": number(SIZE)}, {MIXED: (number(SIZE), None)}, (MIXED,)
    ),
    "higher-is-better objective": Feature(
        at_most("size_bytes", SIZE), {"size_bytes": number(SIZE)}, {"size_bytes": (None, number(SIZE))},
        objective="accuracy", maximize=True,
    ),
    "lower bound where higher is better": Feature(
        at_least("accuracy", MIDDLE["accuracy"]), {"accuracy>=": number(MIDDLE["accuracy"])},
        {"accuracy": (number(MIDDLE["accuracy"]), None)}, ("accuracy", "size_bytes"),
    ),
    "maximised maximum": Feature(objective="peak_bytes", maximize=True),
    "equal bit widths of named blocks": Feature(
        lambda totals, c: totals["size_bytes"] <= SIZE and WIDTHS[0][c[0]] == WIDTHS[2][c[2]],
        {"size_bytes": number(SIZE)}, {"size_bytes": (None, number(SIZE))}, scope=Scope(bits=["b0,b2=homogeneous"]),
    ),
    "candidates that were not measured left out": Feature(
        lambda totals, c: totals["energy_mJ"] <= MIDDLE["energy_mJ"] and c[0] != 0 and c[2] != 0,
        {"energy_mJ": number(MIDDLE["energy_mJ"])}, {"energy_mJ": (None, number(MIDDLE["energy_mJ"]))}, ("energy_mJ",),
        scope=Scope(skip_unmeasured=True),
    ),
    "weights of blocks": Feature(
        at_most("size_bytes", SIZE), {"size_bytes": number(SIZE)}, {"size_bytes": (None, number(SIZE))},
        scope=Scope({"b0": 3, "b2": 0}), weights=(3, 1, 0),
    ),
}  # fmt: skip


def exact(values: Any) -> list[Fraction]:
    return [Fraction(value) for value in values]


def search(feature: Feature, backend: str, _folder: Path) -> None:
    result = qabwnas.search(LUT, budgets=feature.budgets, scope=feature.scope, backend=backend, **feature.sense)
    assert exact(answer.objective for answer in result.answers) == feature.best_first()[:1]


def top(feature: Feature, backend: str, _folder: Path) -> None:
    options: dict[str, Any] = {"budgets": feature.budgets, "scope": feature.scope, "top": 7, **feature.sense}
    result = qabwnas.search(LUT, backend=backend, **options)
    assert exact(answer.objective for answer in result.answers) == feature.best_first()[:7]


def session(feature: Feature, backend: str, _folder: Path) -> None:
    asked = qabwnas.Session(LUT, backend=backend)
    for top in (1, 7):
        result = asked.search(budgets=feature.budgets, scope=feature.scope, top=top, **feature.sense)
        assert exact(answer.objective for answer in result.answers) == feature.best_first()[:top]


def explain(feature: Feature, backend: str, _folder: Path) -> None:
    found = qabwnas.explain(LUT, budgets=feature.budgets, scope=feature.scope, backend=backend, **feature.sense)
    assert exact([found.objective]) == feature.best_first()[:1]
    for effect in found.effects:
        if effect.binds:
            assert effect.next_objective is not None
            better = Fraction(effect.next_objective)
            assert better > feature.best_first()[0] if feature.maximize else better < feature.best_first()[0]


def over(feature: Feature) -> list[str]:
    objective = f"-{feature.objective}" if feature.maximize and feature.objective != "accuracy" else feature.objective
    return [objective, *feature.over]


def front(feature: Feature, backend: str, _folder: Path) -> None:
    built = qabwnas.Frontier.build(LUT, over(feature), within=feature.within, scope=feature.scope, backend=backend)
    names = [feature.objective, *feature.over]
    signs = [-1 if name == "accuracy" else 1 for name in names]

    def vector(totals: Totals, choice: tuple[int, ...]) -> tuple[Fraction, ...]:
        values = [feature.value(totals, choice)]
        values += [sum((totals[each] for each in name.split("+")), Fraction(0)) for name in feature.over]
        return tuple(value * sign for value, sign in zip(values, signs, strict=True))

    allowed = [each for each in SUBNETS if feature.scope is None or is_allowed(feature, each[1])]
    everything = {vector(totals, choice) for totals, choice in allowed}
    points = {
        v for v in everything if not any(w != v and all(a <= b for a, b in zip(w, v, strict=True)) for w in everything)
    }
    wanted = {v for v in points if any(v == vector(*each) and feature.keeps(*each) for each in allowed)}
    assert len(built) == len(wanted)
    found = [tuple(v * s for v, s in zip(exact(point.totals.values()), signs, strict=True)) for point in built]
    assert found == sorted(wanted)


def is_allowed(feature: Feature, choice: tuple[int, ...]) -> bool:
    if feature.scope is not None and feature.scope.bits:
        return WIDTHS[0][choice[0]] == WIDTHS[2][choice[2]]
    return not (feature.scope is not None and feature.scope.skip_unmeasured) or (choice[0] != 0 and choice[2] != 0)


def query(feature: Feature, backend: str, folder: Path) -> None:
    parts = [part for name in feature.over for part in name.split("+")]
    metrics = list(dict.fromkeys([over(feature)[0], *parts]))
    built = qabwnas.Frontier.build(LUT, metrics, scope=feature.scope, backend=backend)
    path = folder / "front.h5"
    built.save(path)
    expected = feature.best_first()[0]
    for each in (built, qabwnas.Frontier.open(path)):
        (point,) = each.query(feature.budgets, backend=backend).tolist()
        assert Fraction(each[point].objective) == expected
    write(folder / "budgets.csv", feature.budgets)
    answer_batch(qabwnas.Frontier.open(path), folder / "budgets.csv", folder / "answers.csv", backend=backend)
    assert exact([read(folder / "answers.csv")[built.metric_names[0]]]) == [expected]


def write(path: Path, budgets: Mapping[str, str]) -> None:
    headings = [f"{key}=" if ":" in value else key for key, value in budgets.items()]
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([headings, list(budgets.values())] if headings else [["size_bytes"], [""]])


def read(path: Path) -> dict[str, str]:
    with path.open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    return row


def batch(feature: Feature, backend: str, folder: Path) -> None:
    write(folder / "budgets.csv", feature.budgets)
    name = feature.objective if feature.weights == (1, 1, 1) else f"weighted {feature.objective}"
    has_reach = any(key == "peak_bytes>=" for key in feature.budgets)
    for method in ("direct", "auto") if has_reach else ("direct", "auto", "front"):
        paths = folder / "budgets.csv", folder / "answers.csv"
        answer_batch(LUT, *paths, scope=feature.scope, method=method, backend=backend, **feature.sense)  # type: ignore[arg-type]
        row = read(paths[1])
        assert exact([row[name]]) == feature.best_first()[:1]
        choice = tuple(int(row[block]) for block in LUT.block_names)
        totals = next(totals for totals, each in SUBNETS if each == choice)
        assert feature.keeps(totals, choice)
        for metric in set(row) & set(NAMES):
            assert Fraction(row[metric]) == totals[metric]


COMMANDS = {"search": search, "top-k": top, "front": front, "query": query, "batch": batch, "explain": explain}
COMMANDS["session"] = session


def cells() -> dict[tuple[str, str], str]:
    """The cells of the table: ``yes``, or the message of a refusal."""
    text = PAGE.read_text(encoding="utf-8").partition("## What combines with what")[2]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    messages = dict(re.findall(r"^(\d+)\. `([^`]+)`", text, re.MULTILINE))
    found = {}
    for row in rows[2:]:
        for command, cell in zip(rows[0][1:], row[1:], strict=True):
            refused = re.fullmatch(r"no \[(\d+)\]", cell)
            found[row[0], command] = "yes" if refused is None and cell == "yes" else messages[refused[1]]  # type: ignore[index]
    return found


def test_the_table_has_every_feature_and_command() -> None:
    assert set(cells()) == {(feature, command) for feature in FEATURES for command in COMMANDS}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("feature", "command"), sorted(cells()))
def test_cells_are_true(feature: str, command: str, backend: str, tmp_path: Path) -> None:
    cell = cells()[feature, command]
    if cell == "yes":
        assert FEATURES[feature].best_first()
        COMMANDS[command](FEATURES[feature], backend, tmp_path)
        return
    with pytest.raises(InputError) as error:
        COMMANDS[command](FEATURES[feature], backend, tmp_path)
    assert cell in str(error.value)
    assert "\n" not in str(error.value)
