"""Population of a LUT: the tree of prefixes against one candidate after the other, on a block of four layers.

    python benchmarks/bench_population.py [--full] [--rounds N] [--json RESULTS.json]

The block is like the third of the paper's space: six operations a layer, 32 → 64 channels, dilation 2, at 8 bits. Three
ways to measure its 1,296 candidates take turns, each in a process of its own with one thread, on the same weights and
images; times are CPU times without imports.

- tree: what ``qabwnas populate`` does, in the environment that its workers get;
- one by one: every candidate for itself, by the same kernels in the same environment;
- plain: every candidate for itself, by torch's fake-quantise kernels, with the default malloc.

One by one, 36 candidates are measured and their time is multiplied by 36: they have every operation six times in every
layer, so that they take as long as the others on average. With --full all are measured. NSRs are compared first.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

WAYS = ("tree", "one by one", "plain")
BITS = 8
N_IMAGES = 8
HEIGHT, WIDTH = 16, 32
WITHIN = 1e-6
ASKED = {"one by one": 3.2, "plain": 15.0}


def measure(way: str, codes: list[int]) -> dict[str, Any]:
    """Measure candidates in this process, and return seconds, NSRs and the layers that were run."""
    import torch

    from qabwnas.data.splits import TensorSplit
    from qabwnas.measure.candidate import measure_candidate
    from qabwnas.measure.maps import block_maps
    from qabwnas.measure.memory import CPU_MEMORY
    from qabwnas.measure.shard import Laboratory, measure_rows
    from qabwnas.measure.signal import signal_variances
    from qabwnas.measure.tree import n_edges, prefix_tree, row_path
    from qabwnas.nets.network import build_network
    from qabwnas.nets.supernet import Supernet
    from qabwnas.quant import fake
    from qabwnas.space import BitWidths, Block, Head, Operation, SearchSpace, Shape, Stem, mbconvs

    torch.set_num_threads(1)
    torch.manual_seed(0)
    block = Block("block3", 32, 64, 4, 1, 2, mbconvs((3, 5, 7), (3, 6)))
    widths = BitWidths(BITS, BITS)
    space = SearchSpace("bench", Shape(3, HEIGHT, WIDTH), Stem(32, 3, 1), (block,), Head("classifier", 2), (widths,))
    teacher = build_network(space, [[Operation(5, 6)] * 4]).eval()
    student = Supernet(space).blocks[0]
    for module in (teacher, student):
        module.to(memory_format=torch.channels_last)  # as training leaves them
    images = torch.randn(2 * N_IMAGES, 3, HEIGHT, WIDTH)
    calibration, validation = images.split(N_IMAGES)
    if way == "plain":
        fake.FakeQuantise.forward = lambda self, x: fake.fused(x, self._scale, self._low, self._high)
    if way == "tree":
        calibration, validation = (TensorSplit(part, torch.zeros(N_IMAGES), None) for part in (calibration, validation))
        variances = signal_variances(teacher, ["block3"], validation)[0]
        paths = [row_path(block.digits(code), [widths] * 4) for code in codes]
        lab = Laboratory(teacher, student, 0, calibration, validation, variances, CPU_MEMORY)
        start = time.process_time()
        nsr = [estimate.value for estimate in measure_rows(lab, paths)]
        n_layers = n_edges(prefix_tree(paths)) - 1
    else:
        maps = block_maps(teacher, 0, calibration.split(BATCH), validation.split(BATCH))
        start = time.process_time()
        nsr = [measure_candidate(student, code, widths, maps).value for code in codes]
        n_layers = 4 * len(codes)
    return {"seconds": time.process_time() - start, "nsr": nsr, "layers": n_layers}


BATCH = min(4_194_304 // (64 * 6 * HEIGHT * WIDTH), N_IMAGES)
"""Images a call of a kernel: as many as the tree takes at once."""


def in_its_own_process(way: str, codes: list[int]) -> dict[str, Any]:
    from qabwnas.pipeline.worker_environment import VARIABLES

    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    environment |= VARIABLES if way != "plain" else {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--way", way, "--codes", ",".join(map(str, codes))]
    answer = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(answer)


def balanced_codes() -> list[int]:
    """Return 36 candidates in which every operation stands six times in every layer."""
    digits = [(a, b, (a + b) % 6, (a + 5 * b) % 6) for a in range(6) for b in range(6)]
    return [((a * 6 + b) * 6 + c) * 6 + d for a, b, c, d in digits]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="measure all candidates one by one too")
    parser.add_argument("--rounds", type=int, default=3, help="how often the ways take turns")
    parser.add_argument("--json", type=Path, help="also write the results as JSON")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--codes", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        print(json.dumps(measure(arguments.way, [int(code) for code in arguments.codes.split(",")])))
        return
    everything = list(range(6**4))
    codes = {way: everything if way == "tree" or arguments.full else balanced_codes() for way in WAYS}
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    layers = {}
    for _ in range(arguments.rounds):
        column: list[float] = []
        for way in WAYS:
            answer = in_its_own_process(way, codes[way])
            if way == "tree":
                column = answer["nsr"]
            for code, nsr in zip(codes[way], answer["nsr"], strict=True):
                assert abs(nsr - column[code]) <= WITHIN * column[code], (way, code, nsr, column[code])
            scale = len(everything) // len(codes[way])
            seconds[way].append(answer["seconds"] * scale)
            layers[way] = answer["layers"] * scale
    report(seconds, layers, arguments.json)


def report(seconds: dict[str, list[float]], layers: dict[str, int], path: Path | None) -> None:
    medians = {way: statistics.median(of_way) for way, of_way in seconds.items()}
    print("| way | layers run | seconds | tree is faster by | asked | |\n|---|---|---|---|---|---|")
    for way in WAYS:
        ratio = medians[way] / medians["tree"]
        asked = f"≥ {ASKED[way]:g}× | {'✓' if ratio >= ASKED[way] else '✗'}" if way in ASKED else "– |"
        print(f"| {way} | {layers[way]:,} | {medians[way]:.1f} | {ratio:.2f}× | {asked} |")
    if path is not None:
        from qabwnas.search.machine import machine

        content = {"machine": machine(), "seconds": seconds, "layers": layers}
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
