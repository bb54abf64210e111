"""The metadata that a package index shows: version, URLs, and the README with links that work there."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from email import message_from_string
from email.message import Message
from html.parser import HTMLParser
from pathlib import Path

import pytest

import qabwnas
from qabwnas.cli.command import PACKAGES
from tests.release.check_sdist import supported

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = "https://github.com/qabwnas/qabwnas"


@pytest.fixture(scope="module")
def metadata(tmp_path_factory: pytest.TempPathFactory) -> Message:
    """What the build writes as ``PKG-INFO``."""
    pytest.importorskip("pybind11", reason="pybind11 is not installed")
    folder = tmp_path_factory.mktemp("metadata")
    command = [sys.executable, "setup.py", "-q", "egg_info", "--egg-base", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, env=os.environ | {"QABWNAS_BUILD": "skip"})
    return message_from_string((folder / "qabwnas.egg-info" / "PKG-INFO").read_text(encoding="utf-8"))


def missing(url: str, views: tuple[str, ...]) -> bool:
    """Return whether a URL shows a file of the repository that does not exist."""
    view, _, path = url.removeprefix(f"{REPOSITORY}/").partition("/")
    assert view in views, url
    return not (ROOT / path.partition("/")[2].partition("#")[0]).exists()


def test_the_version_is_that_of_the_package(metadata: Message) -> None:
    assert metadata["Version"] == qabwnas.__version__


def test_no_other_source_states_the_version() -> None:
    sources = [ROOT / "pyproject.toml", ROOT / "setup.py", *(ROOT / "qabwnas").rglob("*.py")]
    quoted = [path for path in sources if f'"{qabwnas.__version__}"' in path.read_text(encoding="utf-8")]
    assert quoted == [ROOT / "qabwnas" / "version.py"]


@pytest.mark.parametrize("extra", PACKAGES)
def test_an_extra_has_what_commands_ask_for(extra: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = "\n".join(project["optional-dependencies"][extra])
    required = required.replace("qabwnas[plot]", "plotly")
    names = {"sklearn": "scikit-learn", "PIL": "pillow"}
    assert [name for name in PACKAGES[extra] if names.get(name, name) not in required] == []


def test_the_urls_lead_to_the_repository(metadata: Message) -> None:
    urls = dict(line.split(", ") for line in metadata.get_all("Project-URL", []))
    assert list(urls) == ["Homepage", "Documentation", "Changelog", "Issues"]
    assert (urls.pop("Homepage"), urls.pop("Issues")) == (REPOSITORY, f"{REPOSITORY}/issues")
    assert [url for url in urls.values() if missing(url, ("blob", "tree"))] == []


def test_the_supported_versions_start_with_the_required_one(metadata: Message) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == f">={supported()[0]}"
    assert {f"Programming Language :: Python :: {each}" for each in supported()} <= set(
        metadata.get_all("Classifier", [])
    )


class _Targets(HTMLParser):
    """Collects what links and pictures lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - its signature
        self.found += [value for name, value in attrs if name in ("href", "src", "srcset") and value is not None]


def test_links_and_pictures_of_the_description_are_absolute(metadata: Message) -> None:
    markdown = pytest.importorskip("markdown", reason="markdown is not installed")
    assert metadata["Description-Content-Type"] == "text/markdown"
    parser = _Targets()
    parser.feed(markdown.markdown(metadata.get_payload(), extensions=["tables", "fenced_code"]))
    targets = [target for target in parser.found if not target.startswith("#")]
    assert len(targets) > 10
    assert [target for target in targets if not target.startswith("https://")] == []
    own = [target for target in targets if target.startswith(REPOSITORY)]
    assert [target for target in own if missing(target, ("blob", "raw", "tree"))] == []


def test_nothing_else_of_the_readme_is_changed(metadata: Message) -> None:
    description = metadata.get_payload()
    assert isinstance(description, str)
    for view in ("blob", "raw"):
        description = description.replace(f"{REPOSITORY}/{view}/v{qabwnas.__version__}/", "")
    assert description.strip() == (ROOT / "README.md").read_text(encoding="utf-8").strip()
