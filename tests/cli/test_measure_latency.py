"""``measure-latency`` and ``latency export-bundle``: from a LUT to results, and back into the LUT."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from qabwnas.cli.main import main
from qabwnas.errors import InputError
from qabwnas.lut.device_results import read_results
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.pipeline.bundle_tables import tables_of_lut, tables_of_space
from qabwnas.pipeline.latency import Validation
from qabwnas.space import BitWidths
from tests.lut.test_rows import layer_lut
from tests.processes import older_python
from tests.spaces import TINY

BRIEF = ["--rounds", 3]


def qabwnas(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def lut(tmp_path: Path) -> Path:
    """A LUT of two bit widths whose space is known."""
    blocks = [
        LutBlock(
            block.name,
            tuple(
                Table({"nsr": np.arange(block.n_candidates) / 8}, widths)
                for widths in (BitWidths(4, 4), BitWidths(8, 8))
            ),
        )
        for block in TINY.blocks
    ]
    Lut((Metric("nsr"),), tuple(blocks), space=TINY).save(tmp_path / "lut.h5")
    return tmp_path / "lut.h5"


def test_measured_latencies_become_a_column(lut: Path, tmp_path: Path) -> None:
    results, new = tmp_path / "here.json", tmp_path / "new.h5"
    first = qabwnas("measure-latency", lut, "--device", "here", "-o", results, *BRIEF)
    assert (first.exit_code, first.stdout) == (0, f"written to {results}\n"), first.output
    assert "samples are above 1.5 × their median" in first.stderr
    assert qabwnas("latency", "import", results, lut, "-o", new).exit_code == 0
    read = Lut.open(new)
    fixed = read.metric("latency_ms[here]").fixed
    assert fixed is not None
    assert fixed > 0
    for block in read.blocks:
        assert block.measured("latency_ms[here]") is None or block.measured("latency_ms[here]").all()
        assert (block.column("latency_ms[here]") > 0).any()


def test_finished_samples_are_not_taken_again(tmp_path: Path) -> None:
    arguments = [
        "measure-latency",
        "--space",
        "digits",
        "--bits",
        8,
        "--device",
        "x",
        "--bundle",
        tmp_path / "b",
        *BRIEF,
    ]
    outputs = []
    for name in ("one.json", "two.json"):
        assert qabwnas(*arguments, "-o", tmp_path / name).exit_code == 0
        outputs.append((tmp_path / name).read_bytes())
    assert outputs[0] == outputs[1]
    assert qabwnas(*arguments, "--threads", 2, "-o", tmp_path / "threads.json").exit_code == 0
    assert len(list((tmp_path / "b").glob("samples-*.json"))) == 2
    other = ["measure-latency", "--space", "digits", "--bits", 4, *arguments[5:]]
    result = qabwnas(*other, "-o", tmp_path / "three.json")
    assert result.exit_code == 1
    assert "holds the models of another space or other bit widths; delete it, or choose another folder" in result.stderr
    assert not (tmp_path / "three.json").exists()


def test_validation_is_reported_for_all_statistics(tmp_path: Path) -> None:
    arguments = [
        "--space",
        "digits",
        "--bits",
        8,
        "--device",
        "pi 4",
        "-o",
        tmp_path / "r.json",
        "--validate",
        3,
        *BRIEF,
    ]
    result = qabwnas("measure-latency", *arguments, "--plot", tmp_path / "r.html")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "r.html").read_bytes().startswith(b"<!doctype html>")
    assert "3 whole candidates of blocks compared with the sums of their layers: " in result.stderr
    median, fastest_quarter, minimum, _ = result.stdout.splitlines()
    assert median.startswith("median: Kendall's τ ")
    assert fastest_quarter.startswith("fastest_quarter: Kendall's τ ")
    assert minimum.startswith("minimum: Kendall's τ ")
    assert "--margin 'latency_ms[pi 4]=" in median


def test_tau_bias_and_margin() -> None:
    found = Validation("median", [1, 2, 4, 5], [1.1, 2.4, 4.0, 4.5])
    assert found.tau == 1
    assert found.bias == pytest.approx((0.1 + 0.2 + 0 - 0.1) / 4)
    assert 0.18 < found.margin <= 0.2
    assert Validation("median", [2, 4], [1, 2]).margin == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either LUT.h5 or --space"),
        (["lut.h5", "--space", "digits"], "give either LUT.h5 or --space"),
        (["--space", "digits", "--plot", "p.png"], "--plot needs --validate"),
        (["lut.h5", "--bits", "8"], "--bits: a LUT has its own bit widths"),
    ],
)
def test_wrong_usage(arguments: list[str], message: str, tmp_path: Path) -> None:
    result = qabwnas("measure-latency", *arguments, "--device", "x", "-o", tmp_path / "r.json")
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_lut_without_a_space_is_refused(tmp_path: Path) -> None:
    lut = Lut((Metric("nsr"),), (LutBlock("b", (Table({"nsr": np.zeros(1)}),)),))
    lut.save(tmp_path / "lut.h5")
    result = qabwnas("measure-latency", tmp_path / "lut.h5", "--device", "x", "-o", tmp_path / "r.json")
    assert (result.exit_code, result.stderr) == (
        1, "error: the LUT has no space, so its candidates cannot be built\n",
    )  # fmt: skip


def bare_environment() -> dict[str, str]:
    """Return the environment without what would lend this Python's packages to another one."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def run_alone(python: Path | str, options: list[str], bundle: Path) -> None:
    """Run a bundle's script from its own folder, without what this environment would lend to it."""
    command = [str(python), *options, "run.py", "--device", "board", "-o", "r.json", "--rounds", "2"]
    done = subprocess.run(command, cwd=bundle, env=bare_environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    results = read_results(bundle / "r.json")
    assert results.metric_name == "latency_ms[board]"
    assert [len(rows) for rows in results.blocks.values()] == [2 * block.n_candidates for block in TINY.blocks]


def test_a_bundle_is_measured_by_its_own_script(lut: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    result = qabwnas("latency", "export-bundle", lut, "-o", bundle)
    assert result.exit_code == 0, result.output
    # Isolated: neither the environment, nor the folder of the checkout, nor packages of the user.
    run_alone(sys.executable, ["-I"], bundle)
    again = qabwnas("latency", "export-bundle", lut, "-o", bundle)
    assert (again.exit_code, again.stderr) == (1, f"error: {bundle}: is already there\n")


@pytest.mark.slow
def test_a_bundle_needs_nothing_but_onnxruntime_and_numpy(lut: Path, tmp_path: Path) -> None:
    """In a fresh environment that holds these alone; pip has to reach an index."""
    assert qabwnas("latency", "export-bundle", lut, "-o", tmp_path / "bundle").exit_code == 0
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "onnxruntime", "numpy"]
    if subprocess.run(install, capture_output=True).returncode != 0:
        pytest.skip("onnxruntime and numpy cannot be installed from here")
    absent = subprocess.run(
        [str(python), "-c", "import qabwnas"], cwd=tmp_path, env=bare_environment(), capture_output=True
    )
    assert absent.returncode != 0
    run_alone(python, [], tmp_path / "bundle")


ANSWERS = """
import json, sys
import numpy as np, onnxruntime
answers = {}
for name, model in json.load(open("manifest.json"))["models"].items():
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(model["file"], options, providers=["CPUExecutionProvider"])
    generator = np.random.RandomState(0)
    if model["dtype"] == "uint8":
        values = generator.randint(0, model["levels"], model["shape"]).astype(np.uint8)
    else:
        values = generator.standard_normal(model["shape"]).astype(np.float32)
    answers[name] = session.run(None, {session.get_inputs()[0].name: values})[0]
np.savez(sys.argv[1], **answers)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("version", "packages"),
    [("3.6", ["onnxruntime==1.7.0", "numpy==1.16.6"]), ("3.9", ["onnxruntime==1.11.1", "numpy<2"])],
)
def test_older_boards_measure_and_answer_alike(lut: Path, tmp_path: Path, version: str, packages: list[str]) -> None:
    """In environments of older Pythons, where there are any; pip has to reach an index."""
    bundle = tmp_path / "bundle"
    assert qabwnas("latency", "export-bundle", lut, "-o", bundle).exit_code == 0
    subprocess.run([older_python(version), "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    # The pip of Python 3.6 is too old to see these packages.
    for wanted in (["pip>=19.3,<22"], packages):
        install = [python, "-m", "pip", "install", "-q", "-U", *wanted]
        if subprocess.run(install, env=bare_environment(), capture_output=True).returncode != 0:
            pytest.skip(f"{wanted} cannot be installed from here")
    run_alone(python, [], bundle)
    new = tmp_path / "new.h5"
    assert qabwnas("latency", "import", bundle / "r.json", lut, "-o", new).exit_code == 0
    for one, answers in ((python, "old.npz"), (sys.executable, "new.npz")):
        subprocess.run([one, "-c", ANSWERS, tmp_path / answers], cwd=bundle, env=bare_environment(), check=True)
    with np.load(tmp_path / "old.npz") as old, np.load(tmp_path / "new.npz") as now:
        assert set(old) == set(now)
        for name in old:
            step = 1 if old[name].dtype == np.uint8 else 1e-4 * np.abs(now[name]).max()
            assert np.abs(old[name].astype(float) - now[name].astype(float)).max() <= step


def test_bundles_have_bit_widths_per_block() -> None:
    lut = layer_lut()
    assert lut.space is not None
    with pytest.raises(InputError, match="the space 'tiny' has bit widths per layer, but bundles support only"):
        tables_of_lut(lut)
    with pytest.raises(InputError, match="the space 'tiny' has bit widths per layer"):
        tables_of_space(lut.space, [])
