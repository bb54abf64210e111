"""``qabwnas front``: build the exact front of a LUT."""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qabwnas.cli.output import check_output, force_option

if TYPE_CHECKING:
    from qabwnas.search import Frontier


@click.command(name="front")
@click.argument("lut_path", metavar="LUT.h5", type=click.Path(path_type=Path))
@click.option("--minimize", metavar="METRIC,METRIC[,…]", required=True, help="The metrics; the first is the objective.")
@click.option("-o", "--output", metavar="FRONT.h5", type=click.Path(path_type=Path), required=True)
@click.option("--csv", "csv_path", metavar="FRONT.csv", type=click.Path(path_type=Path), help="Also write it as text.")
@click.option("--json", "as_json", is_flag=True, help="Print a summary as JSON.")
@force_option
def command(lut_path: Path, minimize: str, output: Path, csv_path: Path | None, as_json: bool, force: bool) -> None:
    """Build the exact front of LUT.h5 over two or more metrics and write it to FRONT.h5."""
    from qabwnas.cli.exact_json import dumps
    from qabwnas.lut.lut import Lut
    from qabwnas.search import Frontier
    from qabwnas.search.front_csv import write_front_csv

    for path in (output, csv_path):
        if path is not None:
            check_output(path, force)
    lut = Lut.open(lut_path)
    started = time.perf_counter()
    front = Frontier.build(lut, [name.strip() for name in minimize.split(",")])
    seconds = time.perf_counter() - started
    front.save(output, provenance=lut.provenance)
    if csv_path is not None:
        write_front_csv(front, csv_path)
    if as_json:
        summary = {"status": "complete", "backend": front.backend, "seconds": seconds, "points": len(front)}
        click.echo(dumps(summary | {"metrics": list(front.metric_names), "smallest": _smallest(front)}))
    else:
        click.echo(f"{len(front)} points ({front.backend}, {seconds * 1e3:.1f} ms), written to {output}")
        for name, value in _smallest(front).items():
            click.echo(f"smallest {name}: {value:f}")


def _smallest(front: Frontier) -> dict[str, Decimal]:
    return {
        metric.name: grid.decimal(int(front.units[:, m].min()))
        for m, (metric, grid) in enumerate(zip(front.metrics, front.grids, strict=True))
    }
