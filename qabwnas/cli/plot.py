"""``qabwnas plot``: draw a front."""

from __future__ import annotations

from pathlib import Path

import click

from qabwnas.cli.command import Command, require_extras
from qabwnas.cli.output import check_output, force_option
from qabwnas.io.file_kinds import PICTURE


@click.command(name="plot", cls=Command)
@click.argument("front_path", metavar="FRONT.h5", type=click.Path(path_type=Path))
@click.option("-o", "--output", metavar="FRONT.html", type=click.Path(path_type=Path), required=True)
@click.option(
    "--metric",
    "metrics",
    metavar="METRIC",
    multiple=True,
    help="Draw these two or three metrics; the first one is vertical. Default: the first two or three of the front.",
)
@force_option
def command(front_path: Path, output: Path, metrics: tuple[str, ...], force: bool) -> None:
    """Draw FRONT.h5: its objective against one or two other metrics, the first ones of the front.

    A page, .html, opens in any browser, without network. A picture, .png, .svg or .pdf, is drawn by Chrome or Chromium,
    which has to be installed.
    """
    check_output(output, force, PICTURE, inputs=[front_path])
    require_extras("plot")
    from qabwnas.search.frontier import Frontier
    from qabwnas.visualization.pareto_front import plot_pareto_front
    from qabwnas.visualization.save import save_figure

    front = Frontier.open(front_path)
    save_figure(plot_pareto_front(front, metrics=metrics or None), output)
    click.echo(f"{output}: {len(front)} points of {', '.join(front.metric_names)}")
