from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

_Level = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]
_Ask = Callable[[], object] | None
_Grid = tuple[float, float, float, float]

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
    distance: int,
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

FEWEST_DEPTHWISE_CHANNELS: int

def has_wide_vectors() -> bool: ...
def depthwise(
    x: NDArray[np.float32],
    weights: NDArray[np.float32],
    bias: NDArray[np.float32] | None,
    grid: _Grid | None,
    y: NDArray[np.float32],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    n_threads: int,
) -> None: ...
def pointwise(
    x: NDArray[np.float32],
    weights: NDArray[np.float32],
    bias: NDArray[np.float32] | None,
    grid: _Grid | None,
    y: NDArray[np.float32],
    n_threads: int,
) -> None: ...
def separable(
    x: NDArray[np.float32],
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
    grid: _Grid,
    second_weights: NDArray[np.float32],
    second_bias: NDArray[np.float32],
    second_grid: _Grid,
    y: NDArray[np.float32],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    n_threads: int,
) -> None: ...
def depthwise_weight_gradient(
    x: NDArray[np.float32],
    gradient: NDArray[np.float32],
    of_weights: NDArray[np.float32],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
) -> None: ...
def round_to_grid(values: NDArray[np.float32], inverse: float, low: float, high: float, scale: float) -> None: ...
def channel_moments(x: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
def squared_differences(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float64]: ...
def normalise(
    x: NDArray[np.float32], factors: NDArray[np.float32], shifts: NDArray[np.float32], low: float, high: float
) -> tuple[float, float]: ...
