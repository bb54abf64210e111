"""Log records and progress of worker processes, sent through a pipe to the process that started them."""

from __future__ import annotations

import logging
import logging.handlers
import threading
from multiprocessing.context import SpawnContext
from types import TracebackType
from typing import Any

from qabwnas.progress import Reporter, Status, current_reporter

SECONDS_BETWEEN_STATUSES = 0.2


class Sender(Reporter):
    """The end of the pipe in a worker process; can be pickled while a process is started."""

    def __init__(self, connection: Any, lock: Any) -> None:
        super().__init__()
        self._connection = connection
        self._between_processes = lock

    def __getstate__(self) -> tuple[Any, Any]:
        return self._connection, self._between_processes

    def __setstate__(self, state: tuple[Any, Any]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    @property
    def seconds(self) -> float:
        return SECONDS_BETWEEN_STATUSES

    def show(self, status: Status) -> None:
        self.send(status)

    def send(self, message: Status | logging.LogRecord) -> None:
        """Send a message; messages of several processes do not mix."""
        with self._between_processes:
            self._connection.send(message)

    def log_handler(self) -> logging.Handler:
        """Return a handler that sends log records."""
        return _LogHandler(self)


class _LogHandler(logging.handlers.QueueHandler):
    """Makes records picklable, as its base class does, and sends them."""

    def __init__(self, sender: Sender) -> None:
        super().__init__(None)  # type: ignore[arg-type]
        self._sender = sender

    def enqueue(self, record: logging.LogRecord) -> None:
        self._sender.send(record)


class Receiver:
    """Passes on what workers send, inside a ``with`` block that ends after them; raises OSError if it has no memory."""

    def __init__(self, context: SpawnContext) -> None:
        self._reader, self._writer = context.Pipe(duplex=False)
        self.sender = Sender(self._writer, context.Lock())
        self._reporter = current_reporter()
        self._thread = threading.Thread(target=self._receive, daemon=True)

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()  # the last one, as the workers have ended: the thread reads what is left, and ends
        self._thread.join()
        self._reader.close()

    def _receive(self) -> None:
        while True:
            try:
                message = self._reader.recv()
            except (EOFError, OSError):
                return  # all workers have ended, the last one maybe inside a message
            if isinstance(message, logging.LogRecord):
                logging.getLogger(message.name).handle(message)
            elif self._reporter.is_due(message):
                self._reporter.take(message)
