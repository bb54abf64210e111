"""The device of the tests in this folder, which need CUDA and are skipped elsewhere.

``QABWNAS_TEST_DEVICE=cpu`` runs them on the CPU, which tests the tests: ``benchmarks/gpu_check.py --device cpu``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import torch


@pytest.fixture
def device() -> torch.device:
    device = torch.device(os.environ.get("QABWNAS_TEST_DEVICE", "cuda"))
    if device.type == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs CUDA")
    return device


@pytest.fixture
def without_waiting(device: torch.device) -> Callable[[], AbstractContextManager[None]]:
    """A context in which it is an error if the host waits for the GPU."""

    @contextmanager
    def context() -> Iterator[None]:
        if device.type == "cuda":
            torch.cuda.set_sync_debug_mode("error")
        try:
            yield
        finally:
            if device.type == "cuda":
                torch.cuda.set_sync_debug_mode("default")

    return context
