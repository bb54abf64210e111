"""One session per open page, so that pages never wait for each other, and a bound on how many are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from qabwnas.lut.lut import Lut
from qabwnas.search import Session

MAX_PAGES = 8
"""How many sessions are kept. A session only holds what repeats; a page that lost its own gets a new one."""


class PageSessions:
    """The sessions of the pages on one LUT, by the identifier of the page; the least recently used are dropped."""

    def __init__(self, lut: Lut, max_pages: int = MAX_PAGES) -> None:
        self._lut, self._max_pages = lut, max_pages
        self._sessions: OrderedDict[str, tuple[Session, Lock]] = OrderedDict()
        self._lock = Lock()

    @contextmanager
    def of(self, page: str) -> Iterator[Session]:
        """Give the session of a page to this thread alone."""
        with self._lock:
            if page not in self._sessions:
                self._sessions[page] = Session(self._lut), Lock()
            self._sessions.move_to_end(page)
            while len(self._sessions) > self._max_pages:
                self._sessions.popitem(last=False)
            session, lock = self._sessions[page]
        with lock:
            yield session

    def __len__(self) -> int:
        return len(self._sessions)
