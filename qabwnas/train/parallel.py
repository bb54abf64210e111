"""Several processes that train one network together, a part of every batch each; torchrun starts them.

    torchrun --nproc-per-node 4 -m qabwnas run CONFIG.yaml

Gradients are averaged over the processes (Li et al., PVLDB 2020: DistributedDataParallel). On GPUs batch norm takes its
statistics over the whole batch; on CPUs each process takes its own part's, and the first one's running statistics are
those of the network. The first process (rank 0) alone writes files and logs.

Being joined is one thing, training jointly another: what the first process does outside of :func:`jointly` it does as
if it were the only one, while the others wait.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from qabwnas.train.seeds import derive_seed

LONGEST_WAIT = timedelta(days=14)
"""Others wait for the first process as long as it makes the stages that only it makes: that may take days."""


_is_joint: ContextVar[bool] = ContextVar("is_joint", default=False)


def started_by_torchrun() -> bool:
    """Return whether torchrun started this process, perhaps beside others."""
    return distributed.is_torchelastic_launched()


@contextmanager
def process_group(device: torch.device) -> Iterator[torch.device]:
    """Join the processes that torchrun started as long as the block lasts; give the device of this one.

    Without torchrun there is one process, and nothing is joined. ``device`` says which kind it is: of CUDA devices,
    each process of a machine gets its own.
    """
    if not started_by_torchrun():
        yield device
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    # What processes tell each other goes through CPUs: waiting there keeps no GPU busy.
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(backend, timeout=LONGEST_WAIT)
    try:
        yield device
        distributed.barrier()  # who leaves while others still talk may take them down
    finally:
        gc.collect()  # wrappers of networks hold on to threads of the group, which have to end before it does
        distributed.destroy_process_group()


@contextmanager
def jointly() -> Iterator[None]:
    """Train together with all joined processes as long as the block lasts: each has to be in one."""
    before = _is_joint.set(distributed.is_initialized())
    try:
        yield
    finally:
        _is_joint.reset(before)


def rank() -> int:
    """Return the number of this process in a joint training, 0 where it works alone."""
    return distributed.get_rank() if _is_joint.get() else 0


def n_processes() -> int:
    """Return how many processes train together."""
    return distributed.get_world_size() if _is_joint.get() else 1


def own_seed(seed: int) -> int:
    """Return a seed for this process's part of a batch, so that its random variants are not another part's."""
    return derive_seed(seed, "process", rank()) if rank() else seed


def is_first() -> bool:
    """Return whether this is the first of the joined processes, or the only one."""
    return not distributed.is_initialized() or distributed.get_rank() == 0


def tell_others(message: object) -> None:
    """Send something that can be pickled to all others, which :func:`listen`; for the first process."""
    distributed.broadcast_object_list([message], device=torch.device("cpu"))


def listen() -> object:
    """Wait for what the first process tells the others, and return it."""
    heard: list[object] = [None]
    distributed.broadcast_object_list(heard, device=torch.device("cpu"))
    return heard[0]


@contextmanager
def together(module: nn.Module) -> Iterator[nn.Module]:
    """Give what to call for training ``module`` in all processes: a wrapper that averages gradients, or ``module``.

    All begin with the first one's weights. The module itself is trained in place, and afterwards is what it was.
    """
    if not _is_joint.get():
        yield module
        return
    device = next(module.parameters()).device
    norms = {name: part for name, part in module.named_modules() if isinstance(part, nn.BatchNorm2d)}
    if device.type == "cuda":
        # It shares parameters and statistics with what it replaces.
        nn.SyncBatchNorm.convert_sync_batchnorm(module)  # type: ignore[no-untyped-call]
    try:
        yield DistributedDataParallel(module, device_ids=[device] if device.type == "cuda" else None)
    finally:
        for name, norm in norms.items():
            module.set_submodule(name, norm)
