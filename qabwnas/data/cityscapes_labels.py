"""The labels of Cityscapes (Cordts et al., CVPR 2016): which of the 34 ids in label images count, and as what."""

from __future__ import annotations

import numpy as np

IGNORED = 255
LARGEST_ID = 33  # every id from 0 is used; licence plates have −1 and are no part of 8-bit label images

CLASSES = {
    "road": 7,
    "sidewalk": 8,
    "building": 11,
    "wall": 12,
    "fence": 13,
    "pole": 17,
    "traffic light": 19,
    "traffic sign": 20,
    "vegetation": 21,
    "terrain": 22,
    "sky": 23,
    "person": 24,
    "rider": 25,
    "car": 26,
    "truck": 27,
    "bus": 28,
    "train": 31,
    "motorcycle": 32,
    "bicycle": 33,
}
"""Name → id of the 19 classes that are trained and scored, in the order of their train ids."""

TRAIN_IDS = np.full(256, IGNORED, dtype=np.uint8)
"""Id → train id 0 … 18, or ``IGNORED``."""
TRAIN_IDS[list(CLASSES.values())] = np.arange(len(CLASSES))
