"""The scores of candidates of one-shot NAS: each is scored once, in jobs of a few, whose files a kill leaves.

``METHOD-scores.json`` in ``one-shot`` has the score of every candidate and the seconds that it took.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from qabwnas.errors import FormatError
from qabwnas.io.atomic import atomic_path
from qabwnas.io.fingerprint import fingerprint
from qabwnas.one_shot.genes import Genes, Genome
from qabwnas.one_shot.scoring import score_candidate
from qabwnas.one_shot.supernet import OneShotSupernet
from qabwnas.one_shot.training import Method
from qabwnas.pipeline.config.load import stored_config
from qabwnas.pipeline.execution.device_time import device_clock
from qabwnas.pipeline.execution.jobs import Job
from qabwnas.pipeline.run import CONFIG_NAME
from qabwnas.pipeline.stages.data import load_task
from qabwnas.pipeline.stages.one_shot import FOLDER, load_supernet
from qabwnas.pipeline.stages.quantisation import ptq_settings
from qabwnas.pipeline.stages.stage import StageContext
from qabwnas.space import Policy
from qabwnas.train.tasks import Task

CANDIDATES_PER_JOB = 5
"""A kill loses at most the scores of so many candidates per worker."""


def scores_name(method: str) -> str:
    """Return the file of the scores of a method's candidates, relative to the run folder."""
    return f"{FOLDER}/{method}-scores.json"


class CandidateScores:
    """The scores of a method's candidates on the validation split, each computed once.

    Attributes:
        known: genes → score and the device-seconds that scoring took.
        seconds: the CPU time of this process in calls, which is not part of the search.

    Raises:
        FormatError: the file of earlier scores is damaged.
    """

    def __init__(self, context: StageContext, method: Method, identity: str, genome: Genome, advance: Any) -> None:
        self._context = context
        self._method = method
        self._identity = identity
        self._genome = genome
        self._advance = advance
        self._parts = context.scratch / "scores"
        self._parts.mkdir(exist_ok=True)
        self.known: dict[Genes, tuple[float, float]] = {}
        self.seconds = 0.0
        for path in (context.folder / scores_name(method), *sorted(self._parts.glob("*.json"))):
            self.known |= read_scores(path, identity)

    def __call__(self, population: Sequence[Genes]) -> list[float]:
        """Return the score of every network; those that are not known are scored by the engine of the stage."""
        start = time.process_time()
        missing = list(dict.fromkeys(genes for genes in population if genes not in self.known))
        chunks = [missing[first : first + CANDIDATES_PER_JOB] for first in range(0, len(missing), CANDIDATES_PER_JOB)]
        paths = [self._parts / f"{fingerprint(chunk)[:16]}.json" for chunk in chunks]
        own, decoded = self._context.for_job(), self._genome.decode
        jobs = [
            Job(
                f"{self._method}: {len(chunk)} candidates",
                _score_candidates,
                (own, self._method, self._identity, [(genes, *decoded(genes)) for genes in chunk], path),
            )
            for chunk, path in zip(chunks, paths, strict=True)
        ]
        self._context.resources.engine.run(jobs)
        for path in paths:
            self.known |= read_scores(path, self._identity)
        self._advance(len(population))
        self.seconds += time.process_time() - start
        return [self.known[genes][0] for genes in population]

    def save(self) -> None:
        """Write all scores to the run folder."""
        _write_scores(self._context.folder / scores_name(self._method), self._identity, self.known)


def _score_candidates(
    context: StageContext, method: str, identity: str, candidates: Sequence[tuple[Any, ...]], path: Path
) -> None:
    """Score candidates, given as (genes, codes, bit widths), and write the file; a job."""
    if path.exists():
        return
    config, device = context.config, context.resources.device
    clock = device_clock(device)
    supernet, task = _loaded(context.folder, method, identity, device)
    scores = {}
    for genes, codes, widths in candidates:
        start = clock()
        score = score_candidate(
            supernet.subnet(codes),
            Policy(tuple(widths), config.fixed_bits),
            task,
            ptq_settings(config),
            device=device,
            workers=context.resources.num_workers,
        )
        scores[genes] = score, clock() - start
    _write_scores(path, identity, scores)


@lru_cache(maxsize=1)
def _loaded(folder: Path, method: str, identity: str, device: str) -> tuple[OneShotSupernet, Task]:  # noqa: ARG001
    """Return a supernet and the task, once per process; ``identity`` tells apart supernets of one folder."""
    config = stored_config(folder / CONFIG_NAME)
    return load_supernet(config, folder, method).to(device), load_task(config, folder)


def read_scores(path: Path, identity: str | None = None) -> dict[Genes, tuple[float, float]]:
    """Return genes → (score, seconds); nothing if there is no file, or it is of another supernet than ``identity``.

    Raises:
        FormatError: the file is damaged.
    """
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if identity is not None and content["identity"] != identity:
            return {}
        return {tuple(each["genes"]): (each["score"], each["seconds"]) for each in content["scores"]}
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path}: not the scores of candidates, or damaged; delete it to score them again") from error


def _write_scores(path: Path, identity: str, scores: Mapping[Genes, tuple[float, float]]) -> None:
    rows = [{"genes": list(genes), "score": score, "seconds": seconds} for genes, (score, seconds) in scores.items()]
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps({"identity": identity, "scores": rows}, indent=1) + "\n", encoding="utf-8")
