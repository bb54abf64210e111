"""The page of a run as text: what it says, that it needs nothing from outside, and that names are no HTML."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from qabwnas.errors import InputError
from qabwnas.report.result import Results
from qabwnas.visualization.page.report import in_script, report_page, write_report
from qabwnas.visualization.page.sections import summary
from tests.visualization.fronts import small_front
from tests.visualization.runs import EVIL, TEACHER, small_run


class Page(HTMLParser):
    """The elements, texts and scripts of a page, as a browser separates them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in_script = tag == "script"

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the parser's signature
        self._in_script = False

    def handle_data(self, data: str) -> None:
        (self.scripts if self._in_script else self.texts).append(data)


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(report_page([small_run()], "lut <1>.h5"))


def test_sections_say_what_is_known(page: Page) -> None:
    text = " ".join(page.texts)
    for words in (
        "Move the budgets",
        "What each budget binds",
        "Predictions beside labels",
        "Compute effort",
        "+0.50 ±0.20",  # the paired difference
        "no network fits; it would with macs 663776",
        "50.0 min",
        "> 2.0",  # a search that a limit stopped
        "ab" * 32,
    ):
        assert words in text


def test_nothing_is_loaded_from_outside(page: Page) -> None:
    loaded = [value for _, attributes in page.elements for name in ("src", "href") if (value := attributes.get(name))]
    assert loaded
    assert all(value.startswith("data:") for value in loaded)
    assert not [tag for tag, _ in page.elements if tag in ("iframe", "object", "embed", "base")]
    style = next(text for text in page.texts if "--accent" in text)
    assert "url(" not in style
    assert "@import" not in style


def test_names_with_html_are_texts(page: Page) -> None:
    assert sum(tag == "script" for tag, _ in page.elements) == 4
    images = [attributes for tag, attributes in page.elements if tag == "img"]
    assert len(images) == 1
    assert not [attributes for _, attributes in page.elements if "onerror" in attributes]
    assert EVIL in " ".join(page.texts)


def test_the_embedded_data_are_json_and_hold_the_names(page: Page) -> None:
    data = json.loads(page.scripts[0])
    assert data["fronts"][0]["blocks"][0]["name"] == "b<1>"
    assert in_script({"a": "</script>"}) == '{"a":"\\u003c/script>"}'
    figures = {attributes["data-figure"] for _, attributes in page.elements if "data-figure" in attributes}
    assert figures == data["figures"].keys()
    assert len(figures) == 6


def test_one_sentence_compares_with_the_teacher() -> None:
    assert summary(small_run()).endswith(
        "has 97.50% accuracy at 62.6 kB, 89% of teacher INT8, +0.50 ±0.20 points against it (paired, ± standard error)."
    )
    only_teacher = replace(small_run(), results=Results("digits", "accuracy", 800, 7, [TEACHER]))
    assert re.fullmatch(r"[\d.e+]+ subnets were searched exactly; \d+ are Pareto-optimal\.", summary(only_teacher))


def test_several_runs_are_compared_in_one_page() -> None:
    runs = [small_run(name="a"), small_run("nsr", "size_bytes", name="a")]
    page = Page(report_page(runs))
    data = json.loads(page.scripts[0])
    assert len(data["fronts"]) == 2
    assert [trace["name"] for trace in data["figures"]["fronts"]["data"]] == ["a (1)", "a (2)"]
    assert "Comparison" in " ".join(page.texts)


def test_a_front_of_one_metric_and_one_block_has_a_page() -> None:
    content = replace(small_run(), front=small_front("nsr"))
    assert "Move the budgets" not in " ".join(Page(report_page([content])).texts)


def test_a_page_is_written_whole(tmp_path: Path) -> None:
    write_report([small_run()], tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8").endswith("</html>\n")
    with pytest.raises(InputError, match="there is no run to report"):
        write_report([], tmp_path / "none.html")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
