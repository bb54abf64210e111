"""The three kinds of teachers read back from their JSON, and errors that name the field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from qabwnas.errors import InputError
from qabwnas.pipeline.config.config import Auxiliary, Config, ModuleTeacher, TrainedTeacher, config_to_json
from qabwnas.pipeline.config.load import parse_config
from tests.pipeline.external_teacher import BORDERS
from tests.pipeline.tiny import SPACE, TINY, TRAINING

PIXELS = SPACE | {
    "stem": SPACE["stem"] | {"separable_channels": 4},
    "head": {"kind": "deeplabv3", "classes": 10, "channels": 3, "dilations": [2]},
}
OPERATIONS = ["k3e2 k3e1", "k5e2"]
MODULE = {"module": "tests.pipeline.external_teacher.make", "borders": BORDERS}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(SPACE))
    (tmp_path / "pixels.yaml").write_text(yaml.safe_dump(PIXELS))
    (tmp_path / "weights.pth").write_bytes(b"")
    return tmp_path


def parse(folder: Path, teacher: dict[str, Any], space: str = "pixels.yaml") -> Config:
    return parse_config(TINY | {"teacher": teacher, "space": space}, folder=folder)


@pytest.mark.parametrize(
    ("teacher", "space"),
    [
        ({"operations": OPERATIONS, "training": TRAINING, "auxiliary": {"block": "b1"}}, "pixels.yaml"),
        ({"operations": OPERATIONS, "checkpoint": "weights.pth"}, "pixels.yaml"),
        (MODULE, "tiny.yaml"),
        (MODULE | {"weights": "weights.pth"}, "tiny.yaml"),
    ],
)
def test_teachers_read_back_from_json(folder: Path, teacher: dict[str, Any], space: str) -> None:
    config = parse(folder, teacher, space)
    content = config_to_json(config)
    assert parse_config(content | {"space": space}, folder=folder) == config
    assert teacher.keys() <= content["teacher"].keys()


def test_what_is_read(folder: Path) -> None:
    auxiliary = {"block": "b2", "channels": 7}
    teacher = parse(folder, {"operations": OPERATIONS, "training": TRAINING, "auxiliary": auxiliary}).teacher
    assert isinstance(teacher, TrainedTeacher)
    assert teacher.auxiliary == Auxiliary("b2", 7, 0.4)
    teacher = parse(folder, MODULE | {"weights": "weights.pth"}, "tiny.yaml").teacher
    assert teacher == ModuleTeacher(MODULE["module"], tuple(BORDERS), folder / "weights.pth", None, folder)


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        ({"operations": OPERATIONS, "checkpoint": "none.pth"}, "teacher.checkpoint: there is no file .*/none.pth"),
        ("trained", "teacher: not a mapping of fields"),
        ({"operations": OPERATIONS, "training": TRAINING, "auxilary": {"block": "b1"}},
         "teacher.auxilary: unknown field; is 'auxiliary' meant"),
        ({"operations": OPERATIONS, "checkpoint": "weights.pth", "training": TRAINING},
         "teacher.training: unknown field"),
        ({"operations": OPERATIONS, "training": TRAINING, "auxiliary": {"block": "b9"}},
         "teacher.auxiliary.block: 'b9' is not one of b1, b2"),
        (MODULE | {"borders": ["stem", "one"]}, "teacher.borders: 2 were given, not one for the input"),
        (MODULE | {"module": "make"}, "teacher.module: 'make' is not of the form package.function"),
        (MODULE | {"module": "os.system('true')"}, "teacher.module: .* is not of the form package.function"),
        (MODULE | {"weights": 5}, "teacher.weights: 5 is not a path"),
        (MODULE | {"weights_key": "ema"}, "teacher.weights_key: chooses from a file of weights, and there is none"),
        (MODULE | {"operations": OPERATIONS}, "teacher.operations: unknown field"),
    ],
)  # fmt: skip
def test_errors_name_the_field(folder: Path, teacher: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"config: {message}"):
        parse(folder, teacher)


def test_classifiers_have_no_auxiliary_heads(folder: Path) -> None:
    with pytest.raises(InputError, match="config: teacher.auxiliary: auxiliary heads are for pixel-wise logits"):
        parse(folder, {"operations": OPERATIONS, "training": TRAINING, "auxiliary": {"block": "b1"}}, "tiny.yaml")
