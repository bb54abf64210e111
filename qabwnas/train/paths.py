"""Which operation of every layer a step of single-path training goes through."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from qabwnas.train.seeds import derive_seed, permutation

SAMPLINGS = ("uniform", "fair")


def uniform_path(radices: Sequence[int], step: int, seed: int) -> tuple[int, ...]:
    """Return an operation a layer, each drawn independently and uniformly (Guo et al., ECCV 2020)."""
    generator = torch.Generator().manual_seed(derive_seed(seed, "path", step))
    return tuple(int(torch.randint(radix, (), generator=generator)) for radix in radices)


def fair_path(radices: Sequence[int], step: int, seed: int) -> tuple[int, ...]:
    """Return an operation a layer so that every layer takes each of its operations once a round.

    A layer of ``n`` operations has rounds of ``n`` steps, each in a new random order (FairNAS, Chu et al., ICCV 2021).
    Unlike in FairNAS the weights are updated after every step, not after every round: a step then costs the same as
    with uniform sampling.
    """
    path = []
    for layer, radix in enumerate(radices):
        round_, place = divmod(step, radix)
        path.append(int(permutation(radix, derive_seed(seed, "round", layer, round_))[place]))
    return tuple(path)
