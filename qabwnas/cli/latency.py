"""``qabwnas latency``: bring latencies of devices into a look-up table, a column a device."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from qabwnas.cli.bundle_options import bundle_options, read_tables
from qabwnas.cli.command import Group
from qabwnas.cli.extras import require_extras
from qabwnas.cli.output import check_output, force_option
from qabwnas.errors import InputError
from qabwnas.io.file_kinds import LUT

if TYPE_CHECKING:
    from qabwnas.lut.device_results import Statistic
    from qabwnas.lut.lut import Lut

_FILE = click.Path(path_type=Path)


@click.group(name="latency", cls=Group)
def command() -> None:
    """Bring latencies of devices into a look-up table, each as a metric of its own."""


@command.command(name="import")
@click.argument("results_path", metavar="RESULTS", type=_FILE)
@click.argument("lut_path", metavar="LUT.h5", type=_FILE)
@click.option("-o", "--output", metavar="NEW.h5", type=_FILE, required=True)
@click.option(
    "--statistic",
    type=click.Choice(["median", "fastest_quarter", "minimum"]),
    help="What to take of repeated runs: the median, unless said otherwise. Of a .json file only.",
)
@click.option("--device", metavar="NAME", help="What to call the device; of a .yaml table, which does not say it.")
@force_option
def import_command(
    results_path: Path, lut_path: Path, output: Path, statistic: Statistic | None, device: str | None, force: bool
) -> None:
    """Make NEW.h5 of LUT.h5 and RESULTS: with the metric latency_ms[NAME] beside the others.

    RESULTS is a .json file of what was measured on the device (qabwnas/lut/RESULTS.md), or once-for-all's .yaml table
    of operations, for a LUT with a space. What was not measured is left open.
    """
    from qabwnas.lut.device_results import add_results, read_results
    from qabwnas.lut.lut import Lut

    is_operations = results_path.suffix in (".yaml", ".yml")
    if is_operations and (device is None or statistic is not None):
        raise click.UsageError("a .yaml table of operations needs --device NAME, and takes no --statistic")
    if not is_operations and device is not None:
        raise click.UsageError("--device: a .json file of results says the device itself")
    check_output(output, force, LUT, inputs=[results_path])  # the LUT itself may get the column
    lut = Lut.open(lut_path)
    if device is not None:
        from qabwnas.lut.importers.ofa import add_operations

        lut = add_operations(lut, results_path, device)
    else:
        lut = add_results(lut, read_results(results_path), statistic or "median")
    lut.save(output)
    _say(output, lut)


@command.command(name="estimate")
@click.argument("lut_path", metavar="LUT.h5", type=_FILE)
@click.argument("device_source", metavar="DEVICE")
@click.option("-o", "--output", metavar="NEW.h5", type=_FILE, required=True)
@force_option
def estimate_command(lut_path: Path, device_source: str, output: Path, force: bool) -> None:
    """Make NEW.h5 of LUT.h5 with the metric estimate_ms[NAME]: a roofline's, for a device that cannot be measured.

    DEVICE is a .yaml file with peaks, bandwidth and overhead, or the name of one that comes with the package.
    """
    from qabwnas.costs.roofline import load_device
    from qabwnas.lut.columns import add_estimate
    from qabwnas.lut.lut import Lut

    check_output(output, force, LUT, inputs=[Path(device_source)])  # the LUT itself may get the column
    device = load_device(device_source)
    lut = add_estimate(Lut.open(lut_path), device)
    lut.save(output)
    _say(output, lut)


@command.command(name="export-bundle")
@bundle_options
@click.option("-o", "--output", metavar="FOLDER", type=_FILE, required=True)
def export_bundle_command(lut_path: Path | None, space: str | None, bits: tuple[str, ...], output: Path) -> None:
    """Write FOLDER: ONNX models of all distinct layers of LUT.h5 or --space, a manifest, and run.py to measure them.

    On the device, with Python 3.6, onnxruntime 1.7 and numpy, or newer: python run.py --device NAME -o RESULTS.json
    """
    require_extras("train", "deploy")
    from qabwnas.pipeline.latency import open_bundle

    if output.exists():
        raise InputError(f"{output}: is already there")
    open_bundle(*read_tables(lut_path, space, bits), output, 0)
    click.echo(f"{output}: {len(list((output / 'models').iterdir()))} models; run.py measures them")


def _say(output: Path, lut: Lut) -> None:
    metric = lut.metrics[-1]
    n_candidates = sum(block.n_candidates for block in lut.blocks)
    masks = [block.measured(metric.name) for block in lut.blocks]
    n_open = sum(int((~mask).sum()) for mask in masks if mask is not None)
    parts = [f"{metric.name} of {n_candidates - n_open} of {n_candidates} candidates"]
    parts.append("no fixed part" if metric.fixed is None else f"fixed part {metric.fixed:g} ms")
    click.echo(f"{output}: {', '.join(parts)}")
