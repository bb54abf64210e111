"""The server of the page: on 127.0.0.1 only, one thread per request, no log of requests."""

from __future__ import annotations

import errno
import os
import socket
import sys
import webbrowser

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from qabwnas.errors import InputError
from qabwnas.explore.security import ADDRESS


class QuietHandler(WSGIRequestHandler):
    """Writes no line per request; errors still go to stderr."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def bind(port: int) -> socket.socket:
    """Return a listening socket on ``port`` of 127.0.0.1, or on any free port if it is 0.

    Raises:
        InputError: another program uses the port, or this user may not.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((ADDRESS, port))
        listener.listen()
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise InputError(f"port {port} is in use; choose another one with --port") from error
        raise InputError(f"port {port} cannot be used ({error.strerror}); choose another one with --port") from error
    return listener


def server_on(listener: socket.socket, app: Flask) -> BaseWSGIServer:
    """Return a server for a bound socket; ``serve_forever`` runs it, and Ctrl-C ends it."""
    port = listener.getsockname()[1]
    return make_server(ADDRESS, port, app, threaded=True, request_handler=QuietHandler, fd=listener.fileno())


def open_browser(address: str) -> None:
    """Open the page in the user's browser, if there is a graphical one; the address is printed in any case."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return  # a browser in the terminal would take it over
    webbrowser.open(address)
