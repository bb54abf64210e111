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
