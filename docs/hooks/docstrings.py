"""Griffe extension: docstrings as Markdown.

Roles of Sphinx (``:class:`~package.Name```) become names as code. Examples of a prompt become code, without the prompt:
Markdown takes ``>>>`` for quotations.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

ROLE = re.compile(r":(?:class|func|meth|mod|attr|data|exc):`(?:~(?:\w+\.)*)?([^`]+)`")
PROMPT = re.compile(r"((?:^(?:>>>|\.\.\.)(?: .*)?(?:\n|\Z))+)(^\S.*(?:\n|\Z))*", re.MULTILINE)


class Docstrings(griffe.Extension):
    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = markdown(obj.docstring.value)


def markdown(docstring: str) -> str:
    return PROMPT.sub(_as_code, ROLE.sub(r"`\1`", docstring))


def _as_code(example: re.Match[str]) -> str:
    lines = [re.sub(r"^(?:>>>|\.\.\.) ?", "", line) for line in example[0].rstrip("\n").split("\n")]
    return "\n".join(["```python", *lines, "```", ""])
