"""Weights that the training of a teacher starts from: those of another run, or of mmsegmentation."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Mapping

from torch import Tensor

from qabwnas.errors import FormatError
from qabwnas.nets.mmseg import AUXILIARY, mmseg_names
from qabwnas.nets.mmseg import HEAD as MMSEG_HEAD
from qabwnas.nets.network import Network
from qabwnas.nets.state_dict import load_tensors, name_ends, read_state_dict
from qabwnas.space import SearchSpace

logger = logging.getLogger(__name__)

HEAD = "head."


def load_pretrained(
    path: str | os.PathLike[str],
    network: Network,
    space: SearchSpace,
    key: str | None = None,
    *,
    new_head: bool = False,
) -> list[str]:
    """Load a state dict with the names of ``network``, or of mmsegmentation, in place; there is no auxiliary head yet.

    ``key`` names the state dict in the file, if it has several. With ``new_head`` the head keeps its weights, and that
    of the file is left out. The auxiliary head of mmsegmentation is always left out.

    Return the names of the blocks that compute something else than mmsegmentation's with equal weights: in blocks with
    dilation, it dilates the first layer only.

    Raises:
        FormatError: the file cannot be read (see :func:`~qabwnas.nets.state_dict.read_state_dict`) or does not fit key
            by key. The message says if everything but the head fits.
        OSError: the file does not exist or cannot be read.
    """
    where = os.fspath(path)
    own = {name: name for name in network.state_dict()}
    is_mobilenet = space.stem.separable_channels is not None and space.head.kind == "deeplabv3"
    theirs = mmseg_names(network) if is_mobilenet else {}
    tensors = read_state_dict(path, key, {*own.values(), *theirs.values()})
    is_theirs = _n_known(tensors, theirs.values()) > _n_known(tensors, own.values())
    names = theirs if is_theirs else own
    without_head = {name: named for name, named in names.items() if not name.startswith(HEAD)}
    heads = (MMSEG_HEAD, AUXILIARY) if is_theirs else (HEAD,)
    if new_head:
        load_tensors(network, tensors, without_head, where, ignored=heads)
        logger.info("%s: its head is left out; training starts with a new one", where)
    else:
        try:
            load_tensors(network, tensors, names, where, ignored=(AUXILIARY,) if is_theirs else ())
        except FormatError as error:
            if _fits(network, tensors, without_head, heads):
                raise FormatError(f"{error}; all but the head fits: new_head: true starts with a new one") from error
            raise
    return [block.name for block in space.blocks if is_theirs and block.dilation > 1 and block.n_layers > 1]


def _n_known(tensors: Mapping[str, Tensor], names: Collection[str]) -> int:
    """Return how many of the names occur among those of tensors, after any prefix."""
    return len(set(names).intersection(end for name in tensors for end in name_ends(name)))


def _fits(network: Network, tensors: Mapping[str, Tensor], names: Mapping[str, str], ignored: tuple[str, ...]) -> bool:
    try:
        load_tensors(network, tensors, names, "", ignored=ignored)
    except FormatError:
        return False
    return True
