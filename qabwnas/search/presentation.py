"""How answers, results and fronts look outside of a search: as dictionaries, DataFrames and tables in notebooks.

pandas is imported only when a DataFrame is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import ROUND_CEILING, Context, Decimal
from functools import cached_property
from html import escape
from typing import Any, Generic, TypeVar, overload

from qabwnas.errors import InputError

Describe = Callable[[str, int], str]
"""Block name and candidate → the candidate as text, such as :meth:`qabwnas.lut.content.LutContent.describe`."""

DIGITS_SHOWN = 12

A = TypeVar("A", bound="PresentedAnswer")


def shown_total(total: Decimal) -> str:
    """Return a total for people: at most 12 significant digits, or all of an integer.

    It is rounded up, so that it is a budget that the subnet fits.
    """
    if total != total.to_integral_value():
        total = Context(prec=DIGITS_SHOWN, rounding=ROUND_CEILING).plus(total)
    text = f"{total:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def json_number(number: Decimal) -> int | float:
    """Return a number that json writes: an int if it is whole, or else the nearest double."""
    return int(number) if number == number.to_integral_value() else float(number)


class PresentedAnswer:
    """What an answer is outside of a search; :class:`qabwnas.search.api.Answer` has the attributes."""

    objective: Decimal
    totals: dict[str, Decimal]
    choice: dict[str, int]
    _describe: Describe | None = None

    def described_by(self: A, describe: Describe | None) -> A:
        """Return the answer itself, which takes its descriptions from there when they are first needed."""
        self.__dict__["_describe"] = describe
        return self

    @cached_property
    def descriptions(self) -> dict[str, str]:
        """Block name → the chosen candidate as text; empty if the answer does not come from a LUT or a front."""
        if self._describe is None:
            return {}
        return {block: self._describe(block, candidate) for block, candidate in self.choice.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return objective, totals, choice and descriptions; totals are the nearest doubles, or integers."""
        return {
            "objective": json_number(self.objective),
            "totals": {name: json_number(total) for name, total in self.totals.items()},
            "choice": dict(self.choice),
            "descriptions": dict(self.descriptions),
        }

    def __getstate__(self) -> dict[str, Any]:
        # A pickled answer has its descriptions, not the LUT.
        return {**vars(self), "descriptions": self.descriptions, "_describe": None}

    def _repr_html_(self) -> str:
        return answers_html([self])


class PresentedResult(Generic[A]):
    """A sequence of answers, best first; :class:`qabwnas.search.api.SearchResult` has the attributes."""

    status: str
    minimized: str
    answers: tuple[A, ...]
    method: str
    backend: str
    seconds: float
    bound: Decimal | None
    gap: Decimal | None
    smallest: dict[str, Decimal | None]

    def __len__(self) -> int:
        return len(self.answers)

    def __iter__(self) -> Iterator[A]:
        return iter(self.answers)

    @overload
    def __getitem__(self, rank: int) -> A: ...
    @overload
    def __getitem__(self, rank: slice) -> tuple[A, ...]: ...
    def __getitem__(self, rank: int | slice) -> A | tuple[A, ...]:
        return self.answers[rank]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON values, under the names of ``qabwnas search --json``, for ``json.dump``."""
        numbers = {"bound": self.bound, "gap": self.gap}
        return {
            "status": self.status,
            "minimized": self.minimized,
            "method": self.method,
            "backend": self.backend,
            "seconds": self.seconds,
            **{name: None if number is None else json_number(number) for name, number in numbers.items()},
            "answers": [answer.to_dict() for answer in self.answers],
            "smallest": {
                name: None if smallest is None else json_number(smallest) for name, smallest in self.smallest.items()
            },
        }

    def to_pandas(self) -> Any:
        """Return a DataFrame with one row per answer, best first: see :func:`answers_frame`.

        Raises:
            InputError: pandas is not installed.
        """
        return answers_frame(self.minimized, self.answers)

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>{answers_html(self.answers)}"


def answers_frame(minimized: str, answers: Sequence[PresentedAnswer]) -> Any:
    """Return a DataFrame of answers.

    There is one column per metric with the total (the nearest double, or an integer), and per block one with the number
    of the candidate and one, ``BLOCK description``, with its text. A weighted objective has its own column, the first.
    """
    rows = [
        answer.totals if minimized in answer.totals else {minimized: answer.objective, **answer.totals}
        for answer in answers
    ]
    columns: dict[str, list[Any]] = {}
    # A metric that was not measured for all candidates has a total in some answers only.
    for name in dict.fromkeys(name for totals in rows for name in totals):
        columns[name] = [json_number(totals[name]) if name in totals else None for totals in rows]
    for block in answers[0].choice if answers else ():
        columns[block] = [answer.choice[block] for answer in answers]
        if block in answers[0].descriptions:
            columns[f"{block} description"] = [answer.descriptions[block] for answer in answers]
    return data_frame(columns)


def data_frame(columns: Mapping[str, Any]) -> Any:
    """Return a DataFrame of pandas; raises InputError if it is not installed."""
    try:
        import pandas
    except ModuleNotFoundError as error:
        raise InputError("to_pandas needs pandas: pip install pandas") from error
    return pandas.DataFrame(columns)


def answers_html(answers: Iterable[PresentedAnswer], first: int = 1) -> str:
    """Return a table with one row per answer: its number, totals, and the candidates with their descriptions."""
    rows: list[tuple[dict[str, str], dict[str, str]]] = []
    for answer in answers:
        totals = {name: shown_total(total) for name, total in answer.totals.items()}
        choice = {
            block: f"{candidate}: {answer.descriptions[block]}" if block in answer.descriptions else str(candidate)
            for block, candidate in answer.choice.items()
        }
        rows.append((totals, choice))
    if not rows:
        return ""
    names = list(dict.fromkeys(name for totals, _ in rows for name in totals))
    header = "".join(f"<th>{escape(name)}</th>" for name in ("", *names, *rows[0][1]))
    lines = []
    for n, (totals, choice) in enumerate(rows, start=first):
        cells = (str(n), *(totals.get(name, "") for name in names), *choice.values())
        lines.append("".join(f"<td>{escape(cell)}</td>" for cell in cells))
    return f"<table><tr>{header}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
