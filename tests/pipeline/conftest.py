"""Runs are made with as many threads as the commands use: results then do not depend on the machine's cores."""

from collections.abc import Iterator

import pytest
import torch

from qabwnas.cli.stages import N_THREADS


@pytest.fixture(scope="module", autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(N_THREADS)
    yield
    torch.set_num_threads(before)
