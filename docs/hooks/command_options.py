"""MkDocs hook: an option without a default has an empty cell; mkdocs-click 0.9 prints click's mark for "none" there."""

from __future__ import annotations

NO_DEFAULT = "<code>Sentinel.UNSET</code>"


def on_page_content(html: str, **_: object) -> str:
    return html.replace(NO_DEFAULT, "")
