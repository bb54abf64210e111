"""Which stages a run makes: toy stages that only write down that they were made."""

import itertools
import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qabwnas.errors import FormatError, InputError
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.config.load import demo_config
from qabwnas.pipeline.run import run_stages
from qabwnas.pipeline.stages.stage import Stage, StageContext

NEEDS = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c"), "e": ("c",)}


class Toy:
    """Stages a … e that copy what they need, note that they ran, and can be made to fail."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made = ""
        self.failing = ""
        self.config = demo_config()
        self.identities: dict[str, str] = {}
        self.stages = [Stage(name, needs, self._settings(name), self._make(name)) for name, needs in NEEDS.items()]

    def run(self, until: str | None = None, force: bool = False) -> str:
        """Run and return the names of the stages that were made."""
        self.made = ""
        run_stages(self.stages, self.config, self.folder, until=until, force=force)
        return self.made

    def _settings(self, name: str) -> Callable[[Config], dict[str, Any]]:
        return lambda config: {"seed": config.seed} if name == "c" else {}

    def _make(self, name: str) -> Callable[[StageContext], list[str]]:
        def make(context: StageContext) -> list[str]:
            self.identities[name] = context.identity
            self.made += name
            if name == self.failing:
                (context.scratch / "progress").write_text("half")
                raise KeyboardInterrupt
            inputs = [(context.folder / f"{need}.txt").read_text() for need in NEEDS[name]]
            (context.folder / f"{name}.txt").write_text(
                f"{name}({''.join(inputs)}{context.config.seed if name == 'c' else ''})"
            )
            return [f"{name}.txt"]

        return make


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path / "run")


def test_all_stages_are_made_once(toy: Toy) -> None:
    assert toy.run() == "abcde"
    assert toy.run() == ""
    assert (toy.folder / "d.txt").read_text() == "d(b(a())c(a()0))"
    assert not list((toy.folder / "scratch").iterdir())


@pytest.mark.parametrize(("deleted", "made"), [("a", "abcde"), ("b", "bd"), ("c", "cde"), ("d", "d"), ("e", "e")])
@pytest.mark.parametrize("damage", ["deleted", "changed"])
def test_a_lost_output_redoes_its_stage_and_exactly_what_depends_on_it(
    toy: Toy, deleted: str, made: str, damage: str
) -> None:
    toy.run()
    output = toy.folder / f"{deleted}.txt"
    output.unlink() if damage == "deleted" else output.write_text("something else")
    assert toy.run() == made
    assert toy.run() == ""


def test_two_lost_outputs_redo_what_depends_on_either(toy: Toy) -> None:
    for lost in itertools.combinations("abcde", 2):
        toy.run()
        for name in lost:
            (toy.folder / f"{name}.txt").unlink()
        dependents = {"a": "abcde", "b": "bd", "c": "cde", "d": "d", "e": "e"}
        assert toy.run() == "".join(sorted(set(dependents[lost[0]] + dependents[lost[1]])))


def test_until_makes_a_stage_and_what_it_depends_on(toy: Toy) -> None:
    assert toy.run(until="d") == "abcd"
    assert toy.run(until="c") == ""
    assert toy.run() == "e"
    with pytest.raises(InputError, match="stage 'f' is not one of a, b, c, d, e"):
        toy.run(until="f")


def test_dependents_are_redone_even_if_the_run_stops_in_between(toy: Toy) -> None:
    toy.run()
    (toy.folder / "c.txt").unlink()
    toy.run(until="c")
    assert toy.run() == "de"


def test_an_interrupted_stage_keeps_its_scratch_and_is_made_again(toy: Toy) -> None:
    toy.failing = "c"
    with pytest.raises(KeyboardInterrupt):
        toy.run()
    assert toy.made == "abc"
    assert [path.read_text() for path in (toy.folder / "scratch" / "c").rglob("progress")] == ["half"]
    first = toy.identities["c"]
    toy.failing = ""
    assert toy.run() == "cde"
    assert toy.identities["c"] == first
    assert not (toy.folder / "scratch" / "c").exists()


def test_scratch_of_other_settings_is_not_continued(toy: Toy) -> None:
    toy.failing = "c"
    with pytest.raises(KeyboardInterrupt):
        toy.run()
    first = toy.identities["c"]
    toy.config = replace(toy.config, seed=1)
    with pytest.raises(KeyboardInterrupt):
        toy.run()
    assert toy.identities["c"] != first
    assert len(list((toy.folder / "scratch" / "c").iterdir())) == 1


def test_other_settings_are_refused_and_with_force_redo_what_they_touch(toy: Toy) -> None:
    toy.run()
    toy.config = replace(toy.config, seed=1)
    with pytest.raises(InputError, match=r"c was made with other settings \(seed: 0 → 1\); --force makes it"):
        toy.run()
    assert (toy.folder / "c.txt").read_text() == "c(a()0)"
    assert toy.run(force=True) == "cde"
    assert toy.run() == ""


def test_every_decision_is_one_line(toy: Toy, caplog: pytest.LogCaptureFixture) -> None:
    toy.run(until="b")
    (toy.folder / "b.txt").unlink()
    with caplog.at_level(logging.INFO, "qabwnas"):
        toy.run(until="d")
    lines = [message for message in caplog.messages if "done in" not in message]
    assert lines == ["a: done before", "b: b.txt is gone", "c: not made yet", "d: not made yet"]


def test_a_folder_of_something_else_is_left_alone(toy: Toy) -> None:
    toy.folder.mkdir()
    (toy.folder / "thesis.tex").write_text("")
    with pytest.raises(InputError, match="run: holds files, but no run"):
        toy.run()
    assert [path.name for path in toy.folder.iterdir()] == ["thesis.tex"]
    shutil.rmtree(toy.folder)
    toy.folder.write_text("")
    with pytest.raises(InputError, match="run: not a folder"):
        toy.run()


@pytest.mark.parametrize("content", ["", "[1]", '{"a": {"outputs": {}}}', '{"a": 5}'])
def test_a_broken_ledger_is_one_line(toy: Toy, content: str) -> None:
    toy.run()
    (toy.folder / "stages.json").write_text(content)
    with pytest.raises(FormatError, match="stages.json: not the ledger of a run"):
        toy.run()
