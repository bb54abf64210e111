"""Weights from files of other programs: read without running any of their code, and matched to a module by key."""

from __future__ import annotations

import argparse
import importlib.util
import io
import logging
import os
import pickle
import pickletools
import struct
import zipfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from qabwnas.errors import FormatError, InputError
from qabwnas.nets.weight_file import is_safetensors, objects_advice, other_format, script_advice

logger = logging.getLogger(__name__)

UNREADABLE = "not a checkpoint of torch, or a truncated one"
COMPILED = "_orig_mod."
"""torch.compile puts this into the names of modules that it wraps."""
COUNTER = "num_batches_tracked"
"""Counts training steps; evaluation does not read it, and old files lack it."""

N_LEGACY_PICKLES = 5
DEEPEST = 4


def read_state_dict(
    path: str | os.PathLike[str], key: str | None = None, expected: Collection[str] = ()
) -> dict[str, Tensor]:
    """Return the tensors of a file of :func:`torch.save` or of safetensors, by name, on the CPU.

    The file holds a state dict, alone or in other mappings: under ``state_dict``, ``model``, ``ema.module``, … If it
    has several, ``key`` selects one, with dots; state dicts with none of the ``expected`` names are ignored. Tensors,
    plain values, numbers and arrays of numpy, and argparse's namespaces are read; no other object is created, and no
    code of the file is run.

    Raises:
        FormatError: the file is truncated, has another format, holds other objects, no state dict, or several.
        InputError: it is a safetensors file, and safetensors is not installed.
        OSError: the file does not exist or cannot be read.
    """
    name = os.fspath(path)
    content = Path(path).read_bytes()
    if is_safetensors(content):
        found = {"": _read_safetensors(content, name)}
    else:
        found = dict(_state_dicts(_load(content, name)))
    if not found:
        raise FormatError(f"{name}: holds no state dict: a mapping of names to tensors, alone or in another mapping")
    if key is not None:
        if key not in found:
            raise FormatError(f"{name}: has no state dict {key!r}; it has {_listed(found)}")
        return found[key]
    fitting = [at for at, tensors in found.items() if len(found) == 1 or _has_any(tensors, expected)]
    if len(fitting) != 1:
        keys = _listed(fitting or found)
        raise FormatError(f"{name}: holds several state dicts: {keys}; choose one by weights_key")
    if fitting[0]:
        logger.info("%s: takes the weights in %r", name, fitting[0])
    return found[fitting[0]]


def load_tensors(
    module: nn.Module,
    tensors: Mapping[str, Tensor],
    names: Mapping[str, str],
    where: str,
    *,
    ignored: tuple[str, ...] = (),
) -> None:
    """Copy ``tensors`` into ``module``, in place; ``names[k]`` is the name of the module's key ``k`` in ``tensors``.

    A prefix that all of these names have in ``tensors`` (``module.`` of DataParallel, ``model.`` of Lightning) is
    removed; tensors without the prefix are ignored, and both are logged. What torch.compile adds to names is removed,
    too. Counts of training steps may be missing. Tensors with names that start with one of ``ignored`` are left out.
    Nothing is copied unless everything fits.

    Raises:
        FormatError: a key is missing or superfluous, or fits with several prefixes; a shape differs, a tensor is not
            floating-point although the module's is, or a value is not finite. The message starts with ``where`` and
            names the key in ``tensors``.
    """
    own = module.state_dict()
    tensors = {name.replace(COMPILED, ""): tensor for name, tensor in tensors.items()}
    wanted = [name for name in names.values() if not name.endswith(COUNTER)]
    prefix = _prefix(tensors, wanted, where)
    if prefix:
        n_outside = sum(not name.startswith(prefix) for name in tensors)
        outside = f", ignores {n_outside} tensors without it" if n_outside else ""
        logger.info("%s: removes the prefix %r%s", where, prefix, outside)
        tensors = {name: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    ignored = tuple(prefix + start for start in ignored)
    tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith(ignored)}
    known = {prefix + name for name in names.values()}
    missing = [prefix + name for name in wanted if prefix + name not in tensors]
    like = f"; its names are like {next(iter(tensors))}" if tensors and not known & tensors.keys() else ""
    _refuse_any(missing, "has no", where, like)
    _refuse_any([name for name in tensors if name not in known], "has more than the network takes:", where)
    fitted = {
        key: _fitted(tensors[prefix + name], own[key], f"{where}: {prefix + name}")
        for key, name in names.items()
        if prefix + name in tensors
    }
    module.load_state_dict({**own, **fitted})


def _fitted(given: Tensor, own: Tensor, where: str) -> Tensor:
    """Return a tensor, converted to the type of the module's tensor."""
    if given.shape != own.shape:
        raise FormatError(f"{where} has the shape {tuple(given.shape)}, the network's is {tuple(own.shape)}")
    if given.layout != torch.strided or given.is_meta:
        raise FormatError(f"{where} is {'without data' if given.is_meta else 'sparse'}")
    if own.is_floating_point() and not given.is_floating_point():
        raise FormatError(f"{where} is of {given.dtype}, the network's is of {own.dtype}")
    converted = given.to(own.dtype)
    if not converted.isfinite().all():
        raise FormatError(f"{where} holds NaN or infinity")
    return converted


def _prefix(tensors: Mapping[str, Tensor], wanted: Collection[str], where: str) -> str:
    """Return the prefix with which most of the wanted names are in ``tensors``."""
    prefixes = {""} | {t.removesuffix(name) for name in wanted for t in tensors if t.endswith(f".{name}")}
    hits = {prefix: sum(prefix + name in tensors for name in wanted) for prefix in sorted(prefixes)}
    best = [prefix for prefix in hits if hits[prefix] == max(hits.values())]
    if "" in best:
        return ""
    if len(best) > 1 and hits[best[0]] == len(wanted):
        raise FormatError(f"{where}: the network's names are there with several prefixes: {_listed(best)}; keep one")
    return best[0]


def _state_dicts(content: Any, at: str = "", depth: int = 0) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Yield the path of keys and the tensors of every mapping of names to tensors, unless all tensors are scalars."""
    if not isinstance(content, Mapping) or depth > DEEPEST or not all(isinstance(name, str) for name in content):
        return
    for name, value in content.items():
        yield from _state_dicts(value, f"{at}.{name}" if at else name, depth + 1)
    tensors = {name: value for name, value in content.items() if isinstance(value, Tensor)}
    if any(tensor.ndim for tensor in tensors.values()):
        yield at, tensors


def _has_any(tensors: Mapping[str, Tensor], expected: Collection[str]) -> bool:
    """Return whether a name, or its end after a dot, is expected; also if no name is expected."""
    ends = (end for name in tensors for end in name_ends(name))
    return not expected or not set(expected).isdisjoint(ends)


def name_ends(name: str) -> Iterator[str]:
    """Yield the name of a tensor, without what torch.compile adds, and its end after every dot."""
    name = name.replace(COMPILED, "")
    while name:
        yield name
        name = name.partition(".")[2]


def _listed(keys: Collection[str]) -> str:
    return ", ".join(repr(key) for key in sorted(keys))


def _load(content: bytes, name: str) -> Any:
    """Return the content of a file of :func:`torch.save`; raises FormatError as :func:`read_state_dict`."""
    if (kind := other_format(content)) is not None:
        raise FormatError(f"{name}: {kind}")
    if (advice := script_advice(content, name)) is not None:
        raise FormatError(f"{name}: is a TorchScript archive, not a state dict; make one from it: {advice}")
    file = io.BytesIO(content)  # not the path: torch raises an OSError for a damaged file, too
    try:
        with torch.serialization.safe_globals([*_numpy_globals(), argparse.Namespace]):
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if not _is_whole(file):
            raise FormatError(f"{name}: {UNREADABLE}") from error
        raise FormatError(f"{name}: {objects_advice(content, name)}") from error
    except (RuntimeError, EOFError, ValueError, LookupError, AttributeError, TypeError, struct.error) as error:
        raise FormatError(f"{name}: {UNREADABLE}") from error


def _read_safetensors(content: bytes, name: str) -> dict[str, Tensor]:
    if importlib.util.find_spec("safetensors") is None:
        raise InputError(f"{name}: needs safetensors: pip install safetensors")
    import safetensors
    import safetensors.torch

    try:
        return safetensors.torch.load(content)
    except safetensors.SafetensorError as error:
        raise FormatError(f"{name}: not a file of safetensors, or a truncated one: {error}") from error


def _refuse_any(names: Collection[str], what: str, where: str, hint: str = "") -> None:
    if names:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        raise FormatError(f"{where}: {what} {next(iter(names))}{more}{hint}")


def _is_whole(file: io.BytesIO) -> bool:
    """Return whether a file is complete: an archive, or the five pickles in a row that torch wrote before 1.6."""
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
    """Return the globals in pickles of numpy's numbers and arrays, under the names before and after numpy 2."""
    kinds = [type(np.dtype(code)) for code in "?bBhHiIlLqQefdU"]
    scalar, reconstruct = np.float64(0).__reduce__()[0], np.zeros(0).__reduce__()[0]
    renamed = [
        (function, f"numpy.{core}.multiarray.{name}")
        for core in ("core", "_core")
        for function, name in ((scalar, "scalar"), (reconstruct, "_reconstruct"))
    ]
    return [*renamed, *kinds, np.dtype, np.ndarray]
