"""The documentation site: it builds without a warning, loads nothing from elsewhere, and describes what there is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import qabwnas
from qabwnas.cli.main import COMMANDS
from qabwnas.cli.schema import SCHEMAS
from tests.docs.conftest import DOCS, ROOT

for package in ("mkdocs", "material", "mkdocstrings", "mkdocs_click"):
    pytest.importorskip(package, reason=f"{package} is not installed")


class References(HTMLParser):
    """What a page loads: scripts, styles, images, fonts; not where its links lead."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        if tag == "link" and values.get("rel") == "canonical":
            return
        if tag in ("script", "link", "img", "iframe", "source"):
            self.found += [value for name in ("src", "href") if (value := values.get(name))]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; the build of ``make docs`` in another folder."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    assert "are not included in the" not in built.stderr, f"a page is missing in the navigation:\n{built.stderr}"
    return folder


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_docs_is_this_build() -> None:
    plan = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "docs"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert plan.rstrip().endswith("mkdocs build --strict")


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        references = References()
        references.feed(page.read_text(encoding="utf-8"))
        assert [reference for reference in references.found if re.match(r"(https?:)?//", reference)] == [], page
    for style in site.rglob("*.css"):
        assert re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//", style.read_text(encoding="utf-8")) == [], style


def test_links_between_pages_and_files_lead_somewhere(site: Path) -> None:
    broken = []
    for page in site.rglob("*.html"):
        if page.name == "404.html":  # its links are those of a server's root
            continue
        for link in re.findall(r'(?:href|src)="([^"#?]+)', page.read_text(encoding="utf-8")):
            if not re.match(r"[a-z]+:", link) and not (page.parent / link).exists():
                broken.append(f"{page.relative_to(site)}: {link}")
    assert broken == []


def test_every_public_name_is_described(site: Path) -> None:
    described = set(
        re.findall(r'id="qabwnas\.(?:\w+\.)*(\w+)"', (site / "reference" / "api.html").read_text(encoding="utf-8"))
    )
    assert set(qabwnas.__all__) - described == set()


def test_every_command_is_described(site: Path) -> None:
    text = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"qabwnas {name} " not in text] == []
    assert "Sentinel" not in text


def test_every_schema_is_described(site: Path) -> None:
    text = (site / "reference" / "json.html").read_text(encoding="utf-8")
    assert [name for name in SCHEMAS if f'<h2 id="{name}">' not in text] == []
    fields = (site / "reference" / "configuration.html").read_text(encoding="utf-8")
    assert [
        name for name in ("task", "space", "budgets", "label_smoothing") if f"<code>{name}</code>" not in fields
    ] == []


MARKUP = re.compile(r"<p>[^<]*\n[-*] .*$|^\|.*\|$|:::.*|:(?:class|func|meth):|&gt;&gt;&gt;|<blockquote>", re.MULTILINE)
"""Lists and tables that the site's Markdown does not understand, directives, roles of Sphinx, and prompts."""


def test_no_page_shows_markup(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = re.sub(r"(?s)<(pre|code)\b.*?</\1>", "", page.read_text(encoding="utf-8"))
        assert MARKUP.findall(text) == [], page


def test_every_page_is_listed_in_the_index_of_its_folder() -> None:
    for folder in ("tutorials", "how-to", "reference", "explanation"):
        index = (DOCS / folder / "index.md").read_text(encoding="utf-8")
        names = [path.name for path in (DOCS / folder).glob("*.md") if path.name != "index.md"]
        assert names
        assert [name for name in names if f"]({name})" not in index] == []
