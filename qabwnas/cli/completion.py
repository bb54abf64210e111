"""Shell completion of metrics and blocks, from the LUT, table or front that is already on the command line.

``eval "$(_QABWNAS_COMPLETE=bash_source qabwnas)"`` turns it on in bash; zsh and fish have ``zsh_source`` and
``fish_source``.
"""

from __future__ import annotations

from pathlib import Path

import click

from qabwnas.errors import QabwnasError

_SOURCES = ("lut_path", "source_path")


def complete_metrics(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the metrics that continue the text; in lists (``loss,size_bytes``) the last one is completed."""
    done, comma, last = incomplete.rpartition(",") if "," in (param.metavar or "") else ("", "", incomplete)
    equals = "=" if "=" in (param.metavar or "") else ""
    return [f"{done}{comma}{name}{equals}" for name in _names(ctx)[0] if name.startswith(last)]


def complete_blocks(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    """Return the blocks that continue the text, each followed by ``=``."""
    return [f"{name}=" for name in _names(ctx)[1] if name.startswith(incomplete)]


def _names(ctx: click.Context) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of metrics and blocks; none if the line has no file yet, or one that cannot be read."""
    # click stops at an option that still lacks its value, and then leaves the arguments before it unassigned.
    path = next((ctx.params[name] for name in _SOURCES if ctx.params.get(name)), next(iter(ctx.args), None))
    if path is None:
        return (), ()
    from qabwnas.search.front.source import open_lut_or_front

    try:
        source = open_lut_or_front(Path(path))
    except (QabwnasError, OSError):
        return (), ()  # a shell that completes has no place for messages
    return tuple(source.metric_names), tuple(source.block_names)
