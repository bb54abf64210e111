"""The true stages on a tiny space: files, what is redone, and the same result for the same seed."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from qabwnas.errors import FormatError
from qabwnas.lut.lut import Lut
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.config.load import load_config
from qabwnas.pipeline.run import STAGES, run_stages, stages_of
from qabwnas.pipeline.stages.answers import load_answers
from qabwnas.pipeline.stages.budgets import cost_lut, smallest_totals
from qabwnas.pipeline.stages.networks import load_network
from qabwnas.pipeline.stages.report import load_results
from qabwnas.pipeline.stages.teacher import load_teacher
from qabwnas.report.result import NothingFits, Result
from qabwnas.search.api import search
from qabwnas.search.frontier import Frontier
from tests.pipeline.tiny import write_config
from tests.processes import killing_itself

NAMES = ["data", "teacher", "supernet", "lut", "front", "answers", "networks", "report"]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    folder = tmp_path_factory.mktemp("config")
    return load_config(write_config(folder))


@pytest.fixture(scope="module")
def finished(config: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    run_stages(STAGES, config, folder)
    return folder


def test_the_run_folder_holds_what_it_should(finished: Path, config: Config) -> None:
    assert [stage.name for stage in stages_of(STAGES, config)] == NAMES
    network = load_answers(finished)[0].network
    assert re.fullmatch(r"size_bytes-[0-9.]+kB-[0-9a-f]{6}", network)
    assert {"config.json", "stages.json", "teacher.pt", "supernet.pt", "lut.h5", "front.h5", "answers.json",
            f"networks/{network}-seed0.safetensors", f"networks/{network}-seed1.safetensors", "results.json",
            "examples.safetensors",
            } <= {str(path.relative_to(finished)) for path in finished.rglob("*.*")}  # fmt: skip
    assert list(json.loads((finished / "stages.json").read_text())) == NAMES
    assert json.loads((finished / "config.json").read_text())["seed"] == config.seed


def test_answers_keep_their_budgets_and_lie_on_the_front(finished: Path) -> None:
    equal, impossible, wide = load_answers(finished)
    frontier = Frontier.open(finished / "front.h5")
    totals = [{name: str(total) for name, total in frontier.totals(p).items()} for p in range(len(frontier))]
    assert {name: equal.totals[name] for name in ("nsr", "size_bytes")} in totals
    assert float(equal.totals["size_bytes"]) <= float(equal.budgets["size_bytes"])
    assert wide.codes == equal.codes
    assert impossible.codes is None
    assert impossible.smallest == {"nsr": min((point["nsr"] for point in totals), key=float)}


def test_the_lut_has_a_table_for_each_block_and_bit_width(finished: Path, config: Config) -> None:
    lut = Lut.open(finished / "lut.h5")
    assert lut.space == config.space
    assert [[table.n_rows for table in block.tables] for block in lut.blocks] == [[4, 4], [2, 2]]
    assert {"teacher", "supernet", "calibration", "validation", "settings"} <= lut.provenance.keys()


def test_smallest_totals_are_known_before_the_lut_is_measured(finished: Path, config: Config) -> None:
    lut = Lut.open(finished / "lut.h5")
    for metric, least in smallest_totals(cost_lut(config)).items():
        assert search(lut, minimize=metric).answers[0].totals[metric] == least


def test_results_tell_of_teacher_and_answers(finished: Path) -> None:
    results = load_results(finished)
    full, integer, narrow, equal, impossible, _ = results.rows
    names = [row.name for row in results.rows]
    assert names[:3] == ["teacher FP32", "teacher INT8", "teacher INT4"]
    assert isinstance(full, Result)
    assert isinstance(integer, Result)
    assert isinstance(narrow, Result)
    assert isinstance(equal, Result)
    assert isinstance(impossible, NothingFits)
    assert (full.nsr, full.scores_after) == (0, [])
    assert full.size_bytes > integer.size_bytes > narrow.size_bytes
    assert integer.nsr < narrow.nsr
    assert names[3] == f"size_bytes ≤ {integer.size_bytes:.0f}"
    assert len(equal.scores_before) == len(equal.scores_after) == 2


def test_retrained_networks_read_back(finished: Path, config: Config) -> None:
    found = load_answers(finished)[0]
    first, second = (load_network(config, finished, found, n).state_dict() for n in range(2))
    assert not torch.equal(first["head.1.linear.weight"], second["head.1.linear.weight"])


def contents(folder: Path) -> dict[str, bytes]:
    names = ["teacher.pt", "supernet.pt", "answers.json", "results.json"]
    networks = [f"networks/{path.name}" for path in (folder / "networks").iterdir()]
    return {name: (folder / name).read_bytes() for name in sorted([*names, *networks])}


def test_a_killed_run_continues_to_the_result_of_an_uninterrupted_one(
    finished: Path, config: Config, tmp_path: Path
) -> None:
    """Kill a run in two of its stages, without mercy, and let the third attempt get through."""
    write_config(tmp_path)
    folder = tmp_path / "run"
    arguments = ["run", str(tmp_path / "config.yaml"), "-o", str(folder)]
    code = "from qabwnas.cli.main import main; main()"
    # As the second block's progress is written, and as the second of the finished networks is about to get its place.
    for killed in (killing_itself("os.rename", "/block1", nth=1), killing_itself("os.rename", "run/networks", nth=2)):
        command = [sys.executable, "-c", killed + code, *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
    run_stages(STAGES, config, folder)
    assert contents(folder) == contents(finished)


@pytest.mark.parametrize("output", ["lut.h5", "front.h5", "answers.json", "results.json"])
def test_a_deleted_output_is_made_again_with_the_same_content(
    finished: Path, config: Config, output: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = contents(finished)
    (finished / output).unlink()
    with caplog.at_level("INFO", "qabwnas.pipeline"):
        run_stages(STAGES, config, finished)
    made = [message.partition(":")[0] for message in caplog.messages if "done in" in message]
    assert (
        made
        == {
            "lut.h5": ["lut", "front", "answers", "networks", "report"],
            "front.h5": ["front", "report"],
            "answers.json": ["answers", "networks", "report"],
            "results.json": ["report"],
        }[output]
    )
    assert contents(finished) == before


def test_weights_of_another_teacher_are_refused(finished: Path, config: Config, tmp_path: Path) -> None:
    (tmp_path / "teacher.pt").write_bytes((finished / "supernet.pt").read_bytes())
    with pytest.raises(FormatError, match="teacher.pt: a checkpoint of kind 'supernet', not 'teacher'"):
        load_teacher(config, tmp_path)
