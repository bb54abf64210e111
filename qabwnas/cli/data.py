"""``qabwnas data``: draw synthetic street scenes, and check a folder of images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from qabwnas.cli.command import Group, require_extras
from qabwnas.cli.output import force_option
from qabwnas.errors import InputError, QabwnasError

_DIRECTORY = click.Path(path_type=Path)
_PROGRESS_EVERY = 100


@click.group(name="data", cls=Group)
def command() -> None:
    """Draw synthetic street scenes, and check a folder of images."""


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
    for done in draw_missing(root, drawing, workers=workers, option="--workers"):
        if done % _PROGRESS_EVERY == 0:
            click.echo(f"{done} of {n_train + n_val} scenes", err=True)
    click.echo(f"{root}: {n_train} train and {n_val} val scenes of {width}×{height} pixels")


@command.command(name="check")
@click.argument("root", metavar="DIR", type=_DIRECTORY)
def check_command(root: Path) -> None:
    """Read all of DIR, a folder of Cityscapes or of images by class, and name everything that is wrong."""
    require_extras("train")
    from qabwnas.data.cityscapes_layout import IMAGES, LABELS

    has = {name: (root / name).is_dir() for name in (IMAGES, LABELS, "train", "val")}
    if root.is_dir() and not any(has.values()):
        raise InputError(
            f"{root}: has neither {IMAGES} and {LABELS} in it, as Cityscapes, nor train and val, as images by class"
        )
    is_images = (has["train"] or has["val"]) and not (has[IMAGES] or has[LABELS])
    problems = _check_images(root) if is_images else _check_scenes(root)
    if len(problems) == 1:
        raise problems[0]
    for problem in problems:
        click.echo(f"error: {problem}", err=True)
    if problems:
        raise InputError(f"{root}: {len(problems)} problems")


def _check_scenes(root: Path) -> list[QabwnasError]:
    from qabwnas.data.cityscapes_layout import check_scenes, survey_scenes

    listings = survey_scenes(root)
    _tell_passed_over(root, [path for listing in listings.values() for path in listing.passed_over])
    problems: list[QabwnasError] = []
    for split, listing in listings.items():
        n = len(listing.scenes)
        size, found = check_scenes(listing.scenes, _progress(split, n, "scenes"))
        problems += [*listing.problems, *found]
        if size and not (listing.problems or found):
            cities = len({scene.city for scene in listing.scenes})
            click.echo(f"{root}: {split}: {n} scenes of {size[0]}×{size[1]} pixels in {cities} cities")
    return problems


def _check_images(root: Path) -> list[QabwnasError]:
    from qabwnas.data.image_folder import check_images, survey_images

    listings = survey_images(root)
    _tell_passed_over(root, [path for listing in listings.values() for path in listing.passed_over])
    problems: list[QabwnasError] = []
    for split, listing in listings.items():
        n = len(listing.names)
        found = check_images(root, listing.names, _progress(split, n, "images"))
        problems += [*listing.problems, *found]
        if not (listing.problems or found):
            click.echo(f"{root}: {split}: {n} images in {len(listing.classes)} classes")
    return problems


def _tell_passed_over(root: Path, paths: list[str]) -> None:
    from qabwnas.data.folders import tell_passed_over

    if paths:
        click.echo(tell_passed_over(root, paths), err=True)


def _progress(split: str, n: int, what: str) -> Callable[[int], None]:
    def tell(done: int) -> None:
        if done % _PROGRESS_EVERY == 0:
            click.echo(f"{split}: {done} of {n} {what}", err=True)

    return tell
