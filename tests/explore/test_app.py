"""The page as the server sends it: answers, refusals, and nothing that one user's page shares with another's."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import qabwnas
from qabwnas.explore.app import make_app
from qabwnas.explore.explored_front import ExploredFront
from qabwnas.explore.explored_lut import ExploredLut
from qabwnas.explore.outcome import Outcome
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from tests.explore.pages import ORIGIN, PORT, Page, texts
from tests.strategies import lut_from_columns

EVIL = "<img src=x onerror=alert(1)>"


def answer_text(outcome: Outcome) -> str:
    return json.dumps([answer.choice for answer in outcome.result])


@pytest.fixture(scope="module")
def lut() -> Lut:
    columns = {
        "loss": [[0.5, 0.25, 0.1], [0.3, 0.2]],
        "size_bytes": [[100.0, 200.0, 400.0], [1000.0, 1500.0]],
        "latency_ms[a]": [[0.1, 0.2, 0.4], [0.2, 0.1]],
        "latency_ms[b]": [[0.2, 0.2, 0.3], [0.1, 0.1]],
    }
    metrics = [
        Metric("loss"),
        Metric("size_bytes", "bytes", fixed=50.0),
        Metric("latency_ms[a]"),
        Metric("latency_ms[b]"),
    ]
    return lut_from_columns(columns, metrics)


@pytest.fixture(scope="module")
def page_of(lut: Lut) -> Any:
    app = make_app(ExploredLut(lut, "lut.h5"), answer_text, PORT)
    return lambda: Page(app)


@pytest.fixture
def page(page_of: Any) -> Page:
    made: Page = page_of()
    return made


def high(index: int) -> dict[str, Any]:
    return {"type": "high", "index": index}


def shown_totals(answer: dict[str, Any]) -> dict[str, Decimal]:
    """The exact totals on the cards."""
    notes = [card["props"]["children"][-1]["props"] for card in answer["totals"]]
    return {note["data-metric"]: Decimal(note["data-total"]) for note in notes}


def test_a_new_page_shows_the_best_subnet_without_budgets(page: Page, lut: Lut) -> None:
    answer = page.answer()
    assert shown_totals(answer) == qabwnas.search(lut)[0].totals
    assert texts(answer["status"]).startswith("Proved optimal")
    assert "no budget yet" in texts(answer["effects"])
    assert page.value("alternatives", "hidden") is True
    assert "alternatives" not in answer  # they stay hidden


def test_a_budget_changes_answer_explanation_command_and_python(page: Page, lut: Lut) -> None:
    page.set(high(1), "1.6 kB")
    answer = page.answer()
    budgets = {"size_bytes": "1.6kB"}
    wanted = qabwnas.search(lut, budgets=budgets)[0]
    assert shown_totals(answer) == wanted.totals
    (effect,) = qabwnas.explain(lut, budgets=budgets).effects
    assert f"{effect.next_budget:,f} bytes" in texts(answer["effects"])
    assert answer["command"] == "qabwnas search lut.h5 --minimize loss --budget size_bytes=1.6kB"
    assert "budgets={'size_bytes': '1.6kB'}" in answer["python"]


def test_infeasible_budgets_say_the_smallest_that_fits(page: Page, lut: Lut) -> None:
    page.set(high(1), "1 kB")
    answer = page.answer()
    assert texts(answer["status"]).startswith("No subnet fits")
    smallest = qabwnas.search(lut, budgets={"size_bytes": 1000}).smallest["size_bytes"]
    assert f"The smallest size_bytes is {smallest:,f} bytes." in texts(answer["effects"])
    assert answer["network"] == answer["totals"] == []


@pytest.mark.parametrize(
    ("id_", "value", "message"),
    [
        (high(1), "1.5XB", "size_bytes: '1.5XB': the unit 'XB' is not one of"),
        (high(0), "<b>1</b>", "loss: '<b>1</b>' is not a number"),
        (high(1), "60%", "size_bytes: '60%': the unit '%' is not one of"),
        ("pin", ["no such thing"], "no such thing"),
        ("top", 101, "answers: 101 is not a whole number from 1 to 100"),
        ("distance", 3, "distance: 3 is not a whole number from 1 to 2"),
        ({"type": "weight", "index": 0}, "-1", "weight 'block0': -1 is negative"),
    ],
)
def test_what_cannot_be_used_is_named(page: Page, id_: Any, value: Any, message: str) -> None:
    page.set(id_, value)
    answer = page.answer()
    assert texts(answer["status"]).startswith("Cannot be answered")
    assert message in texts(answer["status"])
    assert answer["command"] == answer["network"] == []


def test_a_picked_alternative_is_drawn(page: Page, lut: Lut) -> None:
    page.set("top", 3)
    assert page.answer()["alternatives"] is False
    page.set("alternatives", False, "hidden")
    page.set("rank", 2)
    picked = page.answer("rank.value")
    assert shown_totals(picked) == qabwnas.search(lut, top=3)[1].totals
    page.set("rank", 2)
    assert shown_totals(page.answer("top.value")) == qabwnas.search(lut)[0].totals


def test_pages_share_no_state(page_of: Any, lut: Lut) -> None:
    one, two = page_of(), page_of()
    assert one.value("page", "data") != two.value("page", "data")
    one.set(high(1), "1.6 kB")
    one.answer()
    assert shown_totals(two.answer()) == qabwnas.search(lut)[0].totals


def test_the_figure_has_the_front_and_a_click_sets_its_budgets(page: Page, lut: Lut) -> None:
    response = page.send("front.data").get_json()["response"]
    front = qabwnas.Frontier.build(lut, ["loss", "size_bytes"])
    assert response["front-size"]["children"] == f"{len(front)} points"
    assert response["front"]["data"]["layout"]["meta"]["metrics"] == ["loss", "size_bytes"]
    page.set("clicked", {"points": [{"customdata": "1"}]}, "data")
    bounds = page.send("set.data").get_json()["response"]["set"]["data"]
    assert bounds == [["", ""], ["", f"{front.totals(1)['size_bytes']:f}"], ["", ""], ["", ""]]
    page.set(high(1), bounds[1][1])
    assert shown_totals(page.answer())["loss"] == front.totals(1)["loss"]


def test_the_download_is_the_answer(page: Page) -> None:
    page.set(high(1), "1.6 kB")
    page.set("save", 1, "n_clicks")
    content = page.send("download.data").get_json()["response"]["download"]["data"]
    assert content["filename"] == "answer.json"
    assert json.loads(content["content"]) == [{"block0": 2, "block1": 0}]


@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:1", "localhost"])
def test_another_host_is_refused(page: Page, host: str) -> None:
    for path in ("/", "/_dash-layout", "/assets/explore.js"):
        response = page.get(path, Host=host)
        assert response.status_code == 403
        assert response.text == f"refused: the host {host!r} is not this server: open {ORIGIN}\n"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", f"https://127.0.0.1:{PORT}", "http://127.0.0.1:1"])
def test_another_origin_is_refused(page: Page, origin: str) -> None:
    response = page.send("status.children", Origin=origin)
    assert response.status_code == 403
    assert response.text == f"refused: requests of the origin {origin!r} are refused\n"


def test_its_own_names_are_accepted(page: Page) -> None:
    assert page.get("/", Host=f"localhost:{PORT}").status_code == 200
    assert page.send("status.children", Host=f"localhost:{PORT}", Origin=f"http://localhost:{PORT}").status_code == 200


@pytest.mark.parametrize("path", ["/assets/../app.py", "/assets/%2e%2e/app.py", "/assets/..%2fapp.py"])
def test_files_beside_the_assets_are_not_served(page: Page, path: str) -> None:
    assert page.get("/assets/explore.js").status_code == 200
    assert page.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/etc/passwd", "/assets//etc/passwd", "/lut.h5"])
def test_every_other_path_is_the_page_itself(page: Page, path: str) -> None:
    assert '<div id="react-entry-point">' in page.get(path).text


def test_the_page_loads_nothing_from_elsewhere(page: Page) -> None:
    response = page.get("/")
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]
    assert "//" not in response.text.replace(ORIGIN, "").replace("http://www.w3.org", "")


def test_names_with_html_are_texts() -> None:
    columns = {EVIL: [[1.0, 2.0]], "size": [[2.0, 1.0]]}
    made = lut_from_columns(columns)
    table = Table(dict(made.blocks[0].tables[0].columns), descriptions=[EVIL, EVIL])
    lut = Lut(made.metrics, (LutBlock(EVIL, (table,)),))
    page = Page(make_app(ExploredLut(lut, f"{EVIL}.h5"), answer_text, PORT))
    assert EVIL not in page.get("/").text
    page.set("objective", EVIL)
    page.set("axis", EVIL)
    answer = page.answer()
    assert EVIL in texts(answer["network"])  # a text of a component, which React escapes
    front = page.send("front.data").get_json()["response"]["front"]["data"]
    assert front is None
    page.set("axis", "size")
    figure = page.send("front.data").get_json()["response"]["front"]["data"]
    del figure["layout"]["meta"]  # names for programs, which are not shown
    assert EVIL not in json.dumps(figure)
    assert "&lt;img" in json.dumps(figure)


def test_a_front_has_no_controls_of_a_scope(lut: Lut) -> None:
    front = qabwnas.Frontier.build(lut, ["loss", "size_bytes"])
    page = Page(make_app(ExploredFront(front, "front.h5"), answer_text, PORT))
    page.set(high(1), "1600")
    answer = page.answer()
    assert shown_totals(answer) == front[front.query({"size_bytes": 1600}).item()].totals
    assert answer["command"].startswith("printf 'size_bytes\\n1600\\n' | qabwnas batch front.h5 - -o -")


@pytest.mark.parametrize("metrics", [["loss"], ["loss", "size"]])
def test_one_block_of_one_candidate_has_a_page(metrics: list[str]) -> None:
    lut = lut_from_columns({name: [[1.5]] for name in metrics})
    page = Page(make_app(ExploredLut(lut, "lut.h5"), answer_text, PORT))
    assert shown_totals(page.answer()) == qabwnas.search(lut)[0].totals
    response = page.send("front.data")
    assert response.status_code == 200


def test_many_blocks_have_a_page(tmp_path: Path) -> None:
    rows = [[float(i % 7), float(i % 5 + 1), 3.0] for i in range(200)]
    lut = lut_from_columns({"loss": rows, "size": [row[::-1] for row in rows]})
    page = Page(make_app(ExploredLut(lut, str(tmp_path / "lut.h5")), answer_text, PORT))
    page.set(high(1), "500")
    answer = page.answer()
    assert len(answer["network"]) == 200
    assert shown_totals(answer) == qabwnas.search(lut, budgets={"size": 500})[0].totals
