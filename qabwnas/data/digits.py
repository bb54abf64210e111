"""scikit-learn's handwritten digits: 1,797 grey images of 8×8 pixels in ten classes (Alpaydin and Kaynak, UCI 1998)."""

from __future__ import annotations

import numpy as np
import torch

from qabwnas.data.shift import random_shift
from qabwnas.data.splits import Splits, TensorSplit
from qabwnas.data.stratify import stratified_order

N_CALIBRATION, N_VALIDATION, N_TEST = 200, 200, 800
BRIGHTEST = 16.0
DIVISION_SEED = 1998


def load_digits() -> Splits:
    """Return the digits, always divided in the same way: 597 to train, 200, 200, and 800 to test.

    Every class has its share of every split, to within one image. Pixels are scaled to 0 … 1; labels are 0 … 9.
    Few images to train and many to test make differences between networks larger, and their errors smaller. Nothing is
    downloaded: the images come with scikit-learn.
    """
    from sklearn import datasets  # a second that only those who use it should pay

    digits = datasets.load_digits()
    images = torch.from_numpy(digits.images).float().div_(BRIGHTEST).unsqueeze_(1)
    labels = torch.from_numpy(digits.target.astype(np.int64))
    order = stratified_order(digits.target, np.random.default_rng(DIVISION_SEED))
    ends = np.cumsum([N_TEST, N_VALIDATION, N_CALIBRATION])
    test, validation, calibration, train = (
        TensorSplit(images[part], labels[part], random_shift) for part in map(torch.from_numpy, np.split(order, ends))
    )
    return Splits(train, calibration, validation, test)
