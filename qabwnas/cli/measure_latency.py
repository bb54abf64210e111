"""``qabwnas measure-latency``: measure the latency of candidates on this machine, in ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import click

from qabwnas.cli.bundle_options import bundle_options, read_tables
from qabwnas.cli.command import Command, require_extras
from qabwnas.cli.output import check_output, force_option
from qabwnas.io.atomic import written_path
from qabwnas.io.file_kinds import LATENCIES, PICTURE

_FILE = click.Path(path_type=Path)


@click.command(name="measure-latency", cls=Command)
@bundle_options
@click.option(
    "--device", metavar="NAME", required=True, help="The name of this machine; the metric is latency_ms[NAME]."
)
@click.option("-o", "--output", metavar="RESULTS.json", type=_FILE, required=True)
@click.option("--bundle", metavar="FOLDER", type=_FILE, help="Folder of models and samples.  [default: RESULTS.bundle]")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Threads of ONNX Runtime.")
@click.option(
    "--rounds", type=click.IntRange(min=1), default=200, show_default=True, help="The largest number of rounds."
)
@click.option(
    "--width",
    type=click.FloatRange(min=0, min_open=True),
    default=0.02,
    show_default=True,
    help="Stop measuring a model when the 95 % confidence interval of its median is within this fraction of it.",
)
@click.option(
    "--validate", "n_networks", metavar="N", type=click.IntRange(min=2), help="Also measure N random networks."
)
@click.option(
    "--plot",
    "picture",
    metavar="FILE.html",
    type=_FILE,
    help="With --validate: draw predicted against measured, as .html, .png, .svg or .pdf.",
)
@force_option
def command(
    lut_path: Path | None,
    space: str | None,
    bits: tuple[str, ...],
    device: str,
    output: Path,
    bundle: Path | None,
    threads: int,
    rounds: int,
    width: float,
    n_networks: int | None,
    picture: Path | None,
    force: bool,
) -> None:
    """Measure every distinct layer of the candidates of LUT.h5, or of --space, and write RESULTS.json.

    `qabwnas latency import` turns it into a metric. Samples are stored in FOLDER; after an interruption, the same
    command continues. --validate reports how well sums of layers predict whole networks, and which --margin a search
    should use.
    """
    if picture is not None and n_networks is None:
        raise click.UsageError("--plot needs --validate")
    require_extras("train", "deploy", *(["plot"] if picture is not None else []))
    from qabwnas.cli.stages import shown_progress
    from qabwnas.lut.device_results import device_name
    from qabwnas.pipeline.latency import Validation, measure, open_bundle

    def as_text(found: Validation) -> str:
        return (
            f"{found.statistic}: Kendall's τ {found.tau:.3f} between predicted and measured latency of "
            f"{len(found.measured_ms)} random networks; measured {found.bias:+.1%} on average; "
            f"--margin 'latency_ms[{device}]={found.margin:.1%}' would cover 95 % of them"
        )

    device_name(device, "--device")
    files = [Path(path) for path in (lut_path, space) if path is not None]
    check_output(output, force, LATENCIES, inputs=files)
    if picture is not None:
        check_output(picture, force, PICTURE, inputs=files, outputs=[output])
    folder = bundle or output.with_suffix(".bundle")
    open_bundle(*read_tables(lut_path, space, bits), folder, n_networks or 0)
    with shown_progress():
        validations, notes = measure(folder, written_path(output), device, threads=threads, rounds=rounds, width=width)
    for note in notes:
        click.echo(note, err=True)
    for found in validations:
        click.echo(as_text(found))
    if picture is not None:
        from qabwnas.visualization.latency import plot_latency
        from qabwnas.visualization.save import save_figure

        pairs = {found.statistic: (found.predicted_ms, found.measured_ms) for found in validations}
        save_figure(plot_latency(pairs), picture)
    click.echo(f"written to {output}")
