"""``qabwnas data``: draw synthetic street scenes, and check a folder of images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qabwnas.cli.command import Group, require_extras
from qabwnas.cli.output import force_option
from qabwnas.errors import InputError, QabwnasError

if TYPE_CHECKING:
    from qabwnas.data.folders import Listing

_DIRECTORY = click.Path(path_type=Path)
_PROGRESS_EVERY = 100


@click.group(name="data", cls=Group)
def command() -> None:
    """Draw synthetic street scenes, and check a folder of images."""


@command.command(name="synth")
@click.argument("root", metavar="DIR", type=_DIRECTORY)
@click.option("--train", "n_train", type=click.IntRange(min=1), required=True, help="Number of training scenes.")
@click.option(
    "--val", "n_val", type=click.IntRange(min=1), required=True, help="Number of test scenes, from other cities."
)
@click.option("--height", type=int, default=1024, show_default=True, help="Height of an image in pixels.")
@click.option("--width", type=int, default=2048, show_default=True, help="Width of an image in pixels.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Random seed.")
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Processes; 0 is this one.",
)
@force_option
def synth_command(
    root: Path, n_train: int, n_val: int, height: int, width: int, seed: int, workers: int, force: bool
) -> None:
    """Draw street scenes with exact labels into DIR, in Cityscapes' layout.

    The same options always draw the same pixels. Run the command again to complete an interrupted drawing.
    """
    require_extras("train")
    from qabwnas.data.street.dataset import Drawing, draw_missing, prepare_folder

    drawing = Drawing(n_train, n_val, height, width, seed)
    prepare_folder(root, drawing, force=force)
    report = _progress(f"{{}} of {n_train + n_val} scenes")
    for done in draw_missing(root, drawing, workers=workers, option="--workers"):
        report(done)
    click.echo(f"{root}: {n_train} train and {n_val} val scenes of {width}×{height} pixels")


@command.command(name="check")
@click.argument("root", metavar="DIR", type=_DIRECTORY)
def check_command(root: Path) -> None:
    """Read every file of DIR (Cityscapes, or images by class) and list everything that is wrong."""
    require_extras("train")
    from qabwnas.data.cityscapes_layout import IMAGES, LABELS, survey_scenes
    from qabwnas.data.folders import describe_skipped

    has = {name: (root / name).is_dir() for name in (IMAGES, LABELS, "train", "val")}
    if root.is_dir() and not any(has.values()):
        raise InputError(
            f"{root}: has neither {IMAGES} and {LABELS} (Cityscapes) nor train and val (one folder per class) in it"
        )
    listings: Mapping[str, Listing]
    if has[IMAGES] or has[LABELS] or not (has["train"] or has["val"]):
        listings = survey_scenes(root)
    else:
        from qabwnas.data.image_folder import survey_images  # loads torch

        listings = survey_images(root)
    skipped = [path for listing in listings.values() for path in listing.skipped]
    if skipped:
        click.echo(describe_skipped(root, skipped), err=True)
    problems: list[QabwnasError] = []
    for split, listing in listings.items():
        found, summary = listing.check(_progress(f"{split}: {{}} of {len(listing)} read"))
        problems += [*listing.problems, *found]
        if not (listing.problems or found):
            click.echo(f"{root}: {split}: {summary}")
    if len(problems) == 1:
        raise problems[0]
    for problem in problems:
        click.echo(f"error: {problem}", err=True)
    if problems:
        raise InputError(f"{root}: {len(problems)} problems")


def _progress(text: str) -> Callable[[int], None]:
    def report(done: int) -> None:
        if done % _PROGRESS_EVERY == 0:
            click.echo(text.format(done), err=True)

    return report
