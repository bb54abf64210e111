"""Weights out of files that others wrote: read without running anything in them, and fitted to a module key by key."""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import struct
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from qabwnas.errors import FormatError

UNREADABLE = "not a checkpoint of torch, or a truncated one"
SAFE_COPY = "torch.save({'state_dict': torch.load(FILE, weights_only=False)['state_dict']}, NEW_FILE)"

N_LEGACY_PICKLES = 5


def read_state_dict(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Return the tensors of a file of :func:`torch.save`, by name, on the CPU.

    The file holds a state dict, alone or as ``state_dict`` beside other things, which are left out. Tensors, plain
    values and numbers and arrays of numpy are read; no other object is made, and no code of the file is run.

    Raises:
        FormatError: the file is truncated, is none of torch, holds other objects, or no state dict.
        OSError: the file is not there or cannot be read.
    """
    name = os.fspath(path)
    file = io.BytesIO(Path(path).read_bytes())  # not the path: torch gives an OSError for a damaged file, too
    try:
        with torch.serialization.safe_globals(_numpy_globals()):
            content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if not _is_whole(file):
            raise FormatError(f"{name}: {UNREADABLE}") from error
        raise FormatError(
            f"{name}: holds Python objects beside its tensors, which are not read; if you trust it, copy the tensors "
            f"where its packages are installed: {SAFE_COPY}"
        ) from error
    except (RuntimeError, EOFError, ValueError, LookupError, struct.error) as error:
        raise FormatError(f"{name}: {UNREADABLE}") from error
    tensors = content.get("state_dict", content) if isinstance(content, Mapping) else None
    if not isinstance(tensors, Mapping) or not tensors or not all(isinstance(t, Tensor) for t in tensors.values()):
        raise FormatError(f"{name}: holds no state dict: a mapping of names to tensors, alone or as 'state_dict'")
    return dict(tensors)


def load_tensors(module: nn.Module, tensors: Mapping[str, Tensor], names: Mapping[str, str], where: str) -> None:
    """Copy ``tensors`` into ``module``, in place, where the module's key ``k`` is called ``names[k]``.

    Nothing is copied unless everything fits.

    Raises:
        FormatError: a key is missing or left over, a shape is another one, or a value is not finite; the message
            starts with ``where`` and names the key as it stands in ``tensors``.
    """
    own = module.state_dict()
    _refuse_any([name for name in names.values() if name not in tensors], "has no", where)
    known = set(names.values())
    _refuse_any([name for name in tensors if name not in known], "has beside what the network takes:", where)
    for key, name in names.items():
        shape, given = tuple(own[key].shape), tuple(tensors[name].shape)
        if given != shape:
            raise FormatError(f"{where}: {name} has the shape {given}, the network's is {shape}")
        if not tensors[name].isfinite().all():
            raise FormatError(f"{where}: {name} holds NaN or infinity")
    module.load_state_dict({**own, **{key: tensors[name] for key, name in names.items()}})


def _refuse_any(names: Collection[str], what: str, where: str) -> None:
    if names:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        raise FormatError(f"{where}: {what} {next(iter(names))}{more}")


def _is_whole(file: io.BytesIO) -> bool:
    """Return whether a file ends behind its pickles: as an archive does, or the five in a row of before torch 1.6."""
    if zipfile.is_zipfile(file):
        return True
    file.seek(0)
    try:
        for _ in range(N_LEGACY_PICKLES):
            for _ in pickletools.genops(file):
                pass
    except ValueError:
        return False
    return True


def _numpy_globals() -> list[Any]:
    """Return what numbers and arrays of numpy are pickled with, under the names before and after numpy 2."""
    kinds = [type(np.dtype(code)) for code in "?bBhHiIlLqQefdU"]
    scalar, reconstruct = np.float64(0).__reduce__()[0], np.zeros(0).__reduce__()[0]
    renamed = [
        (function, f"numpy.{core}.multiarray.{name}")
        for core in ("core", "_core")
        for function, name in ((scalar, "scalar"), (reconstruct, "_reconstruct"))
    ]
    return [*renamed, *kinds, np.dtype, np.ndarray]
