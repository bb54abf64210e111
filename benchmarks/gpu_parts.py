"""What ``gpu_check.py`` measures: each part is a function from a :class:`Setting` to JSON values, in its own process.

Weights and images are random. The measured code is that of ``qabwnas distill`` and ``qabwnas populate``.
"""

from __future__ import annotations

import itertools
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
import yaml
from torch import Tensor, nn
from torch.nn import functional as F

from qabwnas.bench.machine import describe_machine
from qabwnas.costs.block import block_choices
from qabwnas.costs.operator_cost import OperatorCost
from qabwnas.data.splits import Batch, TensorSplit
from qabwnas.measure.calibration import recalibrate
from qabwnas.measure.evaluator import BlockEvaluator, exact_float32
from qabwnas.measure.maps import block_maps
from qabwnas.measure.memory import default_memory
from qabwnas.measure.shard import space_shards
from qabwnas.measure.target_variance import measure_target_variances
from qabwnas.measure.tree import n_edges, prefix_tree, row_path
from qabwnas.nets.network import Network, build_network
from qabwnas.nets.supernet import Supernet, SupernetBlock, extract
from qabwnas.pipeline.config.examples import example_text
from qabwnas.quant.ptq import quantise
from qabwnas.space import BitWidths, SearchSpace, Shape, mbconv
from qabwnas.space.yaml import load_space
from qabwnas.train.distill import distill
from qabwnas.train.settings import TrainingSettings
from qabwnas.train.trainer import Progress

ROOT = Path(__file__).resolve().parents[1]
CONFIG = yaml.safe_load(example_text("cityscapes"))
INT8 = BitWidths(8, 8)
N_WIDTHS = 3
WARM_STEPS = 5


@dataclass(frozen=True)
class Setting:
    """Where and how large: ``small`` is for trying the script on a CPU."""

    device: torch.device
    small: bool

    @property
    def sizes(self) -> list[tuple[int, int]]:
        return [(32, 64)] if self.small else [(512, 1024), (1024, 2048)]

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def peak_memory(self) -> int:
        """Return the largest memory so far in bytes: that of tensors on a GPU, else that of the process."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    def seconds(self, call: Callable[[], object], repeats: int) -> float:
        """Return the mean time of a call, after two to warm up."""
        for _ in range(2):
            call()
        self.wait()
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        self.wait()
        return (time.perf_counter() - start) / repeats


def machine(setting: Setting) -> dict[str, Any]:
    """Name the GPU, its driver, and the versions."""
    found: dict[str, Any] = {"torch": torch.__version__, "cuda": torch.version.cuda, "machine": describe_machine()}
    if setting.device.type == "cuda":
        properties = torch.cuda.get_device_properties(setting.device)
        found |= {"gpu": properties.name, "memory_bytes": properties.total_memory}
        query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        found["driver"] = subprocess.run(query, capture_output=True, text=True, check=True).stdout.split()[0]
    return found


def peaks(setting: Setting) -> dict[str, Any]:
    """Measure the peaks of this device, and depth-wise convolutions in both layouts of memory."""
    device, side = setting.device, 256 if setting.small else 8192
    found: dict[str, Any] = {}
    for name, dtype in (("float32", torch.float32), ("float16", torch.float16), ("bfloat16", torch.bfloat16)):
        a = torch.randn(side, side, device=device).to(dtype)
        with exact_float32():
            found[f"matmul_{name}_flops"] = 2 * side**3 / setting.seconds(lambda a=a: a @ a, 5)  # type: ignore[misc]
    source = torch.zeros((2**20 if setting.small else 2**29), device=device)
    target = torch.empty_like(source)
    found["copy_bytes"] = 2 * source.nbytes / setting.seconds(lambda: target.copy_(source), 5)
    one = torch.zeros(1, device=device)
    found["launch_seconds"] = setting.seconds(lambda: one.add_(1), 1000)
    images = torch.zeros(8, 3, *setting.sizes[0])
    found["images_to_device_bytes"] = images.nbytes / setting.seconds(lambda: images.to(device, copy=True), 3)
    x = torch.randn(4, 384, *((16, 32) if setting.small else (128, 256)), device=device)
    for kernel in (3, 5, 7):
        weight = torch.randn(384, 1, kernel, kernel, device=device)
        for name, layout in (("contiguous", torch.contiguous_format), ("channels_last", torch.channels_last)):
            given, own = x.contiguous(memory_format=layout), weight.contiguous(memory_format=layout)
            padding = kernel - 1

            def convolve(given: Tensor = given, own: Tensor = own, padding: int = padding) -> Tensor:
                return F.conv2d(given, own, None, 1, padding, 2, 384)

            with torch.no_grad(), exact_float32():
                found[f"depthwise_{kernel}_{name}_bytes"] = 2 * x.nbytes / setting.seconds(convolve, 3)
    return found


def tests(_: Setting) -> dict[str, Any]:
    """Run the tests that need CUDA."""
    status = pytest.main(["-m", "gpu", "-p", "no:cacheprovider", "-rs", str(ROOT / "tests" / "gpu")])
    if status:
        raise RuntimeError(f"pytest -m gpu tests/gpu ended with {status!s}; its output is in the log")
    return {"passed": True}


def precision(setting: Setting) -> dict[str, Any]:
    """Compare the NSR of one candidate per block in other precisions with float32, float and at 8 bits."""
    space = paper_space(*setting.sizes[0])
    teacher, supernet = networks(space, setting)
    images = [torch.randn(2, *space.input, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2)]
    found: dict[str, Any] = {}
    for b, block in enumerate(space.blocks):
        with torch.no_grad(), exact_float32():
            maps = block_maps(teacher, b, images[:1], images[1:])
            candidate = extract(cast(SupernetBlock, supernet.blocks[b]), block.n_candidates // 2).eval()
            recalibrate(candidate, maps.calibration)
            nsrs = {}
            for name, module in (("float", candidate), ("w8a8", quantise(candidate, INT8, maps.calibration))):
                nsrs[name] = {"float32": maps.meter(module(x) for x in maps.validation)}
                for dtype in (torch.float16, torch.bfloat16):
                    with torch.autocast(setting.device.type, dtype=dtype):
                        outputs = [module(x).float() for x in maps.validation]
                    nsrs[name][str(dtype).removeprefix("torch.")] = maps.meter(outputs)
        found[block.name] = nsrs
    return found


class ClockedSplit(TensorSplit):
    """Images in memory; notes the time when the batches of two steps are drawn."""

    def __init__(self, space: SearchSpace, n_images: int, setting: Setting, steps: tuple[int, int] = (-1, -1)) -> None:
        images = torch.randn(n_images, *space.input, generator=torch.Generator().manual_seed(n_images))
        super().__init__(images, torch.zeros(n_images, dtype=torch.int64), lambda batch, _: batch)
        self._setting, self._steps, self._drawn = setting, steps, 0
        self.times: list[float] = []

    def draw(self, indices: Sequence[int], seed: int) -> Batch:
        if self._drawn in self._steps:
            self._setting.wait()
            self.times.append(time.perf_counter())
        self._drawn += 1
        return super().draw(indices, seed)


def distillation(setting: Setting) -> dict[str, Any]:
    """Measure steps per second of the joint distillation of all blocks with the settings of the paper's example."""
    training = CONFIG["supernet"]["training"]
    n_timed = 2 if setting.small else 15
    last = WARM_STEPS + n_timed
    changed = {"steps": last + 1, "batch": 2 if setting.small else training["batch"]}
    trainings = TrainingSettings(**(training | changed)).trainings()
    found: dict[str, Any] = {}
    for height, width in setting.sizes:
        space = paper_space(height, width)
        teacher, supernet = networks(space, setting)
        split = ClockedSplit(space, 2 * trainings[0].batch, setting, (WARM_STEPS, last))
        with tempfile.TemporaryDirectory() as folder:
            distill(
                teacher,
                supernet,
                range(len(space.blocks)),
                split,
                trainings,
                sampling=CONFIG["supernet"]["sampling"],
                seed=0,
                progress=lambda b, folder=folder: Progress(Path(folder) / f"{b}.pt", ""),  # type: ignore[misc]
                device=setting.device,
            )
        seconds = (split.times[1] - split.times[0]) / n_timed
        paths = [mean_path(space, b) for b in range(len(space.blocks))]
        of_teacher = [work(teacher_layers(space, b)) for b in range(len(space.blocks))]
        n = trainings[0].batch
        # A backward pass takes two convolutions per convolution, and reads and writes the maps twice.
        flops, elements = (n * sum(t[i] + 3 * p[i] for t, p in zip(of_teacher, paths, strict=True)) for i in range(2))
        found[f"{height}×{width}"] = {
            "steps_per_second": 1 / seconds,
            "images_per_step": n,
            "hours": seconds * training["steps"] / 3600,
            "formula": f"seconds per step × {training['steps']:,} steps of all six blocks together",
            "peak_memory_bytes": setting.peak_memory(),
            "flops_per_second": flops / seconds,
            "bytes_per_second": elements * (2 if setting.device.type == "cuda" else 4) / seconds,
        }
    return found


def population(setting: Setting) -> dict[str, Any]:
    """Measure INT8 rows of every block: all operations in its last two layers, one in the others."""
    n_calibration, n_validation = (2, 2) if setting.small else (4, 16)
    of_paper = CONFIG["task"]["calibration"], CONFIG["task"]["validation"]
    found: dict[str, Any] = {}
    for height, width in setting.sizes:
        space = paper_space(height, width)
        teacher, supernet = networks(space, setting)
        calibration, validation = (ClockedSplit(space, n, setting) for n in (n_calibration, n_validation))
        names = [block.name for block in space.blocks]
        variances = measure_target_variances(teacher, names, validation)
        shards = space_shards(space)
        seconds = {1: 0.0, N_WIDTHS: 0.0}
        flops = n_bytes = measured = 0.0
        clock = TeacherClock(teacher, setting)
        for b, block in enumerate(space.blocks):
            evaluator = BlockEvaluator(
                teacher,
                cast(SupernetBlock, supernet.blocks[b]),
                b,
                calibration,
                validation,
                variances[b].to(setting.device),
                default_memory(setting.device),
            )
            n_fixed = max(block.n_layers - 2, 0)
            digits = list(itertools.product(*([[2]] * n_fixed), *(range(r) for r in block.radices[n_fixed:])))
            paths = [row_path(each, [INT8] * block.n_layers) for each in digits]
            evaluator.measure(paths[:1])
            clock.seconds = 0.0
            start = time.perf_counter()
            evaluator.measure(paths)
            elapsed = time.perf_counter() - start - clock.seconds
            edges = n_edges(prefix_tree(digits))
            per_edge = elapsed / (edges * (n_calibration + n_validation))
            per_image = clock.seconds / (n_calibration + n_validation + 1)
            own = [shard for shard in shards if shard.b == b]
            whole = sum(n_edges(prefix_tree([block.digits(c) for c in range(s.first, s.last)])) for s in own)
            for n_widths in seconds:
                seconds[n_widths] += per_edge * whole * (of_paper[0] + n_widths * of_paper[1])
                seconds[n_widths] += per_image * len(own) * sum(of_paper)
            measured += elapsed
            _, choices = block_choices(space, b)
            for prefix in {each[:n] for each in digits for n in range(1, block.n_layers + 1)}:
                operations, elements = work([choices[len(prefix) - 1][prefix[-1]]])
                written = sum(operator.live[-1] for operator in choices[len(prefix) - 1][prefix[-1]])
                flops += operations * (n_calibration + n_validation)
                n_bytes += 4 * ((elements + 2 * written) * n_validation + elements * n_calibration)
        n_rows = sum(block.n_candidates for block in space.blocks)
        found[f"{height}×{width}"] = {
            "int8_candidates_per_second": n_rows / seconds[1],
            "int8_hours": seconds[1] / 3600,
            "mixed_hours": seconds[N_WIDTHS] / 3600,
            "formula": "sum over blocks: seconds per layer run and image × layer runs of all shards × "
            f"({of_paper[0]} + bit widths × {of_paper[1]} images) + seconds of the teacher per image × shards × "
            f"{sum(of_paper)} images; without reading images",
            "peak_memory_bytes": setting.peak_memory(),
            "flops_per_second": flops / measured,
            "bytes_per_second": n_bytes / measured,
        }
    return found


class TeacherClock:
    """Adds up the time that a teacher's forward passes take, with everything before them finished."""

    def __init__(self, teacher: Network, setting: Setting) -> None:
        self.seconds = 0.0
        features = teacher.features

        def clocked(images: Tensor) -> list[Tensor]:
            setting.wait()
            start = time.perf_counter()
            maps = features(images)
            setting.wait()
            self.seconds += time.perf_counter() - start
            return maps

        teacher.features = clocked  # type: ignore[method-assign]


def paper_space(height: int, width: int) -> SearchSpace:
    return replace(load_space("cityscapes-mbv2"), input=Shape(3, height, width))


def networks(space: SearchSpace, setting: Setting) -> tuple[Network, Supernet]:
    """Return a teacher with batch-norm statistics of random images, and a supernet, both with random weights."""
    torch.manual_seed(0)
    teacher = build_network(space, [[mbconv(3, 6)] * block.n_layers for block in space.blocks])
    supernet = Supernet(space)
    for module in (teacher, supernet):
        module.to(setting.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    norms = [part for part in teacher.modules() if isinstance(part, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        teacher.features(torch.randn(2, *space.input, device=setting.device))
    return teacher.eval(), supernet


def mean_path(space: SearchSpace, b: int) -> tuple[float, float]:
    """Return the :func:`work` of a uniformly random path through a block."""
    works = [[work([choice]) for choice in layer] for layer in block_choices(space, b)[1]]
    flops, elements = (sum(sum(each[i] for each in layer) / len(layer) for layer in works) for i in range(2))
    return flops, elements


def teacher_layers(space: SearchSpace, b: int) -> list[list[OperatorCost]]:
    k3e6 = space.blocks[b].layers[0].operations.index(mbconv(3, 6))
    return [layer[k3e6] for layer in block_choices(space, b)[1]]


def work(layers: Sequence[Sequence[OperatorCost]]) -> tuple[float, float]:
    """Return operations, two per multiply-accumulate, and elements read and written, for one image."""
    operators = [operator for layer in layers for operator in layer]
    return 2 * sum(o.macs for o in operators), sum(o.traffic for o in operators)


PARTS: dict[str, tuple[Callable[[Setting], dict[str, Any]], int]] = {
    "machine": (machine, 30),
    "peaks": (peaks, 50),
    "tests": (tests, 110),
    "precision": (precision, 50),
    "distillation": (distillation, 130),
    "population": (population, 160),
}
"""Name → the function and its time limit in seconds: less than nine minutes together."""
