"""The cache of a session drops the least recently used entry."""

from __future__ import annotations

from qabwnas.search.session_cache import RecentCache


def test_what_was_used_last_is_kept() -> None:
    made: list[str] = []

    def make(key: str) -> str:
        return recent.get_or_make(key, lambda: made.append(key) or key.upper())

    recent: RecentCache[str, str] = RecentCache(2)
    assert [make(key) for key in "abacab"] == list("ABACAB")
    assert made == ["a", "b", "c", "b"]  # a was used again before c, so b was dropped
    assert dict(recent) == {"a": "A", "b": "B"}
    assert dict(recent.where(lambda key: key == "b")) == {"b": "B"}
    assert list(RecentCache(1, {"a": 1, "b": 2})) == ["b"]
    assert not RecentCache(0, {"a": 1})
