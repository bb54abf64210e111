"""A bundle has every distinct layer once, and says of every candidate which ones it is made of."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch
import yaml
from onnx import TensorProto
from torch import nn

from qabwnas.deploy import run, runner
from qabwnas.deploy.bundle import precision, write_bundle
from qabwnas.errors import InputError
from qabwnas.nets.external.split import split_teacher
from qabwnas.nets.layers import build_stem
from qabwnas.quant.operators import GlobalAverage, Linear
from qabwnas.space import FLOAT, BitWidths
from qabwnas.space.yaml import load_space
from tests.pipeline.external_teacher import BORDERS, make
from tests.pipeline.tiny import SPACE
from tests.spaces import TINY

TABLES = {"first": [BitWidths(4, 4), BitWidths(8, 8)], "second": [BitWidths(8, 8), FLOAT]}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(TINY, TABLES, folder, n_networks=3)
    return folder


def test_candidates_are_numbered_as_in_a_lut(bundle: Path) -> None:
    blocks = runner.read_manifest(bundle)["blocks"]
    for block in TINY.blocks:
        rows = blocks[block.name]
        assert [row["candidate"] for row in rows] == list(range(2 * block.n_candidates))
        assert [row["bits"] for row in rows[:: block.n_candidates]] == [w.name for w in TABLES[block.name]]
        for row in rows:
            chosen = block.decode(row["candidate"] % block.n_candidates)
            assert [name.split("-")[0] for name in row["models"]] == [o.name for o in chosen if not o.is_skip]


def test_a_layer_is_written_once_at_each_precision(bundle: Path) -> None:
    manifest = runner.read_manifest(bundle)
    used = {name for rows in manifest["blocks"].values() for row in rows for name in row["models"]}
    networks = {network["model"] for network in manifest["networks"]}
    wholes = {whole["model"] for whole in manifest["wholes"]}
    assert used | networks | wholes | {"stem-int8", "head-int8", "empty"} == set(manifest["models"])
    # In the first block both layers have one shape: 2 operations; in the second they differ: 2 × 2.
    assert sorted(name.rpartition("-")[2] for name in used) == ["fp32"] * 4 + ["int8"] * (2 + 4) + ["narrow"] * 2


def test_a_whole_candidate_of_every_block_and_precision_is_beside_its_layers(bundle: Path) -> None:
    manifest = runner.read_manifest(bundle)
    assert len(manifest["wholes"]) == 4
    for whole, (name, kind) in zip(
        manifest["wholes"],
        [("first", "narrow"), ("first", "int8"), ("second", "int8"), ("second", "fp32")],
        strict=True,
    ):
        block, code, precision_name = whole["model"].split("-")
        assert (block, precision_name) == (name, kind)
        assert {layer.rpartition("-")[2] for layer in whole["models"]} == {kind}
        [operations] = [b.decode(int(code)) for b in TINY.blocks if b.name == name]
        assert [layer.split("-")[0] for layer in whole["models"]] == [o.name for o in operations if not o.is_skip]
        n_nodes = {len(onnx.load(bundle / manifest["models"][layer]["file"]).graph.node) for layer in whole["models"]}
        graph = onnx.load(bundle / manifest["models"][whole["model"]]["file"]).graph
        assert len(graph.node) > max(n_nodes)


def test_layers_run_on_integers_between_their_neighbours(bundle: Path) -> None:
    for name, described in runner.read_manifest(bundle)["models"].items():
        graph = onnx.load(bundle / described["file"]).graph
        quantised = name.startswith(("k", "first", "second")) and not name.endswith("fp32")
        kinds = {node.op_type for node in graph.node}
        types = [value.type.tensor_type.elem_type for value in (*graph.input, *graph.output)]
        assert types == [TensorProto.UINT8] * 2 or not quantised
        assert described["dtype"] == ("uint8" if quantised or name.startswith("head") else "float32")
        assert ("Clip" in kinds) == name.endswith("narrow") or not quantised


def test_the_oldest_runtime_that_is_promised_reads_every_model(bundle: Path) -> None:
    """ONNX Runtime 1.7 reads models of opset 13 and IR version 7: https://onnxruntime.ai/docs/reference/compatibility"""
    assert run.ONNX_RUNTIME == (1, 7)
    for described in runner.read_manifest(bundle)["models"].values():
        model = onnx.load(bundle / described["file"])
        assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 13)]
        assert model.ir_version == 7


def test_a_bundle_says_what_it_needs(bundle: Path) -> None:
    text = (bundle / "README.md").read_text(encoding="utf-8")
    assert "needs Python 3.6 or newer, with onnxruntime 1.7 or newer and numpy:\n" in text
    assert "python run.py --device NAME -o RESULTS.json" in text


def test_the_same_bundle_again(bundle: Path, tmp_path: Path) -> None:
    before = torch.get_rng_state()
    write_bundle(TINY, TABLES, tmp_path, n_networks=3)
    assert torch.equal(torch.get_rng_state(), before)
    contents = [
        {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*")}
        for folder in (bundle, tmp_path)
    ]
    assert contents[0] == contents[1]


@pytest.mark.parametrize(
    ("bits", "like"), [("32", "w32a32"), ("8", "w8a8"), ("w4a8", "w8a8"), ("4", "w8a7"), ("w8a6", "w8a7")]
)
def test_precisions_are_what_makes_a_difference(bits: str, like: str) -> None:
    assert precision(BitWidths.parse(bits)).name == like


def test_stem_and_head_have_the_fixed_bits_and_may_be_those_of_a_module(tmp_path: Path) -> None:
    x = TINY.input
    stem = build_stem(TINY.stem, x.channels)
    head = nn.Sequential(GlobalAverage(), nn.Flatten(), Linear(TINY.block_inputs[-1].channels, 3))
    tables = {block.name: [BitWidths(8, 8)] for block in TINY.blocks}
    write_bundle(TINY, tables, tmp_path, fixed_bits=BitWidths(4, 4), fixed_parts=(stem, head))
    fixed = runner.read_manifest(tmp_path)["fixed"]
    assert fixed == ["stem-narrow", "head-narrow"]
    weights = onnx.load(tmp_path / "models" / "head-narrow.onnx").graph.initializer
    assert any(sorted(each.dims) == [3, TINY.block_inputs[-1].channels] for each in weights)


def test_a_head_of_a_module_that_stays_float_reads_floats(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text(yaml.safe_dump(SPACE))
    space = load_space(str(tmp_path / "space.yaml"))
    teacher = split_teacher(make(), BORDERS, space.input)
    tables = {block.name: [BitWidths(8, 8)] for block in space.blocks}
    write_bundle(space, tables, tmp_path, fixed_parts=(teacher.stem, teacher.head))
    manifest = runner.read_manifest(tmp_path)
    assert manifest["models"][manifest["fixed"][1]]["dtype"] == "float32"


def test_more_than_8_bits_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="activations of more than 8 bits cannot be exported"):
        write_bundle(TINY, {block.name: [BitWidths(8, 16)] for block in TINY.blocks}, tmp_path)
    assert not (tmp_path / "manifest.json").exists()
