"""``qabwnas plot``: draw a picture of a front."""

from __future__ import annotations

from pathlib import Path

import click

from qabwnas.cli.command import Command, require_extras
from qabwnas.cli.output import check_output, force_option
from qabwnas.io.file_kinds import PICTURE


@click.command(name="plot", cls=Command)
@click.argument("front_path", metavar="FRONT.h5", type=click.Path(path_type=Path))
@click.option("-o", "--output", metavar="FRONT.png", type=click.Path(path_type=Path), required=True)
@force_option
def command(front_path: Path, output: Path, force: bool) -> None:
    """Draw FRONT.h5: its objective against every other metric. The picture may be .png, .svg or .pdf."""
    check_output(output, force, PICTURE, inputs=[front_path])
    require_extras("plot")
    from qabwnas.report.front import draw_front
    from qabwnas.search.frontier import Frontier

    front = Frontier.open(front_path)
    draw_front({name: front.values(name) for name in front.metric_names}, output)
    click.echo(f"{output}: {len(front)} points of {', '.join(front.metric_names)}")
