"""``qabwnas lut``: import, export, merge, describe and check look-up tables."""

from __future__ import annotations

import functools
import operator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qabwnas.cli.command import Group
from qabwnas.cli.output import check_output, force_option
from qabwnas.cli.table_options import assignments, parse_layout, table_options
from qabwnas.io.file_kinds import LUT, TABLE

if TYPE_CHECKING:
    from qabwnas.lut.content import LutContent
    from qabwnas.lut.lut import Lut

_FILE = click.Path(path_type=Path)


@click.group(name="lut", cls=Group)
def command() -> None:
    """Import, export, merge, describe and check look-up tables."""


@command.command(name="import")
@click.argument("table_paths", metavar="TABLE...", type=_FILE, nargs=-1, required=True)
@click.option("-o", "--output", metavar="LUT.h5", type=_FILE, required=True)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["csv", "parquet", "spaceevo", "dna", "ofa", "hawq"]),
    help="The format of the table.  [default: csv or parquet, from the file's suffix]",
)
@click.option("--device", metavar="NAME", help="Name the latency latency_ms[NAME] (spaceevo, ofa, hawq).")
@click.option("--resolution", type=click.IntRange(min=1), help="Import the rows of this image size (spaceevo).")
@click.option(
    "--aggregate",
    "aggregations",
    metavar="METRIC=max",
    multiple=True,
    help="The total is the maximum over blocks, not the sum.",
)
@click.option(
    "--fixed", "fixed_parts", metavar="METRIC=VALUE", multiple=True, help="What stem and head add; a unit is allowed."
)
@click.option(
    "--higher-is-better", metavar="METRIC", multiple=True, help="Searches and fronts maximise this metric: an accuracy."
)
@table_options
@force_option
def import_command(
    table_paths: tuple[Path, ...],
    output: Path,
    format_name: str | None,
    device: str | None,
    resolution: int | None,
    aggregations: tuple[str, ...],
    fixed_parts: tuple[str, ...],
    higher_is_better: tuple[str, ...],
    force: bool,
    **layout: Any,
) -> None:
    """Make LUT.h5 from a table.

    Your own table is CSV (.csv, .tsv, .txt, also compressed) or Parquet with the columns block, candidate, optionally
    bits and choice_description, and one column per metric. Other names, other numbers: the options below;
    docs/tables.md shows tables of spreadsheets, pandas, R and databases. Tables of other programs: SpaceEvo's block
    tables and DNA's potential-*.yaml (a folder, or one file per stage), once-for-all's latency YAML, and HAWQ's
    sensitivities per layer as CSV.
    """
    from qabwnas.lut.exchange.text_table import nearest_number
    from qabwnas.lut.importers.formats import import_table
    from qabwnas.lut.importers.inputs import ImportOptions
    from qabwnas.lut.table import AGGREGATIONS, Aggregation
    from qabwnas.lut.units import parse_quantity

    aggregate: dict[str, Aggregation] = {}
    for name, text in assignments("--aggregate", aggregations).items():
        known = [aggregation for aggregation in AGGREGATIONS if aggregation == text]
        if not known:
            raise click.UsageError(f"--aggregate {name}={text}: neither {' nor '.join(AGGREGATIONS)}")
        aggregate[name] = known[0]
    fixed = {
        name: nearest_number(f"--fixed {name}", parse_quantity(text, name))
        for name, text in assignments("--fixed", fixed_parts).items()
    }
    check_output(output, force, LUT, inputs=table_paths)
    options = ImportOptions(aggregate, fixed, device, resolution, parse_layout(**layout), higher_is_better)
    lut = import_table(table_paths, format_name, options)
    lut.save(output)
    click.echo(f"{output}: {_summary(lut)}")


@command.command(name="export")
@click.argument("lut_path", metavar="LUT.h5", type=_FILE)
@click.option("-o", "--output", metavar="TABLE.(csv|parquet)", type=_FILE, required=True)
@force_option
def export_command(lut_path: Path, output: Path, force: bool) -> None:
    """Write LUT.h5 as TABLE in the format of its suffix: .csv, .csv.gz or .parquet.

    TABLE has everything in LUT.h5, and `qabwnas lut import` reads it back as an equal LUT. The first line of CSV, which
    begins with #, has what rows do not say (pandas skips it with comment='#').
    """
    from qabwnas.lut.importers.formats import export_table
    from qabwnas.lut.lut import Lut

    check_output(output, force, TABLE, inputs=[lut_path])
    lut = Lut.open(lut_path)
    export_table(lut, output)
    click.echo(f"{output}: {_summary(lut)}")


@command.command(name="merge")
@click.argument("shard_paths", metavar="SHARD.h5...", type=_FILE, nargs=-1, required=True)
@click.option("-o", "--output", metavar="LUT.h5", type=_FILE, required=True)
@force_option
def merge_command(shard_paths: tuple[Path, ...], output: Path, force: bool) -> None:
    """Merge shards that `qabwnas populate --shard` has measured: LUT.h5 has the rows of all.

    They must be measured with the same networks, data and settings. Rows in more than one shard must be equal.
    """
    from qabwnas.lut.lut import Lut
    from qabwnas.lut.merge import merge_luts

    check_output(output, force, LUT)  # the output may replace a shard
    lut = merge_luts((str(path), Lut.open(path)) for path in shard_paths)
    lut.save(output)
    click.echo(f"{output}: {_summary(lut)}{_holes(lut)}")


@command.command(name="info")
@click.argument("lut_path", metavar="(LUT.h5|FRONT.h5)", type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info_command(lut_path: Path, as_json: bool) -> None:
    """Describe LUT.h5: blocks, metrics and their ranges, the space, and the provenance.

    A front (FRONT.h5) is described too: its points, the ranges of its metrics, its region and its scope.
    """
    import json

    from qabwnas.cli.lut_info import as_text, describe
    from qabwnas.search.front.file import is_front

    if is_front(lut_path):
        from qabwnas.cli.exact_json import dumps
        from qabwnas.cli.front_info import describe_front, front_as_text

        front_info = describe_front(lut_path)
        click.echo(dumps(front_info) if as_json else front_as_text(front_info))
        return
    info = describe(lut_path)
    click.echo(json.dumps(info, indent=2, ensure_ascii=False) if as_json else as_text(info))


@command.command(name="validate")
@click.argument("lut_path", metavar="LUT.h5", type=_FILE)
def validate_command(lut_path: Path) -> None:
    """Read all of LUT.h5 and report the first error."""
    from qabwnas.lut.hdf5.store import validate_lut

    click.echo(f"{lut_path}: valid: {_summary(validate_lut(lut_path))}")


def _holes(lut: Lut) -> str:
    """Return how many candidates have metrics that were not measured, as text; empty if none."""
    masks = [[m for name in lut.metric_names if (m := block.measured(name)) is not None] for block in lut.blocks]
    n_holes = sum(int((~functools.reduce(operator.and_, of_block)).sum()) for of_block in masks if of_block)
    return f"; {n_holes} candidates not measured" if n_holes else ""


def _summary(lut: LutContent) -> str:
    n_candidates = sum(block.n_candidates for block in lut.blocks)
    return f"{len(lut.blocks)} blocks, {n_candidates} candidates, metrics {', '.join(lut.metric_names)}"
