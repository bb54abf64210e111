"""The environment that worker processes are started with.

Populating on a CPU allocates and frees feature maps all the time. By default glibc returns large blocks to the system
at once, and page faults then take most of the time. The tunables make glibc keep the blocks; they are read before a
program starts. Each process has one thread, so that results do not depend on the number of cores and workers do not
slow each other down.
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
    """Set the variables for processes that are started in the block, except those that are already set."""
    before = dict(os.environ)
    os.environ.update({name: value for name, value in VARIABLES.items() if name not in before})
    try:
        yield
    finally:
        for name in VARIABLES:
            if name not in before:
                del os.environ[name]


def prepare_worker(level: int, handler: logging.Handler) -> None:
    """Prepare a worker process: use one thread, and give log messages of ``level`` and above to ``handler``."""
    import torch

    torch.set_num_threads(1)
    logger = logging.getLogger("qabwnas")
    logger.handlers = [handler]
    logger.setLevel(level)


def stderr_handler() -> logging.Handler:
    """Return a handler that writes a line per message to stderr, with the time."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s", datefmt="%H:%M:%S"))
    return handler
