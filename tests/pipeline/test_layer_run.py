"""A run whose layers choose bit widths, from end to end: what is searched is what is built, trained and scored."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from torch import nn

from qabwnas.costs import network_costs
from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut
from qabwnas.lut.merge import merge_luts
from qabwnas.nets.network import Network, assemble
from qabwnas.nets.quantise import prepare_qat_network, quantise_network
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.config.load import load_config, parse_config
from qabwnas.pipeline.execution.jobs import Resources
from qabwnas.pipeline.parts import populate_part
from qabwnas.pipeline.run import STAGES, run_stages
from qabwnas.pipeline.stages.answers import FoundNetwork, load_answers
from qabwnas.pipeline.stages.data import load_task
from qabwnas.pipeline.stages.networks import calibration_images, load_deployed, load_network, quantised_name
from qabwnas.pipeline.stages.report import load_results
from qabwnas.pipeline.stages.supernet import load_supernet
from qabwnas.pipeline.stages.teacher import load_teacher
from qabwnas.quant.activations import FakeQuantise
from qabwnas.quant.qat import convert_qat
from qabwnas.space.bit_widths import layer_widths
from tests.lut.strategies import assert_equal
from tests.pipeline.population import CONFIG, write_config
from tests.pipeline.tiny import TRAINING

LAYERS: dict[str, Any] = CONFIG | {
    "policy": "layer",
    "sample": 40,
    "front_points": 3,
    "budgets": [{"size_bytes": "80%"}, {"size_bytes": "90%"}],
    "networks": {"training": TRAINING, "seeds": 1, "distillation": 0.5, "qat": TRAINING},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("layers")
    write_config(folder)
    (folder / "config.yaml").write_text(yaml.safe_dump(LAYERS))
    return folder


@pytest.fixture(scope="module")
def config(folder: Path) -> Config:
    return load_config(folder / "config.yaml")


@pytest.fixture(scope="module")
def finished(config: Config, folder: Path) -> Path:
    run_stages(STAGES, config, folder / "run")
    return folder / "run"


def bits_of(part: nn.Module) -> set[int]:
    """Return the bits of the grids that a part's outputs are rounded to."""
    grids = [module.grid for module in part.modules() if isinstance(module, FakeQuantise)]
    return {(grid.largest - grid.smallest + 1).bit_length() - 1 for grid in grids}


def check_bits(deployed: Network, found: FoundNetwork, config: Config) -> None:
    """Hold every layer of a quantised network to the bit widths that were found for it."""
    assert found.codes is not None
    for block, widths, space in zip(deployed.blocks, found.policy.blocks, config.space.blocks, strict=True):
        assert isinstance(block, nn.Sequential)
        entry, body = block
        assert isinstance(body, nn.Sequential)
        each = layer_widths(widths, space.n_layers)
        assert bits_of(entry) == {each[0].activations}
        assert [bits_of(layer) for layer in body] == [{w.activations} for w in each]
        for layer, w in zip(body, each, strict=True):
            convolutions = [module for module in layer.modules() if isinstance(module, nn.Conv2d)]
            assert convolutions
            assert all(len(channel.unique()) <= 2**w.weights for c in convolutions for channel in c.weight.flatten(1))


def test_answers_are_built_with_the_bit_widths_of_their_layers(config: Config, finished: Path) -> None:
    calibration = list(calibration_images(load_task(config, finished), "cpu"))
    for found in load_answers(finished):
        assert found.codes is not None
        operations = [block.decode(code) for block, code in zip(config.space.blocks, found.codes, strict=True)]
        assert network_costs(config.space, operations, found.policy)["size_bytes"] == float(found.totals["size_bytes"])
        network = load_network(config, finished, found, 0)
        check_bits(load_deployed(config, finished, network, found, 0, calibration), found, config)
        assert (finished / "networks" / quantised_name(found, 0)).exists()


def test_every_row_that_mixes_bit_widths_can_be_built(config: Config, finished: Path) -> None:
    """Answers of so small a run need not mix them, so that these are taken from the table."""
    lut = Lut.open(finished / "lut.h5")
    mixed = [c for c in range(lut.block("b1").n_candidates) if len(set(re.findall("w.a.", lut.describe("b1", c)))) > 1]
    assert len(mixed) == 40 - 16
    calibration = list(calibration_images(load_task(config, finished), "cpu"))
    teacher, supernet = load_teacher(config, finished), load_supernet(config, finished)
    for candidate in mixed[::6]:
        found = FoundNetwork.of_choice("one", "mixed", lut, {"b1": candidate, "b2": 1}, {}, {})
        assert found.codes is not None
        operations = config.space.blocks[0].describe(found.codes[0]).split()
        words = (f"{o}/{w}" for o, w in zip(operations, found.widths[0].split(), strict=True))
        assert " ".join(words) == lut.describe("b1", candidate)
        network = assemble(teacher, supernet, found.codes)
        check_bits(quantise_network(network, found.policy, calibration), found, config)
        check_bits(convert_qat(prepare_qat_network(network, found.policy, calibration)), found, config)


def test_the_report_and_fronts_tell_bit_widths(finished: Path) -> None:
    answers, results = load_answers(finished), load_results(finished)
    assert [row.widths for row in results.networks if row.family != "teacher"] == [found.widths for found in answers]
    for family in ("w4a4", "w8a8"):
        members = [found for found in answers if found.family == family]
        assert members
        assert all(set(found.widths) == {family} for found in members)


def test_a_part_of_the_shards_is_a_part_of_the_table(config: Config, finished: Path) -> None:
    lut = Lut.open(finished / "lut.h5")
    assert [block.n_candidates for block in lut.blocks] == [40, 4]
    parts = {str(i): Lut.open(populate_part(config, finished, i, 2, Resources())) for i in (1, 2)}
    assert_equal(merge_luts(parts), lut)


def test_another_sample_is_another_table(finished: Path, folder: Path) -> None:
    other = load_config(folder / "config.yaml", sample=30)
    assert other.sample == 30
    with pytest.raises(InputError, match=r"lut was made with other settings \(sample"):
        run_stages(STAGES, other, finished, until="lut")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sample": 1}, "config: sample: 1 rows are too few: each of the 2 bit widths needs one"),
        ({"sample": 0}, "config: sample: "),
        ({"policy": "block"}, "config: sample: rows are only sampled if the space has bit widths per layer"),
        ({"policy": "channel"}, "config: policy: 'channel' is not one of block, layer"),
    ],
)
def test_what_cannot_be_is_named(folder: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_config(LAYERS | change, folder=folder)
