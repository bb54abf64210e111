"""A latency bundle: a folder of ONNX models and a manifest, to measure latencies of candidates on any device.

Each distinct layer (shape, operation, precision) is measured once, because candidates share layers. The latency of a
candidate is the sum of its layers, each without the time of starting a model. To check these sums, the bundle also has
one random candidate of every block and precision as a whole. Layers read and write integers, as in a network. Weights
are random, because the time of a kernel does not depend on them.

A precision is what the time depends on: floats, 8-bit integers, or grids of fewer bits in 8-bit containers, which need
one more node for their upper end.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import nn

from qabwnas.deploy import run, runner
from qabwnas.deploy.graph import IR_VERSION, OPSET
from qabwnas.deploy.onnx_export import onnx_model, part_model
from qabwnas.io.atomic import atomic_path
from qabwnas.io.fingerprint import fingerprint
from qabwnas.nets.layers import build_head, build_operation, build_stem
from qabwnas.nets.network import build_network
from qabwnas.nets.quantise import quantise_network
from qabwnas.quant.ptq import quantise
from qabwnas.space import FLOAT, BitWidths, Block, Layer, Operation, Policy, SearchSpace, Shape
from qabwnas.space.yaml import space_to_json

FORMAT = "qabwnas-latency-bundle"
SCHEMA_VERSION = 3
INT8, NARROW = BitWidths(8, 8), BitWidths(8, 7)
PRECISIONS = {FLOAT: "fp32", INT8: "int8", NARROW: "narrow"}

README = f"""\
# A latency bundle of qabwnas

Copy this folder to the device whose latencies you want to measure. On the device, it {run.NEEDS}:

    python run.py --device NAME -o RESULTS.json

It measures all models in `models/` in turn. After an interruption, the same command continues. Samples are kept in
`samples-….json`, one file per machine, version of ONNX Runtime and number of threads: you can copy the folder on to
another device and measure there. Then, where qabwnas is installed:
`qabwnas latency import RESULTS.json LUT.h5 -o NEW.h5`.

The models have opset {OPSET} and IR version {IR_VERSION}.
"""

Tables = Mapping[str, Sequence[BitWidths]]
"""Block name → the bit widths of its tables, in the order in which a LUT numbers their candidates."""


@torch.random.fork_rng(devices=[])
def write_bundle(
    space: SearchSpace,
    tables: Tables,
    folder: Path,
    *,
    fixed_bits: BitWidths = INT8,
    fixed_parts: tuple[nn.Module, nn.Module] | None = None,
    n_networks: int = 0,
    seed: int = 0,
) -> None:
    """Write the models of all layers of a space, its fixed parts and ``n_networks`` random networks, to a folder.

    Stem and head are at ``fixed_bits``, or in float if all tables are. They are ``fixed_parts``, or those that the
    space describes; random networks always have the latter.

    The manifest is written last. The scripts ``run.py`` and ``runner.py`` measure; ``README.md`` lists what they need.

    Raises:
        InputError: bit widths are between 9 and 16, which do not fit 8-bit containers.
    """
    torch.manual_seed(seed)
    (folder / "models").mkdir(parents=True, exist_ok=True)
    writer = _Writer(folder)
    is_float = all(widths.is_float for each in tables.values() for widths in each)
    fixed_widths = FLOAT if is_float else precision(fixed_bits)
    stem, head = fixed_parts or described_parts(space)
    fixed = [writer.stem(stem, space.input, fixed_widths), writer.head(head, space.block_inputs[-1], fixed_widths)]
    blocks: dict[str, list[dict[str, Any]]] = {}
    for block, x in zip(space.blocks, space.block_inputs, strict=False):
        rows = blocks.setdefault(block.name, [])
        for widths in tables[block.name]:
            for code in range(block.n_candidates):
                models = writer.candidate(block, block.decode(code), x, precision(widths))
                rows.append({"candidate": len(rows), "bits": widths.name, "models": models})
    empty = writer.empty()
    wholes: list[dict[str, Any]] = []
    for block, x in zip(space.blocks, space.block_inputs, strict=False):
        draws = random.Random(f"{seed} {block.name}")
        wholes += writer.wholes(block, x, tables[block.name], blocks[block.name], draws)
    networks = [writer.network(space, blocks, fixed_widths, n, random.Random(f"{seed} {n}")) for n in range(n_networks)]
    content = {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "source": source(space, tables, fixed_bits, n_networks, seed),
        "models": writer.models,
        "empty": empty,
        "fixed": fixed,
        "blocks": blocks,
        "wholes": wholes,
        "networks": networks,
    }
    for script in ("run.py", "runner.py"):
        shutil.copyfile(Path(__file__).with_name(script), folder / script)
    (folder / "README.md").write_text(README, encoding="utf-8")
    with atomic_path(folder / runner.MANIFEST) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def described_parts(space: SearchSpace) -> tuple[nn.Module, nn.Module]:
    """Return stem and head as a space describes them."""
    return build_stem(space.stem, space.input.channels), build_head(space.head, space.block_inputs[-1].channels)


def source(space: SearchSpace, tables: Tables, fixed_bits: BitWidths, n_networks: int, seed: int = 0) -> str:
    """Return a fingerprint of everything that the content of a bundle depends on, but for fixed parts of a module."""
    names = {block: [widths.name for widths in each] for block, each in tables.items()}
    fixed = [] if fixed_bits == INT8 else [fixed_bits.name]  # bundles of before have none
    return fingerprint([SCHEMA_VERSION, space_to_json(space), names, n_networks, seed, *fixed])


def precision(widths: BitWidths) -> BitWidths:
    """Return the representative of the bit widths with the same latency as ``widths``."""
    if widths.is_float or max(widths.weights, widths.activations) > INT8.activations:
        return widths  # the export refuses more than 8 bits
    return INT8 if widths.activations == INT8.activations else NARROW


class _Writer:
    """Writes every distinct model once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.models: dict[str, dict[str, Any]] = {}

    def candidate(self, block: Block, operations: Iterable[Operation], x: Shape, widths: BitWidths) -> list[str]:
        """Return the model names of a candidate's layers; a skip has none."""
        names = []
        for layer, operation in zip(block.layers, operations, strict=True):
            if not operation.is_skip:
                names.append(self._layer(layer, operation, x, widths))
            x = x.after(layer.out_channels, layer.stride)
        return names

    def _layer(self, layer: Layer, operation: Operation, x: Shape, widths: BitWidths) -> str:
        sides = f"{x.channels}x{x.height}x{x.width}"
        named = operation.name.replace(":", ",")  # a colon is not allowed in names of files on every system
        name = f"{named}-{sides}-c{layer.out_channels}-s{layer.stride}-d{layer.dilation}-{_name(widths)}"
        if name not in self.models:
            self._part(name, build_operation(layer, operation), x, widths)
        return name

    def wholes(
        self,
        block: Block,
        x: Shape,
        tables: Sequence[BitWidths],
        rows: Sequence[Mapping[str, Any]],
        draws: random.Random,
    ) -> Iterator[dict[str, Any]]:
        """Write a random candidate of several layers as one model, at every precision of the block's tables.

        Yields each model's name with those of its layers, whose sum predicts its time.
        """
        codes = [code for code in range(block.n_candidates) if len(rows[code]["models"]) > 1]
        for widths in dict.fromkeys(map(precision, tables)) if codes else ():
            code = draws.choice(codes)
            operations = block.decode(code)
            layers = nn.Sequential(
                *(build_operation(layer, operation) for layer, operation in zip(block.layers, operations, strict=True))
            )
            model = self._part(f"{block.name}-{code}-{_name(widths)}", layers, x, widths)
            yield {"model": model, "models": self.candidate(block, operations, x, widths)}

    def empty(self) -> str:
        """Write a model that does nothing; its time is that of starting a model, which a network does once."""
        model = onnx_model(nn.Identity(), (1, 1, 1))
        return self._write("empty", model, Shape(1, 1, 1), "float32", 0)

    def stem(self, stem: nn.Module, x: Shape, widths: BitWidths) -> str:
        return self._part(f"stem-{_name(widths)}", stem, x, widths, from_floats=True)

    def head(self, head: nn.Module, x: Shape, widths: BitWidths) -> str:
        return self._part(f"head-{_name(widths)}", head, x, widths)

    def network(
        self,
        space: SearchSpace,
        blocks: Mapping[str, Sequence[Mapping[str, Any]]],
        fixed_widths: BitWidths,
        n: int,
        draws: random.Random,
    ) -> dict[str, Any]:
        """Write a random network; return its name with the layers of its blocks, whose sum predicts its time."""
        rows = [draws.choice(blocks[block.name]) for block in space.blocks]
        codes = [row["candidate"] % block.n_candidates for row, block in zip(rows, space.blocks, strict=True)]
        operations = [block.decode(code) for block, code in zip(space.blocks, codes, strict=True)]
        policy = Policy(tuple(precision(BitWidths.parse(row["bits"])) for row in rows), fixed=fixed_widths)
        shape = (space.input.channels, space.input.height, space.input.width)
        network = quantise_network(build_network(space, operations).eval(), policy, [torch.randn(1, *shape)])
        name = f"network-{n}"
        self._write(name, onnx_model(network, shape), space.input, "float32", 0)
        return {"model": name, "models": [*(model for row in rows for model in row["models"])]}

    def _part(self, name: str, part: nn.Module, x: Shape, widths: BitWidths, *, from_floats: bool = False) -> str:
        shape = (x.channels, x.height, x.width)
        frozen = quantise(part.eval(), widths, [torch.randn(1, *shape)])
        if not isinstance(frozen, nn.Sequential):  # a part of a module that stays float
            return self._write(name, onnx_model(frozen, shape), x, "float32", 0)
        floats = from_floats or widths.is_float
        model = part_model(frozen, shape, from_floats=from_floats)
        return self._write(name, model, x, "float32" if floats else "uint8", 0 if floats else 2**widths.activations)

    def _write(self, name: str, model: onnx.ModelProto, x: Shape, dtype: str, levels: int) -> str:
        file = f"models/{name}.onnx"
        with atomic_path(self._folder / file) as temporary:
            onnx.save(model, temporary)
        shape = [1, x.channels, x.height, x.width]
        self.models[name] = {"file": file, "shape": shape, "dtype": dtype, "levels": levels}
        return name


def _name(widths: BitWidths) -> str:
    return PRECISIONS.get(widths, widths.name)
