"""Stage 8: quantise and score the networks, and draw the front. Writes ``results.json`` and ``front.png``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from qabwnas.atomic import atomic_path
from qabwnas.measure.maps import block_maps
from qabwnas.nets.network import Network
from qabwnas.nets.quantise import quantise_network
from qabwnas.pipeline import front
from qabwnas.pipeline.answers import Found, load_answers
from qabwnas.pipeline.budgets import TEACHER_WIDTHS
from qabwnas.pipeline.config import Config
from qabwnas.pipeline.data import load_task
from qabwnas.pipeline.networks import load_network
from qabwnas.pipeline.stage import Stage, Workplace
from qabwnas.pipeline.teacher import load_teacher
from qabwnas.pipeline.teacher_network import teacher_costs
from qabwnas.quant.apply import quantise
from qabwnas.report.front import Mark, draw_front
from qabwnas.report.result import NothingFits, Result, Results
from qabwnas.search.frontier import Frontier
from qabwnas.space import FLOAT, BitWidths, Policy
from qabwnas.train.feed import images
from qabwnas.train.task import Task

RESULTS_NAME = "results.json"
PICTURE_NAME = "front.png"


def _settings(config: Config) -> dict[str, Any]:
    return {"task": config.task.name}


def _make(place: Workplace) -> list[str]:
    config = place.config
    task = load_task(config, place.folder)
    teacher = load_teacher(config, place.folder)
    rows = [
        *(_score_teacher(config, teacher, widths, task) for widths in _teacher_widths(config)),
        *(_score_found(place, found, task) for found in load_answers(place.folder)),
    ]
    results = Results(config.task.name, task.score_name, len(task.splits.test), config.seed, rows)
    with atomic_path(place.folder / RESULTS_NAME) as temporary:
        temporary.write_text(json.dumps(asdict(results), indent=2) + "\n", encoding="utf-8")
    _draw(Frontier.open(place.folder / front.FILE_NAME), rows, place.folder / PICTURE_NAME)
    return [RESULTS_NAME, PICTURE_NAME]


def _teacher_widths(config: Config) -> list[BitWidths]:
    """Return the bit widths that the teacher is scored at, widest first: also those that the search chooses from."""
    return sorted({FLOAT, TEACHER_WIDTHS, *config.space.bit_widths}, reverse=True)


def _teacher_name(widths: BitWidths) -> str:
    if widths.is_float:
        return "teacher FP32"
    return f"teacher INT{widths.weights}" if widths.weights == widths.activations else f"teacher {widths.name}"


def _score_teacher(config: Config, teacher: Network, widths: BitWidths, task: Task) -> Result:
    policy = Policy.homogeneous(widths, len(config.space.blocks))
    splits = task.splits
    calibration = images(splits.calibration)
    after = []
    if not widths.is_float:
        after = [task.score(quantise_network(teacher, policy, calibration), splits.test).value]
    return Result(
        name=_teacher_name(widths),
        blocks=[" ".join(operation.name for operation in block) for block in config.teacher.operations],
        widths=[] if widths.is_float else [widths.name] * len(config.space.blocks),
        size_bytes=teacher_costs(config, policy)["size_bytes"],
        nsr=0.0 if widths.is_float else _nsr(teacher, widths, calibration, images(splits.validation)),
        scores_before=[task.score(teacher, splits.test).value],
        scores_after=after,
    )


@torch.inference_mode()
def _nsr(teacher: Network, widths: BitWidths, calibration: list[Tensor], validation: list[Tensor]) -> float:
    """Return the sum of the blocks' NSRs that quantisation alone gives the teacher, measured as candidates are."""
    total = 0.0
    for b, block in enumerate(teacher.blocks):
        maps = block_maps(teacher, b, calibration, validation)
        quantised = quantise(block, widths, maps.calibration)
        total += maps.meter(quantised(batch) for batch in maps.validation)
    return total


def _score_found(place: Workplace, found: Found, task: Task) -> Result | NothingFits:
    config = place.config
    budgets = ", ".join(f"{metric} ≤ {bound}" for metric, bound in found.budgets.items())
    if found.codes is None:
        return NothingFits(budgets, _needed(found))
    networks = [load_network(config, place.folder, found.codes, n) for n in range(config.networks.n_seeds)]
    splits = task.splits
    calibration = images(splits.calibration)
    return Result(
        name=budgets,
        blocks=[block.describe(code) for block, code in zip(config.space.blocks, found.codes, strict=True)],
        widths=found.widths,
        size_bytes=float(found.totals["size_bytes"]),
        nsr=float(found.totals["nsr"]),
        scores_before=[task.score(network, splits.test).value for network in networks],
        scores_after=[
            task.score(quantise_network(network, found.policy, calibration), splits.test).value for network in networks
        ],
    )


def _needed(found: Found) -> str:
    """Return which single budget could be raised, and to what, so that a network fits."""
    least = [f"{metric} {value}" for metric, value in found.smallest.items() if value is not None]
    return "it would with " + " or ".join(least) if least else "no single budget is the cause"


def _draw(frontier: Frontier, rows: Iterable[Result | NothingFits], path: Path) -> None:
    """Draw the front with the networks of the run on it."""
    columns = {name: frontier.values(name) for name in frontier.metric_names}
    networks = [row for row in rows if isinstance(row, Result)]
    marks = [Mark(row.name, {"size_bytes": row.size_bytes, "nsr": row.nsr}) for row in networks]
    draw_front(columns, path, marks)


def load_results(folder: Path) -> Results:
    """Return the results of a finished run."""
    content = json.loads((folder / RESULTS_NAME).read_text(encoding="utf-8"))
    rows = [Result(**row) if "blocks" in row else NothingFits(**row) for row in content.pop("rows")]
    return Results(**content, rows=rows)


STAGE = Stage("report", ("data", "teacher", "supernet", "front", "answers", "networks"), _settings, _make)
