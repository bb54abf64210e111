"""The three kinds of teachers read back from their JSON, and errors that name the field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from qabwnas.errors import InputError
from qabwnas.pipeline.config.config import Config, config_to_json
from qabwnas.pipeline.config.load import parse_config
from qabwnas.pipeline.config.teacher import Auxiliary, ModuleTeacher, TrainedTeacher
from tests.pipeline.external_teacher import BORDERS
from tests.pipeline.tiny import SPACE, TINY, TRAINING

PIXELS = SPACE | {
    "stem": SPACE["stem"] | {"separable_channels": 4},
    "head": {"kind": "deeplabv3", "classes": 10, "channels": 3, "dilations": [2]},
}
OPERATIONS = ["k3e2 k3e1", "k5e2"]
TRAINED = {"operations": OPERATIONS, "training": TRAINING}
PRETRAINED = TRAINED | {"checkpoint": "weights.pth"}
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
        ({"operations": OPERATIONS, "training": TRAINING | {"accumulate": 4, "label_smoothing": 0.1}}, "tiny.yaml"),
        ({"operations": OPERATIONS, "checkpoint": "weights.pth", "weights_key": "ema", "new_head": True,
          "training": TRAINING | {"max_grad_norm": 1, "ema_decay": 0.9}, "frozen": ["b1"]}, "tiny.yaml"),
        (MODULE | {"training": TRAINING, "frozen": ["stem", "head"]}, "tiny.yaml"),
        (MODULE, "tiny.yaml"),
        (MODULE | {"weights": "weights.pth"}, "tiny.yaml"),
    ],
)  # fmt: skip
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
        (PRETRAINED | {"frozen": ["b1", "stm"]}, r"teacher.frozen\[1\]: 'stm' is not one of .*; is 'stem' meant\?"),
        (PRETRAINED | {"frozen": ["stem", "b1", "b2", "head"]}, "teacher.frozen: nothing is left to train"),
        (PRETRAINED | {"frozen": ["head"], "new_head": True}, r"teacher.frozen: the head is new"),
        (PRETRAINED | {"frozen": ["b1", "b1"]}, "teacher.frozen: an entry is given twice"),
        (TRAINED | {"frozen": ["stem"]}, "teacher.frozen: needs a checkpoint, and there is none"),
        (TRAINED | {"new_head": True}, "teacher.new_head: needs a checkpoint, and there is none"),
        (MODULE | {"frozen": ["stem"]}, "teacher.frozen: needs a training, and there is none"),
        ({"operations": OPERATIONS, "training": TRAINING | {"max_grad_norm": 0}},
         "teacher.training.max_grad_norm: 0 is not more than 0"),
        ({"operations": OPERATIONS, "training": TRAINING | {"accumulate": 3}},
         "teacher.training.accumulate: 3 micro-batches of equal size cannot be made of a batch of 16"),
        ({"operations": OPERATIONS, "training": TRAINING | {"label_smoothing": 1}},
         "teacher.training.label_smoothing: 1 is not less than 1"),
        ({"operations": OPERATIONS, "training": TRAINING | {"ema_decay": 1.0}},
         "teacher.training.ema_decay: 1.0 is not less than 1"),
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
