"""The kernels of the search: the compiled core, or the Numba fallback. ``QABWNAS_BACKEND`` chooses.

``auto`` (default) takes the compiled core. If the core was not built, it takes Numba and logs that once. ``cpp`` and
``numba`` take that one or fail. A core that was built but cannot be loaded is always an error.

Kernels trust their arguments. The callers validate them. Values are int64 units (:mod:`qabwnas.search.model.grid`).
``values`` is ``(n_metrics, n_rows)`` with the blocks in order, cut at ``offsets`` ``(n_blocks + 1,)``.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import math
import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from qabwnas.errors import BackendError, InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Level = tuple["NDArray[np.int64]", "NDArray[np.int32]", "NDArray[np.int32]"]
"""What one merge, of one block or several joined ones, adds to a front: the blocks ``(n,)``, ascending; the candidates
of each row, ``(n_rows, n)``; and for each point its point of the level before and its row, ``(n_points, 2)``."""

NAMES = ("auto", "cpp", "numba")
COMPLETE, INFEASIBLE, CANCELLED, LIMIT = range(4)
"""The statuses that kernels return. A cancelled call raises instead: KeyboardInterrupt, or see
:meth:`Backend.asking`."""

NOT_BUILT = "the compiled search core was not built"
HOW_TO_BUILD = (
    "to build it, install a C++20 compiler (Debian: g++), then: QABWNAS_BUILD=require pip install --no-cache-dir "
    "--force-reinstall --no-deps --no-binary qabwnas qabwnas"
)
"""Without ``--no-cache-dir``, pip takes the wheel that it built without a compiler."""

_log = logging.getLogger("qabwnas")


class Backend:
    """The kernels of one implementation; both implementations have the same signatures."""

    def __init__(self, name: str, kernels: ModuleType, ask: Callable[[], object] | None = None) -> None:
        self.name = name
        self._kernels = kernels
        self._ask = ask

    def asking(self, ask: Callable[[], object]) -> Backend:
        """Return the same kernels, with a way to stop long work (``prune``, ``front``, ``top``) in any thread.

        They call ``ask`` about every hundredth of a second (Numba: every tenth) while they work, in the thread that
        called them. What it raises ends the call. Ctrl-C still ends calls of the main thread, but only those.
        """
        return Backend(self.name, self._kernels, ask)

    @property
    def max_metrics(self) -> int:
        """The largest number of metrics."""
        limit: int = self._kernels.MAX_METRICS
        return limit

    @property
    def max_points(self) -> int:
        """The largest number of points of a front: they are numbered in 32 bits."""
        limit: int = self._kernels.MAX_POINTS
        return limit

    def prune(self, values: NDArray[np.int64], is_max: NDArray[np.uint8], k: int) -> NDArray[np.int64]:
        """Return the rows of one block that fewer than ``k`` others prune, ascending."""
        rows: NDArray[np.int64] = self._kernels.prune(values, is_max, k, ask=self._ask)
        return rows

    def front(
        self,
        values: NDArray[np.int64],
        offsets: NDArray[np.int64],
        is_max: NDArray[np.uint8],
        origin: NDArray[np.int64],
        high: NDArray[np.int64] | None = None,
        slack: float = 0.0,
        max_bytes: int = 2**62,
    ) -> tuple[int, NDArray[np.int64], Sequence[Level], int, int, int]:
        """Return status, totals ``(n, n_metrics)`` and levels of the front, and three counters.

        ``high`` ``(n_metrics,)`` leaves out larger totals. ``slack`` leaves out points that others nearly dominate: see
        ``csrc/front/front.hpp``. The counters are the combined blocks, the points, and the visited partial subnets. An
        incomplete front has no totals and no levels. :data:`LIMIT` means that it would have taken more than
        ``max_bytes`` while it was built, or had more points than :attr:`max_points`.
        """
        result: tuple[int, NDArray[np.int64], Sequence[Level], int, int, int]
        bounds = high if high is not None else origin * 0 + 2**62
        result = self._kernels.front(values, offsets, is_max, origin, bounds, slack, max_bytes, ask=self._ask)
        return result

    def choice_of(self, levels: Sequence[Level], points: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the candidates ``(n, n_blocks)`` of some points of the front with these levels."""
        choice: NDArray[np.int32] = self._kernels.choice_of(levels, points)
        return choice

    def top(
        self,
        values: NDArray[np.int64],
        offsets: NDArray[np.int64],
        is_max: NDArray[np.uint8],
        origin: NDArray[np.int64],
        budgets: NDArray[np.int64],
        k: int,
        min_distance: int = 1,
        max_nodes: int = 2**62,
        max_seconds: float = math.inf,
    ) -> tuple[int, NDArray[np.int64], NDArray[np.int32], int, int]:
        """Return status, totals and choice of the ``k`` best, a bound on the objective, and the number of nodes.

        With a ``min_distance`` above 1, each answer differs from all before in at least so many blocks (minimum Hamming
        distance). At a limit the status is :data:`LIMIT`, the subnets are the best found, and the bound is still valid.
        """
        result: tuple[int, NDArray[np.int64], NDArray[np.int32], int, int]
        result = self._kernels.top(
            values, offsets, is_max, origin, budgets, k, min_distance, max_nodes, max_seconds, ask=self._ask
        )
        return result

    def brute_force(
        self,
        values: NDArray[np.int64],
        offsets: NDArray[np.int64],
        is_max: NDArray[np.uint8],
        origin: NDArray[np.int64],
        budgets: NDArray[np.int64],
        max_subnets: int,
        max_seconds: float,
    ) -> tuple[int, NDArray[np.int64], NDArray[np.int32], int]:
        """Return status, totals and choice of the best subnet (one row, or none), and how many were enumerated."""
        result: tuple[int, NDArray[np.int64], NDArray[np.int32], int]
        result = self._kernels.brute_force(values, offsets, is_max, origin, budgets, max_subnets, max_seconds)
        return result

    def dna_traversal(
        self,
        values: NDArray[np.int64],
        offsets: NDArray[np.int64],
        origin: NDArray[np.int64],
        budget: int,
        repaired: bool,
        max_nodes: int,
        max_seconds: float,
    ) -> tuple[int, NDArray[np.int64], NDArray[np.int32], int]:
        """Return status, totals and choice of DNA's subnet (one row, or none), and the number of visited candidates.

        ``values`` are two summed metrics, loss and cost. ``budget`` bounds the cost.
        """
        result: tuple[int, NDArray[np.int64], NDArray[np.int32], int]
        result = self._kernels.dna_traversal(values, offsets, origin, budget, repaired, max_nodes, max_seconds)
        return result

    def first_fit(
        self,
        points: NDArray[np.int64],
        minima: NDArray[np.int64],
        metrics: Sequence[int],
        budgets: NDArray[np.int64],
        n_threads: int,
    ) -> NDArray[np.int64]:
        """Return for each row of ``budgets`` ``(n, len(metrics))`` the first point within it, or −1.

        ``points`` and ``minima`` are those of a :class:`qabwnas.search.front.index.MinimumTree`.
        """
        found: NDArray[np.int64] = self._kernels.first_fit(points, minima, metrics, budgets, n_threads)
        return found

    def to_units(self, values: NDArray[np.float64], decimals: int, floor: bool) -> NDArray[np.int64]:
        """Return finite doubles as units of 10**−decimals, rounded half to even or down, clipped to ±2**62."""
        units: NDArray[np.int64] = self._kernels.to_units(values, decimals, floor)
        return units

    def budget_rows(
        self, text: NDArray[np.uint8], decimals: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return lines of comma-separated budgets in units of their columns' grids, rounded down: ``(n, n_columns)``.

        An empty cell is :data:`qabwnas.search.model.grid.UNLIMITED`. Lines with anything else than plain decimals of up
        to 18 digits are left to the caller. For these also return row, start and end in the text, ``(n_left, 3)``.
        """
        rows: tuple[NDArray[np.int64], NDArray[np.int64]] = self._kernels.budget_rows(text, decimals)
        return rows


def select_backend(name: str | None = None) -> Backend:
    """Return the backend with a name, by default the one that ``QABWNAS_BACKEND`` names.

    Raises:
        BackendError: it cannot be loaded; the message gives the cause.
        InputError: the name is not one of ``auto``, ``cpp``, ``numba``.
    """
    wanted = name or os.environ.get("QABWNAS_BACKEND") or "auto"
    if wanted not in NAMES:
        source = "backend" if name else "QABWNAS_BACKEND"
        raise InputError(f"{source}: {wanted!r} is not one of {', '.join(NAMES)}")
    return _load(wanted)


def core_is_built() -> bool:
    """Return whether the compiled core is installed, loadable or not."""
    return importlib.util.find_spec("qabwnas._core") is not None


def numba_cache_folder() -> Path | None:
    """Return the folder in which the Numba fallback keeps compiled functions, or ``None`` if no folder is writable.

    Raises:
        ImportError: Numba cannot be loaded.
    """
    from qabwnas.search.numba.compiled import STORE

    return STORE.folder


@cache
def _load(name: str) -> Backend:
    if name == "auto":
        if core_is_built():
            return _load("cpp")
        _log.warning("qabwnas: %s, so searches use the slower Numba fallback; %s", NOT_BUILT, HOW_TO_BUILD)
        return _load("numba")
    if name == "cpp" and not core_is_built():
        raise BackendError(f"{NOT_BUILT}; {HOW_TO_BUILD}")
    module = {"cpp": "qabwnas._core", "numba": "qabwnas.search.numba"}[name]
    try:
        return Backend(name, importlib.import_module(module))
    except ImportError as error:
        raise BackendError(f"the search backend {name!r} cannot be loaded: {error}") from error
