"""Seeds that are derived by name, so that no random draw depends on how many were drawn before it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derive_seed(seed: int, *names: str | int) -> int:
    """Return a seed of 63 bits for one purpose: the same seed and names give the same, others an unrelated one."""
    text = "/".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def permutation(n: int, seed: int) -> torch.Tensor:
    """Return a random order of ``0 … n − 1``, int64 ``(n,)``, that depends on ``n`` and ``seed`` alone."""
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))


@contextmanager
def own_generators(seed: int) -> Iterator[None]:
    """Seed torch's generators, on all devices, for the block; afterwards they are as they were before."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield
