"""``qabwnas latency``: add latencies of devices to a look-up table, one column per device."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from qabwnas.cli.bundle_options import bundle_options, read_tables
from qabwnas.cli.command import Group, require_extras
from qabwnas.cli.output import check_output, force_option
from qabwnas.errors import InputError
from qabwnas.io.file_kinds import LUT

if TYPE_CHECKING:
    from qabwnas.lut.device_results import Statistic
    from qabwnas.lut.lut import Lut

_FILE = click.Path(path_type=Path)


@click.group(name="latency", cls=Group)
def command() -> None:
    """Add latencies of devices to a look-up table, one metric per device."""


@command.command(name="import")
@click.argument("results_path", metavar="RESULTS", type=_FILE)
@click.argument("lut_path", metavar="LUT.h5", type=_FILE)
@click.option("-o", "--output", metavar="NEW.h5", type=_FILE, required=True)
@click.option(
    "--statistic",
    type=click.Choice(["median", "fastest_quarter", "minimum"]),
    help="The statistic of repeated runs; for a .json file only.  [default: median]",
)
@click.option("--device", metavar="NAME", help="The name of the device; for a .yaml table, which does not have it.")
@force_option
def import_command(
    results_path: Path, lut_path: Path, output: Path, statistic: Statistic | None, device: str | None, force: bool
) -> None:
    """Make NEW.h5 from LUT.h5 and RESULTS, with the additional metric latency_ms[NAME].

    RESULTS is a .json file of latencies that were measured on the device (qabwnas/lut/RESULTS.md), or once-for-all's
    .yaml table of operations, for a LUT with a space. Candidates that were not measured are masked.
    """
    from qabwnas.lut.device_results import add_results, read_results
    from qabwnas.lut.lut import Lut

    is_operations = results_path.suffix in (".yaml", ".yml")
    if is_operations and (device is None or statistic is not None):
        raise click.UsageError("a .yaml table of operations needs --device NAME, and takes no --statistic")
    if not is_operations and device is not None:
        raise click.UsageError("--device: a .json file of results already names the device")
    check_output(output, force, LUT, inputs=[results_path])  # the output may replace the LUT
    lut = Lut.open(lut_path)
    if device is not None:
        from qabwnas.lut.importers.ofa import add_operations

        lut = add_operations(lut, results_path, device)
    else:
        lut = add_results(lut, read_results(results_path), statistic or "median")
    lut.save(output)
    _print_summary(output, lut)


@command.command(name="estimate")
@click.argument("lut_path", metavar="LUT.h5", type=_FILE)
@click.argument("device_source", metavar="DEVICE")
@click.option("-o", "--output", metavar="NEW.h5", type=_FILE, required=True)
@force_option
def estimate_command(lut_path: Path, device_source: str, output: Path, force: bool) -> None:
    """Make NEW.h5 from LUT.h5, with the metric estimate_ms[NAME]: a roofline, for a device that cannot be measured.

    DEVICE is a .yaml file with peaks, bandwidth and overhead, or the name of one that comes with the package.
    """
    from qabwnas.costs.roofline import load_device
    from qabwnas.lut.columns import add_estimate
    from qabwnas.lut.lut import Lut

    check_output(output, force, LUT, inputs=[Path(device_source)])  # the output may replace the LUT
    device = load_device(device_source)
    lut = add_estimate(Lut.open(lut_path), device)
    lut.save(output)
    _print_summary(output, lut)


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


def _print_summary(output: Path, lut: Lut) -> None:
    metric = lut.metrics[-1]
    n_candidates = sum(block.n_candidates for block in lut.blocks)
    masks = [block.measured(metric.name) for block in lut.blocks]
    n_masked = sum(int((~mask).sum()) for mask in masks if mask is not None)
    fixed = "no fixed part" if metric.fixed is None else f"fixed part {metric.fixed:g} ms"
    click.echo(f"{output}: {metric.name} of {n_candidates - n_masked} of {n_candidates} candidates, {fixed}")
