"""Networks that are added to a run: any answer of its LUT and winners of one-shot NAS, retrained and scored as its own.

The ledger records an added network like two stages: ``retrain-NAME``, and ``score-NAME``. So a killed retraining is
continued, and it is known when teacher, supernet or settings are no longer those that a network came from. The stages
of the run do not depend on them. Their files are in ``networks``: the weights, ``NAME.json`` with the answer, and
``NAME-result.json`` and ``NAME-paired.safetensors`` with the scores.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from qabwnas.errors import FormatError, InputError
from qabwnas.io.atomic import atomic_path
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.config.load import stored_config
from qabwnas.pipeline.execution.jobs import Resources
from qabwnas.pipeline.ledger import Ledger
from qabwnas.pipeline.lock import work_alone
from qabwnas.pipeline.run import CONFIG_NAME, STAGES, finished_config, make_stage, missing_need, open_context
from qabwnas.pipeline.stages import networks, report
from qabwnas.pipeline.stages.answers import FoundNetwork, load_answers
from qabwnas.pipeline.stages.data import load_task, own_task_settings
from qabwnas.pipeline.stages.quantisation import network_settings
from qabwnas.pipeline.stages.stage import Stage, StageContext
from qabwnas.report.paired import Scores, read_scores, write_scores
from qabwnas.report.result import Result, Results

logger = logging.getLogger(__name__)

RETRAIN, SCORE = "retrain-", "score-"


@dataclass(frozen=True)
class AddedNetwork:
    """An added network.

    Attributes:
        name: its name in files and commands.
        found: what it is; ``None`` if its description is gone.
        stale: why it has to be retrained again; ``None`` if it is what the run would make now.
    """

    name: str
    found: FoundNetwork | None
    stale: str | None


def added_networks(config: Config, folder: Path, ledger: Ledger) -> list[AddedNetwork]:
    """Return the added networks of a run in the order in which they were retrained.

    Raises:
        FormatError: the description of one is damaged.
    """
    names = [stage.removeprefix(RETRAIN) for stage in ledger.stages() if stage.startswith(RETRAIN)]
    return [_added(name, config, folder, ledger) for name in names]


def _added(name: str, config: Config, folder: Path, ledger: Ledger) -> AddedNetwork:
    path = folder / _description(name)
    if not path.exists():
        return AddedNetwork(name, None, f"{_description(name)} is gone")
    try:
        found = FoundNetwork(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise FormatError(f"{path}: not the description of a network: {error}") from error
    return AddedNetwork(name, found, _reason(_retrain_stage(found, ledger), config, ledger))


def _usable(config: Config, folder: Path, ledger: Ledger) -> list[FoundNetwork]:
    """Return the added networks that are not stale."""
    added = added_networks(config, folder, ledger)
    return [each.found for each in added if each.found is not None and each.stale is None]


def retrained_networks(folder: Path) -> list[FoundNetwork]:
    """Return the networks of a run whose weights can be loaded: its own, then the added ones.

    Raises:
        InputError: there is no run.
    """
    config, ledger = stored_config(folder / CONFIG_NAME), Ledger(folder)
    own = load_answers(folder) if _reason(networks.STAGE, config, ledger) is None else []
    return [found for found in (*own, *_usable(config, folder, ledger)) if found.codes is not None]


def retrain_network(folder: Path, found: FoundNetwork, resources: Resources) -> FoundNetwork:
    """Retrain one network; as :func:`retrain_networks`."""
    [retrained] = retrain_networks(folder, [found], resources)
    return retrained


def retrain_networks(folder: Path, found: Sequence[FoundNetwork], resources: Resources) -> list[FoundNetwork]:
    """Retrain networks and add them to a run, except those that the run has; return each as the run names it.

    Several networks are retrained at the same time if the resources have several workers. After a kill, the same call
    continues.

    Raises:
        BusyError: another process works in the folder.
        InputError: there is no run, its teacher or supernet is not done, or a network was not found.
    """
    for each in found:
        if each.codes is None:
            raise InputError(f"{folder}: {each.name}: no network fits")
    config = stored_config(folder / CONFIG_NAME)
    with work_alone(folder):
        known, new = retrained_networks(folder), list[FoundNetwork]()
        for each in found:
            if (same := _same_network(each, known)) is not None:
                logger.info("%s: done before", same.network)
            elif _same_network(each, new) is None:
                new.append(each)
        ledger = Ledger(folder)
        for each in new:
            if (missing := missing_need(STAGES, _retrain_stage(each, ledger), config, ledger)) is not None:
                raise InputError(f"{folder}: {missing}; run it first")
        if len(new) > 1:
            _train_at_once(config, folder, new, ledger, resources)
        for each in new:
            stage = _retrain_stage(each, ledger)
            ledger.forget([stage.name, f"{SCORE}{each.network}"])
            make_stage(stage, config, folder, ledger, resources)
    return [_same_network(each, [*known, *new]) or each for each in found]


def _same_network(found: FoundNetwork, among: Sequence[FoundNetwork]) -> FoundNetwork | None:
    return next((each for each in among if each.is_same_network(found)), None)


def _train_at_once(
    config: Config, folder: Path, found: Sequence[FoundNetwork], ledger: Ledger, resources: Resources
) -> None:
    """Train the networks, whose stages then find their weights; the ledger does not record this."""
    needs = tuple(dict.fromkeys(need for each in found for need in networks.origins(each)))
    stages = [_retrain_stage(each, ledger) for each in found]

    def settings(config: Config) -> dict[str, Any]:
        return {stage.name: stage.settings(config) for stage in stages}

    def train(context: StageContext) -> list[str]:
        return networks.retrain_all(context, found)

    stage = Stage("retrain", needs, settings, train)
    context = open_context(stage, config, folder, ledger, resources)
    stage.make(context)
    shutil.rmtree(context.scratch.parent)


def score_added(folder: Path, resources: Resources) -> None:
    """Score the added networks of a run that are not scored yet.

    Raises:
        BusyError: another process works in the folder.
        InputError: there is no run, or its report is not done.
    """
    config = finished_config(folder, report.STAGE)
    with work_alone(folder):
        ledger = Ledger(folder)
        for found in _usable(config, folder, ledger):
            stage = _score_stage(found, ledger)
            if _reason(stage, config, ledger) is not None:
                make_stage(stage, config, folder, ledger, resources)


def all_results(folder: Path, against: str | None = None) -> Results:
    """Return the results of a run, its own and those of added networks that are scored.

    Added networks without a valid score are named in the log. All are compared with the 8-bit teacher and the control,
    or with the network ``against`` instead.

    Raises:
        InputError: there is no run, or no network ``against`` with scores to compare.
        FormatError: results are damaged or of another version.
    """
    config, ledger, results = stored_config(folder / CONFIG_NAME), Ledger(folder), report.load_results(folder)
    rows, scores = [], report.load_scores(folder)
    for added in added_networks(config, folder, ledger):
        if added.found is None or added.stale is not None:
            logger.warning("%s: is left out and has to be retrained again: %s", added.name, added.stale)
        elif _reason(_score_stage(added.found, ledger), config, ledger) is not None:
            logger.warning("%s: is not scored yet: qabwnas report %s", added.name, folder)
        else:
            rows.append(Result(**json.loads((folder / _result(added.name)).read_text(encoding="utf-8"))))
            if (path := folder / _paired(added.name)).exists():
                scores |= read_scores(path)
    everything = replace(results, rows=[*results.rows, *rows])
    if against is None:
        references = [row for row in results.networks if row.name in results.references]
    else:
        references = [_reference(everything, scores, against, folder)]
    compared = [report.compared(row, references, scores) if isinstance(row, Result) else row for row in everything.rows]
    return replace(everything, rows=compared)


def _reference(results: Results, scores: Mapping[str, Scores], name: str, folder: Path) -> Result:
    """Return the network of this name, which has scores to compare."""
    known = {key: row for row in results.networks for key in (row.name, row.key)}
    if name not in known:
        close = get_close_matches(name, known, n=1)
        meant = f"; is {close[0]!r} meant?" if close else ""
        raise InputError(f"{folder}: the report has no network {name!r}{meant}")
    if known[name].key not in scores:
        raise InputError(
            f"{folder}: no scores per test image are stored of {name!r}: its report is of an earlier version, or its "
            "task gives none"
        )
    return known[name]


def _retrain_stage(found: FoundNetwork, ledger: Ledger) -> Stage:
    def settings(config: Config) -> dict[str, Any]:
        network = {"codes": found.codes, "widths": found.widths}
        return {
            **networks.retraining_settings(config),
            **own_task_settings(config),
            "network": network,
            "inputs": networks.origin_files(ledger, found),
        }

    def make(context: StageContext) -> list[str]:
        outputs = networks.retrain_all(context, [found])
        return [*outputs, _write(context.folder, _description(found.network), vars(found))]

    return _stage(f"{RETRAIN}{found.network}", found, settings, make)


def _score_stage(found: FoundNetwork, ledger: Ledger) -> Stage:
    def settings(config: Config) -> dict[str, Any]:
        weights = ledger.outputs(f"{RETRAIN}{found.network}")
        return {"task": config.task.name, "networks": weights, **network_settings(config)}

    def make(context: StageContext) -> list[str]:
        result, without = report.score_found(context, found, load_task(context.config, context.folder))
        assert isinstance(result, Result)
        outputs = [_write(context.folder, _result(found.network), asdict(result))]
        if without is not None:
            write_scores(context.folder / _paired(found.network), {result.key: without})
            outputs.append(_paired(found.network))
        return outputs

    return _stage(f"{SCORE}{found.network}", found, settings, make)


def _stage(
    name: str,
    found: FoundNetwork,
    settings: Callable[[Config], dict[str, Any]],
    make: Callable[[StageContext], list[str]],
) -> Stage:
    return Stage(name, networks.origins(found), settings, make)


def _reason(stage: Stage, config: Config, ledger: Ledger) -> str | None:
    return ledger.reason_to_make(stage.name, stage.settings(config))


def _description(name: str) -> str:
    return f"{networks.FOLDER}/{name}.json"


def _result(name: str) -> str:
    return f"{networks.FOLDER}/{name}-result.json"


def _paired(name: str) -> str:
    return f"{networks.FOLDER}/{name}-paired.safetensors"


def _write(folder: Path, name: str, content: dict[str, Any]) -> str:
    with atomic_path(folder / name) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return name
