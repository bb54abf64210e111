"""Canonical JSON: one text for equal content."""

from __future__ import annotations

import numpy as np
import pytest

from qabwnas.io.fingerprint import canonical_json, fingerprint


def test_scalars_of_numpy_are_written_as_what_they_hold() -> None:
    scalars = {"a": np.int64(3), "b": np.float32(0.1), "c": np.float64(0.1), "d": np.bool_(True), "e": np.uint8(5)}
    plain = {"a": 3, "b": 0.1, "c": 0.1, "d": True, "e": 5}
    assert canonical_json(scalars) == canonical_json(plain)
    assert fingerprint(scalars) == fingerprint(plain)


@pytest.mark.parametrize("wrong", [np.ones(2), np.timedelta64(5, "s"), {1, 2}, np.float32("nan"), 1j])
def test_other_values_are_not_json(wrong: object) -> None:
    with pytest.raises((TypeError, ValueError), match="not JSON"):
        canonical_json({"a": wrong})
