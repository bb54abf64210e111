"""The page of a finished run: what it shows, collected from the files of the run. Nothing is computed on a device."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from platform import python_version

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from qabwnas.data.cityscapes_labels import IGNORED
from qabwnas.lut.lut import Lut
from qabwnas.pipeline.added import all_results
from qabwnas.pipeline.config.config import Config, config_to_json
from qabwnas.pipeline.config.load import stored_config
from qabwnas.pipeline.effort import read_effort
from qabwnas.pipeline.ledger import Ledger
from qabwnas.pipeline.run import CONFIG_NAME
from qabwnas.pipeline.stages import front as front_stage
from qabwnas.pipeline.stages.answers import load_answers
from qabwnas.pipeline.stages.examples import Examples, read_examples
from qabwnas.pipeline.stages.latency import searched_lut, searched_path
from qabwnas.report.result import BUDGET
from qabwnas.search.constraints.scope import Scope
from qabwnas.search.engine.backend import select_backend
from qabwnas.search.explain import Explanation, explain
from qabwnas.search.frontier import Frontier
from qabwnas.search.model.problem import Problem
from qabwnas.visualization.page.content import BlockCounts, Example, RunContent, StageTime
from qabwnas.visualization.page.report import write_report

FILE_NAME = "report.html"
LOGS_NAME = "logs"
PACKAGES = ("qabwnas", "torch", "numpy", "numba", "h5py", "plotly")
SECONDS_PER_EXPLANATION = 10
SMALLEST_IMAGE = 96
"""Smaller images are enlarged in the page."""

PALETTE = (
    np.random.default_rng(8)
    .permutation(
        np.stack(np.meshgrid([40, 110, 180, 245], [40, 110, 180, 245], [40, 110, 180, 245]), axis=-1).reshape(-1, 3)
    )
    .astype(np.uint8)
)
"""Colours of classes of pixels, in their order; with more than 64 classes, they repeat."""


def write_page(folder: Path, path: Path | None = None, *, against: str | None = None) -> Path:
    """Write the page of a run to ``path``, by default ``report.html`` in its folder, and return the path.

    Raises as :func:`run_content`; OSError if it cannot be written.
    """
    target = folder / FILE_NAME if path is None else path
    write_report([run_content(folder, against)], target, lut_path=_lut_path(folder))
    return target


def write_comparison(folders: list[Path], path: Path) -> None:
    """Write one page of several runs; raises as :func:`run_content`."""
    write_report([run_content(folder) for folder in folders], path)


def run_content(folder: Path, against: str | None = None) -> RunContent:
    """Return what the page of a run shows; ``against`` is as for :func:`~qabwnas.pipeline.added.all_results`.

    Raises:
        InputError: there is no run, or its report is not done.
        FormatError: a file of the run is damaged.
        OSError: a file is gone.
    """
    config, ledger = stored_config(folder / CONFIG_NAME), Ledger(folder)
    lut, front = searched_lut(config, folder), Frontier.open(folder / front_stage.FILE_NAME)
    methods, notes = read_effort(folder)
    examples = read_examples(folder)
    busy, results = ledger.device_seconds(), all_results(folder, against)
    return RunContent(
        name=folder.resolve().name,
        results=results,
        front=front,
        lut=lut,
        minimized=config.minimize,
        counts=block_counts(lut, front),
        stages=[StageTime(stage, seconds, busy[stage]) for stage, seconds in ledger.seconds().items()],
        explanations=_explanations(config, folder, lut),
        configuration=json.dumps(config_to_json(config), indent=2, ensure_ascii=False),
        versions=_versions(),
        hashes={name: digest for stage in ledger.stages() for name, digest in ledger.outputs(stage).items()},
        methods=methods,
        notes=notes,
        examples=[] if examples is None else _examples(examples, [row.key for row in results.networks]),
        logs=_logs(folder),
    )


def block_counts(lut: Lut, front: Frontier) -> list[BlockCounts]:
    """Return for each block how many candidates there are, how many are left by pruning, and how many the front uses.

    Complexity: that of pruning (``csrc/pareto``), O(rows log rows) for few metrics; O(points × blocks).
    """
    kernels = select_backend()
    problem = Problem.of(lut, list(front.metric_names), kernels)
    candidates = front.candidates
    counts = []
    for b, block in enumerate(lut.blocks):
        first, last = problem.offsets[b : b + 2].tolist()
        kept = kernels.prune(np.ascontiguousarray(problem.values[:, first:last]), problem.is_max, 1)
        used = len(np.unique(candidates[:, b]))
        counts.append(BlockCounts(block.name, block.n_candidates, len(kept), used))
    return counts


def _logs(folder: Path) -> Path | None:
    """Return the folder of TensorBoard's events in a run, ``None`` if there are none or tensorboard is missing."""
    logs = folder / LOGS_NAME
    return logs if find_spec("tensorboard") and any(logs.rglob("events.out.tfevents.*")) else None


def _lut_path(folder: Path) -> str:
    """Return how the page's commands name the LUT of a run."""
    return str(searched_path(stored_config(folder / CONFIG_NAME), folder))


def _explanations(config: Config, folder: Path, lut: Lut) -> dict[str, Explanation]:
    """Return what the budgets of each answer cost, by the name of the answer."""
    explanations = {}
    for found in load_answers(folder):
        if found.family == BUDGET and found.budgets:
            explanations[found.name] = explain(
                lut,
                minimize=config.minimize,
                budgets=found.budgets,
                scope=Scope(bits=(found.bits,)) if found.bits else None,
                time_limit=SECONDS_PER_EXPLANATION,
            )
    return explanations


def _versions() -> dict[str, str]:
    """Return the versions of what made the page."""
    versions = {"Python": python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def _examples(examples: Examples, order: Sequence[str]) -> list[Example]:
    """Return the examples with the predictions of networks in this order; others are left out."""
    shown = []
    names = [name for name in dict.fromkeys(order) if name in examples.predictions]
    for n, image in enumerate(examples.images):
        label = examples.labels[n]
        predicted: Mapping[str, str | bytes] = {name: _classes(examples.predictions[name][n], label) for name in names}
        shown.append(Example(_png(image), _classes(label, label), predicted))
    return shown


def _classes(classes: NDArray[np.int64], label: NDArray[np.int64]) -> str | bytes:
    """Return a class as text, or classes of pixels as colours; pixels without a label are black."""
    if classes.ndim == 0:
        return str(classes)
    colours = PALETTE[classes % len(PALETTE)]
    colours[label == IGNORED] = 0
    return _png(colours)


def _png(pixels: NDArray[np.uint8]) -> bytes:
    """Return an image ``(height, width, 1 or 3)`` as PNG; of other numbers of channels the first."""
    image = Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0])
    if (factor := SMALLEST_IMAGE // max(image.size)) > 1:
        image = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()
