"""Divide a data set so that every part has every class, or every city, in its proportion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def stratified_order(labels: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.int64]:
    """Return a random order of the images of which every long stretch has the labels in their proportions.

    The images of a label are shuffled and spread evenly over the unit interval, with a random offset; the order is
    that of their places.
    """
    places = np.empty(len(labels))
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        places[members] = (np.arange(len(members)) + generator.random()) / len(members)
    return np.argsort(places, kind="stable").astype(np.int64)
