"""The environment that worker processes are started with.

Populating on a CPU allocates and frees feature maps all the time. glibc gives large blocks back to the system at once
by default, and page faults then take most of the time; the tunables, which are read before a program starts, keep them.
One thread a process: results do not depend on the number of cores, and workers do not get in each other's way.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLES = {
    "GLIBC_TUNABLES": (
        "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=8589934592"
    ),
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


@contextmanager
def worker_variables() -> Iterator[None]:
    """Give the variables to the processes that are started in the block; those that are set already stay."""
    before = dict(os.environ)
    os.environ.update({name: value for name, value in VARIABLES.items() if name not in before})
    try:
        yield
    finally:
        for name in VARIABLES:
            if name not in before:
                del os.environ[name]


def prepare_worker(level: int) -> None:
    """Prepare a worker process: one thread, and what qabwnas logs at ``level`` goes to stderr."""
    import torch

    torch.set_num_threads(1)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s", datefmt="%H:%M:%S"))
    logger = logging.getLogger("qabwnas")
    logger.handlers = [handler]
    logger.setLevel(level)
