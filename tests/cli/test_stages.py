"""``run``, ``demo`` and ``plot`` from outside: what they print where, and how they end."""

import html
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import Result

from qabwnas.cli import command
from tests.cli import jobs_in_this_process
from tests.cli import run as qabwnas
from tests.pipeline.tiny import TINY, write_config

pytestmark = pytest.mark.usefixtures("torch_threads")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("config")
    return write_config(folder)


@pytest.fixture(scope="module")
def first(config: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A run folder and what the command said that made it."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    return folder, qabwnas("run", config, "-o", folder)


def without_times(stderr: str) -> list[str]:
    return [line.partition("  ")[2] for line in stderr.splitlines()]


def test_the_table_goes_to_stdout_and_progress_to_stderr(first: tuple[Path, Result]) -> None:
    _, result = first
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("network")
    assert "accuracy on 800 test images of digits" in result.stdout
    assert "no network fits; it would with nsr" in result.stdout
    assert without_times(result.stderr)[0] == "data: not made yet"


def test_a_second_run_makes_nothing_and_prints_the_same(first: tuple[Path, Result], config: Path) -> None:
    folder, result = first
    again = qabwnas("run", config, "-o", folder)
    assert again.stdout == result.stdout
    assert without_times(again.stderr) == [
        f"{stage}: done before"
        for stage in ("data", "teacher", "supernet", "lut", "front", "answers", "networks", "report")
    ]


def test_one_stage_alone(config: Path, tmp_path: Path) -> None:
    result = qabwnas("run", config, "-o", tmp_path / "run", "--stage", "teacher")
    assert (result.exit_code, result.stdout) == (0, "")
    assert sorted(path.name for path in (tmp_path / "run").glob("*.*")) == [
        "config.json",
        "data.json",
        "stages.json",
        "teacher.pt",
    ]
    result = qabwnas("run", config, "-o", tmp_path / "run", "--stage", "supper")
    assert result.exit_code == 1
    assert result.stderr == (
        "error: stage 'supper' is not one of data, teacher, supernet, lut, front, answers, networks, report\n"
    )


def test_a_changed_configuration_needs_force(first: tuple[Path, Result], config: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(first[0], folder)
    other = config.with_name("other.yaml")
    other.write_text(yaml.safe_dump(TINY | {"budgets": [{"size_bytes": "90%"}]}))
    result = qabwnas("run", other, "-o", folder)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {folder}: answers was made with other settings (budgets: ")
    assert result.stderr.endswith("; --force makes it again, or choose another folder\n")
    result = qabwnas("run", other, "-o", folder, "--force")
    assert result.exit_code == 0
    made = [line.partition(":")[0] for line in without_times(result.stderr) if "done in" in line]
    assert made == ["answers", "networks", "report"]
    networks = sorted(path.name for path in (folder / "networks").iterdir())
    assert [name.partition("-seed")[2] for name in networks] == ["0.safetensors", "1.safetensors"]


def test_the_demo_does_not_touch_the_run_of_another_seed(tmp_path: Path, first: tuple[Path, Result]) -> None:
    folder = tmp_path / "run"
    shutil.copytree(first[0], folder)
    before = (folder / "config.json").read_text()
    result = qabwnas("demo", "-o", folder)
    assert result.exit_code == 1
    assert "teacher was made with other settings (seed: 3 → 0; " in result.stderr
    assert (folder / "config.json").read_text() == before


def test_a_broken_configuration_is_one_line_per_field(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("task: digits\nsapce: digits\n")
    result = qabwnas("run", tmp_path / "c.yaml", "-o", tmp_path / "run")
    missing = ("space", "seed", "teacher", "supernet", "minimize", "front", "budgets", "networks")
    lines = [f"{name}: missing" for name in missing] + ["sapce: unknown field; is 'space' meant?"]
    assert (result.exit_code, result.stderr.splitlines()) == (
        1,
        [f"error: {tmp_path}/c.yaml: {line}" for line in lines],
    )
    assert not (tmp_path / "run").exists()


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(command, "find_spec", lambda package: None if package == "torch" else package)
    result = qabwnas("demo", "-o", tmp_path / "run")
    assert (result.exit_code, result.stderr) == (1, "error: needs torch: pip install 'qabwnas[train]'\n")


def test_the_extra_train_is_enough(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    others = {package for packages in command.PACKAGES.values() for package in packages} - {*command.PACKAGES["train"]}
    for package in others:
        monkeypatch.setitem(sys.modules, package, None)  # an import of it is an error
    monkeypatch.setattr(command, "find_spec", lambda name: None if name in others else name)
    with jobs_in_this_process():
        result = qabwnas("run", config, "-o", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "run" / "report.html").exists()


def test_a_front_is_plotted_once_without_force(first: tuple[Path, Result], tmp_path: Path) -> None:
    picture = tmp_path / "front.html"
    result = qabwnas("plot", first[0] / "front.h5", "-o", picture)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.endswith(" points of nsr, size_bytes\n")
    assert picture.read_bytes().startswith(b"<!doctype html>")
    assert qabwnas("plot", first[0] / "front.h5", "-o", picture).exit_code == 1
    assert qabwnas("plot", first[0] / "front.h5", "-o", picture, "--force").exit_code == 0
    result = qabwnas("plot", first[0] / "lut.h5", "-o", tmp_path / "lut.html")
    assert result.exit_code == 1
    assert "lut.h5" in result.stderr
    result = qabwnas("plot", first[0] / "front.h5", "-o", tmp_path / "x.html", "--metric", "nsr", "--metric", "macs")
    assert (result.exit_code, result.stderr) == (
        1,
        "error: metric 'macs' is not in the front, which has nsr, size_bytes\n",
    )


def test_a_picture_without_a_browser_is_one_clear_line(
    first: tuple[Path, Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "none"))
    result = qabwnas("plot", first[0] / "front.h5", "-o", tmp_path / "front.png")
    assert result.exit_code == 1
    assert result.stderr == (
        f"error: {tmp_path}/front.png: a picture needs Chrome or Chromium, which was not found or did not start; "
        "install it (on Debian: apt install chromium), or write .html, which needs no browser\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_run_ends_with_its_page(first: tuple[Path, Result]) -> None:
    folder, result = first
    assert result.stdout.endswith(f"Report: {folder}/report.html\n")
    page = (folder / "report.html").read_text(encoding="utf-8")
    results = json.loads(qabwnas("report", folder, "--json").stdout)
    for row in results["rows"]:
        assert html.escape(row["name"]) in page
    assert "no network fits; it would with nsr" in page
    assert page.count('<img alt="image" src="data:image/png;base64,') == 6  # of the test split
    assert all(digest in page for digest in json.loads((folder / "stages.json").read_text())["lut"]["outputs"].values())


def test_runs_are_compared_in_one_page(first: tuple[Path, Result], tmp_path: Path) -> None:
    folder, _ = first
    result = qabwnas("report", folder, folder, "-o", tmp_path / "both.html")
    assert (result.exit_code, result.stdout) == (0, f"Report: {tmp_path}/both.html\n")
    assert "Comparison" in (tmp_path / "both.html").read_text(encoding="utf-8")
    again = qabwnas("report", folder, folder, "-o", tmp_path / "both.html")
    assert (again.exit_code, "--force overwrites it" in again.stderr) == (1, True)
    assert qabwnas("report", folder, "-o", tmp_path / "both.html", "--force").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["a", "b"], 2, "Error: several runs need -o REPORT.html\n"),
        (["a", "b", "--json"], 2, "Error: --json, --effort and --against take one RUN\n"),
        (["a", "--json", "-o", "x.html"], 2, "Error: --output cannot be combined with --json or --effort"),
        (["a", "-o", "x.png"], 1, "error: x.png: a report is written: the name should end in .html\n"),
        (["a"], 1, "error: "),
        ([], 2, "Error: Missing argument 'RUN...'.\n"),
    ],
)
def test_wrong_reports_are_refused(
    arguments: list[str], code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = qabwnas("report", *arguments)
    assert (result.exit_code, message in result.stderr) == (code, True), result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["demo", "run", "plot"])
def test_help_loads_no_torch(name: str) -> None:
    code = (
        "import sys\nfrom qabwnas.cli.main import main\n"
        f"main(['{name}', '--help'], standalone_mode=False)\n"
        "assert not {'torch', 'h5py', 'numba', 'plotly'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.slow
def test_the_demo_finishes_and_is_found_done(tmp_path: Path) -> None:
    first, second = (qabwnas("demo", "-o", tmp_path / "demo") for _ in range(2))
    assert first.exit_code == 0, first.output
    assert second.stdout == first.stdout
    assert "done in" not in second.stderr
