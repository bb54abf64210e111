"""The compute effort of search methods as a text table, in device-seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NONE = "–"
COLUMNS = ("supernet training", "LUT or scores", "search")


@dataclass(frozen=True)
class Effort:
    """How long devices computed.

    Attributes:
        seconds: the sum over all devices, or wall time if ``is_wall``.
        is_wall: whether an earlier version recorded wall time only.
        is_stopped: whether a limit stopped the work, so that it takes longer.
    """

    seconds: float
    is_wall: bool = False
    is_stopped: bool = False


@dataclass(frozen=True)
class MethodEffort:
    """The effort of one method; ``None`` stands for work that was not done in the run.

    Attributes:
        name: of the method.
        training: of its supernet.
        scoring: population of the look-up table, or scoring of candidates.
        search: the search itself.
    """

    name: str
    training: Effort | None
    scoring: Effort | None
    search: Effort | None

    @property
    def columns(self) -> tuple[Effort | None, Effort | None, Effort | None]:
        return self.training, self.scoring, self.search


def effort_table(methods: Sequence[MethodEffort], notes: Sequence[str]) -> str:
    """Return the table with one row per method, the sum in the last column, and the notes."""
    lines = [["device-seconds", *COLUMNS, "together"]]
    for method in methods:
        lines.append([method.name, *map(effort_text, method.columns), effort_text(together(method))])
    widths = [max(len(line[c]) for line in lines) for c in range(len(lines[0]))]
    text = [
        "  ".join(cell.ljust(width) if c == 0 else cell.rjust(width) for c, (cell, width) in enumerate(pairs)).rstrip()
        for pairs in (list(zip(line, widths, strict=True)) for line in lines)
    ]
    known = [effort for method in methods for effort in method.columns if effort is not None]
    legend = ["* wall seconds: an earlier version made this stage."] if any(each.is_wall for each in known) else []
    return "\n".join([text[0], "  ".join("─" * width for width in widths), *text[1:], "", *legend, *notes])


def together(method: MethodEffort) -> Effort | None:
    """Return the effort of all work of a method; ``None`` if some of it was not done."""
    known = [effort for effort in method.columns if effort is not None]
    if len(known) < len(COLUMNS):
        return None
    return Effort(
        sum(each.seconds for each in known), any(each.is_wall for each in known), any(each.is_stopped for each in known)
    )


def effort_text(effort: Effort | None) -> str:
    """Return device-seconds; ``>`` says that a limit stopped the work, ``*`` that it is wall time."""
    if effort is None:
        return NONE
    text = f"{effort.seconds:,.1f}" if effort.seconds >= 1 else f"{effort.seconds:.2g}"
    return f"{'> ' if effort.is_stopped else ''}{text}{'*' if effort.is_wall else ''}"
