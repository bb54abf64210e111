"""MkDocs hook: correct what plugins make of docstrings and options.

Roles of Sphinx in docstrings (``:class:`~package.Name```) become the name as code. An option without a default has an
empty cell: mkdocs-click 0.9 prints click's mark for "no default" there.
"""

from __future__ import annotations

import re

ROLE = re.compile(r":(?:class|func|meth|mod|attr|data):<code>(?:~(?:\w+\.)*)?([^<]+)</code>")
NO_DEFAULT = "<code>Sentinel.UNSET</code>"


def on_page_content(html: str, **_: object) -> str:
    return ROLE.sub(r"<code>\1</code>", html).replace(NO_DEFAULT, "")
