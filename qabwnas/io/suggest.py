"""Suggestions for misspelt names in messages."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'NAME'?" with the most similar of the known names; empty if none is similar."""
    from difflib import get_close_matches  # here, because only errors need it

    similar = get_close_matches(name, list(known), n=1)
    return f"; did you mean {similar[0]!r}?" if similar else ""
