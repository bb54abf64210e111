"""``qabwnas front``: build the exact front of a LUT."""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qabwnas.cli.command import Command
from qabwnas.cli.completion import complete_metrics
from qabwnas.cli.output import check_output, force_option
from qabwnas.cli.request_options import reference_option
from qabwnas.cli.scope_options import parse_scope, scope_options
from qabwnas.io.file_kinds import CSV, FRONT
from qabwnas.lut.importers.source import open_lut

if TYPE_CHECKING:
    from qabwnas.search.frontier import Frontier


@click.command(name="front", cls=Command)
@click.argument("lut_path", metavar="(LUT.h5|TABLE.csv)", type=click.Path(path_type=Path))
@click.option(
    "--minimize",
    metavar="METRIC,METRIC[,…]",
    required=True,
    shell_complete=complete_metrics,
    help="The metrics, or sums of them (size_bytes+macs); the first is the objective. Higher-is-better metrics "
    "are maximised, and others if given as -METRIC.",
)
@scope_options
@click.option(
    "--within",
    metavar="METRIC=LOW:HIGH",
    multiple=True,
    shell_complete=complete_metrics,
    help="Build only the part of the front within these bounds; each bound is optional, and may have a unit or be a "
    "share of the largest total: size_bytes=:60%.",
)
@reference_option
@click.option(
    "--epsilon",
    metavar="E",
    default="0",
    show_default=True,
    help="Keep far fewer points: for every budget, the best kept objective is at most 1 + E times the best.",
)
@click.option(
    "--max-memory",
    metavar="BYTES",
    default="4GiB",
    show_default=True,
    help="How much memory building may use. Beyond it, stop and print how far the front came.",
)
@click.option("-o", "--output", metavar="FRONT.h5", type=click.Path(path_type=Path), required=True)
@click.option(
    "--csv", "csv_path", metavar="FRONT.csv", type=click.Path(path_type=Path), help="Also write the front as CSV."
)
@click.option("--json", "as_json", is_flag=True, help="Print a summary as JSON.")
@force_option
def command(
    lut_path: Path,
    minimize: str,
    bits: tuple[str, ...],
    pin: tuple[str, ...],
    forbid: tuple[str, ...],
    weights: tuple[str, ...],
    weight_file: Path | None,
    skip_unmeasured: bool,
    within: tuple[str, ...],
    reference: str | None,
    epsilon: str,
    max_memory: str,
    output: Path,
    csv_path: Path | None,
    as_json: bool,
    force: bool,
) -> None:
    """Build the exact front of LUT.h5 over two or more metrics and write it to FRONT.h5.

    With --weight the first metric is weighted, and is called 'weighted METRIC'. List it a second time to have the plain
    metric too.
    """
    from qabwnas.cli.exact_json import dumps
    from qabwnas.lut.units import parse_quantity
    from qabwnas.search.frontier import Frontier

    files = [lut_path, *([weight_file] if weight_file is not None else [])]
    check_output(output, force, FRONT, inputs=files)
    if csv_path is not None:
        check_output(csv_path, force, CSV, inputs=files, outputs=[output])
    lut = open_lut(lut_path, for_command=True)
    started = time.perf_counter()
    front = Frontier.build(
        lut,
        [name.strip() for name in minimize.split(",")],
        scope=parse_scope(bits, pin, forbid, weights, weight_file, skip_unmeasured),
        within=_ranges(within, reference),
        epsilon=epsilon,
        max_memory=int(parse_quantity(max_memory, "max-memory_bytes")),
    )
    seconds = time.perf_counter() - started
    front.save(output)
    if csv_path is not None:
        front.save_csv(csv_path)
    if as_json:
        summary = {"status": "complete", "backend": front.backend, "seconds": seconds, "points": len(front)}
        summary |= {"epsilon": front.region.epsilon, "scope": front.scope.as_json() if front.scope is not None else {}}
        click.echo(dumps(summary | {"metrics": list(front.metric_names), **best_totals(front)}))
    else:
        click.echo(f"{len(front)} points ({front.backend}, {seconds * 1e3:.1f} ms), written to {output}")
        for extreme, totals in best_totals(front).items():
            for name, value in totals.items():
                click.echo(f"{extreme} {name}: {value:f}")


Bound = Decimal | str | None


def _ranges(texts: tuple[str, ...], reference: str | None) -> dict[str, tuple[Bound, Bound]]:
    ranges = {}
    for text in texts:
        metric, bounds = _range(text, reference)
        if metric in ranges:
            raise click.UsageError(f"--within {metric!r} is given twice")
        ranges[metric] = bounds
    if reference is not None and not any("%" in text for text in texts):
        raise click.UsageError("--reference is for a --within that is a share: METRIC=:60%")
    return ranges


def _range(text: str, reference: str | None) -> tuple[str, tuple[Bound, Bound]]:
    metric, equals, bounds = text.partition("=")
    low, colon, high = bounds.partition(":")
    if not equals or not colon:
        raise click.UsageError(f"--within {text!r} is not of the form METRIC=LOW:HIGH")
    return metric, (_bound(low, metric, reference), _bound(high, metric, reference))


def _bound(text: str, metric: str, reference: str | None) -> Bound:
    from qabwnas.lut.units import parse_quantity

    if text.rstrip().endswith("%") and reference is not None:
        return f"{text} of {reference}"
    if not text or "%" in text:  # the front takes shares
        return text or None
    return parse_quantity(text, metric.split("+")[0].removeprefix("-"))


def best_totals(front: Frontier) -> dict[str, dict[str, Decimal]]:
    """Return the ``smallest`` totals of metrics that are minimised, and the ``largest`` of those that are maximised."""
    best: dict[str, dict[str, Decimal]] = {"smallest": {}}
    for m, (metric, grid) in enumerate(zip(front.metrics, front.grids, strict=True)):
        units = int(front.units[:, m].min())
        if metric.higher_is_better:
            best.setdefault("largest", {})[metric.name] = grid.decimal(-units)
        else:
            best["smallest"][metric.name] = grid.decimal(units)
    return best
