"""Ranges of activations, bias correction and recalibration: NSR and accuracy at 8, 6 and 4 bits, on a finished demo.

    qabwnas demo                                   # writes runs/demo
    python benchmarks/bench_ranges.py runs/demo    # prints the table as Markdown

Three kinds of networks are quantised with the same bits in all blocks, stem and head at the run's ``fixed_bits``:

- the teacher;
- the networks that the run found and retrained, once per retraining;
- random networks of the supernet, which inherit its weights. Only here recalibration matters: without it, batch norms
  keep the statistics that they got while the supernet trained.

NSR is the sum over blocks on the validation images, as in a LUT; for random networks, its mean. Accuracy is on the test
images. Differences are from the first row, min-max without corrections: the mean difference per image, with its
standard error over images, in points.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import torch
from torch import Tensor

from qabwnas.bench.machine import describe_machine
from qabwnas.data.batches import ImageBatches, read_batches
from qabwnas.data.splits import Splits
from qabwnas.measure.calibration import recalibrate
from qabwnas.measure.evaluator import BlockEvaluator
from qabwnas.measure.memory import CPU_MEMORY
from qabwnas.measure.settings import MeasureSettings
from qabwnas.measure.target_variance import measure_target_variances
from qabwnas.measure.teacher_nsr import teacher_nsrs
from qabwnas.measure.tree import row_path
from qabwnas.nets.network import Network, assemble
from qabwnas.nets.quantise import quantise_network
from qabwnas.nets.supernet import Supernet, SupernetBlock
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.run import finished_config
from qabwnas.pipeline.stages import networks
from qabwnas.pipeline.stages.answers import load_answers
from qabwnas.pipeline.stages.data import load_task
from qabwnas.pipeline.stages.supernet import load_supernet
from qabwnas.pipeline.stages.teacher import load_teacher
from qabwnas.quant.observers import OBSERVERS, load_observer
from qabwnas.quant.ptq import PtqSettings
from qabwnas.space import BitWidths, Policy

WIDTHS = tuple(BitWidths(bits, bits) for bits in (8, 6, 4))
PERCENTILE = 99.9


@dataclass(frozen=True)
class Run:
    """What is quantised: everything of a finished run, and some random candidates of every block."""

    config: Config
    teacher: Network
    supernet: Supernet
    splits: Splits
    retrained: Sequence[Network]
    codes: Sequence[Sequence[int]]

    @classmethod
    def open(cls, folder: Path, n_random: int, seed: int) -> Run:
        config = finished_config(folder, networks.STAGE)
        retrained = [
            networks.load_network(config, folder, found, n)
            for found in load_answers(folder)
            if found.codes is not None
            for n in range(config.networks.seeds)
        ]
        draw = random.Random(seed)
        codes = [[draw.randrange(block.n_candidates) for block in config.space.blocks] for _ in range(n_random)]
        teacher, supernet = load_teacher(config, folder), load_supernet(config, folder).eval()
        return cls(config, teacher, supernet, load_task(config, folder).splits, retrained, codes)

    def random_networks(self, recalibrated: bool) -> list[Network]:
        assembled = [assemble(self.teacher, self.supernet, codes).eval() for codes in self.codes]
        if recalibrated:
            for network in assembled:
                maps = [network.stem(images) for images in ImageBatches(self.splits.calibration)]
                for block in network.blocks:
                    assert isinstance(block, torch.nn.Sequential)
                    maps = recalibrate(block, maps)
        return assembled

    def random_nsrs(self, settings: MeasureSettings) -> dict[BitWidths, float]:
        """Return the mean over the random networks of the sum over blocks."""
        blocks = self.config.space.blocks
        variances = measure_target_variances(self.teacher, [block.name for block in blocks], self.splits.validation)
        totals = dict.fromkeys(WIDTHS, 0.0)
        for b, block in enumerate(blocks):
            of_block = self.supernet.blocks[b]
            assert isinstance(of_block, SupernetBlock)
            evaluator = BlockEvaluator(
                self.teacher,
                of_block,
                b,
                self.splits.calibration,
                self.splits.validation,
                variances[b],
                CPU_MEMORY,
                settings,
            )
            drawn = sorted({codes[b] for codes in self.codes})
            rows = [(widths, code) for widths in WIDTHS for code in drawn]
            paths = [row_path(block.digits(code), [widths] * block.n_layers) for widths, code in rows]
            nsrs = {row: each.value for row, each in zip(rows, evaluator.measure(paths), strict=True)}
            for widths in WIDTHS:
                totals[widths] += mean(nsrs[widths, codes[b]] for codes in self.codes)
        return totals

    def right(self, quantised: Sequence[Network], widths: BitWidths, ptq: PtqSettings) -> Tensor:
        """Return per test image the share of the networks that are right, float64 ``(n_images,)``."""
        policy = Policy((widths,) * len(self.config.space.blocks), self.config.fixed_bits)
        found = []
        for network in quantised:
            converted = quantise_network(network, policy, ImageBatches(self.splits.calibration), ptq)
            batches = read_batches(self.splits.test, 256)
            found.append(torch.cat([converted(batch.images).argmax(1) == batch.labels for batch in batches]))
        return torch.stack(found).double().mean(0)


@dataclass(frozen=True)
class Cell:
    """One kind of networks at one setting and bit width."""

    nsr: float | None
    right: Tensor

    def text(self, baseline: Cell) -> str:
        nsr = "" if self.nsr is None else f"{self.nsr:.3f}, "
        accuracy = f"{nsr}{self.right.mean():.2%}"
        if self is baseline:
            return accuracy
        change = (self.right - baseline.right) * 100
        error = float(change.std()) / math.sqrt(len(change))
        return f"{accuracy} ({change.mean():+.2f} ± {error:.2f})"


def rows(run: Run) -> Iterator[tuple[str, list[Cell | None]]]:
    """Yield the name of every setting, and for each kind of networks its cells at all bit widths."""
    names = [block.name for block in run.config.space.blocks]
    random_networks = {recalibrated: run.random_networks(recalibrated) for recalibrated in (True, False)}
    for observer in OBSERVERS:
        for corrected in (False, True):
            ptq = PtqSettings(load_observer(observer, PERCENTILE), corrected)
            nsrs = teacher_nsrs(run.teacher, names, run.splits.calibration, run.splits.validation, WIDTHS, ptq)
            teacher = [Cell(sum(nsrs[widths]), run.right([run.teacher], widths, ptq)) for widths in WIDTHS]
            retrained = [Cell(None, run.right(run.retrained, widths, ptq)) for widths in WIDTHS]
            for recalibrated in (True, False):
                of_random = run.random_nsrs(MeasureSettings(ptq, recalibrated))
                inherited = [Cell(of_random[w], run.right(random_networks[recalibrated], w, ptq)) for w in WIDTHS]
                description = ptq.observer().description + (", bias correction" if corrected else "")
                if recalibrated:
                    yield description, [*teacher, *retrained, *inherited]
                else:
                    yield f"{description}, no recalibration", [*[None] * (2 * len(WIDTHS)), *inherited]


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN", help="The folder of a finished run of a classification task.")
    parser.add_argument("--networks", type=int, default=6, help="How many random networks (default: 6).")
    parser.add_argument("--seed", type=int, default=0, help="The seed that draws them (default: 0).")
    given = parser.parse_args()
    torch.set_num_threads(1)
    run = Run.open(given.run, given.networks, given.seed)
    table = list(rows(run))
    kinds = ("teacher", f"{len(run.retrained)} retrained networks", f"{len(run.codes)} random networks")
    for kind, name in enumerate(kinds):
        print(f"\n| {name} | " + " | ".join(widths.name for widths in WIDTHS) + " |\n|" + "---|" * (1 + len(WIDTHS)))
        cells = slice(kind * len(WIDTHS), (kind + 1) * len(WIDTHS))
        baseline = table[0][1][cells]
        for setting, of_setting in table:
            texts = [cell.text(base) for cell, base in zip(of_setting[cells], baseline, strict=True) if cell and base]
            if texts:
                print(f"| {setting} | {' | '.join(texts)} |")
    print(f"\n{len(run.splits.test)} test images; commit {str(describe_machine()['commit'])[:7]}, seed {given.seed}.")


if __name__ == "__main__":
    main()
