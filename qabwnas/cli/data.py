"""``qabwnas data``: draw synthetic street scenes, and check a folder of Cityscapes."""

from __future__ import annotations

from pathlib import Path

import click

from qabwnas.cli.command import Group
from qabwnas.cli.extras import require_extras
from qabwnas.cli.output import force_option

_DIRECTORY = click.Path(path_type=Path)
_PROGRESS_EVERY = 100


@click.group(name="data", cls=Group)
def command() -> None:
    """Draw synthetic street scenes, and check a folder of Cityscapes."""


@command.command(name="synth")
@click.argument("root", metavar="DIR", type=_DIRECTORY)
@click.option("--train", "n_train", type=click.IntRange(min=1), required=True, help="Scenes to train with.")
@click.option("--val", "n_val", type=click.IntRange(min=1), required=True, help="Scenes to test with, of other cities.")
@click.option("--height", type=int, default=1024, show_default=True, help="Rows of an image.")
@click.option("--width", type=int, default=2048, show_default=True, help="Columns of an image.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of everything random.")
@click.option("--workers", type=click.IntRange(min=0), default=0, show_default=True, help="Processes; 0: this one.")
@force_option
def synth_command(
    root: Path, n_train: int, n_val: int, height: int, width: int, seed: int, workers: int, force: bool
) -> None:
    """Draw street scenes with exact labels into DIR, in Cityscapes' layout.

    The same numbers draw the same pixels. A drawing that was interrupted is completed by the same command.
    """
    require_extras("train")
    from qabwnas.data.street.dataset import Drawing, draw_missing, prepare_folder

    drawing = Drawing(n_train, n_val, height, width, seed)
    prepare_folder(root, drawing, force=force)
    for done in draw_missing(root, drawing, workers=workers):
        if done % _PROGRESS_EVERY == 0:
            click.echo(f"{done} of {n_train + n_val} scenes", err=True)
    click.echo(f"{root}: {n_train} train and {n_val} val scenes of {width}×{height} pixels")


@command.command(name="check")
@click.argument("root", metavar="DIR", type=_DIRECTORY)
def check_command(root: Path) -> None:
    """Read all of DIR, a folder of Cityscapes, and name the first thing that is wrong."""
    require_extras("train")
    from qabwnas.data.cityscapes_layout import SPLITS, check_scenes, list_scenes

    listed = {split: list_scenes(root, split) for split in SPLITS}
    for split, scenes in listed.items():
        width, height = 0, 0
        for number, (width, height) in enumerate(check_scenes(scenes), start=1):  # noqa: B007 - the last one is printed
            if number % _PROGRESS_EVERY == 0:
                click.echo(f"{split}: {number} of {len(scenes)} scenes", err=True)
        cities = len({scene.city for scene in scenes})
        click.echo(f"{root}: {split}: {len(scenes)} scenes of {width}×{height} pixels in {cities} cities")
