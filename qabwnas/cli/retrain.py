"""``qabwnas retrain``: add the network of an answer to a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from qabwnas.cli.answer_options import answer_options, parse_answer
from qabwnas.cli.command import Command, require_extras
from qabwnas.cli.resource_options import make_resources, resource_options


@click.command(name="retrain", cls=Command)
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@answer_options
@resource_options
def command(run: Path, answer: str | None, row: int | None, choice: str | None, **resources: Any) -> None:
    """Retrain the network of an answer of RUN/lut.h5 as RUN retrains its own, and add it to RUN.

    Prints the name of the network, for `qabwnas export RUN --answer NAME`; `qabwnas report RUN` scores it. The LUT of
    the answer may have more columns than RUN/lut.h5, such as latencies. Run the same command again after an
    interruption. Under torchrun all processes train the network together.
    """
    chosen = parse_answer(answer, row, choice)
    require_extras("train")
    from qabwnas.cli.stages import stage_environment
    from qabwnas.pipeline.added import retrain_network
    from qabwnas.pipeline.execution.jobs import Resources
    from qabwnas.pipeline.execution.torchrun import run_distributed
    from qabwnas.pipeline.load import find_network

    def work(usable: Resources) -> None:
        click.echo(retrain_network(run, find_network(run, chosen, row), usable).network)

    with stage_environment():
        run_distributed(work, make_resources(**resources))
