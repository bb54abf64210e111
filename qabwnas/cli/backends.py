"""``qabwnas backends``: list the search backends, and which one is used."""

from __future__ import annotations

import json
from typing import Any

import click

from qabwnas.cli.command import Command


@click.command(name="backends", cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """List the search backends, whether each can be loaded, and which one searches use.

    QABWNAS_BACKEND=auto|cpp|numba selects it.
    """
    from qabwnas.errors import BackendError
    from qabwnas.search.engine.backend import numba_cache_folder, select_backend

    backends: dict[str, dict[str, Any]] = {}
    for name in ("cpp", "numba"):
        try:
            select_backend(name)
            backends[name] = {"available": True, "cause": None}
        except BackendError as error:
            backends[name] = {"available": False, "cause": str(error)}
    numba = backends["numba"]
    if numba["available"]:
        folder = numba_cache_folder()
        numba["cache"] = None if folder is None else str(folder)
    selected = select_backend().name
    if as_json:
        click.echo(json.dumps({"selected": selected, "backends": backends}, indent=2))
        return
    for name, backend in backends.items():
        mark = "*" if name == selected else " "
        click.echo(f"{mark} {name:<6} {_status(backend)}")


def _status(backend: dict[str, Any]) -> str:
    if not backend["available"]:
        return str(backend["cause"])
    if "cache" not in backend:
        return "available"
    return f"available, cache: {backend['cache'] or 'none, set NUMBA_CACHE_DIR to a writable folder'}"
