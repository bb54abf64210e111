"""Timing for all benchmarks: calls take turns; medians, one table, JSON.

First, every call runs once. Its answers are compared, and everything that is compiled or cached on first use is done.
Then the calls take turns in one process, for a few seconds each. A peer that takes longer than its time slice is timed
by its first call only.

Times are CPU times (of this process and its child processes), because machines are shared. Calls that use several
threads are timed by wall clock.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import statistics
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qabwnas.bench.machine import describe_machine
from qabwnas.search.engine.backend import Backend, select_backend

OURS = ("cpp", "numba")
SHORTEST_TURN = 0.01
NUMBA_WITHIN = 10.0
DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        work: the task.
        seconds: median time of every call, by name; ours are ``cpp`` and ``numba``.
        detail: size of the task or its outcome.
        at_least: target: the best peer takes at least this many times as long as the compiled core.
        at_most: target: the compiled core takes at most this many times as long as the best peer.
        within_seconds: target: the compiled core takes at most this long.
        stopped: calls that hit a limit; without it they would have taken longer.
    """

    work: str
    seconds: Mapping[str, float]
    detail: str = ""
    at_least: float | None = None
    at_most: float | None = None
    within_seconds: float | None = None
    stopped: frozenset[str] = frozenset()


def backends() -> dict[str, Backend]:
    """Return both backends, by name."""
    return {name: select_backend(name) for name in OURS}


def equal_fronts(answers: Mapping[str, Any]) -> NDArray[np.int64]:
    """Return the totals of both backends' fronts, after checking that totals and candidates are equal."""
    fronts = []
    for name, kernels in backends().items():
        _, totals, levels, *_ = answers[name]
        fronts.append((totals, kernels.choice_of(levels, np.arange(len(totals)))))
    (totals, choice), (numba_totals, numba_choice) = fronts
    assert np.array_equal(totals, numba_totals)
    assert np.array_equal(choice, numba_choice)
    return totals


def race(
    calls: Mapping[str, Callable[[], Any]],
    check: Callable[[dict[str, Any]], None],
    *,
    wall_clock: Collection[str] = (),
    slice_seconds: float = 3.0,
    rounds: int = 15,
) -> dict[str, float]:
    """Compare the answers of all calls, then return the median seconds of every call."""
    first, answers = {}, {}
    for name, call in calls.items():
        if name in OURS:
            call()  # compiles
        first[name], answers[name] = _timed(call, 1, name in wall_clock)
    check(answers)
    answers.clear()
    repeats = {name: max(1, math.ceil(SHORTEST_TURN / max(seconds, 1e-7))) for name, seconds in first.items()}
    turns = {name: min(rounds, int(slice_seconds / (first[name] * repeats[name] + 1e-9))) for name in calls}
    seconds: dict[str, list[float]] = {name: [first[name]] if turns[name] == 0 else [] for name in calls}
    for turn in range(max(turns.values())):
        for name, call in calls.items():
            if turn < turns[name]:
                seconds[name].append(_timed(call, repeats[name], name in wall_clock)[0])
    return {name: statistics.median(values) for name, values in seconds.items()}


def _timed(call: Callable[[], Any], repeats: int, wall_clock: bool) -> tuple[float, Any]:
    clock = time.perf_counter if wall_clock else _cpu_seconds
    answer = None
    started = clock()
    for _ in range(repeats):
        answer = call()
    return (clock() - started) / repeats, answer


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def data_file(name: str) -> Path | None:
    """Return a file of the real data, or print that it is missing and return ``None``."""
    path = DATA / name
    if path.is_file():
        return path
    print(f"skipped: ../shared/data/{name} is missing", flush=True)
    return None


def ratio(row: Row) -> float | None:
    """Return the best peer's time divided by the compiled core's, or ``None`` if all calls hit a limit."""
    peers = [name for name in row.seconds if name not in OURS]
    if not peers or "cpp" not in row.seconds or row.stopped.issuperset({"cpp", *peers}):
        return None
    return min(row.seconds[name] for name in peers) / row.seconds["cpp"]


def holds(row: Row) -> bool | None:
    """Return whether the row meets its target, or ``None`` if it has none."""
    times = ratio(row)
    if row.at_least is not None and times is not None:
        return times >= row.at_least
    if row.at_most is not None and times is not None:
        return times >= 1 / row.at_most
    if row.within_seconds is not None:
        return row.seconds["cpp"] <= row.within_seconds
    return None


def numba_holds(row: Row) -> bool | None:
    """Return whether Numba is within ``NUMBA_WITHIN`` times of the compiled core; ``None`` if not both were timed."""
    if "numba" not in row.seconds or "cpp" not in row.seconds:
        return None
    return row.seconds["numba"] <= NUMBA_WITHIN * row.seconds["cpp"]


COLUMNS = ("work", "size", "C++", "Numba", "Numba / C++", "peers", "best peer / C++", "target", "")
HEAD = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|"


def line(row: Row) -> str:
    """Return a row of the table, in Markdown."""
    peers = "; ".join(f"{name} {_text(row, name)}" for name in row.seconds if name not in OURS)
    slowdown = row.seconds["numba"] / row.seconds["cpp"] if numba_holds(row) is not None else None
    verdicts = {None: "", True: "✓", False: "✗"}
    verdict = verdicts[holds(row)] + ("" if numba_holds(row) in (None, True) else " Numba ✗")
    cells = [
        row.work,
        row.detail or "–",
        _text(row, "cpp"),
        _text(row, "numba"),
        "–" if slowdown is None else f"{slowdown:.1f}",
        peers or "–",
        _measured(row),
        _target(row),
        verdict.strip(),
    ]
    return "| " + " | ".join(cells) + " |"


def _measured(row: Row) -> str:
    times = ratio(row)
    if times is None:
        return "–"
    if row.at_most is not None:
        return f"{1 / times:.2f}× its time"
    more = "> " if row.stopped.issuperset(name for name in row.seconds if name not in OURS) else ""
    return f"{more}{times:,.2f}×" if times < 10 else f"{more}{times:,.0f}×"


def _target(row: Row) -> str:
    if row.at_least is not None:
        return f"≥ {row.at_least:,g}×"
    if row.at_most is not None:
        return f"≤ {row.at_most:g}× its time"
    return "–" if row.within_seconds is None else f"≤ {row.within_seconds * 1e3:g} ms"


def _text(row: Row, name: str) -> str:
    if name not in row.seconds:
        return "–"
    seconds = row.seconds[name]
    unit, text = (1e6, "µs") if seconds < 1e-3 else (1e3, "ms") if seconds < 1 else (1, "s")
    return f"{'> ' if name in row.stopped else ''}{seconds * unit:,.3g} {text}"


def run(rows: Callable[[bool], Iterator[Row]], description: str | None) -> None:
    """Print the rows of one benchmark as they finish, and write them as JSON with ``--json``."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="run everything; takes much longer")
    parser.add_argument("--json", type=Path, help="also write the results as JSON")
    arguments = parser.parse_args()
    done = printed(rows(arguments.full))
    if arguments.json is not None:
        write_json(arguments.json, done)


def printed(rows: Iterable[Row]) -> list[Row]:
    print(HEAD, flush=True)
    done = []
    for row in rows:
        print(line(row), flush=True)
        done.append(row)
    return done


def write_json(path: Path, rows: list[Row]) -> None:
    content = [asdict(row) | {"stopped": sorted(row.stopped), "ratio": ratio(row), "holds": holds(row)} for row in rows]
    path.write_text(json.dumps({"machine": describe_machine(), "rows": content}, indent=2) + "\n", encoding="utf-8")
