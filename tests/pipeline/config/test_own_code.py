"""Tasks, heads and metrics of users' own code in a configuration: what they become, and what is wrong in one line."""

from pathlib import Path
from typing import Any

import pytest

from qabwnas.errors import InputError
from qabwnas.pipeline.config.config import OwnMetric, config_to_json
from qabwnas.pipeline.config.load import parse_config, with_root
from qabwnas.pipeline.config.task import OwnTask
from tests.pipeline.tiny import SPACE, TINY

HERE = "tests.pipeline.own_code"
TASK: dict[str, Any] = {"name": f"{HERE}.Brightness", "n": 50, "root": "data", "notes": "./notes.txt"}


def with_head(kind: str, **settings: Any) -> dict[str, Any]:
    return TINY | {"space": SPACE | {"head": {"kind": f"{HERE}.{kind}", "classes": 10, **settings}}}


def with_metrics(*metrics: Any) -> dict[str, Any]:
    return TINY | {"space": SPACE, "metrics": list(metrics)}


def test_own_code_is_read_and_written_back() -> None:
    content = with_head("PlainClassifier", scales=[1, 2.5]) | {
        "task": TASK,
        "metrics": [f"{HERE}.BITOPS", {"name": f"{HERE}.scaled", "factor": 2}],
        "minimize": "scaled_macs",
        "front": ["scaled_macs", "own_bitops"],
        "budgets": [{"own_bitops": "50%"}],
    }
    config = parse_config(content, folder=Path("folder"))
    folder = Path("folder").absolute()
    settings: dict[str, Any] = {"n": 50, "root": str(folder / "data"), "notes": str(folder / "notes.txt")}
    assert config.task == OwnTask(TASK["name"], settings)
    assert config.metrics == (OwnMetric(f"{HERE}.BITOPS", {}), OwnMetric(f"{HERE}.scaled", {"factor": 2}))
    assert dict(config.space.head.settings) == {"scales": (1, 2.5)}
    assert config.code_folder == folder
    assert parse_config(config_to_json(config)) == config


def test_a_folder_on_the_command_line_is_the_root_of_an_own_task() -> None:
    changed = with_root({"task": f"{HERE}.Brightness"}, Path("/data"), "config")
    assert changed == {"task": {"name": f"{HERE}.Brightness", "root": "/data"}}
    with pytest.raises(InputError, match=r"task: .*Raises: .* unexpected keyword argument 'root'"):
        parse_config(TINY | {"space": SPACE} | with_root({"task": f"{HERE}.Raises"}, Path("/data"), "config"))


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("nowhere.Task", "task: nowhere.Task: there is no module 'nowhere' in .* or among installed packages"),
        (f"{HERE}.Birds", rf"task: {HERE}.Birds: tests.pipeline.own_code .* has no 'Birds'; it has .*Brightness"),
        (f"{HERE}.Noise", f"task: {HERE}.Noise: is the class Noise, not a class derived from qabwnas.train.tasks.Task"),
        (f"{HERE}.NoLoss", f"task: {HERE}.NoLoss: the class has no method loss, score"),
        (
            {"name": f"{HERE}.Brightness", "sise": 8},
            f"task: {HERE}.Brightness: its settings do not fit its constructor: got an unexpected keyword .*'sise'",
        ),
        ({"name": f"{HERE}.Brightness", "root": 5}, "task.root: 5 is not a path; put it between quotes"),
        ({"name": "birds..Task"}, "task.name: 'birds..Task' is not one of digits, .* or a class package.Class"),
    ],
)
def test_what_is_wrong_with_an_own_task(task: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"^config: {message}[^\n]*$"):
        parse_config(TINY | {"space": SPACE, "task": task})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (with_head("Nothing"), f"{HERE}.Nothing: .* has no 'Nothing'"),
        (with_head("PlainClassifier", hidden=3), "PlainClassifier: not a function .* unexpected keyword argument 'hid"),
        (with_head("no_module"), f"{HERE}.no_module: gives int, not a module of torch"),
        (with_head("BITOPS"), f"{HERE}.BITOPS: is CostMetric, not a class or function that makes a module"),
        (with_head("TwoOutputs"), f"{HERE}.TwoOutputs: the head gives tuple, not one tensor"),
        (with_head("FewerClasses"), r"FewerClasses: the head gives the shape \(1, 9\) for one image, not \(1, 10, …\)"),
        (with_head("Branches"), "Branches: torch.fx cannot trace the head, so its costs cannot be counted: TraceError"),
        (with_head("PlainClassifier", scales={"a": 1}), "scales: {'a': 1} is not a number, a text, true, false, or"),
        (
            TINY | {"space": SPACE | {"head": {"kind": "dense", "classes": 2}}},
            "'dense' is not one of classifier, .*Class",
        ),
    ],
)
def test_what_is_wrong_with_an_own_head(content: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"^config: [^\n]*{message}[^\n]*$"):
        parse_config(content)


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        (["energy"], "'energy' is not of the form package.function"),
        ([f"{HERE}.Noise"], r"metrics\[0\]: .*Noise: not a function that can be called without arguments"),
        ([f"{HERE}.HERE"], r"metrics\[0\]: .* has no 'HERE'"),
        ([f"{HERE}.no_module"], "no_module: not a function .* missing a required argument"),
        ([f"{HERE}.BITOPS", f"{HERE}.BITOPS"], rf"metrics\[1\]: {HERE}.BITOPS: its name 'own_bitops' is taken"),
        ([f"{HERE}.TAKEN"], r"metrics\[0\]: .*TAKEN: its name 'macs' is taken"),
        ([f"{HERE}.NEGATIVE"], r"NEGATIVE: gives -\d+ for an operator at w4a4, not a finite number of 0 or more"),
        ([f"{HERE}.NOT_A_NUMBER"], "NOT_A_NUMBER: gives nan for an operator at w4a4"),
        ([f"{HERE}.MEAN"], "MEAN: its aggregation is 'mean', neither sum nor max"),
        ([f"{HERE}.BROKEN"], "BROKEN: raised AttributeError: .* no attribute 'joules' .*own_code.py, line"),
        ([{"name": f"{HERE}.BITOPS", "factor": 2}], "BITOPS: is a CostMetric, which takes no settings"),
        ([{"factor": 2}], r"metrics\[0\].name: missing"),
    ],
)
def test_what_is_wrong_with_an_own_metric(metrics: list[Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^config: [^\n]*{message}[^\n]*$"):
        parse_config(with_metrics(*metrics))


def test_budgets_name_the_columns_of_the_configuration() -> None:
    content = with_metrics(f"{HERE}.PEAK") | {"budgets": [{"own_peak_bytes": "1kB", "own_bitops": 3}]}
    with pytest.raises(
        InputError, match="'own_bitops' is not one of nsr, nsr_se, size_bytes, .*, own_peak_bytes; is 'bitops' meant"
    ):
        parse_config(content)
