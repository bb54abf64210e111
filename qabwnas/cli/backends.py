"""``qabwnas backends``: which search kernels there are, and which one is used."""

from __future__ import annotations

import json

import click

from qabwnas.cli.command import Command


@click.command(name="backends", cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """List the search backends, whether each can be loaded, and which one searches use.

    QABWNAS_BACKEND=auto|cpp|numba chooses.
    """
    from qabwnas.errors import BackendError
    from qabwnas.search.backend import select_backend

    causes: dict[str, str | None] = {}
    for name in ("cpp", "numba"):
        try:
            select_backend(name)
            causes[name] = None
        except BackendError as error:
            causes[name] = str(error)
    selected = select_backend().name
    if as_json:
        backends = {name: {"available": cause is None, "cause": cause} for name, cause in causes.items()}
        click.echo(json.dumps({"selected": selected, "backends": backends}, indent=2))
        return
    for name, cause in causes.items():
        mark = "*" if name == selected else " "
        click.echo(f"{mark} {name:<6} {'available' if cause is None else cause}")
