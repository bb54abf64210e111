"""The search signature is what it was: ``signature.py`` says of what, CONTRIBUTING.md when it may change."""

from __future__ import annotations

import json

import pytest

from tests.search import BACKENDS
from tests.search.signature import EXPECTED, signature_of


@pytest.mark.parametrize("backend", BACKENDS)
def test_signature(backend: str) -> None:
    expected, found = json.loads(EXPECTED.read_text(encoding="utf-8")), signature_of(backend)
    assert found["fronts"] == expected["fronts"]
    assert found["answers"] == expected["answers"]
    assert found["front_pairs"] == expected["front_pairs"][backend]
    assert found["search_nodes"] == expected["search_nodes"][backend]
