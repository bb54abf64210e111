"""``qabwnas status``: what is done in a run folder, and what is left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qabwnas.cli.command import Command, require_extras
from qabwnas.progress import duration

if TYPE_CHECKING:
    from qabwnas.pipeline.status import RunStatus, StageStatus

HEAD = ("stage", "state", "time", "size", "")


@click.command(name="status", cls=Command)
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--config",
    "config_path",
    metavar="CONFIG.yaml",
    type=click.Path(path_type=Path),
    help="Compare with this configuration, instead of the one that the run was started with.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folder: Path, config_path: Path | None, as_json: bool) -> None:
    """Show every stage of the run in the folder RUN: whether it is done, what is stale and why, times and sizes.

    A stage is stale if it was made with other settings, if its files were changed, or if a stage that it needs is not
    done. Shown as well: who works there now, and what the next run does.
    """
    require_extras("train")
    from qabwnas.pipeline.config.load import load_config
    from qabwnas.pipeline.status import run_status

    found = run_status(folder, None if config_path is None else load_config(config_path))
    click.echo(json.dumps(found.to_json(), indent=2, ensure_ascii=False) if as_json else _as_text(found))


def _as_text(status: RunStatus) -> str:
    rows = [HEAD, *(_cells(stage) for stage in status.stages)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD) - 1)]
    lines = []
    for name, state, time, size, why in rows:
        cells = (name.ljust(widths[0]), state.ljust(widths[1]), time.rjust(widths[2]), size.rjust(widths[3]), why)
        lines.append("  ".join(cells).rstrip())
    return "\n".join([*lines, "", *status.workers, f"next run: {status.next}"])


def _cells(stage: StageStatus) -> tuple[str, ...]:
    if stage.seconds is None:
        return stage.name, stage.state, "", "", "; ".join(stage.reasons)
    return stage.name, stage.state, duration(stage.seconds), _size(stage.size_bytes), "; ".join(stage.reasons)


def _size(n_bytes: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if n_bytes >= factor:
            return f"{n_bytes / factor:.1f} {unit}"
    return f"{n_bytes} B"
