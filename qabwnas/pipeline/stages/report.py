"""Stage 9: quantise and score the networks. Writes ``results.json`` and the pictures ``front.png``, ``scores.png``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from qabwnas.costs import encoder_costs
from qabwnas.io.atomic import atomic_path
from qabwnas.lut.lut import Lut
from qabwnas.measure.teacher_nsr import teacher_nsrs
from qabwnas.nets.network import Network
from qabwnas.nets.quantise import quantise_network
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.config.teacher import ModuleTeacher
from qabwnas.pipeline.stages import front
from qabwnas.pipeline.stages.answers import FoundNetwork, load_answers
from qabwnas.pipeline.stages.budgets import TEACHER_WIDTHS, further_metrics, teacher_totals
from qabwnas.pipeline.stages.data import load_task
from qabwnas.pipeline.stages.latency import searched_lut
from qabwnas.pipeline.stages.networks import calibration_images, load_network, load_qat
from qabwnas.pipeline.stages.quantisation import network_settings, ptq_settings
from qabwnas.pipeline.stages.stage import Stage, StageContext
from qabwnas.pipeline.stages.teacher import load_teacher
from qabwnas.pipeline.stages.teacher_network import measured_parts, teacher_costs
from qabwnas.progress import activity
from qabwnas.report.front import Mark, draw_front
from qabwnas.report.result import BUDGET, TEACHER, NothingFits, Result, Results
from qabwnas.report.scores import draw_scores
from qabwnas.search.frontier import Frontier
from qabwnas.space import FLOAT, BitWidths, Policy
from qabwnas.train.tasks import Score, Task

RESULTS_NAME = "results.json"
N_LINES = 4
FRONT_NAME, SCORES_NAME = "front.png", "scores.png"


def _settings(config: Config) -> dict[str, Any]:
    return {"task": config.task.name, **network_settings(config)}


def _make(context: StageContext) -> list[str]:
    config, folder = context.config, context.folder
    task = load_task(config, folder)
    teacher = load_teacher(config, folder).to(context.resources.device)
    answers = load_answers(folder)
    with activity("report", len(_teacher_widths(config)) + len(answers), "networks", n_lines=N_LINES) as shown:
        rows: list[Result | NothingFits] = []
        for row in _scored(context, teacher, answers, task):
            rows.append(row)
            shown.advance()
    n_test, fixed = len(task.splits.test), config.fixed_bits.name
    results = Results(config.task.name, task.score_name, n_test, config.seed, rows, fixed)
    with atomic_path(folder / RESULTS_NAME) as temporary:
        temporary.write_text(json.dumps(results.to_json(), indent=2) + "\n", encoding="utf-8")
    _draw_front(Frontier.open(folder / front.FILE_NAME), results, folder / FRONT_NAME)
    draw_scores(results, folder / SCORES_NAME)
    return [RESULTS_NAME, FRONT_NAME, SCORES_NAME]


def _scored(
    context: StageContext, teacher: Network, answers: Sequence[FoundNetwork], task: Task
) -> Iterator[Result | NothingFits]:
    """Give the results of the teacher and of the answers, one after the other."""
    yield from _score_teacher(context, teacher, task)
    for found in answers:
        yield score_found(context, found, task)


def _teacher_widths(config: Config) -> list[BitWidths]:
    """Return the bit widths that the teacher is scored at, widest first; they include those of the search."""
    return sorted({FLOAT, TEACHER_WIDTHS, *config.space.bit_widths}, reverse=True)


def _teacher_name(widths: BitWidths) -> str:
    if widths.is_float:
        return "teacher FP32"
    return f"teacher INT{widths.weights}" if widths.weights == widths.activations else f"teacher {widths.name}"


def _score_teacher(context: StageContext, teacher: Network, task: Task) -> Iterator[Result]:
    """Give the teacher's results in float and at all bit widths of blocks, with stem and head as found networks."""
    config, splits = context.config, task.splits
    n_blocks, device, settings = len(config.space.blocks), context.resources.device, ptq_settings(config)
    lut = searched_lut(config, context.folder)
    quantised = [widths for widths in _teacher_widths(config) if not widths.is_float]
    names = [block.name for block in config.space.blocks]
    nsrs = teacher_nsrs(teacher, names, splits.calibration, splits.validation, quantised, settings)
    in_float = _score(context, task, teacher)
    yield _teacher_result(config, FLOAT, [0.0] * n_blocks, in_float, None, lut)
    for widths in quantised:
        policy = Policy((widths,) * n_blocks, config.fixed_bits)
        network = quantise_network(teacher, policy, calibration_images(task, device), settings)
        yield _teacher_result(config, widths, nsrs[widths], in_float, _score(context, task, network), lut)


def _teacher_result(
    config: Config, widths: BitWidths, nsrs: list[float], in_float: Score, quantised: Score | None, lut: Lut
) -> Result:
    fixed = FLOAT if widths.is_float else config.fixed_bits
    return Result(
        name=_teacher_name(widths),
        family=TEACHER,
        blocks=_teacher_blocks(config),
        widths=[] if widths.is_float else [widths.name] * len(config.space.blocks),
        size_bytes=teacher_costs(config, widths, fixed)["size_bytes"],
        encoder_bytes=teacher_costs(config, widths, fixed, encoder=True)["size_bytes"],
        nsrs=nsrs,
        scores_before=[in_float.value],
        scores_after=[] if quantised is None else [quantised.value],
        standard_error=(quantised or in_float).standard_error,
        totals={metric: float(total) for metric, total in teacher_totals(config, lut, widths).items()},
    )


def _teacher_blocks(config: Config) -> list[str]:
    """Return the table's text for every block: its operations, or the border at the end of a module's block."""
    if isinstance(config.teacher, ModuleTeacher):
        return list(config.teacher.borders[1:])
    return [" ".join(operation.name for operation in block) for block in config.teacher.operations]


def score_found(context: StageContext, found: FoundNetwork, task: Task) -> Result | NothingFits:
    """Score a retrained network in float, quantised and after QAT; or say what would fit if nothing was found."""
    config = context.config
    if found.codes is None:
        return NothingFits(found.name, _needed(found))
    before: list[Score] = []
    after: list[Score] = []
    qat: list[Score] = []
    for n in range(config.networks.seeds):
        network = load_network(config, context.folder, found, n).to(context.resources.device)
        calibration = calibration_images(task, context.resources.device)
        before.append(_score(context, task, network))
        after.append(_score(context, task, quantise_network(network, found.policy, calibration, ptq_settings(config))))
        if config.networks.qat is not None:
            qat.append(_score(context, task, load_qat(config, context.folder, network, found, n, calibration)))
    blocks = config.space.blocks
    operations = [block.decode(code) for block, code in zip(blocks, found.codes, strict=True)]
    return Result(
        name=found.name,
        family=found.family,
        blocks=[block.describe(code) for block, code in zip(blocks, found.codes, strict=True)],
        widths=found.widths,
        size_bytes=float(found.totals["size_bytes"]),
        encoder_bytes=encoder_costs(config.space, operations, found.policy, measured_parts(config))["size_bytes"],
        nsrs=found.nsrs,
        scores_before=[score.value for score in before],
        scores_after=[score.value for score in after],
        scores_qat=[score.value for score in qat],
        standard_error=mean(score.standard_error for score in qat or after),
        totals={metric: float(found.totals[metric]) for metric in further_metrics(found.totals)},
        network=found.network,
    )


def _score(context: StageContext, task: Task, network: Network) -> Score:
    return task.score(network, task.splits.test, workers=context.resources.num_workers)


def _needed(found: FoundNetwork) -> str:
    """Return which single budget could be raised, and to what value, so that a network fits."""
    least = [f"{metric} {value}" for metric, value in found.smallest.items() if value is not None]
    return "it would with " + " or ".join(least) if least else "no single budget is the cause"


def _draw_front(frontier: Frontier, results: Results, path: Path) -> None:
    """Draw the front with the teachers and the answers to budgets on it."""
    columns = {name: frontier.values(name) for name in frontier.metric_names}
    shown = [row for row in results.networks if row.family in (TEACHER, BUDGET)]
    marks = [Mark(row.name, {"size_bytes": row.size_bytes, "nsr": row.nsr, **row.totals}) for row in shown]
    draw_front(columns, path, marks)


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
