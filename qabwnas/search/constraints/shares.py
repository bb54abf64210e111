"""Shares of totals: of the largest total of a table, or of a reference, a choice that is named or written out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, localcontext

from qabwnas.errors import InputError
from qabwnas.io.numeric import exact_number
from qabwnas.io.suggest import did_you_mean
from qabwnas.lut.content import REFERENCES
from qabwnas.lut.lut import Lut, LutBlock, Metric
from qabwnas.search.model.columns import row_chunks

Shares = Callable[[str, str | None], Decimal]
"""The total that shares are of, from the start of messages and a reference: ``None`` for the largest total."""

_EXACT_DIGITS = 1000


def share_of(percent: Decimal, total: Decimal) -> Decimal:
    """Return a share of a total, exactly."""
    with localcontext() as context:
        context.prec = _EXACT_DIGITS
        return percent / 100 * total


def exact_sum(values: Iterable[Decimal]) -> Decimal:
    with localcontext() as context:
        context.prec = _EXACT_DIGITS
        return sum(values, Decimal(0))


def shares_of(lut: Lut, metrics: tuple[Metric, ...], reference: str | None = None) -> Shares:
    """Return what shares of the sum of some metrics are of; ``reference`` is that of shares that name none."""
    totals: dict[str | None, Decimal] = {}

    def total(what: str, named: str | None) -> Decimal:
        text = reference if named is None else named
        if text not in totals:
            choice = None if text is None else reference_choice(lut, what, text)
            if choice is None and len(metrics) > 1 and any(metric.aggregation == "max" for metric in metrics):
                raise InputError(f"{what}: the largest sum of a maximum and other metrics is not known; give a number")
            totals[text] = exact_sum([_total(lut, metric, choice) for metric in metrics])
        return totals[text]

    return total


def largest_totals(lut: Lut, names: Iterable[str]) -> dict[str, Decimal]:
    """Return the largest total of measured candidates by metric; sums of metrics (``a+b``) have the sum of theirs."""
    return {name: exact_sum(_total(lut, lut.metric(term), None) for term in _terms(lut, name)) for name in names}


def _terms(lut: Lut, name: str) -> list[str]:
    return [name] if name in lut.metric_names else name.split("+")


def reference_choice(lut: Lut, what: str, text: str) -> dict[str, int]:
    """Return the candidates of ``BLOCK=NUMBER,…``, one for every block, or of a name that the LUT knows: ``teacher``.

    Raises:
        InputError: it is neither, or names no candidate of a block, or one that is not there.
    """
    if "=" not in text:
        return _named(lut, what, text.strip())
    choice: dict[str, int] = {}
    for part in text.split(","):
        name, equals, number = part.strip().rpartition("=")
        if not equals or not number.removeprefix("#").isdecimal():
            raise InputError(f"{what}: the reference {part.strip()!r} is not of the form BLOCK=CANDIDATE")
        candidate = int(number.removeprefix("#"))
        lut.block(name).locate(candidate)
        if name in choice:
            raise InputError(f"{what}: the reference names block {name!r} twice")
        choice[name] = candidate
    missing = [name for name in lut.block_names if name not in choice]
    if missing:
        raise InputError(f"{what}: the reference names no candidate of block {missing[0]!r}")
    return choice


def _named(lut: Lut, what: str, name: str) -> dict[str, int]:
    references = lut.provenance.get(REFERENCES, {})
    if not isinstance(references, Mapping) or name not in references:
        known = sorted(references) if isinstance(references, Mapping) else []
        has = f"the LUT has {', '.join(known)}" if known else "the LUT has none"
        raise InputError(
            f"{what}: there is no reference {name!r}: {has}{did_you_mean(name, known) or ''}; give BLOCK=CANDIDATE,…"
        )
    choice = references[name]
    if not isinstance(choice, Mapping) or set(choice) != set(lut.block_names):
        raise InputError(f"{what}: the reference {name!r} of the LUT does not name one candidate of every block")
    for block, candidate in choice.items():
        lut.block(block).locate(candidate)
    return {block: choice[block] for block in lut.block_names}


def _total(lut: Lut, metric: Metric, choice: Mapping[str, int] | None) -> Decimal:
    """Return the exact total of a choice, or without one the largest total of measured candidates, read in chunks."""
    values = []
    for block in lut.blocks:
        chunks = row_chunks(block) if choice is None else [(choice[block.name], choice[block.name] + 1)]
        largest = [value for chunk in chunks for value in _largest_in(block, metric.name, *chunk)]
        if not largest:
            raise InputError(f"metric {metric.name!r}, block {block.name!r}: nothing was measured to take a share of")
        values.append(max(largest))
    if metric.fixed is not None:
        values.append(exact_number(metric.name, metric.fixed))
    return exact_sum(values) if metric.aggregation == "sum" else max(values)


def _largest_in(block: LutBlock, metric: str, first: int, last: int) -> list[Decimal]:
    """Return the largest measured value of candidates ``first … last − 1``, or nothing if none was measured."""
    values, measured = block.column_rows(metric, first, last), block.measured_rows(metric, first, last)
    known = values if measured is None else values[measured]
    return [exact_number(metric, known.max())] if known.size else []
