"""One-shot NAS on a run, for comparison: SPOS and FairNAS search its space by the accuracy of their own supernets.

``search_one_shot`` trains the supernet of a method, scores candidates, searches under budgets, and retrains the winners
as added networks of the run. Files are in ``one-shot``: ``METHOD.pt``, the supernet; ``METHOD-scores.json``, the score
of every candidate and the seconds that it took; ``METHOD.json``, the answers.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from qabwnas.errors import InputError
from qabwnas.io.atomic import atomic_path
from qabwnas.io.fingerprint import fingerprint
from qabwnas.lut.lut import Lut
from qabwnas.one_shot.evolution import Evolution, Winner, evolve
from qabwnas.one_shot.genes import BudgetCheck, Genes, Genome
from qabwnas.one_shot.training import Method
from qabwnas.pipeline.added import retrain_networks
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.config.load import stored_config
from qabwnas.pipeline.execution.jobs import Resources
from qabwnas.pipeline.ledger import Ledger
from qabwnas.pipeline.lock import work_alone
from qabwnas.pipeline.one_shot_scores import CandidateScores, scores_name
from qabwnas.pipeline.run import CONFIG_NAME, STAGES, finished_config, make_stage, missing_need
from qabwnas.pipeline.stages import latency, lut
from qabwnas.pipeline.stages.answers import FoundNetwork
from qabwnas.pipeline.stages.budgets import check_budget, distinct_bounds, resolve_budget
from qabwnas.pipeline.stages.data import own_task_settings
from qabwnas.pipeline.stages.latency import searched_lut
from qabwnas.pipeline.stages.one_shot import (
    FOLDER,
    equal_compute_steps,
    stage_name,
    training_stage,
)
from qabwnas.pipeline.stages.quantisation import network_settings
from qabwnas.pipeline.stages.stage import Stage, StageContext
from qabwnas.progress import activity
from qabwnas.search.api import search
from qabwnas.search.engine.backend import select_backend
from qabwnas.search.model.totals import totals_in
from qabwnas.train.sampling import derive_seed

logger = logging.getLogger(__name__)

N_LINES = 10
SIZE = "size_bytes"


@dataclass(frozen=True)
class BudgetSet:
    """Budgets that one network has to keep together.

    Attributes:
        bounds: metric → upper bound.
        known: a network that keeps them, as genes; ``None`` if there is none.
        needed: if there is none, which single budget could be raised, and to what value.
    """

    bounds: dict[str, Decimal]
    known: Genes | None
    needed: str

    @property
    def name(self) -> str:
        return ", ".join(f"{metric} ≤ {bound}" for metric, bound in self.bounds.items())


@dataclass(frozen=True)
class OneShotAnswers:
    """What a search of one-shot NAS gave.

    Attributes:
        winners: the networks, which are retrained and belong to the run.
        nothing_fits: one line for each set of budgets that no network of the space keeps.
    """

    winners: list[FoundNetwork]
    nothing_fits: list[str]


def search_one_shot(
    folder: Path,
    method: Method,
    budgets: Mapping[str, str] | None,
    resources: Resources,
    *,
    steps: int | None = None,
    evolution: Evolution = Evolution(),  # noqa: B008 - it is frozen
    force: bool = False,
) -> OneShotAnswers:
    """Find the best networks of a run's space by one-shot NAS, retrain them, and add them to the run.

    ``budgets`` are texts as in a configuration; by default, those of the run are searched one after the other, without
    their bit widths. ``steps`` are those of the supernet, by default as many as cost what the run's distillation cost.
    Finished work is kept: the supernet, and the score of every candidate. After a kill, the same call continues.

    Raises:
        BusyError: another process works in the folder.
        InputError: there is no run, or its LUT is not done; a budget is none of its metrics; the supernet was trained
            with other settings, and ``force`` is not given; or the final front of FairNAS has no answer.
    """
    config, table = searched_run(folder)
    genome = Genome(config.space, table)
    given = [budgets] if budgets else distinct_bounds(config)
    wanted = [_budget_set(config, table, genome, texts) for texts in given]
    nothing_fits = [f"{each.name}: no network fits; {each.needed}" for each in wanted if each.known is None]
    possible = [each for each in wanted if each.known is not None]
    if not possible:
        return OneShotAnswers([], nothing_fits)
    with work_alone(folder):
        ledger = Ledger(folder)
        _train(config, folder, method, steps, ledger, resources, force)
        stage = _search_stage(method, possible, genome, table, evolution, ledger)
        ledger.forget([stage.name])  # candidates that were scored before take no time
        make_stage(stage, config, folder, ledger, resources)
    answers = json.loads((folder / answers_name(method)).read_text(encoding="utf-8"))
    of_budgets = {fingerprint(answer["budgets"]): FoundNetwork(**answer) for answer in answers["answers"]}
    winners = [found for each in possible if (found := of_budgets.get(fingerprint(_texts(each.bounds)))) is not None]
    return OneShotAnswers(retrain_networks(folder, winners, resources), nothing_fits)


def searched_run(folder: Path) -> tuple[Config, Lut]:
    """Return the configuration of a run and the LUT that it searches.

    Raises:
        InputError: there is no run, or the LUT is not done.
    """
    stored = stored_config(folder / CONFIG_NAME)
    config = finished_config(folder, latency.STAGE if stored.latency else lut.STAGE)
    return config, searched_lut(config, folder)


def _budget_set(config: Config, table: Lut, genome: Genome, texts: Mapping[str, str]) -> BudgetSet:
    for metric, text in texts.items():
        table.metric(metric)  # first, because a mistyped name has no unit
        check_budget(config, metric, text)
    bounds = {metric: resolve_budget(config, metric, text, table) for metric, text in texts.items()}
    result = search(table, minimize=next(iter(bounds)), budgets=bounds)
    if result.answers:
        return BudgetSet(bounds, genome.encode(result.answers[0].choice), "")
    least = [f"{metric} {value}" for metric, value in result.smallest.items() if value is not None]
    return BudgetSet(bounds, None, f"it would with {' or '.join(least)}" if least else "no single budget is the cause")


def _train(
    config: Config, folder: Path, method: Method, steps: int | None, ledger: Ledger, resources: Resources, force: bool
) -> None:
    """Train the supernet of a method unless this is done."""
    name = stage_name(method)
    if steps is None and name in ledger.stages() and not force:
        steps = int(ledger.settings(name)["training"]["steps"])
    stage = training_stage(method, steps or equal_compute_steps(config, method), ledger)
    if (missing := missing_need(STAGES, stage, config, ledger)) is not None:
        raise InputError(f"{folder}: {missing}; run it first")
    settings = stage.settings(config)
    if (changes := ledger.changes(name, settings)) and not force:
        raise InputError(
            f"{folder}: the supernet of {method} was trained with other settings ({'; '.join(changes)}); --force "
            "trains it again"
        )
    if (reason := ledger.reason_to_make(name, settings)) is None:
        logger.info("%s: done before", name)
        return
    logger.info("%s: %s", name, reason)
    ledger.forget([name, _search_name(method)])
    make_stage(stage, config, folder, ledger, resources)


def _search_name(method: str) -> str:
    return f"{stage_name(method)}-search"


def answers_name(method: str) -> str:
    """Return the file of a method's answers, relative to the run folder."""
    return f"{FOLDER}/{method}.json"


def _texts(bounds: Mapping[str, Decimal]) -> dict[str, str]:
    return {metric: str(bound) for metric, bound in bounds.items()}


def _search_stage(
    method: Method, wanted: Sequence[BudgetSet], genome: Genome, table: Lut, evolution: Evolution, ledger: Ledger
) -> Stage:
    """Return the stage that scores and searches. Its settings are those of the scores, which any search shares."""

    def settings(config: Config) -> dict[str, Any]:
        origin = {path: digest for need in needs for path, digest in ledger.outputs(need).items()}
        scoring = {**network_settings(config), **own_task_settings(config)}
        return {"method": method, "inputs": origin, "bits": list(genome.bit_widths), **scoring}

    def make(context: StageContext) -> list[str]:
        identity, start = fingerprint(settings(context.config)), time.process_time()
        n_networks = evolution.population * evolution.generations * (len(wanted) if method == "spos" else 1)
        with activity(f"{method}: search", n_networks, "candidates", n_lines=N_LINES) as shown:
            scores = CandidateScores(context, method, identity, genome, shown.advance)
            winners = _winners(context.config, method, wanted, genome, table, evolution, scores)
        seconds = time.process_time() - start - scores.seconds
        answers = [
            _found(method, each, winner, genome, table) for each, winner in zip(wanted, winners, strict=True) if winner
        ]
        content = {
            "identity": identity,
            **vars(evolution),
            "n_scored": len(scores.known),
            "search_seconds": seconds,
            "answers": _with_earlier(context.folder / answers_name(method), identity, answers),
        }
        _write(context.folder / answers_name(method), content)
        scores.save()
        return [answers_name(method), scores_name(method)]

    needs = ("data", stage_name(method))
    return Stage(_search_name(method), needs, settings, make)


def _winners(
    config: Config,
    method: Method,
    wanted: Sequence[BudgetSet],
    genome: Genome,
    table: Lut,
    evolution: Evolution,
    scores: CandidateScores,
) -> list[Winner | None]:
    """Return the best network of each set of budgets; ``None`` if FairNAS's front has none."""
    checks = [BudgetCheck(genome, table, each.bounds) for each in wanted]
    seed = partial(derive_seed, config.seed, _search_name(method))
    winners: list[Winner | None] = []
    if method == "spos":
        for each, fits in zip(wanted, checks, strict=True):
            assert each.known is not None
            own_seed = seed(each.name)
            winners.append(evolve(genome.radices, fits, scores, evolution, seed=own_seed, known=each.known))
    else:
        from qabwnas.one_shot.nsga2 import best_within, pareto_search

        size = BudgetCheck(genome, table, {SIZE: Decimal(0)})
        front = pareto_search(genome.radices, scores, size.first_total, evolution, seed=seed())
        winners = [best_within(front, fits, len(scores.known)) for fits in checks]
        for each, found in zip(wanted, winners, strict=True):
            if found is None:
                logger.warning(
                    "%s: %s: none of the %d networks of the final front keeps it; try a larger --population or more "
                    "--generations",
                    *(method, each.name, len(front)),
                )
        if not any(winners):
            raise InputError(
                f"{method}: none of the {len(front)} networks of the final front keeps "
                f"{' nor '.join(each.name for each in wanted)}; try a larger --population or more --generations"
            )
    for each, winner in zip(wanted, winners, strict=True):
        if winner is not None:
            logger.info("%s: %s: score %.4f on the validation split, best of %d", method, each.name, *_figures(winner))
    return winners


def _figures(winner: Winner) -> tuple[float, int]:
    return winner.score, winner.n_scored


def _found(method: Method, budgets: BudgetSet, winner: Winner, genome: Genome, table: Lut) -> FoundNetwork:
    choice, kernels = genome.choice(winner.genes), select_backend()
    candidates = np.array([list(choice.values())], dtype=np.int32)
    totals = {metric: totals_in(table, metric, candidates, kernels)[0] for metric in table.metric_names}
    known = {metric: total for metric, total in totals.items() if total is not None}
    return FoundNetwork.of_choice(f"{method} {budgets.name}", method, table, choice, known, _texts(budgets.bounds))


def _with_earlier(path: Path, identity: str, answers: Sequence[FoundNetwork]) -> list[dict[str, Any]]:
    """Return the answers, and those of earlier searches of the same supernet for other budgets."""
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    earlier = before["answers"] if before.get("identity") == identity else []
    now = [found.budgets for found in answers]
    return [*(answer for answer in earlier if answer["budgets"] not in now), *map(vars, answers)]


def _write(path: Path, content: Mapping[str, Any]) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
