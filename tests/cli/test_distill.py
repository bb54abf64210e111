"""``qabwnas distill``: the supernet in one call, block by block, and by workers: one result."""

from pathlib import Path

import pytest
import torch
import yaml
from click.testing import CliRunner, Result

from qabwnas.cli.main import main
from qabwnas.train.checkpoint import load_checkpoint
from tests.cli import jobs_in_this_process
from tests.pipeline.tiny import TINY, write_config


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_config(tmp_path)


def run(config: Path, folder: str, *options: str) -> Result:
    arguments = ["distill", str(config), "-o", str(config.parent / folder), "--device", "cpu", *options]
    return CliRunner().invoke(main, arguments)


def weights(config: Path, folder: str) -> dict[str, torch.Tensor]:
    return load_checkpoint(config.parent / folder / "supernet.pt", "supernet")


def assert_equal(state: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert state.keys() == expected.keys()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in state.items())


def test_blocks_one_by_one_give_the_supernet_of_one_call(config: Path) -> None:
    with jobs_in_this_process():
        assert run(config, "whole").exit_code == 0
        assert run(config, "parts", "--block", "b2").exit_code == 0
        assert not (config.parent / "parts" / "supernet.pt").exists()
        assert run(config, "parts", "--block", "b1").exit_code == 0
        done = run(config, "parts")
    assert "step" not in done.stderr, "a block that was done was trained again"
    assert_equal(weights(config, "parts"), weights(config, "whole"))


@pytest.mark.slow
def test_workers_give_the_supernet_of_one_call(config: Path) -> None:
    assert run(config, "whole").exit_code == 0
    assert run(config, "workers", "--workers", "2").exit_code == 0
    assert_equal(weights(config, "workers"), weights(config, "whole"))


def test_a_finished_supernet_is_left_alone(config: Path) -> None:
    run(config, "run")
    again = run(config, "run", "--block", "b1")
    assert again.exit_code == 0
    assert "supernet: done before" in again.stderr


def test_errors_are_one_line(config: Path) -> None:
    unknown = run(config, "run", "--block", "b3")
    assert (unknown.exit_code, unknown.stderr) == (1, "error: block 'b3' is not one of b1, b2\n")
    config.write_text(yaml.safe_dump(TINY | {"supernet": TINY["supernet"] | {"distill": "cached"}}))
    cached = run(config, "run", "--workers", "2")
    assert cached.stderr == (
        "error: supernet.distill: cached feature maps stay in one process; several processes need 'independent'\n"
    )
