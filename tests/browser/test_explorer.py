"""The explorer in a real browser: what it shows is what ``qabwnas.search`` gives, digit for digit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

import qabwnas
from qabwnas.cli.exact_json import dumps
from qabwnas.cli.result_json import result_content
from qabwnas.explore.app import make_app
from qabwnas.explore.explored_front import ExploredFront
from qabwnas.explore.explored_lut import ExploredLut
from qabwnas.explore.outcome import Explored, Outcome
from qabwnas.explore.quantities import SliderScale
from qabwnas.explore.server import bind, server_on
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.lut.units import parse_quantity
from qabwnas.space.yaml import load_space
from tests.browser.conftest import console_errors
from tests.visualization.fronts import large_lut

By = pytest.importorskip("selenium.webdriver.common.by", reason="needs selenium: pip install 'qabwnas[test]'").By
Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
Wait = pytest.importorskip("selenium.webdriver.support.ui").WebDriverWait

PATIENCE = 120
# The place of the answer in a figure in 3-D, as totals in the order of the axes; null before it is drawn.
ANSWER_IN_3D = """
const plot = document.querySelector("#figure .js-plotly-plot");
const { meta, scene } = plot._fullLayout;
if (!scene?._scene) return null;
const answer = plot.data.at(-1);
return [answer.z, answer.x, answer.y].map((values, m) => values[0] * meta.factors[m]);
"""
LOSS, SIZE, MACS = range(3)
# Where a figure in 3-D is seen from, and where it was seen from when the mouse button was last released.
CAMERAS = """
const { camera, _scene } = document.querySelector("#figure .js-plotly-plot")._fullLayout.scene;
return [_scene.getCamera().eye, camera.eye];
"""


@pytest.fixture(scope="module")
def lut() -> Lut:
    """A LUT of the preset ``digits``: its operations are drawn with kernels and expansions."""
    space = load_space("digits")
    generator = np.random.default_rng(0)
    blocks = []
    for block in space.blocks:
        tables = []
        for widths in space.bit_widths:
            n = block.n_candidates
            size = np.round(generator.uniform(1, 9, n) * widths.weights * 1000)
            loss = np.round(2.0 ** (4 - widths.weights) + generator.uniform(0, 0.3, n), 5)
            tables.append(Table({"loss": loss, "size_bytes": size}, widths))
        blocks.append(LutBlock(block.name, tuple(tables)))
    return Lut((Metric("loss"), Metric("size_bytes", "bytes", fixed=1234.0)), tuple(blocks), space)


def answer_text(outcome: Outcome) -> str:
    return dumps(result_content(outcome.result, outcome.budgets, None, ()))


@contextmanager
def served(explored: Explored) -> Iterator[str]:
    """Serve a page from a thread of this process, and give its address."""
    with bind(0) as listener:
        port = listener.getsockname()[1]
        server = server_on(listener, make_app(explored, answer_text, port))
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def address(lut: Lut) -> Iterator[str]:
    with served(ExploredLut(lut, "lut.h5")) as address:
        yield address


class Explorer:
    """The page in the browser."""

    def __init__(self, driver: Any, address: str) -> None:
        self.driver, self.address = driver, address

    def load(self) -> None:
        self.driver.get(self.address)
        self.wait(lambda: self.driver.find_elements(By.CSS_SELECTOR, "#figure .main-svg"))
        self.wait(self.totals)

    def wait(self, holds: Callable[[], Any]) -> Any:
        return Wait(self.driver, PATIENCE, ignored_exceptions=[Exception]).until(lambda _: holds())

    def find(self, selector: str) -> Any:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def part(self, kind: str, index: int) -> Any:
        return self.find(f"""[id='{json.dumps({"index": index, "type": kind}, separators=(",", ":"))}']""")

    def thumb(self, index: int, upper: bool) -> Any:
        name = json.dumps({"index": index, "type": "range"}, separators=(",", ":"))
        thumbs = self.driver.execute_script(
            "const slider = document.getElementById(arguments[0]);"
            "return [...(slider.closest('.dash-slider-container') || slider).querySelectorAll('[role=slider]')]",
            name,
        )
        return thumbs[1 if upper else 0]

    def field(self, kind: str, index: int) -> str:
        text: str = self.part(kind, index).get_attribute("value")
        return text

    def totals(self) -> dict[str, Decimal]:
        """The exact totals, as the page has them."""
        notes = self.driver.find_elements(By.CSS_SELECTOR, "#totals [data-total]")
        return {each.get_attribute("data-metric"): Decimal(each.get_attribute("data-total")) for each in notes}

    def text(self, id_: str) -> str:
        text: str = self.find(f"#{id_}").text
        return text


@pytest.fixture
def explorer(chromium: Any, address: str, lut: Lut) -> Explorer:
    """The page without budgets; the last test's page is used again, because loading one takes seconds."""
    page = Explorer(chromium, address)
    if chromium.current_url != f"{address}/":
        chromium.get_log("browser")
        page.load()
    page.find("#reset").click()
    page.wait(lambda: page.totals() == qabwnas.search(lut)[0].totals and not page.field("high", SIZE))
    return page


@pytest.fixture
def own_page(browser: Any, address: str) -> Iterator[Explorer]:
    """A page for a test that changes more than budgets."""
    page = Explorer(browser, address)
    page.load()
    yield page
    browser.get("about:blank")


def test_the_page_loads_without_errors(explorer: Explorer, lut: Lut) -> None:
    assert explorer.totals() == qabwnas.search(lut)[0].totals
    assert explorer.text("status").startswith("Proved optimal")
    (answer,) = qabwnas.search(lut)
    blocks = explorer.driver.find_elements(By.CSS_SELECTOR, "#network .block")
    drawn = [block.text.split() for block in blocks]
    for words, (name, description) in zip(drawn, answer.descriptions.items(), strict=True):
        assert sorted(words) == sorted([name, *description.split()])
    assert console_errors(explorer.driver) == []


def test_arrow_keys_on_a_slider_give_the_answer_of_a_search(explorer: Explorer, lut: Lut) -> None:
    thumb = explorer.thumb(SIZE, upper=True)
    for key in (*[Keys.PAGE_DOWN] * 24, Keys.ARROW_LEFT, Keys.ARROW_LEFT, Keys.ARROW_RIGHT):
        thumb.send_keys(key)
    scale = SliderScale.of(lut.metric("size_bytes"), *ExploredLut(lut, "lut.h5").limits("size_bytes"))
    text = scale.texts[int(thumb.get_attribute("aria-valuenow"))]
    explorer.wait(lambda: explorer.field("high", SIZE) == text)
    explorer.wait(lambda: explorer.text("command").endswith(f"--budget size_bytes={text.replace(' ', '')}"))
    budgets = {"size_bytes": parse_quantity(text, "size_bytes")}
    assert explorer.totals() == qabwnas.search(lut, budgets=budgets)[0].totals
    (effect,) = qabwnas.explain(lut, budgets=budgets).effects
    assert f"{effect.next_budget:,f} bytes" in explorer.text("effects")
    assert console_errors(explorer.driver) == []


def test_the_field_and_the_slider_move_together(explorer: Explorer, lut: Lut) -> None:
    explorer.part("high", SIZE).send_keys("60000.5")
    wanted = qabwnas.search(lut, budgets={"size_bytes": "60000.5"})
    explorer.wait(lambda: explorer.totals() == wanted[0].totals)
    last = int(explorer.thumb(SIZE, upper=True).get_attribute("aria-valuemax"))
    explorer.wait(lambda: int(explorer.thumb(SIZE, upper=True).get_attribute("aria-valuenow")) < last)
    assert explorer.field("high", SIZE) == "60000.5"  # exact, although no position of the slider is there
    explorer.thumb(SIZE, upper=False).send_keys(Keys.ARROW_RIGHT)
    explorer.wait(lambda: explorer.field("low", SIZE))
    assert explorer.field("high", SIZE) == "60000.5"


def test_an_infeasible_budget_says_the_smallest_and_a_button_sets_it(explorer: Explorer, lut: Lut) -> None:
    explorer.part("high", SIZE).send_keys("1 kB")
    explorer.wait(lambda: explorer.text("status").startswith("No subnet fits"))
    smallest = qabwnas.search(lut, budgets={"size_bytes": 1000}).smallest["size_bytes"]
    assert f"The smallest size_bytes is {smallest:,f} bytes." in explorer.text("effects")
    explorer.find("#effects button").click()
    wanted = qabwnas.search(lut, budgets={"size_bytes": smallest})[0]
    explorer.wait(lambda: explorer.totals() == wanted.totals)
    assert explorer.field("high", SIZE) == f"{smallest:f}"
    explorer.find("#reset").click()
    explorer.wait(lambda: explorer.totals() == qabwnas.search(lut)[0].totals)
    assert explorer.field("high", SIZE) == ""


def test_a_point_of_the_figure_is_selected(explorer: Explorer, lut: Lut) -> None:
    front = qabwnas.Frontier.build(lut, ["loss", "size_bytes"])
    chosen = len(front) // 2
    place = explorer.driver.execute_script(
        """
        const plot = document.querySelector("#figure .js-plotly-plot");
        for (const trace of plot._fullData) {
          const at = Array.from(trace.customdata || []).indexOf(String(arguments[0]));
          if (at < 0) continue;
          const box = plot.getBoundingClientRect(), { xaxis, yaxis } = plot._fullLayout;
          return [box.left + xaxis._offset + xaxis.d2p(trace.x[at]), box.top + yaxis._offset + yaxis.d2p(trace.y[at])];
        }
        """,
        chosen,
    )
    actions = pytest.importorskip("selenium.webdriver.common.action_chains").ActionChains(explorer.driver)
    actions.w3c_actions.pointer_action.move_to_location(*map(round, place))
    actions.pause(0.5)
    actions.w3c_actions.pointer_action.click()
    actions.perform()
    explorer.wait(lambda: explorer.field("high", SIZE))
    bound = parse_quantity(explorer.field("high", SIZE), "size_bytes")
    sizes = [front.totals(point)["size_bytes"] for point in range(len(front))]
    point = sizes.index(bound)  # it may be the neighbour, if both lie on one pixel
    assert abs(front.values("loss")[point] - front.values("loss")[chosen]) < 0.05 * np.ptp(front.values("loss"))
    explorer.wait(lambda: explorer.totals() == front.totals(point))


def test_the_download_is_what_the_command_prints(explorer: Explorer, lut: Lut, tmp_path: Path) -> None:
    explorer.part("high", SIZE).send_keys("60 kB")
    wanted = qabwnas.search(lut, budgets={"size_bytes": 60_000})
    explorer.wait(lambda: explorer.totals() == wanted[0].totals)
    explorer.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    explorer.find("#save").click()
    path = tmp_path / "answer.json"
    explorer.wait(lambda: path.exists() and path.stat().st_size > 0)
    content = json.loads(path.read_text(), parse_float=Decimal)
    assert content["answers"] == [
        {"objective": wanted[0].objective, "totals": wanted[0].totals, "choice": wanted[0].choice}
    ]


def test_everything_is_reached_with_the_keyboard(explorer: Explorer) -> None:
    reached = []
    explorer.find("body").send_keys(Keys.TAB)
    for _ in range(40):
        active = explorer.driver.switch_to.active_element
        reached.append(active.get_attribute("id") or active.get_attribute("role") or active.tag_name)
        active.send_keys(Keys.TAB)
    for part in ("slider", "objective", "axis", "reset", "copy-command", "copy-python", "save"):
        assert part in reached, (part, reached)


def test_alternatives_are_listed_and_picked(own_page: Explorer, lut: Lut) -> None:
    own_page.driver.execute_script("for (const each of document.querySelectorAll('details')) each.open = true")
    own_page.find("#top").send_keys(Keys.BACKSPACE, "3")
    own_page.wait(lambda: len(own_page.driver.find_elements(By.CSS_SELECTOR, "#rank .alternative")) == 3)
    wanted = qabwnas.search(lut, top=3)
    own_page.driver.find_elements(By.CSS_SELECTOR, "#rank .alternative")[2].click()
    own_page.wait(lambda: own_page.totals() == wanted[2].totals)


def test_bits_and_operations_restrict_the_search(own_page: Explorer, lut: Lut) -> None:
    own_page.driver.find_elements(By.CSS_SELECTOR, "#bits input")[0].click()
    widths = lut.blocks[0].tables[0].widths
    assert widths is not None
    wanted = qabwnas.search(lut, scope=qabwnas.Scope(bits=[widths.name]))
    own_page.wait(lambda: own_page.totals() == wanted[0].totals)
    own_page.driver.execute_script("for (const each of document.querySelectorAll('details')) each.open = true")
    own_page.find("#forbid").click()
    block = lut.block_names[0]
    text = f"{block}=#{wanted[0].choice[block]}"
    own_page.wait(lambda: own_page.find(".dash-dropdown-search")).send_keys(text)
    option = f"//label[contains(@class, 'dash-dropdown-option')][contains(., '{text}')]"
    own_page.wait(lambda: own_page.driver.find_element(By.XPATH, option)).click()
    scope = qabwnas.Scope(bits=[widths.name], forbid=[text])
    own_page.wait(lambda: own_page.totals() == qabwnas.search(lut, scope=scope)[0].totals)


def test_two_windows_have_answers_of_their_own(explorer: Explorer, address: str, lut: Lut) -> None:
    explorer.part("high", SIZE).send_keys("60 kB")
    wanted = qabwnas.search(lut, budgets={"size_bytes": 60_000})
    explorer.wait(lambda: explorer.totals() == wanted[0].totals)
    first = explorer.driver.current_window_handle
    explorer.driver.switch_to.new_window("tab")
    second = Explorer(explorer.driver, address)
    second.load()
    assert second.totals() == qabwnas.search(lut)[0].totals
    second.driver.close()
    explorer.driver.switch_to.window(first)
    assert explorer.totals() == wanted[0].totals


def test_a_narrow_window_has_everything_in_one_column(browser: Any, address: str) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    )
    try:
        explorer = Explorer(browser, address)
        explorer.load()
        width, scrolled = browser.execute_script("return [window.innerWidth, document.documentElement.scrollWidth]")
        assert width == 400
        assert scrolled <= width
        controls, answer = explorer.find(".controls").rect, explorer.find(".answer").rect
        assert controls["y"] + controls["height"] <= answer["y"]
        explorer.thumb(SIZE, upper=True).send_keys(Keys.ARROW_LEFT)
        explorer.wait(lambda: explorer.field("high", SIZE))
        assert console_errors(browser) == []
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_front_has_one_end_per_slider(browser: Any, lut: Lut) -> None:
    front = qabwnas.Frontier.build(lut, ["loss", "size_bytes"])
    with served(ExploredFront(front, "front.h5")) as address:
        page = Explorer(browser, address)
        page.load()
        assert not page.thumb(SIZE, upper=False).is_displayed()
        page.thumb(SIZE, upper=True).send_keys(Keys.PAGE_DOWN)
        page.wait(lambda: page.field("high", SIZE))
        bound = parse_quantity(page.field("high", SIZE), "size_bytes")
        page.wait(lambda: page.totals() == front.totals(front.query({"size_bytes": float(bound)}).item()))
        assert page.find(".controls").text.count("at least") == 0
        assert console_errors(browser) == []
        browser.get("about:blank")


def turn(browser: Any, plot: Any) -> Any:
    """Turn a figure with the mouse, and return where it is seen from."""
    before = browser.execute_script(CAMERAS)[1]
    actions = pytest.importorskip("selenium.webdriver.common.action_chains").ActionChains(browser, duration=50)
    actions.move_to_element(plot).click_and_hold().move_by_offset(40, 9).move_by_offset(30, 0).release().perform()
    Wait(browser, PATIENCE).until(lambda _: browser.execute_script(CAMERAS)[1] != before)
    return browser.execute_script(CAMERAS)[1]


def test_with_a_third_axis_the_answer_moves_in_space(browser: Any) -> None:
    front = qabwnas.Frontier.build(large_lut(), ["nsr", "size_bytes", "macs"])
    with served(ExploredFront(front, "front.h5")) as address:
        page = Explorer(browser, address)
        page.load()
        page.find("#third").click()
        option = "//label[contains(@class, 'dash-dropdown-option')][contains(., 'macs')]"
        page.wait(lambda: page.driver.find_element(By.XPATH, option)).click()
        first = pytest.approx([float(total) for total in front.totals(0).values()])
        page.wait(lambda: browser.execute_script(ANSWER_IN_3D) == first)
        first_turn, second_turn = (turn(browser, page.find("#figure .js-plotly-plot")) for _ in range(2))
        assert first_turn != second_turn
        page.thumb(SIZE, upper=True).send_keys(Keys.PAGE_DOWN)
        page.wait(lambda: page.field("high", SIZE))
        bound = parse_quantity(page.field("high", SIZE), "size_bytes")
        wanted = front.totals(front.query({"size_bytes": float(bound)}).item())
        page.wait(lambda: page.totals() == wanted)
        moved = pytest.approx([float(total) for total in wanted.values()])
        assert moved != first
        page.wait(lambda: browser.execute_script(ANSWER_IN_3D) == moved)
        assert browser.execute_script(CAMERAS)[0] == pytest.approx(second_turn)
        assert not page.field("high", MACS), "a turn that starts on a point is no click on it"
        assert browser.execute_script("return typeof drawFewerWhileTurning") == "function"
        assert console_errors(browser) == []
        browser.get("about:blank")
