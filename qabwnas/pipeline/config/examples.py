"""Example configurations that come with the package: ``qabwnas/configs`` and the preset spaces that they name."""

from __future__ import annotations

import re
from difflib import get_close_matches
from importlib import resources
from pathlib import Path

from qabwnas.errors import InputError

CONFIG_NAME, SPACE_NAME = "config.yaml", "space.yaml"


def example_names() -> tuple[str, ...]:
    """Return the names of the examples."""
    paths = (Path(entry.name) for entry in (resources.files("qabwnas") / "configs").iterdir())
    return tuple(sorted(path.stem for path in paths if path.suffix == ".yaml"))


def example_text(name: str) -> str:
    """Return the YAML text of an example, which names its space as a preset.

    Raises:
        InputError: there is no such example.
    """
    if name not in example_names():
        close = get_close_matches(name, example_names(), n=1)
        hint = f"; is {close[0]!r} meant?" if close else ""
        raise InputError(f"{name!r} is not one of the examples {', '.join(example_names())}{hint}")
    return (resources.files("qabwnas") / "configs" / f"{name}.yaml").read_text(encoding="utf-8")


def example_files(name: str) -> dict[str, str]:
    """Return the names and texts of an example's two files: the configuration, and its space beside it.

    Raises:
        InputError: there is no such example.
    """
    text = example_text(name)
    space = re.search(r"^space: (\S+)$", text, re.MULTILINE)
    assert space is not None, "an example names its space in one line"
    preset = (resources.files("qabwnas.space") / "presets" / f"{space[1]}.yaml").read_text(encoding="utf-8")
    return {CONFIG_NAME: text.replace(space[0], f"space: {SPACE_NAME}"), SPACE_NAME: preset}
