import numpy as np
from numpy.typing import NDArray

def prune(values: NDArray[np.int64], is_max: NDArray[np.uint8], k: int) -> NDArray[np.int64]: ...
def front(
    values: NDArray[np.int64],
    offsets: NDArray[np.int64],
    is_max: NDArray[np.uint8],
    origin: NDArray[np.int64],
    high: NDArray[np.int64],
    slack: float,
    max_bytes: int,
) -> tuple[int, NDArray[np.int64], NDArray[np.int32], int, int, int]: ...
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
) -> tuple[int, NDArray[np.int64], NDArray[np.int32], int, int]: ...
def first_fit(nodes: NDArray[np.int64], starts: NDArray[np.int64], budgets: NDArray[np.int64]) -> NDArray[np.int64]: ...
def to_units(values: NDArray[np.float64], decimals: int, floor: bool) -> NDArray[np.int64]: ...
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
    y: NDArray[np.float32],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
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
def channel_sums(x: NDArray[np.float32]) -> NDArray[np.float64]: ...
def centred_squares(x: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.float64]: ...
def squared_differences(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float64]: ...
def normalise(
    x: NDArray[np.float32], factors: NDArray[np.float32], shifts: NDArray[np.float32], low: float, high: float
) -> tuple[float, float]: ...
