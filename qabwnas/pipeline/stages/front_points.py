"""Points of fronts of size and NSR, as the paper's figure has them: one front a shared bit width, and the mixed one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qabwnas.lut.lut import Lut
from qabwnas.pipeline.stages.found import Found
from qabwnas.report.result import MIXED
from qabwnas.search.constraints.scope import Scope
from qabwnas.search.frontier import Frontier
from qabwnas.space import BitWidths

METRICS = ("nsr", "size_bytes")


def front_points(lut: Lut, bit_widths: Sequence[BitWidths], n: int) -> Iterator[Found]:
    """Give ``n`` networks, fewer where there are not so many, of every front, evenly spaced by size, smallest first."""
    families: dict[str, Scope | None] = {widths.name: Scope(bits=(widths.name,)) for widths in bit_widths}
    if len(bit_widths) > 1:
        families[MIXED] = None
    for family, scope in families.items():
        yield from _points(lut, family, scope, n)


def mixed_front_points(lut: Lut, n: int) -> list[Found]:
    """Return ``n`` networks, or all if there are fewer, of the front of all bit widths, chosen in the same way."""
    return list(_points(lut, MIXED, None, n))


def _points(lut: Lut, family: str, scope: Scope | None, n: int) -> Iterator[Found]:
    front = Frontier.build(lut, METRICS, scope=scope)
    points = evenly_spaced(front.values("size_bytes").tolist(), n)
    for number, point in enumerate(points, start=1):
        name = f"{family} front {number}/{len(points)}"
        yield Found.of_choice(name, family, lut, front.choice(point), front.totals(point), {})


def evenly_spaced(sizes: Sequence[float], n: int) -> list[int]:
    """Return the indices of ``n`` of these sizes, all if there are fewer, smallest size first.

    Each is the nearest to one of ``n`` evenly spaced places from the smallest to the largest size, of those that no
    place before took; so none is taken twice. One alone is nearest to the middle. O(n × sizes).
    """
    n = min(n, len(sizes))
    low, high = min(sizes, default=0), max(sizes, default=0)
    left = set(range(len(sizes)))
    for k in range(n):
        place = low + (high - low) * (k / (n - 1) if n > 1 else 0.5)
        left.remove(min(left, key=lambda index: (abs(sizes[index] - place), index)))
    return sorted(set(range(len(sizes))) - left, key=lambda index: (sizes[index], index))
