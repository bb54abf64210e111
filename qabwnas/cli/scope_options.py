"""The options that say what a search may choose from, and how blocks count."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from qabwnas.search.constraints.scope import Scope

Command = Callable[..., Any]

_OPTIONS = (
    click.option(
        "--bits",
        metavar="[BLOCK=]BITS[,BITS…]",
        multiple=True,
        help="The bit widths that all blocks, or one, may have: 8, w4a8, layer1=4,8; 'homogeneous': the same in all.",
    ),
    click.option(
        "--pin",
        metavar="[BLOCK[/LAYER]=]OPERATION",
        multiple=True,
        help="Only that operation in a layer (from 0), in all of a block's layers, or in all there are: layer1/0=k3e6; "
        "or one candidate: layer1=#17.",
    ),
    click.option(
        "--forbid",
        metavar="[BLOCK[/LAYER]=]OPERATION",
        multiple=True,
        help="Not that operation, or candidate; named as in --pin.",
    ),
    click.option(
        "--weight",
        "weights",
        metavar="BLOCK=FACTOR",
        multiple=True,
        help="How much a block counts in the objective, 0 or more; 1 where nothing is said.",
    ),
    click.option(
        "--weight-file",
        metavar="WEIGHTS.json",
        type=click.Path(path_type=Path),
        help="Weights of blocks, as 'qabwnas fit-weights' writes them; --weight goes before.",
    ),
)


def scope_options(command: Command) -> Command:
    """Add ``--bits``, ``--pin``, ``--forbid``, ``--weight`` and ``--weight-file``, which :func:`parse_scope` takes."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def parse_scope(
    bits: tuple[str, ...],
    pin: tuple[str, ...],
    forbid: tuple[str, ...],
    weights: tuple[str, ...],
    weight_file: Path | None,
) -> Scope | None:
    """Return the scope of the options' values; ``None`` where none is given.

    Raises:
        click.UsageError: a weight is not of the form BLOCK=FACTOR, or a block has two.
        InputError: a factor is not a number of 0 or more.
        FormatError: the file is not one of weights.
    """
    if not (bits or pin or forbid or weights or weight_file):
        return None
    from qabwnas.search.constraints.scope import Scope

    factors: dict[str, str] = {}
    for text in weights:
        name, equals, factor = text.rpartition("=")
        if not equals or not name:
            raise click.UsageError(f"--weight {text!r} is not of the form BLOCK=FACTOR")
        if name in factors:
            raise click.UsageError(f"--weight {name!r} is given twice")
        factors[name] = factor
    if weight_file is not None:
        from qabwnas.search.model.weight_file import load_weight_file

        factors = load_weight_file(weight_file) | factors
    return Scope(factors, bits, pin, forbid)
