"""``run`` with a section ``latency``: devices that are imported, estimated and measured, and budgets on them."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result

from qabwnas.costs.roofline import device_to_json, load_device
from qabwnas.deploy import runner
from qabwnas.lut.lut import Lut
from qabwnas.pipeline.config.load import parse_config
from qabwnas.pipeline.ledger import Ledger
from qabwnas.pipeline.run import STAGES, run_stages
from qabwnas.pipeline.stages import latency
from qabwnas.pipeline.stages.budgets import cost_lut
from qabwnas.pipeline.stages.teacher_network import measured_parts
from qabwnas.space import Policy
from qabwnas.train.trainer import Trainer
from tests.cli import run as qabwnas
from tests.pipeline.config.test_teacher import MODULE
from tests.pipeline.tiny import TINY, write_config

pytestmark = pytest.mark.usefixtures("torch_threads", "in_this_process")

PI, EDGE, HERE = COLUMNS = ["latency_ms[pi 4]", "estimate_ms[made-up-edge-cpu]", "latency_ms[here]"]
DEVICES: list[dict[str, Any]] = [
    {"name": "pi 4", "results": "pi.json"},
    {"name": "made-up-edge-cpu", "estimate": "made-up-edge-cpu"},
    {"name": "here", "measure": {"rounds": 2}, "statistic": "minimum"},
]
CONFIG: dict[str, Any] = TINY | {
    "teacher": TINY["teacher"] | {"operations": ["k3e1 k5e2", "k5e2"]},
    "latency": DEVICES,
    "front": ["nsr", PI],
    "budgets": [{PI: "100%"}, {EDGE: "90%", "size_bytes": "100%"}, {HERE: "1e-6ns"}],
    "networks": TINY["networks"] | {"seeds": 1},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration, and results that the true runner measured for its space."""
    folder = tmp_path_factory.mktemp("config")
    write_config(folder, CONFIG)
    measured = ["--space", folder / "tiny.yaml", "--device", "pi 4", "--rounds", 2, "-o", folder / "pi.json"]
    assert qabwnas("measure-latency", *measured).exit_code == 0
    return folder


@pytest.fixture(scope="module")
def first(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A run folder with a LUT from before there were devices, and what the command printed that made the rest."""
    target = tmp_path_factory.mktemp("runs") / "tiny"
    without = CONFIG | {"latency": [], "front": TINY["front"], "budgets": TINY["budgets"]}
    run_stages(STAGES, parse_config(without, folder=folder), target, until="lut")
    return target, qabwnas("run", folder / "config.yaml", "-o", target)


def changed(folder: Path, tmp_path: Path, change: dict[str, Any]) -> Path:
    """Return a changed configuration in a folder of its own, which starts from copies of the files beside the first."""
    shutil.copytree(folder, tmp_path / "config", ignore=shutil.ignore_patterns("*.bundle"))
    (tmp_path / "config" / "config.yaml").write_text(yaml.safe_dump(CONFIG | change))
    return tmp_path / "config" / "config.yaml"


def made(result: Result) -> list[str]:
    """Return the stages that a command made."""
    lines = [line.partition("  ")[2] for line in result.stderr.splitlines()]
    return [line.partition(":")[0] for line in lines if ": done in" in line]


def test_budgets_on_latencies_are_kept_and_reported(folder: Path, first: tuple[Path, Result]) -> None:
    target, result = first
    assert result.exit_code == 0, result.output
    assert made(result) == ["latency", "front", "answers", "networks", "report"]
    measured = json.loads((folder / "pi.json").read_text())
    assert [row["bits"] for row in measured["blocks"]["b2"]] == ["w4a4", "w4a4", "w8a8", "w8a8"]
    of_blocks = [[row["median_ms"] for row in measured["blocks"][block]] for block in ("b1", "b2")]
    fixed = measured["fixed"]["median_ms"]
    lut = Lut.open(target / "lut-latency.h5")
    nsrs = [block.column("nsr") for block in lut.blocks]
    # The teacher is candidate 1 of 4 in the first block and 1 of 2 in the second, at 8 bits the second table.
    teacher = fixed + of_blocks[0][4 + 1] + of_blocks[1][2 + 1]
    fits = [
        (nsrs[0][i] + nsrs[1][j], fixed + of_blocks[0][i] + of_blocks[1][j])
        for i, j in itertools.product(range(8), range(4))
        if fixed + of_blocks[0][i] + of_blocks[1][j] <= teacher + 1e-9
    ]
    answers = json.loads((target / "answers.json").read_text())
    assert float(answers[0]["budgets"][PI]) == pytest.approx(teacher, abs=1e-6)
    assert float(answers[0]["totals"]["nsr"]) == pytest.approx(min(fits)[0])
    assert float(answers[1]["totals"][EDGE]) <= float(answers[1]["budgets"][EDGE])
    assert answers[2]["codes"] is None

    head, _, *lines = result.stdout.splitlines()
    assert [name for name in COLUMNS if name in head] == COLUMNS
    rows = json.loads((target / "results.json").read_text())["rows"]
    by_name = {row["name"]: row for row in rows if "totals" in row}
    assert by_name["teacher FP32"]["totals"] == {}
    assert by_name["teacher INT8"]["totals"][PI] == pytest.approx(teacher)
    assert list(by_name["teacher INT4"]["totals"]) == COLUMNS
    for answer, row in zip(answers[:2], rows[3:], strict=False):
        assert row["totals"] == {name: float(answer["totals"][name]) for name in COLUMNS}
    assert f"{teacher:.4g}" in next(line for line in lines if line.startswith("teacher INT8"))
    assert any(f"no network fits; it would with {HERE} " in line for line in lines)


def test_the_lut_of_the_nsrs_stays_as_it_was_measured(first: tuple[Path, Result]) -> None:
    target, _ = first
    plain, whole = Lut.open(target / "lut.h5"), Lut.open(target / "lut-latency.h5")
    assert [*plain.metric_names, *COLUMNS] == list(whole.metric_names)
    assert whole.provenance["columns"][HERE]["statistic"] == "minimum"
    assert json.loads((target / "latency" / "here.json").read_text())["device"] == "here"
    found = qabwnas("search", target / "lut-latency.h5", "--minimize", EDGE, "--budget", f"{PI}=1s")
    assert found.exit_code == 0


def test_other_devices_never_measure_nsr_again(first: tuple[Path, Result], folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "run"
    shutil.copytree(first[0], target)
    other = changed(folder, tmp_path, {"latency": [DEVICES[0], DEVICES[1], DEVICES[2] | {"measure": {"rounds": 3}}]})
    result = qabwnas("run", other, "-o", target)
    assert result.stderr == (
        f"error: {target}: latency was made with other settings (latency.{HERE}.measure.rounds: 2 → 3); --force makes "
        "it again, or choose another folder\n"
    )
    result = qabwnas("run", other, "-o", target, "--force", "--stage", "front")
    assert (result.exit_code, made(result)) == (0, ["latency", "front"])
    # Without devices the run has no such stage, and searches the LUT without them.
    sizes = {"latency": [], "front": ["nsr", "size_bytes"], "budgets": [{"size_bytes": "100%"}]}
    other.write_text(yaml.safe_dump(CONFIG | sizes))
    assert qabwnas("run", other, "-o", target, "--stage", "latency").stderr.startswith("error: stage 'latency' is not")
    assert "latency: [" in qabwnas("run", other, "-o", target, "--stage", "front").stderr
    result = qabwnas("run", other, "-o", target, "--force", "--stage", "front")
    assert (result.exit_code, made(result)) == (0, ["front"])
    # A first device changes what the finished front depends on.
    Ledger(target).forget(["latency"])
    other.write_text(yaml.safe_dump(CONFIG | sizes | {"latency": [DEVICES[1]]}))
    assert f'front was made with other settings (latency: null → ["{EDGE}"])' in (
        qabwnas("run", other, "-o", target, "--stage", "front").stderr
    )


def test_another_device_and_points_of_fronts_train_only_new_networks(
    first: tuple[Path, Result], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "run"
    shutil.copytree(first[0], target)
    trained: list[str] = []
    update = Trainer.update

    def recorded(trainer: Trainer[Any], given: Any) -> None:
        trained.append(trainer.name)
        update(trainer, given)

    def weights() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (target / "networks").iterdir()}

    def operations() -> set[tuple[int, ...]]:
        found = json.loads((target / "answers.json").read_text())
        return {tuple(network["codes"]) for network in found if network["codes"] is not None}

    def run(config: dict[str, Any]) -> None:  # in this process, where steps are counted
        trained.clear()
        run_stages(STAGES, parse_config(config, folder=folder), target, force=True)

    monkeypatch.setattr(Trainer, "update", recorded)
    before, known = weights(), operations()
    described = device_to_json(load_device("made-up-edge-cpu")) | {"name": "other"}
    config = CONFIG | {"latency": [*DEVICES, {"name": "other", "estimate": described}]}
    run(config)
    assert (trained, weights()) == ([], before)
    assert "estimate_ms[other]" in Lut.open(target / "lut-latency.h5").metric_names
    assert "estimate_ms[other]" in qabwnas("report", target).stdout.splitlines()[0]

    run(config | {"front_points": 4})
    assert len(set(trained)) == len(operations() - known) > 0
    assert before.items() < weights().items()

    for path in (target / "networks").iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    run(config)
    assert len(set(trained)) == len(known)
    assert weights() == before


def test_a_kill_loses_no_samples(
    first: tuple[Path, Result], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "run"
    shutil.copytree(first[0], target)
    (target / "lut-latency.h5").unlink()
    shutil.rmtree(target / "latency")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(latency, "add_columns", interrupt)
        assert qabwnas("run", folder / "config.yaml", "-o", target, "--stage", "latency").exit_code == 130
    (unfinished,) = (target / "scratch" / "latency").rglob("here.json")
    before = unfinished.read_bytes()
    monkeypatch.setattr(runner._Run, "sample", interrupt)  # all samples are there already
    result = qabwnas("run", folder / "config.yaml", "-o", target, "--stage", "latency")
    assert (result.exit_code, made(result)) == (0, ["latency"])
    assert (target / "latency" / "here.json").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"budgets": [{"latency_ms[pi4]": 5}]},
         "budgets[0].latency_ms[pi4]: 'latency_ms[pi4]' is not one of nsr, nsr_se, size_bytes, macs, bitops, "
         f"peak_activation_bytes, {', '.join(COLUMNS)}; is '{PI}' meant?"),
        ({"minimize": "latency", "front": ["latency", "nsr"]}, f"is '{PI}' meant?"),
        ({"budgets": [{PI: "5MB"}]}, f"budgets[0]: {PI}: '5MB': the unit 'MB' is not one of ns, us"),
        ({"budgets": [{PI: "1%"}]}, " cannot be met; the smallest network takes "),
        ({"budgets": [{EDGE: "1us"}]}, f"budgets[0].{EDGE}: 1us (0.001 ms) cannot be met; the smallest network takes"),
        ({"teacher": TINY["teacher"], "budgets": [{PI: "50%"}]},
         f"budgets[0]: {PI}: 50%: the teacher's total is not known, because its operations at w8a8 are not candidates "
         "of the space; give a number"),
        ({"bit_widths": [4], "latency": DEVICES[1:2], "budgets": [{EDGE: "50%"}], "front": ["nsr", EDGE]},
         "the teacher's total is not known"),
        ({"policy": "layer", "latency": DEVICES[1:], "budgets": [{EDGE: "50%"}], "front": ["nsr", EDGE]},
         "latency[1].measure: the space 'tiny' has bit widths per layer, but bundles support only bit widths per "
         "block"),
        ({"latency": [{"name": "pi 4"}, *DEVICES[1:]]}, "latency[0]: needs one of measure, results, estimate"),
        ({"latency": [DEVICES[0] | {"measure": {}}, *DEVICES[1:]]}, "latency[0]: needs one of measure, results"),
        ({"latency": [*DEVICES, {"name": "pi 4", "measure": {}}]}, f"latency: two devices give the column '{PI}'"),
        ({"latency": [*DEVICES, {"name": "a/b", "measure": {}}]}, "latency[3].name: 'a/b' is not a device's name"),
        ({"latency": [*DEVICES, {"name": "x", "measure": {"width": 0}}]}, "latency[3].measure.width: 0 is not more th"),
        ({"latency": [*DEVICES, {"name": "x", "measure": {"round": 5}}]},
         "latency[3].measure.round: unknown field; is 'rounds' meant?"),
        ({"latency": [*DEVICES, {"name": "nano", "estimate": "jetson-nano"}]},
         "latency[3].estimate: describes the device 'jetson-nano', not 'nano'"),
        ({"latency": [*DEVICES, {"name": "pi 5", "results": "none.json"}]}, "none.json: No such file or directory"),
        ({"latency": [*DEVICES, {"name": "pi 5", "results": "pi.json"}]},
         "pi.json: the results of the device 'pi 4', not 'pi 5'"),
    ],
)  # fmt: skip
def test_a_wrong_section_is_one_line(folder: Path, tmp_path: Path, change: dict[str, Any], message: str) -> None:
    config = changed(folder, tmp_path, change)
    result = qabwnas("run", config, "-o", tmp_path / "run")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1), result.stderr
    assert message in result.stderr
    assert not (tmp_path / "run").exists()


def test_results_of_other_candidates_are_refused_before_anything_is_trained(folder: Path, tmp_path: Path) -> None:
    config = changed(folder, tmp_path, {})
    path = config.with_name("pi.json")
    content = json.loads(path.read_text())
    whole = content["blocks"]
    cases = {
        f"{path}: {PI} lacks 3 of 8 candidates of block 'b1', 4 of 4 candidates of block 'b2'; measure all of them": {
            "b1": whole["b1"][:5]
        },
        f"{path}: blocks.stage1: the LUT has no such block; it has b1, b2": {"stage1": whole["b1"], "b2": whole["b2"]},
        f"{path}: blocks.b2[0].bits: 'w6a6', but candidate 0 of the LUT is w4a4": {
            "b1": whole["b1"],
            "b2": [row | {"bits": "w6a6"} for row in whole["b2"]],
        },
        f"{path}: blocks.b1[8].candidate: 8 is not in 0 … 7": {
            "b1": [*whole["b1"], whole["b1"][0] | {"candidate": 8}],
            "b2": whole["b2"],
        },
    }
    for message, blocks in cases.items():
        path.write_text(json.dumps(content | {"blocks": blocks}))
        result = qabwnas("run", config, "-o", tmp_path / "run")
        assert (result.exit_code, result.stderr) == (1, f"error: {config}: latency[0]: {message}\n")
    assert not (tmp_path / "run").exists()


def test_layers_with_bit_widths_of_their_own_can_be_estimated(folder: Path, tmp_path: Path) -> None:
    change = {"policy": "layer", "latency": DEVICES[1:2], "front": ["nsr", EDGE], "budgets": [{EDGE: "100%"}]}
    assert qabwnas("config", "check", changed(folder, tmp_path, change)).exit_code == 0
    # The sample of two rows per block does not have the teacher.
    result = qabwnas("config", "check", changed(folder, tmp_path / "sampled", change | {"sample": 2}))
    assert result.exit_code == 1
    assert f"config.yaml: budgets[0]: {EDGE}: 100%: the teacher's total is not known" in result.stderr


def test_an_estimate_has_the_stem_and_head_of_the_module(folder: Path) -> None:
    content = TINY | {"teacher": MODULE, "latency": DEVICES[1:2]}
    config = parse_config(content, folder=folder)
    device, parts = load_device("made-up-edge-cpu"), measured_parts(config)
    assert parts is not None
    expected = sum(
        device.milliseconds(operator, Policy.fixed) for part in (parts.stem, parts.head) for operator in part
    )
    lut = latency.add_columns(config, cost_lut(config), {})
    assert lut.metric(EDGE).fixed == pytest.approx(expected)
