"""scikit-learn's handwritten digits: 1,797 grey images of 8×8 pixels in ten classes (Alpaydin and Kaynak, UCI 1998)."""

from __future__ import annotations

import numpy as np
import torch

from qabwnas.data.splits import Splits, TensorSplit, stratified_order
from qabwnas.data.transforms import random_shift

N_CALIBRATION, N_VALIDATION, N_TEST = 200, 200, 800
BRIGHTEST = 16.0
DIVISION_SEED = 1998


def load_digits() -> Splits:
    """Return the digits: 597 train, 200 calibration, 200 validation and 800 test images, always the same division.

    Every class has its share of every split, to within one image. Pixels are scaled to 0 … 1; labels are 0 … 9.
    With few training images and many test images, networks differ more, and their scores have smaller errors. Nothing
    is downloaded: the images come with scikit-learn.
    """
    from sklearn import datasets  # takes a second

    digits = datasets.load_digits()
    images = torch.from_numpy(digits.images).float().div_(BRIGHTEST).unsqueeze_(1)
    labels = torch.from_numpy(digits.target.astype(np.int64))
    order = stratified_order(digits.target, np.random.default_rng(DIVISION_SEED))
    ends = np.cumsum([N_TEST, N_VALIDATION, N_CALIBRATION])
    test, validation, calibration, train = (
        TensorSplit(images[part], labels[part], random_shift) for part in map(torch.from_numpy, np.split(order, ends))
    )
    return Splits(train, calibration, validation, test)
