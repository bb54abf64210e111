"""The results of a run, one per network: the content of ``results.json``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from statistics import mean, stdev
from typing import Any

from qabwnas.errors import FormatError

VERSION = 5
"""Version 4 had no ``differences``; version 3 had no ``totals`` and no names of networks; version 2
also called ``scores_qat`` ``scores_tuned``."""
OLDEST = 2
TEACHER, CONTROL, BUDGET, MIXED, ADDED = "teacher", "control", "budget", "mixed", "added"
NOT_FOUND = (TEACHER, CONTROL)
"""Families of networks that no search found."""
ONE_SHOT = ("spos", "fairnas")
"""The families of networks that one-shot NAS found, by its methods."""


@dataclass(frozen=True)
class Result:
    """One network, without and with quantisation.

    Attributes:
        name: the teacher and its bit widths, the budgets that the network was found under, or its place on a front.
        family: ``teacher``, ``control`` (the teacher, retrained), ``budget``, ``added`` (by a user), one of
            ``ONE_SHOT``, or the front of the point: ``mixed``, or bit widths such as ``w8a8``.
        blocks: one text per block: the operations of its layers, or for an external teacher the module whose output is
            the block's.
        widths: the bit widths of every block, as text; empty if nothing is quantised.
        size_bytes: of the deployed network, stem and head included.
        encoder_bytes: the same without the head.
        nsrs: the noise-to-signal power ratio of every block, measured before retraining.
        scores_before: the score on the test split before quantisation, 0 … 1, one per retraining.
        scores_after: the score after quantisation, in the same order; empty if nothing is quantised.
        scores_qat: the score after quantisation-aware training, in the same order; empty if there was none.
        standard_error: of one score, because the test split is a sample of images.
        totals: metric → total, of the columns of the LUT that are neither NSR nor costs: latencies. Metrics of which
            the total is not known are missing.
        network: its name in files and commands; empty for teachers, and in older results.
        differences: the name of another network → how much higher the final score is than that network's, and the
            standard error of this difference (:mod:`~qabwnas.report.paired`).
    """

    name: str
    family: str
    blocks: list[str]
    widths: list[str]
    size_bytes: float
    encoder_bytes: float
    nsrs: list[float]
    scores_before: list[float]
    scores_after: list[float]
    scores_qat: list[float] = field(default_factory=list)
    standard_error: float = 0.0
    totals: dict[str, float] = field(default_factory=dict)
    network: str = ""
    differences: dict[str, list[float]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The name by which files and commands know the network."""
        return self.network or self.name

    @property
    def nsr(self) -> float:
        """The sum over the blocks."""
        return sum(self.nsrs)

    @property
    def final_scores(self) -> list[float]:
        """The scores of the network as deployed."""
        return self.scores_qat or self.scores_after or self.scores_before

    @property
    def final_score(self) -> float:
        """Their mean."""
        return mean(self.final_scores)


@dataclass(frozen=True)
class NothingFits:
    """Budgets that no network of the space meets, and a budget that one would meet."""

    name: str
    needed: str


@dataclass(frozen=True)
class Results:
    """All networks of a run, and the task that they were scored on.

    Attributes:
        fixed_bits: the bit widths of stem and head of every quantised network. ``None`` in results of earlier versions,
            in which stem and head of a teacher had the bits of its blocks.
    """

    task: str
    score: str
    n_test: int
    seed: int
    rows: list[Result | NothingFits]
    fixed_bits: str | None = None

    @property
    def networks(self) -> list[Result]:
        """The rows that are networks."""
        return [row for row in self.rows if isinstance(row, Result)]

    @property
    def found(self) -> list[Result]:
        """The distinct networks that were found; one network may be the answer to several budgets."""
        distinct = {(*row.blocks, *row.widths): row for row in self.networks if row.family not in NOT_FOUND}
        return list(distinct.values())

    @property
    def references(self) -> list[str]:
        """The names of the networks that others are compared with, in their order."""
        return list(dict.fromkeys(name for row in self.networks for name in row.differences))

    @property
    def columns(self) -> list[str]:
        """The metrics of which networks have totals, in their order."""
        return list(dict.fromkeys(metric for row in self.networks for metric in row.totals))

    def to_json(self) -> dict[str, Any]:
        """Return the results as JSON values, with the format version."""
        return {"version": VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, content: Any, where: str) -> Results:
        """Return the results in the JSON values of :meth:`to_json`, of this version or an older one.

        Raises:
            FormatError: the values have another version or form; the message starts with ``where``.
        """
        version = content.get("version") if isinstance(content, dict) else None
        if version not in range(OLDEST, VERSION + 1):
            raise FormatError(f"{where}: results of version {version!r}; this reads versions {OLDEST} to {VERSION}")
        try:
            rows = [Result(**_renamed(row)) if "blocks" in row else NothingFits(**row) for row in content["rows"]]
            named = {name: content[name] for name in ("task", "score", "n_test", "seed")}
            return cls(**named, rows=rows, fixed_bits=content.get("fixed_bits"))
        except (KeyError, TypeError) as error:
            raise FormatError(f"{where}: not the results of a run: {error}") from error


def _renamed(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of version 2 with the names of today."""
    return {"scores_qat" if name == "scores_tuned" else name: value for name, value in row.items()}


def mean_and_deviation(scores: list[float]) -> tuple[float, float]:
    """Return the mean and the standard deviation of one or more scores; the deviation of a single score is 0."""
    return mean(scores), stdev(scores) if len(scores) > 1 else 0.0
