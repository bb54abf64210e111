"""The application: layout, callbacks and protection together."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from dash import Dash
from flask import Flask, Response, send_file

from qabwnas.explore.callbacks import AnswerText, register
from qabwnas.explore.layout import page
from qabwnas.explore.outcome import Explored
from qabwnas.explore.security import protect
from qabwnas.visualization.save import TURNING_JS

TITLE = "qabwnas explorer"


def make_app(explored: Explored, answer_text: AnswerText, port: int) -> Flask:
    """Return the WSGI application of a page on ``port``.

    Nothing about a user is kept here: a page sends everything that determines its answer with each request.

    Args:
        explored: what the page is about.
        answer_text: writes an answer as JSON, for the download.
        port: where it will be served; requests for another host or port are refused.
    """
    server = Flask("qabwnas.explore")
    app = Dash(
        __name__,
        server=server,
        title=TITLE,
        update_title=None,
        serve_locally=True,
        assets_folder=str(Path(__file__).parent / "assets"),
        external_scripts=[f"/{TURNING_JS.name}"],
    )

    @server.get(f"/{TURNING_JS.name}")
    def turning() -> Response:
        return send_file(TURNING_JS)

    app.layout = partial(page, explored)
    register(app, explored, answer_text)
    protect(server, port)
    return server
