"""``qabwnas fit-weights``: fit weights of blocks to the networks of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qabwnas.cli.command import Command, require_extras
from qabwnas.cli.output import check_output, force_option
from qabwnas.cli.resource_options import make_resources, resource_options
from qabwnas.io.file_kinds import BLOCK_WEIGHTS

if TYPE_CHECKING:
    from qabwnas.pipeline.fit_weights import FittedWeights


@click.command(name="fit-weights", cls=Command)
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--evaluate",
    "n_evaluated",
    metavar="N",
    type=click.IntRange(min=1),
    help="Fit to N networks along the front with inherited weights, instead of the retrained networks.",
)
@click.option(
    "-o",
    "--output",
    metavar="WEIGHTS.json",
    type=click.Path(path_type=Path),
    help="[default: weights.json in RUN]",
)
@resource_options
@force_option
def command(folder: Path, n_evaluated: int | None, output: Path | None, force: bool, **resources: Any) -> None:
    """Fit block weights so that the weighted sum of NSRs predicts the score that networks have on the validation split.

    Needs at least 2 × blocks + 2 distinct networks. Prints how well the weights order networks that they were not
    fitted to. `qabwnas search LUT.h5 --weight-file WEIGHTS.json` uses the weights.
    """
    require_extras("train")
    import torch

    from qabwnas.cli.stages import N_THREADS
    from qabwnas.pipeline.fit_weights import fit_inherited, fit_retrained
    from qabwnas.search.model.weights import save_weight_file

    output = output or folder / "weights.json"
    check_output(output, force, BLOCK_WEIGHTS)
    torch.set_num_threads(N_THREADS)
    usable = make_resources(**resources)
    found = fit_retrained(folder, usable) if n_evaluated is None else fit_inherited(folder, n_evaluated, usable)
    weights = dict(zip(found.block_names, found.fit.weights, strict=True))
    taus = {name: getattr(found.fit, name) for name in ("tau_before", "tau_fitted", "tau_after")}
    origin = {"networks": found.networks, "n_networks": found.fit.n_networks, "score": found.score, **taus}
    save_weight_file(output, weights, "nsr", origin)
    click.echo(_as_text(found))
    click.echo(f"written to {output}")


def _as_text(found: FittedWeights) -> str:
    fit = found.fit
    width = max(len(name) for name in found.block_names)
    lines = [f"{name:<{width}}  {weight:f}" for name, weight in zip(found.block_names, fit.weights, strict=True)]
    lines.append(
        f"Kendall's τ between low NSR and high {found.score}, {fit.n_networks} {found.networks} networks: "
        f"{fit.tau_before:.2f} unweighted; weighted {fit.tau_fitted:.2f}, "
        f"and {fit.tau_after:.2f} on pairs that were left out of the fit"
    )
    if not fit.tau_after > fit.tau_before:
        lines.append("The weights order left-out networks no better than the plain sum; more networks may help.")
    return "\n".join(lines)
