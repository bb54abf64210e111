"""The compute effort of a run's search and of its baselines, in device-seconds (Lu et al. 2023 compare the same rows).

Training, population and scoring are recorded while they run (:mod:`qabwnas.pipeline.execution.device_time`). The
searches of the LUT take milliseconds and are timed here, as CPU time of this process, for all budgets of the run.

The population of all bit widths shares its float path, so the effort of a LUT with INT8 rows only is not a part of what
was recorded. It is measured: the first candidates of every block are populated once at 8 bits and once as the run does,
and the ratio of both times, weighted by the rows of every block, scales the recorded effort.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import torch

from qabwnas.bench.baselines import brute_force, dna_traversal
from qabwnas.bench.baselines.result import BaselineResult
from qabwnas.errors import FormatError, InputError
from qabwnas.io.atomic import atomic_path
from qabwnas.lut.lut import Lut
from qabwnas.measure.memory import default_memory
from qabwnas.measure.populate import measure_shard
from qabwnas.measure.sample import Sample, space_rows
from qabwnas.measure.shard import Shard
from qabwnas.measure.target_variance import measure_target_variances
from qabwnas.pipeline.config.config import Config, run_costs
from qabwnas.pipeline.execution.device_time import device_clock
from qabwnas.pipeline.ledger import Ledger
from qabwnas.pipeline.one_shot import answers_name, searched_run
from qabwnas.pipeline.one_shot_scores import read_scores, scores_name
from qabwnas.pipeline.stages import lut, supernet
from qabwnas.pipeline.stages.budgets import distinct_bounds, resolve_budget
from qabwnas.pipeline.stages.data import load_task
from qabwnas.pipeline.stages.one_shot import stage_name
from qabwnas.pipeline.stages.quantisation import measure_settings
from qabwnas.pipeline.stages.supernet import load_supernet
from qabwnas.pipeline.stages.teacher import load_teacher
from qabwnas.pipeline.stages.teacher_network import measured_parts
from qabwnas.report.effort import Effort, MethodEffort
from qabwnas.report.result import ONE_SHOT
from qabwnas.search.api import search
from qabwnas.search.arguments import compared_metrics
from qabwnas.search.constraints.scope import Scope
from qabwnas.search.engine.backend import select_backend
from qabwnas.search.model.problem import Problem
from qabwnas.space import INT8, SearchSpace

logger = logging.getLogger(__name__)

FILE_NAME, METHODS_NAME = "effort.json", "effort-methods.json"
CANDIDATES_PER_BLOCK = 36
LIMIT_SECONDS = 60.0
"""For each search without Pareto pruning."""
NAMES = {"spos": "SPOS", "fairnas": "FairNAS"}

INT8_ONLY = Scope(bits=(INT8.name,))
Budgets = Mapping[str, Decimal]


def run_effort(folder: Path, device: str) -> tuple[list[MethodEffort], list[str]]:
    """Return the effort of every method in a run, and notes on what the figures are.

    The share of INT8 rows is measured on ``device`` when it is first needed, and kept in ``effort.json``. The result
    is kept in ``effort-methods.json``, for the page of the run.

    Raises:
        InputError: there is no run, or its LUT is not done.
        FormatError: a file of the run is damaged.
    """
    config, table = searched_run(folder)
    ledger = Ledger(folder)
    budgets = [
        {metric: resolve_budget(config, metric, text, table) for metric, text in bounds.items()}
        for bounds in distinct_bounds(config)
    ]
    training, population = (_recorded(ledger, stage.name) for stage in (supernet.STAGE, lut.STAGE))
    rows = []
    if INT8 in config.space.bit_widths:
        share = _int8_share(config, folder, ledger, device)
        of_int8 = replace(population, seconds=population.seconds * share)
        int8 = _timed(lambda each: search(table, minimize=config.minimize, budgets=each, scope=INT8_ONLY), budgets)
        rows.append(MethodEffort("INT8 only", training, of_int8, int8))
    mixed = _timed(lambda each: search(table, minimize=config.minimize, budgets=each), budgets)
    rows.append(MethodEffort("mixed", training, population, mixed))
    unpruned = _without_pruning(config, table, budgets)
    rows.append(MethodEffort("mixed, without Pareto pruning", training, population, unpruned))
    rows += [_one_shot(folder, method, ledger) for method in ONE_SHOT]
    notes = _notes(len(budgets), has_int8=INT8 in config.space.bit_widths)
    content = {"methods": [asdict(row) for row in rows], "notes": notes}
    with atomic_path(folder / METHODS_NAME) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return rows, notes


def read_effort(folder: Path) -> tuple[list[MethodEffort], list[str]]:
    """Return what :func:`run_effort` returned last for a run; nothing if it was never called.

    Raises:
        FormatError: the file is damaged.
    """
    path = folder / METHODS_NAME
    if not path.exists():
        return [], []
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        methods = [_method(**fields) for fields in content["methods"]]
        return methods, [str(note) for note in content["notes"]]
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path}: not the effort of methods: {error}") from error


def _method(name: str, **efforts: dict[str, Any] | None) -> MethodEffort:
    known = {work: None if fields is None else Effort(**fields) for work, fields in efforts.items()}
    return MethodEffort(name, **known)


def _notes(n_budgets: int, *, has_int8: bool) -> list[str]:
    notes = [
        "Training and population on a CPU are CPU time.",
        f"Search: CPU time now, for the budgets of the run ({n_budgets}); of SPOS and FairNAS, of their last search.",
        "Without Pareto pruning: DNA's traversal, repaired, or brute force if it cannot take the budgets; at most "
        f"{LIMIT_SECONDS:.0f} s per budget.",
    ]
    if has_int8:
        notes.append(
            "INT8 only: the recorded population × the ratio of both times for the first "
            f"{CANDIDATES_PER_BLOCK} candidates per block."
        )
    return notes


def _recorded(ledger: Ledger, stage: str) -> Effort:
    busy = ledger.device_seconds()[stage]
    return Effort(ledger.seconds()[stage], is_wall=True) if busy is None else Effort(busy)


def _one_shot(folder: Path, method: str, ledger: Ledger) -> MethodEffort:
    """Return the effort of a method of one-shot NAS, as far as the run has used it."""
    training = _recorded(ledger, stage_name(method)) if stage_name(method) in ledger.stages() else None
    scores = read_scores(folder / scores_name(method))
    path = folder / answers_name(method)
    searched = Effort(json.loads(path.read_text(encoding="utf-8"))["search_seconds"]) if path.exists() else None
    scoring = Effort(sum(seconds for _, seconds in scores.values())) if scores else None
    return MethodEffort(NAMES[method], training, scoring, searched)


def _timed(find: Callable[[Budgets], object], budgets: list[dict[str, Decimal]]) -> Effort:
    find(budgets[0])  # loads what a first search loads
    start = time.process_time()
    for each in budgets:
        find(each)
    return Effort(time.process_time() - start)


def _without_pruning(config: Config, table: Lut, budgets: list[dict[str, Decimal]]) -> Effort:
    start = time.process_time()
    results = [_unpruned_search(config, table, each) for each in budgets]
    return Effort(
        time.process_time() - start,
        is_stopped=any(result.status not in ("optimal", "infeasible") for result in results),
    )


def _unpruned_search(config: Config, table: Lut, budgets: Budgets) -> BaselineResult:
    kernels = select_backend()
    problem = Problem.of(table, compared_metrics(table, config.minimize, list(budgets), None), kernels)
    units = problem.budget_units(budgets)
    try:
        return dna_traversal(problem, units, kernels, "repaired", max_seconds=LIMIT_SECONDS)
    except InputError:  # it takes one budget on a sum
        return brute_force(problem, units, kernels, max_seconds=LIMIT_SECONDS)


def _int8_share(config: Config, folder: Path, ledger: Ledger, device: str) -> float:
    """Return how long a population of INT8 rows takes, relative to that of all rows of the run."""
    path, measured_on = folder / FILE_NAME, {**ledger.outputs(lut.STAGE.name), "device": torch.device(device).type}
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        if before["measured_on"] == measured_on:
            return float(before["int8_share"])
    logger.info("effort: measuring the population of INT8 rows, %d candidates per block", CANDIDATES_PER_BLOCK)
    share = _measured_share(config, folder, device)
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps({"measured_on": measured_on, "int8_share": share}, indent=1) + "\n")
    return share


def _measured_share(config: Config, folder: Path, device: str) -> float:
    splits = load_task(config, folder).splits
    teacher, trained = load_teacher(config, folder).to(device), load_supernet(config, folder).to(device)
    variances = measure_target_variances(teacher, [block.name for block in config.space.blocks], splits.validation)
    memory, clock = default_memory(torch.device(device)), device_clock(device)

    def seconds(space: SearchSpace, b: int) -> float:
        """Return the time of all rows of a block, extrapolated from the first ones."""
        rows = space_rows(space, lut.sample_of(config) if space.policy == "layer" else Sample())
        of_block = rows[b]
        n_all = space.blocks[b].n_candidates if of_block is None else len(of_block.codes)
        n_widths = 1 if of_block is None else len(space.bit_widths)
        n = min(CANDIDATES_PER_BLOCK * n_widths, n_all)
        start = clock()
        measure_shard(
            teacher,
            trained,
            space,
            Shard(b, 0, n),
            splits.calibration,
            splits.validation,
            variances[b],
            memory,
            {"fixed": config.fixed_bits.name},
            measured_parts(config),
            rows,
            run_costs(config),
            measure_settings(config),
        )
        return (clock() - start) * n_all / n

    of_int8, blocks = replace(config.space, bit_widths=(INT8,), policy="block"), range(len(config.space.blocks))
    seconds(of_int8, 0)  # loads what a first measurement loads
    pairs = [(seconds(of_int8, b), seconds(config.space, b)) for b in blocks]
    return sum(int8 for int8, _ in pairs) / sum(mixed for _, mixed in pairs)
