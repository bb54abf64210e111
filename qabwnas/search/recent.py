"""What was used last, so many things: a mapping that forgets what was not asked for longest."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

Key = TypeVar("Key")
Kept = TypeVar("Kept")


class Recent(Mapping[Key, Kept]):
    """A mapping of at most ``n_most`` entries; O(1)."""

    def __init__(self, n_most: int, entries: Mapping[Key, Kept] | None = None) -> None:
        """Start with some entries, of which the last are kept where they are too many."""
        self._n_most = n_most
        self._entries = OrderedDict(entries or {})
        self._forget()

    def get_or_make(self, key: Key, make: Callable[[], Kept]) -> Kept:
        """Return what is kept, or what ``make`` returns, and keep that."""
        if key not in self._entries:
            self._entries[key] = make()
        self._entries.move_to_end(key)
        kept = self._entries[key]
        self._forget()
        return kept

    def where(self, holds: Callable[[Key], bool]) -> Recent[Key, Kept]:
        """Return a mapping of the entries whose keys hold."""
        return Recent(self._n_most, {key: kept for key, kept in self._entries.items() if holds(key)})

    def _forget(self) -> None:
        while len(self._entries) > self._n_most:
            self._entries.popitem(last=False)

    def __getitem__(self, key: Key) -> Kept:
        return self._entries[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
