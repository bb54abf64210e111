"""Stage 9: quantise and score the networks.

Writes ``results.json``, ``paired.safetensors`` and, for tasks with classes, ``examples.safetensors``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from qabwnas.costs import encoder_costs
from qabwnas.io.atomic import atomic_path
from qabwnas.lut.lut import Lut
from qabwnas.measure.teacher_nsr import teacher_nsrs
from qabwnas.nets.network import Network
from qabwnas.nets.quantise import quantise_network
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.config.teacher import ModuleTeacher
from qabwnas.pipeline.stages.answers import FoundNetwork, load_answers
from qabwnas.pipeline.stages.budgets import TEACHER_WIDTHS, further_metrics, teacher_totals
from qabwnas.pipeline.stages.control import control_name, control_networks, teacher_name, teacher_widths
from qabwnas.pipeline.stages.data import load_task
from qabwnas.pipeline.stages.examples import ExampleImages
from qabwnas.pipeline.stages.latency import searched_lut
from qabwnas.pipeline.stages.networks import calibration_images, load_network, load_qat
from qabwnas.pipeline.stages.quantisation import network_settings, ptq_settings
from qabwnas.pipeline.stages.stage import Stage, StageContext
from qabwnas.pipeline.stages.teacher import load_teacher
from qabwnas.pipeline.stages.teacher_network import measured_parts, teacher_costs
from qabwnas.progress import activity
from qabwnas.report.paired import Scores, paired_difference, read_scores, write_scores
from qabwnas.report.result import CONTROL, NOT_FOUND, TEACHER, NothingFits, Result, Results
from qabwnas.space import FLOAT, BitWidths, Policy
from qabwnas.train.tasks import Score, Task

RESULTS_NAME = "results.json"
PAIRED_NAME = "paired.safetensors"
"""The scores of every network without one test image each."""
N_LINES = 4
REFERENCES = (teacher_name(TEACHER_WIDTHS), control_name(TEACHER_WIDTHS))
"""The networks that all others are compared with: the 8-bit teacher, as it is and retrained."""
Ask = Callable[[str, Network], None]
"""Is called with the name of a network and the network."""


def _settings(config: Config) -> dict[str, Any]:
    return {"task": config.task.name, **network_settings(config)}


def _make(context: StageContext) -> list[str]:
    config, folder = context.config, context.folder
    task = load_task(config, folder)
    teacher = load_teacher(config, folder).to(context.resources.device)
    networks = [*control_networks(config), *load_answers(folder)]
    scores: dict[str, Scores] = {}
    examples = ExampleImages.of(task)
    with activity("report", len(teacher_widths(config)) + len(networks), "networks", n_lines=N_LINES) as shown:
        rows: list[Result | NothingFits] = []
        for row, without in _scored(context, teacher, networks, task, examples.ask):
            rows.append(row)
            if isinstance(row, Result) and without is not None:
                scores[row.key] = without
            shown.advance()
    references = [row for row in rows if isinstance(row, Result) and row.name in REFERENCES]
    rows = [compared(row, references, scores) if isinstance(row, Result) else row for row in rows]
    n_test, fixed = len(task.splits.test), config.fixed_bits.name
    results = Results(config.task.name, task.score_name, n_test, config.seed, rows, fixed)
    write_scores(folder / PAIRED_NAME, scores)
    with atomic_path(folder / RESULTS_NAME) as temporary:
        temporary.write_text(json.dumps(results.to_json(), indent=2) + "\n", encoding="utf-8")
    return [RESULTS_NAME, PAIRED_NAME, *examples.write(folder)]


def compared(row: Result, references: Sequence[Result], scores: Mapping[str, Scores]) -> Result:
    """Return a result with its differences to ``references``; ``scores`` are without one image each, by network."""
    differences = {}
    for other in references:
        if other.key != row.key and {row.key, other.key} <= scores.keys():
            name = other.name if other.family in NOT_FOUND else other.key  # several may have the same budgets
            found = paired_difference(row.final_score, scores[row.key], other.final_score, scores[other.key])
            differences[name] = list(found)
    return replace(row, differences=differences)


def load_scores(folder: Path) -> dict[str, Scores]:
    """Return the scores without one image each, by network; none of a report of an earlier version."""
    path = folder / PAIRED_NAME
    return read_scores(path) if path.exists() else {}


def _scored(
    context: StageContext, teacher: Network, networks: Sequence[FoundNetwork], task: Task, ask: Ask
) -> Iterator[tuple[Result | NothingFits, Scores | None]]:
    """Give the results of the teacher and of the networks, one after the other, with the scores of :func:`compared`."""
    yield from _score_teacher(context, teacher, task, ask)
    for found in networks:
        yield score_found(context, found, task, ask)


def _score_teacher(
    context: StageContext, teacher: Network, task: Task, ask: Ask
) -> Iterator[tuple[Result, Scores | None]]:
    """Give the teacher's results in float and at all bit widths of blocks, with stem and head as found networks."""
    config, splits = context.config, task.splits
    n_blocks, device, settings = len(config.space.blocks), context.resources.device, ptq_settings(config)
    lut = searched_lut(config, context.folder)
    quantised = [widths for widths in teacher_widths(config) if not widths.is_float]
    names = [block.name for block in config.space.blocks]
    nsrs = teacher_nsrs(teacher, names, splits.calibration, splits.validation, quantised, settings)
    in_float = _score(context, task, teacher)
    ask(teacher_name(FLOAT), teacher)
    yield _teacher_result(config, FLOAT, [0.0] * n_blocks, in_float, None, lut), in_float.leave_one_out
    for widths in quantised:
        policy = Policy((widths,) * n_blocks, config.fixed_bits)
        network = quantise_network(teacher, policy, calibration_images(task, device), settings)
        score = _score(context, task, network)
        ask(teacher_name(widths), network)
        yield _teacher_result(config, widths, nsrs[widths], in_float, score, lut), score.leave_one_out


def _teacher_result(
    config: Config, widths: BitWidths, nsrs: list[float], in_float: Score, quantised: Score | None, lut: Lut
) -> Result:
    return Result(
        name=teacher_name(widths),
        family=TEACHER,
        nsrs=nsrs,
        scores_before=[in_float.value],
        scores_after=[] if quantised is None else [quantised.value],
        standard_error=(quantised or in_float).standard_error,
        **_teacher_description(config, widths, lut),
    )


def _teacher_description(config: Config, widths: BitWidths, lut: Lut) -> dict[str, Any]:
    """Return what a result says of the teacher's form: blocks, bit widths, sizes, totals."""
    fixed = FLOAT if widths.is_float else config.fixed_bits
    return {
        "blocks": _teacher_blocks(config),
        "widths": [] if widths.is_float else [widths.name] * len(config.space.blocks),
        "size_bytes": teacher_costs(config, widths, fixed)["size_bytes"],
        "encoder_bytes": teacher_costs(config, widths, fixed, encoder=True)["size_bytes"],
        "totals": {metric: float(total) for metric, total in teacher_totals(config, lut, widths).items()},
    }


def _teacher_blocks(config: Config) -> list[str]:
    """Return the table's text for every block: its operations, or the border at the end of a module's block."""
    if isinstance(config.teacher, ModuleTeacher):
        return list(config.teacher.borders[1:])
    return [" ".join(operation.name for operation in block) for block in config.teacher.operations]


def score_found(
    context: StageContext, found: FoundNetwork, task: Task, ask: Ask | None = None
) -> tuple[Result | NothingFits, Scores | None]:
    """Score a retrained network in float, quantised and after QAT; or say what would fit if nothing was found.

    Also return the scores for :func:`compared`: means over the retrainings. ``ask`` gets the quantised network of the
    first retraining.
    """
    config = context.config
    if found.codes is None:
        return NothingFits(found.name, _needed(found)), None
    before: list[Score] = []
    after: list[Score] = []
    qat: list[Score] = []
    for n in range(config.networks.seeds):
        network = load_network(config, context.folder, found, n).to(context.resources.device)
        calibration = calibration_images(task, context.resources.device)
        before.append(_score(context, task, network))
        final = quantise_network(network, found.policy, calibration, ptq_settings(config))
        after.append(_score(context, task, final))
        if config.networks.qat is not None:
            final = load_qat(config, context.folder, network, found, n, calibration)
            qat.append(_score(context, task, final))
        if n == 0 and ask is not None:
            ask(found.network or found.name, final)
    deployed = qat or after
    result = Result(
        name=found.name,
        family=found.family,
        nsrs=found.nsrs,
        scores_before=[score.value for score in before],
        scores_after=[score.value for score in after],
        scores_qat=[score.value for score in qat],
        standard_error=mean(score.standard_error for score in deployed),
        network=found.network,
        **_description(context, found),
    )
    without = [score.leave_one_out for score in deployed if score.leave_one_out is not None]
    return result, np.mean(without, axis=0) if len(without) == len(deployed) else None


def _description(context: StageContext, found: FoundNetwork) -> dict[str, Any]:
    """Return what a result says of a network's form: blocks, bit widths, sizes, totals."""
    config, blocks = context.config, context.config.space.blocks
    if found.family == CONTROL:
        lut = searched_lut(config, context.folder)
        return _teacher_description(config, BitWidths.parse(found.widths[0]), lut)
    assert found.codes is not None, "nothing was found"
    operations = [block.decode(code) for block, code in zip(blocks, found.codes, strict=True)]
    return {
        "blocks": [block.describe(code) for block, code in zip(blocks, found.codes, strict=True)],
        "widths": found.widths,
        "size_bytes": float(found.totals["size_bytes"]),
        "encoder_bytes": encoder_costs(config.space, operations, found.policy, measured_parts(config))["size_bytes"],
        "totals": {metric: float(found.totals[metric]) for metric in further_metrics(found.totals)},
    }


def _score(context: StageContext, task: Task, network: Network) -> Score:
    return task.score(network, task.splits.test, workers=context.resources.num_workers)


def _needed(found: FoundNetwork) -> str:
    """Return which single budget could be raised, and to what value, so that a network fits."""
    least = [f"{metric} {value}" for metric, value in found.smallest.items() if value is not None]
    return "it would with " + " or ".join(least) if least else "no single budget is the cause"


def load_results(folder: Path) -> Results:
    """Return the results of a finished run.

    Raises:
        FormatError: they are of another version, or not results.
    """
    path = folder / RESULTS_NAME
    return Results.from_json(json.loads(path.read_text(encoding="utf-8")), str(path))


STAGE = Stage(
    "report", ("data", "teacher", "supernet", "lut", "latency", "front", "answers", "networks"), _settings, _make
)
