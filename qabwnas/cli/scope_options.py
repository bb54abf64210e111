"""The options for scopes: which candidates a search may choose, and how much blocks count in the objective."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qabwnas.cli.completion import complete_blocks

if TYPE_CHECKING:
    from qabwnas.search.constraints.scope import Scope

Command = Callable[..., Any]

_OPTIONS = (
    click.option(
        "--bits",
        metavar="[BLOCK=]BITS[,BITS…]",
        multiple=True,
        shell_complete=complete_blocks,
        help="The bit widths that all blocks, or one block, may have: 8, w4a8, layer1=4,8; 'homogeneous': all blocks "
        "have the same; 'layer1,layer2=homogeneous': these blocks.",
    ),
    click.option(
        "--pin",
        metavar="[BLOCK[/LAYER]=]OPERATION",
        multiple=True,
        shell_complete=complete_blocks,
        help="Use only this operation in one layer (counted from 0), in all layers of a block, or in all layers: "
        "layer1/0=k3e6, layer1=k3e6, k3e6; or use one candidate: layer1=#17.",
    ),
    click.option(
        "--forbid",
        metavar="[BLOCK[/LAYER]=]OPERATION",
        multiple=True,
        shell_complete=complete_blocks,
        help="Do not use this operation or candidate; same notation as --pin.",
    ),
    click.option(
        "--weight",
        "weights",
        metavar="BLOCK=FACTOR",
        multiple=True,
        shell_complete=complete_blocks,
        help="How much a block counts in the objective, 0 or more; 1 if not given.",
    ),
    click.option(
        "--weight-file",
        metavar="WEIGHTS.json",
        type=click.Path(path_type=Path),
        help="Weights of blocks, written by 'qabwnas fit-weights'; --weight overrides them.",
    ),
    click.option(
        "--skip-unmeasured",
        is_flag=True,
        help="Leave out candidates that lack a value of the objective, or of a metric with a budget or of the front.",
    ),
)


def scope_options(command: Command) -> Command:
    """Add the options of a scope, from ``--bits`` to ``--skip-unmeasured``, for :func:`parse_scope`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def parse_scope(
    bits: tuple[str, ...],
    pin: tuple[str, ...],
    forbid: tuple[str, ...],
    weights: tuple[str, ...],
    weight_file: Path | None,
    skip_unmeasured: bool,
) -> Scope | None:
    """Return the scope of the option values; ``None`` if no option is given.

    Raises:
        click.UsageError: a weight does not have the form BLOCK=FACTOR, or a block has two weights.
        InputError: a factor is not a number of 0 or more.
        FormatError: the file is not a file of block weights.
    """
    if not (bits or pin or forbid or weights or weight_file or skip_unmeasured):
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
        from qabwnas.search.model.weights import load_weight_file

        factors = load_weight_file(weight_file) | factors
    return Scope(factors, bits, pin, forbid, skip_unmeasured)
