"""Figures as files: pages that any browser opens, and pictures, which a browser draws without a window."""

from __future__ import annotations

import os
from pathlib import Path

import plotly
from plotly import graph_objects as go

from qabwnas.errors import InputError
from qabwnas.io.atomic import atomic_path
from qabwnas.io.file_kinds import PICTURE, check_suffix

WIDTH, HEIGHT, SCALE = 900, 600, 2
"""Pixels of a picture whose layout has no size, and how many pixels a .png has per pixel of the layout."""
PLOTLY_JS = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
TURNING_JS = Path(__file__).with_name("turning.js")
"""What pages do while a figure in 3-D is turned: ``drawFewerWhileTurning(plot)``."""

_DIV = "figure"


def save_figure(figure: go.Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure; the suffix of ``path`` gives the format.

    ``.html`` is one page that works offline: plotly.js is in it (about 4.8 MB). ``.png``, ``.svg`` and ``.pdf`` are
    drawn by kaleido in Chrome or Chromium, without access to the network.

    Raises:
        InputError: the format is another one, or there is no browser for a picture.
        OSError: the file cannot be written.
    """
    check_suffix(path, PICTURE)
    suffix = Path(path).suffix.lower()
    if suffix == ".html":
        turning = f'{TURNING_JS.read_text(encoding="utf-8")}\ndrawFewerWhileTurning(document.getElementById("{_DIV}"));'
        content = figure.to_html(include_plotlyjs=True, div_id=_DIV, post_script=turning).encode()
    else:
        content = _picture(figure, path, suffix.removeprefix("."))
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def _picture(figure: go.Figure, path: str | os.PathLike[str], image_format: str) -> bytes:
    from kaleido import calc_fig_sync
    from kaleido.errors import BrowserFailedError, ChromeNotFoundError

    size = {"width": figure.layout.width or WIDTH, "height": figure.layout.height or HEIGHT}
    options = {**size, "format": image_format, "scale": SCALE if image_format == "png" else 1}
    try:
        content: bytes = calc_fig_sync(
            figure.to_dict(), opts=options, kopts={"plotlyjs": str(PLOTLY_JS), "mathjax": False}
        )
    except (ChromeNotFoundError, BrowserFailedError) as error:
        raise InputError(
            f"{os.fspath(path)}: a picture needs Chrome or Chromium, which was not found or did not start; install it "
            "(on Debian: apt install chromium), or write .html, which needs no browser"
        ) from error
    return content
