"""Fashion-MNIST: 70,000 grey images of 28×28 pixels in ten classes of clothing (Xiao, Rasul and Vollgraf 2017)."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qabwnas.data.splits import Splits, TensorSplit, stratified_order
from qabwnas.data.transforms import random_flip, random_shift
from qabwnas.errors import FormatError, InputError

DEBIAN_ROOT = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package ``dataset-fashion-mnist`` has its files."""
N_TRAIN, N_TEST, SIDE, N_CLASSES = 60_000, 10_000, 28, 10
SHIFT = 2  # pixels
BRIGHTEST = 255.0
DIVISION_SEED = 2017
UNSIGNED_BYTES = 0x08
"""The type code of IDX files with bytes."""


def load_fashion(root: str | os.PathLike[str] = DEBIAN_ROOT, *, calibration: int, validation: int) -> Splits:
    """Return the splits; ``calibration`` and ``validation`` images are taken from the 60,000 training images.

    ``root`` has the four files under their own names, ``train-images-idx3-ubyte.gz`` and so on. Every class has its
    share of every split, to within one image. Pixels are scaled to 0 … 1; labels are 0 … 9. Training images are moved
    by up to two pixels and flipped at random. They take 190 MB of memory.

    Raises:
        InputError: there are no files, or no image would be left for training.
        FormatError: a file is damaged, or holds something else.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(
            f"{root}: there is no such folder; Fashion-MNIST comes with 'apt install dataset-fashion-mnist' on Debian, "
            "or give root, a folder with its four .gz files"
        )
    if calibration + validation >= N_TRAIN:
        raise InputError(
            f"{calibration} calibration and {validation} validation images leave none of {N_TRAIN} to train"
        )
    images, labels = _read(root, "train", N_TRAIN)
    order = stratified_order(labels.numpy(), np.random.default_rng(DIVISION_SEED))
    parts = np.split(order, [calibration, calibration + validation])
    calibrated, validated, trained = (
        TensorSplit(images[part], labels[part], _augmented) for part in map(torch.from_numpy, parts)
    )
    return Splits(trained, calibrated, validated, TensorSplit(*_read(root, "t10k", N_TEST), _augmented))


def _augmented(images: Tensor, generator: torch.Generator) -> Tensor:
    return random_flip(random_shift(images, generator, SHIFT), generator)


def _read(root: Path, name: str, n: int) -> tuple[Tensor, Tensor]:
    images = _read_idx(root / f"{name}-images-idx3-ubyte.gz", (n, SIDE, SIDE))
    path = root / f"{name}-labels-idx1-ubyte.gz"
    labels = _read_idx(path, (n,))
    if labels.max() >= N_CLASSES:
        raise FormatError(f"{path}: has a label {labels.max()}; labels are 0 to {N_CLASSES - 1}")
    pixels = torch.from_numpy(images.astype(np.float32)).div_(BRIGHTEST).unsqueeze_(1)
    return pixels, torch.from_numpy(labels.astype(np.int64))


def _read_idx(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return the array of a compressed IDX file of bytes, whose header has the type and the shape."""
    try:
        with gzip.open(path) as file:
            content = file.read()
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file; Fashion-MNIST has four, train and t10k") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise FormatError(f"{path}: is damaged: {error}") from error
    n_header = 4 * (1 + len(shape))
    magic = bytes([0, 0, UNSIGNED_BYTES, len(shape)])
    if content[:4] != magic or len(content) < n_header:
        raise FormatError(f"{path}: is no IDX file of bytes with {len(shape)} dimensions")
    found = tuple(np.frombuffer(content, ">u4", len(shape), 4).tolist())
    if found != shape:
        raise FormatError(f"{path}: has the shape {_text(found)}, Fashion-MNIST's is {_text(shape)}")
    if len(content) != n_header + int(np.prod(shape)):
        raise FormatError(f"{path}: has {len(content) - n_header} values, its header says {int(np.prod(shape))}")
    return np.frombuffer(content, np.uint8, offset=n_header).reshape(shape)


def _text(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
