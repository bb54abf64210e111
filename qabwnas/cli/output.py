"""Nothing is overwritten without ``--force``, and that is found out before any work is done."""

from __future__ import annotations

from pathlib import Path

import click

from qabwnas.errors import InputError

force_option = click.option("--force", is_flag=True, help="Overwrite what is already there.")


def check_output(path: Path, force: bool) -> None:
    """Check that a file can be written at ``path``.

    Raises:
        InputError: there is a file already and ``force`` is not given, a folder, or no folder to put it into.
    """
    if path.is_dir():
        raise InputError(f"{path}: is a folder")
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}")
    if path.exists() and not force:
        raise InputError(f"{path}: is already there; --force overwrites it")
