"""A run for the tests of pages, made without training: a LUT, its front, and results with names that contain HTML."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace

from qabwnas.report.effort import Effort, MethodEffort
from qabwnas.report.result import NothingFits, Result, Results
from qabwnas.search.explain import explain
from qabwnas.visualization.page.content import BlockCounts, Example, RunContent, StageTime
from tests.report.test_table import FOUND, NONE, POINT, TEACHER
from tests.visualization.fronts import small_front, small_lut

EVIL = "</script><img src=x onerror=alert(1)>"
INT8 = replace(
    TEACHER, name="teacher INT8", size_bytes=70000, encoder_bytes=69000, widths=["w8a8"] * 2, nsrs=[0.1, 0.1],
    scores_after=[0.97],
)  # fmt: skip
RETRAINED = replace(
    FOUND, network=f"size-{EVIL}", differences={"teacher INT8": [0.005, 0.002]}, totals={"latency_ms[<b>]": 1.5}
)


def small_results() -> Results:
    rows: list[Result | NothingFits] = [TEACHER, INT8, RETRAINED, POINT, NONE]
    return Results(f"digits {EVIL}", "accuracy", 800, 7, rows)


def small_run(*metrics: str, name: str = EVIL) -> RunContent:
    """A run whose front is over ``metrics``, by default over three."""
    lut, front = small_lut(), small_front(*(metrics or ("nsr", "size_bytes", "macs")))
    budgets = {"size_bytes": 50_000}
    return RunContent(
        name=name,
        results=small_results(),
        front=front,
        lut=lut,
        minimized="nsr",
        counts=[BlockCounts(block.name, block.n_candidates, 3, 2) for block in lut.blocks],
        stages=[StageTime("teacher", 60.0, None), StageTime("lut", 3_000.0, 2_900.0)],
        explanations={f"size ≤ 50 kB {EVIL}": explain(lut, minimize="nsr", budgets=budgets)},
        configuration=f'{{"task": "{EVIL}"}}',
        versions={"qabwnas": "0"},
        hashes={f"lut {EVIL}": "ab" * 32},
        methods=[MethodEffort(EVIL, Effort(1.0), None, Effort(2.0, is_stopped=True))],
        notes=[EVIL],
        examples=[Example(png(), EVIL, {f"net {EVIL}": "7"})],
    )


def png() -> bytes:
    """A grey picture of one pixel."""
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0\x80")),
        (b"IEND", b""),
    ]
    chunks = [struct.pack(">I", len(c)) + kind + c + struct.pack(">I", zlib.crc32(kind + c)) for kind, c in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
