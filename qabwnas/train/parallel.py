"""Data-parallel training: several processes train one network, each on a part of every batch. torchrun starts them.

    torchrun --nproc-per-node 4 -m qabwnas run CONFIG.yaml

Gradients are averaged over the processes (Li et al., PVLDB 2020: DistributedDataParallel). On GPUs batch norm takes its
statistics over the whole batch. On CPUs each process takes those of its own part, and the network gets the running
statistics of the first process (rank 0). Only the first process writes files and logs.

Processes that have joined the group do not always train together: outside of :func:`parallel_training` the first
process works as if it were the only one, while the others wait.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from qabwnas.train.sampling import derive_seed

LONGEST_WAIT = timedelta(days=14)
"""The other processes wait while the first one makes stages alone; that may take days."""

_is_parallel: ContextVar[bool] = ContextVar("is_parallel", default=False)


def started_by_torchrun() -> bool:
    """Return whether torchrun started this process, perhaps with others."""
    return distributed.is_torchelastic_launched()


@contextmanager
def process_group(device: torch.device) -> Iterator[torch.device]:
    """Join the processes that torchrun started, inside the ``with`` block; give the device of this process.

    Without torchrun there is one process and no group. ``device`` gives the kind of device; each process of a machine
    gets a CUDA device of its own.
    """
    if not started_by_torchrun():
        yield device
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    # Messages between processes go through CPUs: waiting there keeps no GPU busy.
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(backend, timeout=LONGEST_WAIT)
    try:
        yield device
        distributed.barrier()  # a process that leaves while others communicate may make them fail
    finally:
        gc.collect()  # wrappers of networks hold threads of the group, which must end before the group
        distributed.destroy_process_group()


@contextmanager
def parallel_training() -> Iterator[None]:
    """Train with all processes of the group inside the ``with`` block; all of them must enter one."""
    before = _is_parallel.set(distributed.is_initialized())
    try:
        yield
    finally:
        _is_parallel.reset(before)


def rank() -> int:
    """Return the number of this process in a parallel training, 0 if it works alone."""
    return distributed.get_rank() if _is_parallel.get() else 0


def n_processes() -> int:
    """Return how many processes train together."""
    return distributed.get_world_size() if _is_parallel.get() else 1


def process_seed(seed: int) -> int:
    """Return a seed for this process's part of a batch, so that parts have different random variants."""
    return derive_seed(seed, "process", rank()) if rank() else seed


def is_first() -> bool:
    """Return whether this is the first process of the group, or the only process."""
    return not distributed.is_initialized() or distributed.get_rank() == 0


def broadcast(message: object) -> None:
    """Send an object that can be pickled from the first process to all others, which call :func:`receive`."""
    distributed.broadcast_object_list([message], device=torch.device("cpu"))


def receive() -> object:
    """Wait for the next :func:`broadcast` of the first process, and return its message."""
    received: list[object] = [None]
    distributed.broadcast_object_list(received, device=torch.device("cpu"))
    return received[0]


def mean_over_processes(value: Tensor) -> Tensor:
    """Return the mean of a value without gradient over the processes that train together, which all call this."""
    if n_processes() == 1:
        return value
    total = value.clone()
    distributed.all_reduce(total)
    return total / n_processes()


def without_averaging(forward: nn.Module) -> AbstractContextManager[None]:
    """Return the context in which gradients are added up in this process alone, for all micro-batches but the last."""
    if isinstance(forward, DistributedDataParallel):
        context: AbstractContextManager[None] = forward.no_sync()
        return context
    return nullcontext()


@contextmanager
def data_parallel(module: nn.Module, *, partly_used: bool = False) -> Iterator[nn.Module]:
    """Give the module to call in training: a wrapper that averages gradients over processes, or ``module`` itself.

    All processes begin with the weights of the first. The module itself is trained in place; its structure is restored
    afterwards. With ``partly_used``, the loss of a step need not depend on all parameters, as in a supernet; all
    processes then use the same ones.
    """
    if not _is_parallel.get() or not any(parameter.requires_grad for parameter in module.parameters()):
        yield module
        return
    device = next(module.parameters()).device
    norms = {name: part for name, part in module.named_modules() if isinstance(part, nn.BatchNorm2d)}
    if device.type == "cuda":
        # The new modules share parameters and statistics with those that they replace.
        nn.SyncBatchNorm.convert_sync_batchnorm(module)  # type: ignore[no-untyped-call]
    try:
        devices = [device] if device.type == "cuda" else None
        yield DistributedDataParallel(module, device_ids=devices, find_unused_parameters=partly_used)
    finally:
        for name, norm in norms.items():
            module.set_submodule(name, norm)
