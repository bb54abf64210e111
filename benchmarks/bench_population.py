"""Population of a LUT: the prefix tree against one candidate at a time, on blocks of four layers.

    python benchmarks/bench_population.py [--rounds N] [--json RESULTS.json]

Blocks have six operations per layer and dilation 2, like the third block of the paper's space. The methods take turns,
each in its own process with one thread, on the same weights and images. Times are CPU times without imports and without
the teacher: its feature maps are the same for all methods, and are computed once per shard of a population.

- tree: what ``qabwnas populate`` does, in the environment of its workers;
- one by one: every candidate and every bit width separately, with the same code (a tree of one path) and environment;
- channels last: plain torch code (plain_population.py) on channels-last maps, in the same environment;
- plain: the same code on contiguous maps, with the default malloc.

*Small maps*: all 1,296 candidates at 8 bits. One by one, 108 candidates are measured and their time is multiplied by
12; they have every operation equally often in every layer, so their mean time is that of all. *Full size*: the maps of
the paper's block, at 8 bits and at 4, 6 and 8 bits; the 36 candidates that begin with k5e3 k3e6. The tree saves 2.8
times the multiply-accumulates on them, as on all 1,296 (3.1 instead of 3.3 times if all layers have 64 channels). The
other methods measure six of them, two at each bit width, with every operation once in each of the last two layers;
their mean time stands for every candidate and bit width. NSRs are compared first.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = tuple[int, int]
"""A candidate and its bit width."""

N_CALIBRATION, N_VALIDATION = 1, 2
N_WARM = 2
"""Rows that are measured before, because kernels are created on their first call."""
ALL = range(6**4)
AFTER_ONE_PAIR = [(2 * 6 + 1) * 36 + last for last in range(36)]
# The same kernels give the same bits. torch's batch norm sums in another order, so in plain code about one weight in
# 100,000 is rounded to the next step: a few parts in 10⁵ of the NSR at 8 bits, one part in 10⁶ at 16 bits.
WITHIN = {"one by one": 1e-6, "channels last": 1e-3, "plain": 1e-3}


@dataclass(frozen=True)
class Setting:
    """A block, the size of its maps, and the measured rows.

    Attributes:
        rows: rows that the tree measures.
        sample: rows among them that the other methods measure.
        targets: method → factor by which the tree should be faster.
    """

    name: str
    in_channels: int
    height: int
    width: int
    rows: Sequence[Row]
    sample: Sequence[Row]
    targets: dict[str, float]
    methods: tuple[str, ...]


def settings() -> list[Setting]:
    balanced = [(a, b, (a + b + n) % 6, (a + 5 * b + 2 * n) % 6) for n in range(3) for a in range(6) for b in range(6)]
    every = [(code, 8) for code in ALL]
    of_every = [(((a * 6 + b) * 6 + c) * 6 + d, 8) for a, b, c, d in balanced]
    mixed = [(code, bits) for bits in (4, 6, 8) for code in AFTER_ONE_PAIR]
    of_mixed = [(AFTER_ONE_PAIR[i * 6 + (i + 1) % 6], (4, 6, 8)[i % 3]) for i in range(6)]
    small, plain = ("tree", "one by one"), ("tree", "one by one", "channels last", "plain")
    return [
        Setting("64 → 64 channels, small maps", 64, 24, 48, every, of_every, {"one by one": 3.2}, small),
        Setting("32 → 64 channels, small maps", 32, 24, 48, every, of_every, {}, small),
        Setting(MIXED, 32, 128, 256, mixed, of_mixed, {"plain": 15.0}, plain),
        Setting(EIGHT, 32, 128, 256, [row for row in mixed if row[1] == 8], of_mixed, {"plain": 15.0}, ("tree",)),
        Setting("64 → 64 channels, full size, 4, 6 and 8 bits", 64, 128, 256, mixed, of_mixed, {"plain": 15.0}, plain),
    ]


MIXED = "32 → 64 channels, full size, 4, 6 and 8 bits"
EIGHT = "32 → 64 channels, full size, 8 bits"
"""Its other methods take a third of their time at three bit widths, because it does not depend on the bits."""


def measure(method: str, setting: Setting) -> dict[str, Any]:
    """Measure rows in this process; return seconds, NSRs, and the numbers of float and quantised layer runs."""
    import torch

    from qabwnas.data.splits import TensorSplit
    from qabwnas.measure.calibration import prefix_statistics
    from qabwnas.measure.evaluator import BlockEvaluator
    from qabwnas.measure.maps import block_maps, input_target_maps
    from qabwnas.measure.memory import CPU_MEMORY
    from qabwnas.measure.target_variance import measure_target_variances
    from qabwnas.measure.tree import TreeWalk, n_edges, prefix_tree, row_path, tree_layers
    from qabwnas.nets.network import build_network
    from qabwnas.nets.supernet import Supernet
    from qabwnas.space import BitWidths, Block, Head, SearchSpace, Shape, Stem, mbconv, mbconvs

    torch.set_num_threads(1)
    torch.manual_seed(0)
    block = Block("block", setting.in_channels, 64, 4, 1, 2, mbconvs((3, 5, 7), (3, 6)))
    image = Shape(3, setting.height, setting.width)
    space = SearchSpace("bench", image, Stem(setting.in_channels, 3, 1), (block,), Head("classifier", 2), ())
    teacher = build_network(space, [[mbconv(5, 6)] * 4]).eval()
    student = Supernet(space).blocks[0]
    for module in (teacher, student):
        module.to(memory_format=torch.channels_last)  # as after training
    images = torch.randn(N_CALIBRATION + N_VALIDATION, *image).split([N_CALIBRATION, N_VALIDATION])
    if method == "tree":
        calibration, validation = (TensorSplit(part, torch.zeros(len(part)), lambda batch, _: batch) for part in images)
        variances = measure_target_variances(teacher, ["block"], validation)[0]
        paths = [row_path(block.digits(code), [BitWidths(bits, bits)] * 4) for code, bits in setting.rows]
        evaluator = BlockEvaluator(teacher, student, 0, calibration, validation, variances, CPU_MEMORY)
        evaluator.measure(paths[:N_WARM])
        features, of_teacher = teacher.features, 0.0

        def clocked(images: torch.Tensor) -> list[torch.Tensor]:
            nonlocal of_teacher
            start = time.process_time()
            maps = features(images)
            of_teacher += time.process_time() - start
            return maps

        teacher.features = clocked  # type: ignore[method-assign]
        start = time.process_time()
        nsrs = [estimate.value for estimate in evaluator.measure(paths)]
        seconds = time.process_time() - start - of_teacher
        trees = prefix_tree([[operation for operation, _ in path] for path in paths]), prefix_tree(paths)
        floats, quantised = (n_edges(tree) - len(tree) for tree in trees)
        return {"seconds": seconds, "nsrs": nsrs, "float_layers": floats, "quantised_layers": quantised}
    size = 1 if setting.height > 100 else N_VALIDATION  # the batch size of the tree
    maps = block_maps(teacher, 0, *(part.split(size) for part in images))
    targets = [y for _, y in input_target_maps(teacher, 0, images[1].split(size), "validation")]
    if method == "one by one":
        split = TensorSplit(images[1], torch.zeros(2), lambda batch, _: batch)
        variances = measure_target_variances(teacher, ["block"], split)

        def alone(code: int, bits: int) -> float:
            path = row_path(block.digits(code), [BitWidths(bits, bits)] * 4)
            operations = prefix_tree([[operation for operation, _ in path]])
            statistics = prefix_statistics(tree_layers(student), operations, maps.calibration)
            walk = TreeWalk(student, statistics, maps.validation, targets, variances[0])
            [(_, ratios)] = walk.image_nsrs(prefix_tree([path]))
            return float(ratios.mean())

        for row in setting.sample[:N_WARM]:
            alone(*row)
        start = time.process_time()
        nsrs = [alone(*row) for row in setting.sample]
    else:
        from plain_population import measure_plainly

        layout = torch.contiguous_format if method == "plain" else torch.channels_last
        inputs = [
            torch.cat(part).contiguous(memory_format=layout) for part in (maps.calibration, maps.validation, targets)
        ]
        student.to(memory_format=layout)
        for code, bits in setting.sample[:N_WARM]:
            measure_plainly(student, code, bits, *inputs)
        start = time.process_time()
        nsrs = [measure_plainly(student, code, bits, *inputs) for code, bits in setting.sample]
    seconds = (time.process_time() - start) * len(setting.rows) / len(setting.sample)
    n_layers = 4 * len(setting.rows)
    return {"seconds": seconds, "nsrs": nsrs, "float_layers": n_layers, "quantised_layers": n_layers}


def in_its_own_process(method: str, setting: Setting) -> dict[str, Any]:
    from qabwnas.pipeline.execution.worker_environment import VARIABLES

    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    environment |= VARIABLES if method != "plain" else {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--method", method, "--setting", setting.name]
    answer = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    result: dict[str, Any] = json.loads(answer)
    return result


def measured(setting: Setting) -> dict[str, dict[str, Any]]:
    """Return the answers of all methods for one setting, after comparing their NSRs."""
    answers = {method: in_its_own_process(method, setting) for method in setting.methods}
    column = dict(zip(setting.rows, answers["tree"]["nsrs"], strict=True))
    for method in setting.methods[1:]:
        for row, nsr in zip(setting.sample, answers[method]["nsrs"], strict=True):
            assert abs(nsr - column[row]) <= WITHIN[method] * column[row], (setting.name, method, row, nsr, column[row])
    return answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often the methods take turns")
    parser.add_argument("--json", type=Path, help="also write the results as JSON")
    parser.add_argument("--method", help=argparse.SUPPRESS)
    parser.add_argument("--setting", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.method:
        [setting] = [setting for setting in settings() if setting.name == arguments.setting]
        print(json.dumps(measure(arguments.method, setting)))
        return
    rounds = []
    for _ in range(arguments.rounds):
        answers = {setting.name: measured(setting) for setting in settings()}
        mixed = answers[MIXED]
        for method in ("one by one", "channels last", "plain"):
            answers[EIGHT][method] = {name: value / 3 for name, value in mixed[method].items() if name != "nsrs"}
        rounds.append(answers)
    report(rounds, arguments.json)


def report(rounds: list[dict[str, dict[str, dict[str, Any]]]], path: Path | None) -> None:
    print("| block | method | layers run, float + quantised | seconds | tree is faster by | target | |")
    print("|---|---|---|---|---|---|---|")
    for setting in settings():
        for method in rounds[0][setting.name]:
            of_method = [answers[setting.name][method] for answers in rounds]
            seconds = statistics.median(answer["seconds"] for answer in of_method)
            ratio = statistics.median(
                answers[setting.name][method]["seconds"] / answers[setting.name]["tree"]["seconds"]
                for answers in rounds
            )
            goal = setting.targets.get(method)
            target = "– |" if goal is None else f"≥ {goal:g}× | {'✓' if ratio >= goal else '✗'}"
            layers = f"{of_method[0]['float_layers']:,.0f} + {of_method[0]['quantised_layers']:,.0f}"
            print(f"| {setting.name} | {method} | {layers} | {seconds:.1f} | {ratio:.2f}× | {target} |")
    if path is not None:
        from qabwnas.bench.machine import describe_machine

        content = {"machine": describe_machine(), "rounds": rounds}
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
