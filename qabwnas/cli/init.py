"""``qabwnas init``: a commented configuration and its space, to run as they are or to edit."""

from __future__ import annotations

from pathlib import Path

import click

from qabwnas.cli.command import Command
from qabwnas.cli.output import check_output, force_option
from qabwnas.io.file_kinds import YAML


@click.command(name="init", cls=Command)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--from",
    "name",
    metavar="NAME",
    default="digits",
    show_default=True,
    help="The example: digits (minutes on two cores), street-small (within an hour), cityscapes (a GPU for days).",
)
@force_option
def command(folder: Path, name: str, force: bool) -> None:
    """Write DIR/config.yaml and DIR/space.yaml, with comments. They run as they are."""
    from qabwnas.io.atomic import atomic_path
    from qabwnas.pipeline.config.examples import CONFIG_NAME, example_files

    files = {folder / file_name: text for file_name, text in example_files(name).items()}
    folder.mkdir(parents=True, exist_ok=True)
    for path in files:
        check_output(path, force, YAML)
    for path, text in files.items():
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
        click.echo(path)
    click.echo(f"next: qabwnas run {folder / CONFIG_NAME} --smoke", err=True)
