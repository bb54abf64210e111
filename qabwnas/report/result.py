"""What a report says of the networks of a run: the content of ``results.json``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from statistics import mean, stdev
from typing import Any

from qabwnas.errors import FormatError

VERSION = 2
TEACHER, BUDGET, MIXED = "teacher", "budget", "mixed"


@dataclass(frozen=True)
class Result:
    """One network, without and with quantisation.

    Attributes:
        name: of the teacher, the budgets that the network was found under, or its place on a front.
        family: ``teacher``, ``budget``, or the front that it is a point of: ``mixed``, or bit widths such as ``w8a8``.
        blocks: per block, as text: the operations of its layers, or, of a teacher made elsewhere, the module whose
            output is the block's.
        widths: the bit widths of every block, as text; empty where nothing is quantised.
        size_bytes: of the deployed network, stem and head included.
        encoder_bytes: the same without the head.
        nsrs: the noise-to-signal power ratio of every block, measured before any retraining.
        scores_before: the score on the test split before quantisation, 0 … 1, one for each retraining.
        scores_after: the score after it, in the same order; empty where nothing is quantised.
        scores_tuned: the score after quantisation-aware training, in the same order; empty where there was none.
        standard_error: of one score, from the test split being a sample of images.
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
    scores_tuned: list[float] = field(default_factory=list)
    standard_error: float = 0.0

    @property
    def nsr(self) -> float:
        """The sum over the blocks."""
        return sum(self.nsrs)

    @property
    def final_scores(self) -> list[float]:
        """The scores of the network as it would be deployed."""
        return self.scores_tuned or self.scores_after or self.scores_before

    @property
    def final_score(self) -> float:
        """Their mean."""
        return mean(self.final_scores)


@dataclass(frozen=True)
class NothingFits:
    """Budgets that no network of the space keeps, and what would have to be granted."""

    name: str
    needed: str


@dataclass(frozen=True)
class Results:
    """All networks of a run, and on what they were scored."""

    task: str
    score: str
    n_test: int
    seed: int
    rows: list[Result | NothingFits]

    @property
    def networks(self) -> list[Result]:
        """The rows that are networks."""
        return [row for row in self.rows if isinstance(row, Result)]

    @property
    def found(self) -> list[Result]:
        """The networks that were found, each once, though it may be the answer to several budgets."""
        distinct = {(*row.blocks, *row.widths): row for row in self.networks if row.family != TEACHER}
        return list(distinct.values())

    def to_json(self) -> dict[str, Any]:
        """Return this as JSON values, with the version of their form."""
        return {"version": VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, content: Any, where: str) -> Results:
        """Return the results that :meth:`to_json` gave.

        Raises:
            FormatError: they are of another version or form; the message starts with ``where``.
        """
        version = content.get("version") if isinstance(content, dict) else None
        if version != VERSION:
            raise FormatError(f"{where}: results of version {version!r}; this reads version {VERSION}")
        try:
            rows = [Result(**row) if "blocks" in row else NothingFits(**row) for row in content["rows"]]
            return cls(**{name: content[name] for name in ("task", "score", "n_test", "seed")}, rows=rows)
        except (KeyError, TypeError) as error:
            raise FormatError(f"{where}: not the results of a run: {error}") from error


def mean_and_deviation(scores: list[float]) -> tuple[float, float]:
    """Return the mean and the standard deviation of one score or more; the deviation of a single one is 0."""
    return mean(scores), stdev(scores) if len(scores) > 1 else 0.0
