"""``qabwnas explore``: a page on which budgets are sliders, answered exactly."""

from __future__ import annotations

from pathlib import Path

import click

from qabwnas.cli.command import Command, require_extras

DEFAULT_PORT = 8050


@click.command(name="explore", cls=Command)
@click.argument("source_path", metavar="(LUT.h5|TABLE.csv|FRONT.h5|RUN)", type=click.Path(path_type=Path))
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="The port of 127.0.0.1; 0 takes any free one.",
)
@click.option("--no-browser", is_flag=True, help="Only print the address, open no browser.")
def command(source_path: Path, port: int, no_browser: bool) -> None:
    """Open a page to explore a LUT, a table, a front, or the LUT of a run, at http://127.0.0.1:8050. Ctrl-C ends it.

    Budgets are sliders and exact fields. Every answer is that of `qabwnas search`, which the page writes down as a
    command and as Python. Only this machine can open the page, and it loads nothing from elsewhere.
    """
    require_extras("explore")
    from qabwnas.cli.exact_json import dumps
    from qabwnas.cli.result_json import result_content
    from qabwnas.explore.app import make_app
    from qabwnas.explore.outcome import Outcome
    from qabwnas.explore.security import ADDRESS
    from qabwnas.explore.server import bind, open_browser, server_on
    from qabwnas.explore.source import open_source

    def answer_text(outcome: Outcome) -> str:
        return dumps(result_content(outcome.result, outcome.budgets, None, ()))

    explored = open_source(source_path)
    with bind(port) as listener:
        port = listener.getsockname()[1]
        server = server_on(listener, make_app(explored, answer_text, port))
        address = f"http://{ADDRESS}:{port}"
        click.echo(f"{source_path}: {explored.facts}; open {address} (Ctrl-C ends it)")
        if not no_browser:
            open_browser(address)
        server.serve_forever()  # until Ctrl-C
        click.echo("the explorer has ended", err=True)
