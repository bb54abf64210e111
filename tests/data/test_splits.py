"""Orders in which every stretch has the labels in their proportions."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qabwnas.data.splits import stratified_order


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.integers(0, 100))
def test_every_start_of_the_order_has_its_share_of_every_label(labels: list[int], seed: int) -> None:
    array = np.array(labels)
    order = stratified_order(array, np.random.default_rng(seed))
    assert sorted(order.tolist()) == list(range(len(labels)))
    counts = np.bincount(array, minlength=4)
    for n in range(len(labels)):
        found = np.bincount(array[order[:n]], minlength=4)
        assert np.abs(found - counts * n / len(labels)).max() <= len(set(labels))
