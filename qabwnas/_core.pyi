from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

_Level = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]
_Ask = Callable[[], object] | None

MAX_METRICS: int
MAX_POINTS: int

def prune(values: NDArray[np.int64], is_max: NDArray[np.uint8], k: int, ask: _Ask = None) -> NDArray[np.int64]: ...
def front(
    values: NDArray[np.int64],
    offsets: NDArray[np.int64],
    is_max: NDArray[np.uint8],
    origin: NDArray[np.int64],
    high: NDArray[np.int64],
    slack: float,
    max_bytes: int,
    ask: _Ask = None,
) -> tuple[int, NDArray[np.int64], list[_Level], int, int, int]: ...
def choice_of(levels: Sequence[_Level], points: NDArray[np.int64]) -> NDArray[np.int32]: ...
def top(
    values: NDArray[np.int64],
    offsets: NDArray[np.int64],
    is_max: NDArray[np.uint8],
    origin: NDArray[np.int64],
    budgets: NDArray[np.int64],
    k: int,
    min_distance: int,
    max_nodes: int,
    max_seconds: float,
    ask: _Ask = None,
) -> tuple[int, NDArray[np.int64], NDArray[np.int32], int, int]: ...
def first_fit(
    points: NDArray[np.int64],
    minima: NDArray[np.int64],
    metrics: Sequence[int],
    budgets: NDArray[np.int64],
    n_threads: int,
) -> NDArray[np.int64]: ...
def to_units(values: NDArray[np.float64], decimals: int, floor: bool) -> NDArray[np.int64]: ...
def budget_rows(
    text: NDArray[np.uint8], decimals: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
def brute_force(
    values: NDArray[np.int64],
    offsets: NDArray[np.int64],
    is_max: NDArray[np.uint8],
    origin: NDArray[np.int64],
    budgets: NDArray[np.int64],
    max_subnets: int,
    max_seconds: float,
) -> tuple[int, NDArray[np.int64], NDArray[np.int32], int]: ...
def dna_traversal(
    values: NDArray[np.int64],
    offsets: NDArray[np.int64],
    origin: NDArray[np.int64],
    budget: int,
    repaired: bool,
    max_nodes: int,
    max_seconds: float,
) -> tuple[int, NDArray[np.int64], NDArray[np.int32], int]: ...
