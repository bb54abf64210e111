"""The runner's arithmetic on samples that are known, and what it does with those that are there."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from qabwnas.deploy import run, runner
from qabwnas.deploy.bundle import write_bundle
from qabwnas.space import BitWidths
from tests.processes import older_python
from tests.spaces import TINY

SAMPLES = {
    "empty": [0.1, 0.1, 0.1, 0.1, 0.1],
    "a": [1.2, 1.0, 1.6, 1.2, 1.4],
    "b": [3.0, 7.0, 3.0, 2.0, 5.5],
    "nearly nothing": [0.05, 0.06, 0.06, 0.065, 0.07],
}


def test_parts_add_up_without_the_start_of_each() -> None:
    assert runner.timing(["a", "b", "a"], SAMPLES) == pytest.approx(
        {"median_ms": 5.4, "fastest_quarter_ms": 1.1 + 2.5 + 1.1, "minimum_ms": 4.0, "spread_ms": 0.2 + 2.5 + 0.2}
    )
    assert runner.timing(["a", "b"], SAMPLES, "empty") == pytest.approx(
        {"median_ms": 4.0, "fastest_quarter_ms": 3.4, "minimum_ms": 2.8, "spread_ms": 2.7}
    )
    assert runner.timing(["nearly nothing"], SAMPLES, "empty")["median_ms"] == 0
    assert runner.timing([], SAMPLES, "empty") == {
        "median_ms": 0, "fastest_quarter_ms": 0, "minimum_ms": 0, "spread_ms": 0,
    }  # fmt: skip
    fixed = runner.fixed_timing({"empty": "empty", "fixed": ["a", "b"]}, SAMPLES)
    assert fixed["median_ms"] == pytest.approx(4.1)


def test_a_median_is_known_when_its_interval_is_narrow() -> None:
    assert not runner.is_narrow([1.0] * 10, 0.02, 200)
    assert runner.is_narrow([1.0] * 11, 0.02, 200)
    # Of 25 samples the interval reaches five ranks to either side.
    samples = [1 + 0.01 * i for i in range(25)]
    assert runner.half_width(samples) == pytest.approx((samples[18] - samples[7]) / 2 / samples[12], rel=0.1)
    assert not runner.is_narrow(samples, 0.02, 200)
    assert runner.is_narrow(samples, 0.02, 25)


def test_notes_tell_of_wide_intervals_outliers_and_throttling() -> None:
    samples = {"steady": [1.0] * 12, "hot": [1.0] * 4 + [1.5] * 4 + [2.0] * 3 + [9.0]}
    notes = runner.notes({"empty": "steady", "wholes": []}, samples, 0.02)
    assert notes == [
        "1 of 2 medians have intervals wider than ±2%; the widest is that of hot, ±33%",
        "1 of 24 samples are above 1.5 × their median",
        "the last third of the samples takes +50.0% of the first: more than a few % is throttling",
    ]


def test_notes_tell_whether_layers_add_up() -> None:
    wholes = [{"model": "a and b", "models": ["a", "b"]}, {"model": "a and a", "models": ["a", "a"]}]
    samples = {**SAMPLES, "a and b": [3.5, 3.5, 3.5], "a and a": [2.0, 2.0, 2.0]}
    manifest = {"empty": "empty", "wholes": wholes}
    assert runner.excess_of_wholes(manifest, samples) == pytest.approx([3.4 / 3.4 - 1, 1.9 / 2.0 - 1])
    assert runner.notes(manifest, samples, 1.0)[-1] == (
        "2 whole candidates of blocks compared with the sums of their layers: -2.5% on average, from -5.0% to +0.0%"
    )


def sample_files(bundle: Path) -> list[Path]:
    return sorted(bundle.glob("samples*"))


def test_every_environment_continues_its_own_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_bundle(TINY, {block.name: [BitWidths(8, 8)] for block in TINY.blocks}, tmp_path)
    first = runner.measure(tmp_path, 1, 2, 0.02)
    assert {len(times) for times in first.values()} == {2}
    more = runner.measure(tmp_path, 1, 3, 0.02)
    assert all(more[name][:2] == times and len(more[name]) == 3 for name, times in first.items())
    [here] = sample_files(tmp_path)
    assert re.fullmatch(r"samples-[0-9a-f]{8}\.json", here.name)
    assert {len(times) for times in runner.measure(tmp_path, 2, 1, 0.02).values()} == {1}
    monkeypatch.setattr(runner, "machine", lambda: "another board")
    assert {len(times) for times in runner.measure(tmp_path, 1, 1, 0.02).values()} == {1}
    assert len(sample_files(tmp_path)) == 3
    monkeypatch.undo()
    assert json.loads(here.read_text())["samples"] == more
    assert runner.measure(tmp_path, 1, 3, 0.02) == more


@pytest.mark.parametrize("content", ["{", "[]", '{"samples": {}}'])
def test_damaged_samples_are_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text('{"models": {}}')
    assert runner.measure(tmp_path, 1, 1, 0.02) == {}
    [path] = sample_files(tmp_path)
    path.write_text(content)
    with pytest.raises(runner.BundleError, match=rf"^{path}: is damaged, delete it to measure again: "):
        runner.measure(tmp_path, 1, 1, 0.02)


def test_rounds_and_loads_are_in_orders_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"model {n}" for n in range(6)]
    models = {name: {"file": name, "shape": [1], "dtype": "float32", "levels": 0} for name in names}
    (tmp_path / "manifest.json").write_text(json.dumps({"models": models}))
    loaded: list[str] = []
    timed: list[str] = []

    class Run:
        def __init__(self, path: Path, *_: object) -> None:
            self._name = path.name
            loaded.append(path.name)

        def sample(self) -> float:
            timed.append(self._name)
            return float(len(timed))  # whose intervals never are narrow

    monkeypatch.setattr(runner, "_Run", Run)
    runner.measure(tmp_path, 1, 2 * runner.ROUNDS_A_LOAD + 1, 0.02)
    for found, n in ((loaded, 3), (timed, 2 * runner.ROUNDS_A_LOAD + 1)):
        orders = [tuple(found[i : i + 6]) for i in range(0, len(found), 6)]
        assert len(orders) == n
        assert all(sorted(each) == names for each in orders)
        assert len(set(orders)) > 1


def test_the_runner_needs_nothing_but_numpy_and_onnxruntime() -> None:
    found: set[str] = set()
    for script in (run, runner):
        tree = ast.parse(Path(str(script.__file__)).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(str(node.module).split(".")[0])
    assert found - set(sys.stdlib_module_names) == {"numpy", "onnxruntime", "runner"}


NEWER_THAN_36 = {
    *("removeprefix", "removesuffix", "missing_ok", "capture_output", "dirs_exist_ok", "is_relative_to", "with_stem"),
    *(
        "prod",
        "isqrt",
        "comb",
        "dist",
        "lcm",
        "nextafter",
        "fromisoformat",
        "time_ns",
        "perf_counter_ns",
        "monotonic_ns",
    ),
    *("dataclass", "dataclasses", "cache", "cached_property", "pairwise", "nullcontext", "zoneinfo", "graphlib"),
    *("contextvars", "BooleanOptionalAction", "exit_on_error", "randbytes", "readlink", "hardlink_to"),
}
"""Names of the standard library that came after Python 3.6, of the kinds that a script like these would use."""


def test_the_runner_is_written_in_python_36() -> None:
    tree = ast.parse(Path(runner.__file__).read_text(encoding="utf-8"), feature_version=(3, 6))
    futures = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    assert futures == []
    for node in ast.walk(tree):
        # What feature_version lets through: walrus, positional-only parameters, match; unions of types, dict[str, …].
        assert not isinstance(node, ast.NamedExpr | ast.Match)
        assert not (isinstance(node, ast.arguments) and node.posonlyargs)
        assert not (isinstance(node, ast.Subscript) and ast.unparse(node.value) in {"dict", "list", "tuple", "set"})
        names = [getattr(node, field, None) for field in ("id", "attr", "arg", "name")]
        assert not NEWER_THAN_36 & {name for name in names if isinstance(name, str)}, ast.dump(node)
    for annotation in filter(None, (getattr(node, "annotation", None) for node in ast.walk(tree))):
        assert "|" not in ast.unparse(annotation)


def test_the_script_that_checks_versions_is_written_in_python_27() -> None:
    source = Path(str(run.__file__)).read_text(encoding="utf-8")
    source.encode("ascii")
    for node in ast.walk(ast.parse(source, feature_version=(3, 6))):
        assert not isinstance(node, ast.JoinedStr | ast.AnnAssign | ast.Nonlocal | ast.Starred | ast.AsyncFunctionDef)
        if isinstance(node, ast.FunctionDef):
            assert (node.returns, node.args.kwonlyargs, node.args.posonlyargs) == (None, [], [])
            assert [argument.annotation for argument in node.args.args] == [None] * len(node.args.args)
        if isinstance(node, ast.Raise):
            assert node.cause is None


NEEDS = "error: run.py needs Python 3.6 or newer, with onnxruntime 1.7 or newer and numpy; this is "


@pytest.mark.parametrize("version", [(2, 7, 18, "final", 0), (3, 5, 10, "final", 0)])
def test_an_older_python_is_told_so(monkeypatch: pytest.MonkeyPatch, version: tuple[object, ...]) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(SystemExit) as ended:
        run.main()
    assert ended.value.code == NEEDS + f"Python {version[0]}.{version[1]}.{version[2]}"


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(SystemExit, match=NEEDS + r"Python 3\.\d+\.\d+: import of onnxruntime halted"):
        run.main()


@pytest.mark.parametrize("version", ["1.6.0", "0.5.0", "", "of today"])
def test_an_older_runtime_is_told_so(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace(__version__=version))
    with pytest.raises(SystemExit, match=NEEDS + f"onnxruntime {version or 'of an unknown version'}"):
        run.main()


@pytest.mark.parametrize("version", ["1.7.0", "1.10.0", "1.16.3+cu118", "1.7.0.dev20210101", "2.0"])
def test_this_runtime_and_newer_ones_measure(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    measured: list[str] = []
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace(__version__=version))
    monkeypatch.setitem(sys.modules, "runner", SimpleNamespace(main=lambda: measured.append(version)))
    run.main()
    assert measured == [version]


@pytest.mark.parametrize("version", ["2.7", "3.6"])
def test_a_real_older_python_reads_the_scripts(tmp_path: Path, version: str) -> None:
    python = older_python(version)
    for script in (run, runner):
        shutil.copy(str(script.__file__), tmp_path)
    ended = subprocess.run([python, "-S", tmp_path / "run.py"], capture_output=True, text=True, check=False)  # bare
    assert ended.returncode == 1
    assert re.fullmatch(NEEDS + rf"Python {version}\.\d+(: No module named '?numpy'?)?\n", ended.stderr)
    if version == "3.6":
        subprocess.run([python, "-m", "py_compile", tmp_path / "runner.py"], check=True)


def measured(bundle: Path, *arguments: str) -> tuple[int, list[str]]:
    """Return exit code and lines on stderr of a bundle's script."""
    command = [sys.executable, str(bundle / "run.py"), "--device", "board", "--rounds", "1", *arguments]
    ended = subprocess.run(command, cwd=bundle, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stderr.splitlines()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda b: cut(b / "models" / "empty.onnx"),
            r".*models/empty\.onnx: onnxruntime .* cannot load it; copy it again",
        ),
        (
            lambda b: (b / "models" / "empty.onnx").unlink(),
            r".*models/empty\.onnx: onnxruntime .* cannot load it; copy it",
        ),
        (lambda b: cut(b / "manifest.json"), r".*manifest\.json: is damaged, copy the whole folder again: "),
        (lambda b: (b / "manifest.json").unlink(), r".*manifest\.json: No such file or directory"),
    ],
)
def test_a_damaged_bundle_is_one_line(tmp_path: Path, damage: Callable[[Path], object], message: str) -> None:
    write_bundle(TINY, {block.name: [BitWidths(8, 8)] for block in TINY.blocks}, tmp_path)
    damage(tmp_path)
    code, lines = measured(tmp_path, "-o", "r.json")
    assert (code, len(lines)) == (1, 1)
    assert re.match("error: " + message, lines[0])
    assert not (tmp_path / "r.json").exists()


def test_wrong_arguments_are_told_before_anything_is_measured(tmp_path: Path) -> None:
    write_bundle(TINY, {block.name: [BitWidths(8, 8)] for block in TINY.blocks}, tmp_path)
    for arguments, line in (
        (["-o", "none/r.json"], "error: none/r.json: its folder does not exist"),
        (
            ["-o", "r.json", "--device", "a[b]"],
            "run.py: error: argument --device: 'a[b]': a name has no brackets, '=', ',' or '/'",
        ),
        (["-o", "r.json", "--rounds", "0"], "run.py: error: argument --rounds: '0' is not a whole number of 1 or more"),
        (["-o", "r.json", "--width", "nan"], "run.py: error: argument --width: 'nan' is not a number above 0"),
    ):
        code, lines = measured(tmp_path, *arguments)
        assert (code, lines[-1]) == (1 if line.startswith("error") else 2, line)
    assert sample_files(tmp_path) == []
