"""``qabwnas export``: write a network of a run as an ONNX model that ONNX Runtime executes with integers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from qabwnas.cli.answer_options import answer_options, parse_answer
from qabwnas.cli.command import Command, require_extras
from qabwnas.cli.output import force_option
from qabwnas.errors import InputError


@click.command(name="export", cls=Command)
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@answer_options
@click.option(
    "--retraining",
    "n",
    metavar="N",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Which of its retrainings, if there are several.",
)
@click.option(
    "-o", "--output", metavar="FOLDER", type=click.Path(path_type=Path), required=True, help="The folder for the files."
)
@click.option("--json", "as_json", is_flag=True, help="Print the card as JSON.")
@force_option
def command(
    run: Path,
    answer: str | None,
    row: int | None,
    choice: str | None,
    n: int,
    output: Path,
    as_json: bool,
    force: bool,
) -> None:
    """Write a retrained network of RUN as FOLDER/model.onnx, weights.safetensors and card.json.

    The model has the bit widths that the search chose; a part of an external teacher that does not consist of
    operators stays float. Before it is written, it is run in ONNX Runtime: its outputs,
    score and size are compared with the simulation and the prediction, and a mismatch is an error.
    """
    chosen = parse_answer(answer, row, choice)
    require_extras("train", "deploy")
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}: not a folder")
    if output.is_dir() and any(output.iterdir()) and not force:
        raise InputError(f"{output}: is not empty; --force writes into it")
    import torch

    from qabwnas.cli.stages import N_THREADS
    from qabwnas.pipeline.export import export_answer

    torch.set_num_threads(N_THREADS)
    card = export_answer(run, chosen, n, output, row)
    click.echo(json.dumps(card, indent=2, ensure_ascii=False) if as_json else _as_text(card, output))


def _as_text(card: dict[str, Any], output: Path) -> str:
    blocks = "; ".join(f"{block['operations']} {block['bits']}" for block in card["blocks"])
    size, scores, outputs = card["size"], card["scores"], card["outputs"]
    difference = outputs["from_fake_quantised"]
    return "\n".join(
        [
            f"{output}: {card['name']}: {blocks}",
            f"{scores['name']} on {scores['n_test_images']} test images: {scores['onnxruntime']:.2%} in ONNX Runtime, "
            f"{scores['fake_quantised']:.2%} fake-quantised (standard error {scores['standard_error']:.2%})",
            f"outputs on {outputs['n_calibration_images']} calibration images: {difference['within_a_step']:.2%} are "
            f"within a quantisation step of the fake-quantised network's, {difference['mean']:.2g} away on average "
            f"and {difference['largest']:.2g} at most",
            f"size: {size['packed_bytes']} bytes as predicted; {size['stored_bytes']} in 8-bit containers, "
            f"{size['file_bytes']} with the description of the graph",
            *(
                f"{part['path']} stays float (32 bits) in the model, of opset {card['opset']}: {part['reason']}"
                for part in card["float_parts"]
            ),
        ]
    )
