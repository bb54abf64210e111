"""The requests of ``qabwnas session``: one JSON object in, one JSON object out (docs/session.md)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from inspect import signature
from typing import Any, NoReturn

import numpy as np

from qabwnas.cli.front import best_totals
from qabwnas.cli.result_json import answer_content, result_content
from qabwnas.errors import InputError, QabwnasError
from qabwnas.io.numeric import shown
from qabwnas.io.suggest import did_you_mean
from qabwnas.lut.lut import Lut, Table
from qabwnas.lut.units import parse_quantity
from qabwnas.search.api import Answer
from qabwnas.search.constraints.scope import Scope
from qabwnas.search.frontier import Frontier
from qabwnas.search.session import Session
from qabwnas.space import BitWidths

Content = dict[str, Any]


def _options_of(method: Callable[..., object]) -> frozenset[str]:
    return frozenset(signature(method).parameters) - {"self"}


_RANGE_OR_SHARE = frozenset("%:")
_SEARCH, _EXPLAIN = _options_of(Session.search), _options_of(Session.explain)
_FRONT = _options_of(Session.front)
FIELDS: dict[str, frozenset[str]] = {
    "search": _SEARCH | {"explain"},
    "front": _FRONT,
    "query": _FRONT | {"budgets"},
    "replace_block": frozenset({"block", "tables"}),
    "replace_column": frozenset({"metric", "columns"}),
}
"""The fields of each command, in addition to ``id`` and ``command``."""


class Requests:
    """Answers requests about one LUT, in order; replacements hold for all later requests.

    A request is a JSON object. Its ``command`` is a key of :data:`FIELDS`, by default ``search``. Its ``id`` may be any
    JSON value, and is the first field of the answer.
    """

    def __init__(self, lut: Lut) -> None:
        self._session = Session(lut)

    def answer_line(self, line: bytes) -> Content:
        """Return the answer to one line; an error is an answer ``{"error": message}`` and changes nothing."""
        answer: Content = {}
        try:
            request = parse_request(line)
            if "id" in request:
                answer["id"] = request.pop("id")
            return answer | self._answer(request)
        except QabwnasError as error:
            return answer | {"error": " ".join(str(error).split())}

    def _answer(self, request: Content) -> Content:
        command = request.pop("command", "search")
        if not isinstance(command, str) or command not in FIELDS:
            raise InputError(f"command: {shown(command)} is not one of {', '.join(FIELDS)}")
        for name in request:
            if name not in FIELDS[command]:
                raise InputError(f"{command!r} has no field {name!r}{_suggestion(name, FIELDS[command])}")
        answer: Callable[[Content], Content] = getattr(self, f"_{command}")
        return answer(request)

    def _search(self, request: Content) -> Content:
        with_reasons = request.pop("explain", False)
        if not isinstance(with_reasons, bool):
            raise InputError(f"explain: {shown(with_reasons)} is neither true nor false")
        options = self._parsed(request)
        result = self._session.search(**options)
        explanation = None
        if with_reasons and result.status == "optimal":  # an unproved answer cannot be explained
            explanation = self._session.explain(**{name: options[name] for name in options.keys() & _EXPLAIN})
        return result_content(result, options.get("budgets") or {}, explanation, ())

    def _front(self, request: Content) -> Content:
        front = self._built(self._parsed(request))
        return {"points": len(front), "backend": front.backend, **best_totals(front)}

    def _query(self, request: Content) -> Content:
        options = self._parsed(request)
        budgets = options.pop("budgets", None)
        if not budgets:
            raise InputError("query: give budgets")
        front = self._built(options)
        (point,) = front.query(budgets).tolist()
        content: Content = {"status": "infeasible", "minimized": front.metric_names[0], "answers": []}
        if point < 0:
            return content
        totals = front.totals(point)
        answer = Answer(totals[front.metric_names[0]], totals, front.choice(point))
        return content | {"status": "optimal", "answers": [answer_content(answer)]}

    def _built(self, options: Content) -> Frontier:
        if "minimize" not in options:
            raise InputError("a front needs 'minimize', a list of metrics; the first is the objective")
        return self._session.front(options.pop("minimize"), **options)

    def _replace_block(self, request: Content) -> Content:
        block, tables = _required(request, "block"), _required(request, "tables")
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise InputError("tables: expected a list of objects with 'columns', and optionally 'bits', 'descriptions'")
        self._session = self._session.with_block(block, [_table(table) for table in tables])
        return {"replaced": {"block": block}}

    def _replace_column(self, request: Content) -> Content:
        metric, columns = _required(request, "metric"), _required(request, "columns")
        parsed = {}
        for name, values in _mapping("columns", columns).items():
            column, measured = _column(f"block {name!r}", values)
            if measured is not None:
                raise InputError(f"columns: block {name!r}: null is not a number")
            parsed[name] = column
        self._session = self._session.with_column(metric, parsed)
        return {"replaced": {"metric": metric, "blocks": list(parsed)}}

    def _parsed(self, request: Content) -> Content:
        """Return the request with its budgets, bounds and scope as the functions of a session take them."""
        options = dict(request)
        if options.get("budgets") is not None:
            budgets = _mapping("budgets", options["budgets"]).items()
            options["budgets"] = {name: self._quantity(name, value) for name, value in budgets}
        if options.get("scope") is not None:
            options["scope"] = Scope.from_json(options["scope"])
        if options.get("within") is not None:
            within = _mapping("within", options["within"]).items()
            options["within"] = {
                name: [self._quantity(name, bound) for bound in pair] if isinstance(pair, list) else pair
                for name, pair in within
            }
        return options

    def _quantity(self, metric: str, value: object) -> Any:
        """Return a plain quantity as a number; ranges, shares and sums of metrics are the search's to read."""
        if isinstance(value, str) and metric in self._session.lut.metric_names and not _RANGE_OR_SHARE & set(value):
            return parse_quantity(value, metric)
        return tuple(value) if isinstance(value, list) else value


def parse_request(line: bytes) -> Content:
    """Return the object on a line; decimals are exact.

    Raises:
        InputError: the line is not JSON, not an object, or gives a field twice.
    """
    try:
        request = _decode(line.decode())
    except (ValueError, RecursionError) as error:
        raise InputError(f"not a JSON object on one line: {error}") from error
    if not isinstance(request, dict):
        raise InputError(f"not a JSON object, but {shown(request)}")
    return request


def _unique(pairs: list[tuple[str, Any]]) -> Content:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} is given twice")
    return content


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number of JSON")


_decode = json.JSONDecoder(parse_float=Decimal, parse_constant=_refused, object_pairs_hook=_unique).decode


def _required(request: Content, name: str) -> Any:
    if name not in request:
        raise InputError(f"{name!r} is missing")
    return request[name]


def _mapping(what: str, content: object) -> Mapping[str, Any]:
    if not isinstance(content, dict):
        raise InputError(f"{what}: {shown(content)} is not an object")
    return content


def _table(content: Content) -> Table:
    known = {"columns", "bits", "descriptions"}
    for name in content:
        if name not in known:
            raise InputError(f"a table has no field {name!r}{_suggestion(name, known)}")
    columns, masks = {}, {}
    for metric, values in _mapping("columns", _required(content, "columns")).items():
        columns[metric], measured = _column(f"metric {metric!r}", values)
        if measured is not None:
            masks[metric] = measured
    bits = content.get("bits")
    return Table(columns, None if bits is None else BitWidths.parse(bits), masks, content.get("descriptions"))


def _column(what: str, values: object) -> tuple[Any, Any]:
    """Return the values, 0 for null, and the mask of those that are not null: ``None`` if there is no null."""
    if not isinstance(values, list):
        raise InputError(f"{what}: {shown(values)} is not a list")
    for row, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, int | Decimal | None):
            raise InputError(f"{what}: row {row}: {shown(value)} is neither a number nor null")
    numbers = [0 if value is None else float(value) if isinstance(value, Decimal) else value for value in values]
    measured = np.array([value is not None for value in values], dtype=np.bool_)
    return numbers, None if measured.all() else measured


def _suggestion(name: str, known: frozenset[str] | set[str]) -> str:
    """Return "; did you mean …?" with the most similar name, or the known names if none is similar."""
    return did_you_mean(name, sorted(known)) or f"; it has {', '.join(sorted(known))}"
