"""The labels of Cityscapes (Cordts et al., CVPR 2016): the 34 ids of label images, and the 19 classes that count.

Needs no torch.
"""

from __future__ import annotations

import numpy as np

EGO_VEHICLE = 1
OUT_OF_ROI = 3
STATIC = 4
ROAD = 7
SIDEWALK = 8
PARKING = 9
RAIL_TRACK = 10
BUILDING = 11
WALL = 12
FENCE = 13
GUARD_RAIL = 14
POLE = 17
TRAFFIC_LIGHT = 19
TRAFFIC_SIGN = 20
VEGETATION = 21
TERRAIN = 22
SKY = 23
PERSON = 24
RIDER = 25
CAR = 26
TRUCK = 27
BUS = 28
TRAIN = 31
MOTORCYCLE = 32
BICYCLE = 33

LARGEST_ID = 33  # every id from 0 is used; licence plates have −1 and do not occur in 8-bit label images
IGNORED = 255

CLASSES = {
    "road": ROAD,
    "sidewalk": SIDEWALK,
    "building": BUILDING,
    "wall": WALL,
    "fence": FENCE,
    "pole": POLE,
    "traffic light": TRAFFIC_LIGHT,
    "traffic sign": TRAFFIC_SIGN,
    "vegetation": VEGETATION,
    "terrain": TERRAIN,
    "sky": SKY,
    "person": PERSON,
    "rider": RIDER,
    "car": CAR,
    "truck": TRUCK,
    "bus": BUS,
    "train": TRAIN,
    "motorcycle": MOTORCYCLE,
    "bicycle": BICYCLE,
}
"""Name → id of the 19 classes that are trained and scored, in the order of their train ids."""

TRAIN_IDS = np.full(256, IGNORED, dtype=np.uint8)
"""Id → train id 0 … 18, or ``IGNORED``."""
TRAIN_IDS[list(CLASSES.values())] = np.arange(len(CLASSES))
