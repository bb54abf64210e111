"""Options of commands that build the candidates of a LUT or a space: which one, and at which bit widths."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from qabwnas.deploy.bundle import Tables
    from qabwnas.space import BitWidths, SearchSpace

F = TypeVar("F", bound=Callable[..., Any])

_PARAMETERS = (
    click.argument("lut_path", metavar="[LUT.h5]", type=click.Path(path_type=Path), required=False),
    click.option("--space", metavar="SPACE", help="A preset or a .yaml file, instead of a LUT."),
    click.option(
        "--bits",
        metavar="WIDTHS",
        multiple=True,
        help="With --space: bit widths such as 8, w4a8 or 32 (float) instead of the space's; repeatable.",
    ),
)


def bundle_options(command: F) -> F:
    """Add the parameters ``lut_path``, ``space`` and ``bits`` to a command."""
    for parameter in reversed(_PARAMETERS):
        command = parameter(command)
    return command


def read_tables(
    lut_path: Path | None, space: str | None, bits: tuple[str, ...]
) -> tuple[SearchSpace, Tables, BitWidths]:
    """Return the space of the LUT or of ``space``, and the bit widths of its tables, of stem and head.

    Raises:
        click.UsageError: not exactly one of LUT and space is given, or bit widths together with a LUT.
        InputError: as the readers of both.
    """
    from qabwnas.lut.lut import Lut
    from qabwnas.pipeline.bundle_tables import tables_of_lut, tables_of_space
    from qabwnas.space import INT8, BitWidths
    from qabwnas.space.yaml import load_space

    if (lut_path is None) == (space is None):
        raise click.UsageError("give either LUT.h5 or --space")
    if lut_path is not None:
        if bits:
            raise click.UsageError("--bits: a LUT has its own bit widths")
        return tables_of_lut(Lut.open(lut_path))
    assert space is not None
    read = load_space(space)
    return read, tables_of_space(read, [BitWidths.parse(text) for text in bits]), INT8
