// The page of a run: draws the figures when they come into view, and answers budgets from the embedded front.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);

const ARRAYS = { uint16: Uint16Array, uint32: Uint32Array, float64: Float64Array, int64: BigInt64Array };
// The types of plotly's arrays.
const PLOTLY_ARRAYS = {
  i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array, u4: Uint32Array,
  f4: Float32Array, f8: Float64Array,
};

function decoded(base64, type) {
  return new type(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer);
}

// --- Fronts. A total is a whole number of units of 10^-decimals: a Number up to 2^53, otherwise a BigInt.

const MOST = BigInt(Number.MAX_SAFE_INTEGER);

const fronts = [];

function frontOf(run) {
  fronts[run] ??= unpacked(data.fronts[run]);
  return fronts[run];
}

function unpacked(content) {
  const metrics = content.metrics.map((metric) => {
    const units = decoded(metric.units.base64, ARRAYS[metric.units.type]);
    const sorted = units.slice().sort();
    const distinct = sorted.filter((value, at) => at === 0 || value !== sorted[at - 1]);
    return { ...metric, units, distinct, isBig: metric.units.type === "int64" };
  });
  const blocks = content.blocks.map((block) => ({ ...block, which: decoded(block.which.base64, ARRAYS[block.which.type]) }));
  const numbers = decoded(content.numbers.base64, ARRAYS[content.numbers.type]);
  return { ...content, metrics, blocks, numbers };
}

// A bound in a form that compares exactly with a metric's units.
function comparable(metric, units) {
  if (metric.isBig) return units;
  return units > MOST ? Infinity : units < -MOST ? -Infinity : Number(units);
}

function fits(front, limits, point, except = -1) {
  for (let m = 1; m < limits.length; m++) {
    if (m !== except && front.metrics[m].units[point] > limits[m]) return false;
  }
  return true;
}

// The best point within the limits, or -1. Points are sorted by the objective, so the first one that fits has the
// best objective. Ties are broken by the other totals in the order of the LUT, as a search breaks them.
function bestPoint(front, limits) {
  const objective = front.metrics[0].units;
  let best = 0;
  while (best < front.n_points && !fits(front, limits, best)) best++;
  if (best === front.n_points) return -1;
  for (let point = best + 1; point < front.n_points && objective[point] === objective[best]; point++) {
    if (fits(front, limits, point) && isBefore(front, point, best)) best = point;
  }
  return best;
}

function isBefore(front, point, other) {
  for (const m of front.tie_order) {
    const units = front.metrics[m].units;
    if (units[point] !== units[other]) return units[point] < units[other];
  }
  return false;
}

// The smallest total of a metric under the other limits, or null.
function smallest(front, limits, m) {
  const units = front.metrics[m].units;
  let least = null;
  for (let point = 0; point < front.n_points; point++) {
    if ((least === null || units[point] < least) && fits(front, limits, point, m)) least = units[point];
  }
  return least;
}

function decimalText(units, decimals) {
  const sign = units < 0 ? "-" : "";
  const digits = BigInt(units).toString().replace("-", "").padStart(decimals + 1, "0");
  const fraction = decimals ? digits.slice(-decimals).replace(/0+$/, "") : "";
  const whole = decimals ? digits.slice(0, -decimals) : digits;
  return sign + whole + (fraction ? "." + fraction : "");
}

// A decimal text in units, rounded down; null if it is not a number.
function parsed(text, decimals) {
  const match = /^\s*([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d{1,3}))?\s*$/i.exec(text);
  if (match === null || match[2] + match[3] === "") return null;
  const shift = decimals - match[3].length + Number(match[4] || 0);
  let units = BigInt(match[1] + match[2] + match[3]);
  if (shift >= 0) return units * 10n ** BigInt(shift);
  const divisor = 10n ** BigInt(-shift);
  const rest = units % divisor;
  units /= divisor;
  return rest < 0n ? units - 1n : units;
}

// --- Elements. Texts are set as texts, never as HTML.

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function row(kind, ...cells) {
  return element("tr", {}, ...cells.map((cell, at) => element(kind, at > 0 && kind === "td" ? { class: "number" } : {}, cell)));
}

function shownValue(metric, units) {
  const value = Number(decimalText(units, metric.decimals)) / metric.factor;
  return `${Number(value.toPrecision(6))} ${metric.title.split(", ").slice(1).join(", ")}`;
}

// --- The explorer of one run.

function explore(section) {
  const front = frontOf(section.dataset.run);
  const limits = front.metrics.map((metric) => metric.distinct[metric.distinct.length - 1]);
  const best = section.querySelector(".best");
  const budgets = front.metrics.slice(1).map((metric, at) => budgetOf(section, front, limits, at + 1, show));

  function show() {
    const point = bestPoint(front, limits);
    best.replaceChildren(...(point < 0 ? nothingFits() : answer(point)));
    best.dataset.point = point < 0 ? -1 : front.numbers[point];
    section.dispatchEvent(new CustomEvent("best", { detail: { front, point } }));
  }

  function answer(point) {
    const totals = element("table", { class: "totals" }, row("th", "metric", "total", "of the budget"));
    front.metrics.forEach((metric, m) => {
      const used = m === 0 ? "smallest" : share(metric.units[point], limits[m]);
      const line = row("td", metric.name, decimalText(metric.units[point], metric.decimals), used);
      line.dataset.metric = metric.name;
      totals.append(line);
    });
    const choice = element("table", { class: "choice" }, row("th", "block", "candidate", "operations and bits"));
    for (const block of front.blocks) {
      const which = block.which[point];
      const line = element("tr", {}, ...[block.name, String(block.candidates[which]), block.texts[which]].map((text) => element("td", {}, text)));
      line.dataset.block = block.name;
      choice.append(line);
    }
    return [
      element("p", {}, `The best subnet within these budgets is point ${front.numbers[point]} of ${front.n_all.toLocaleString("en")}.${thinning(front)}`),
      element("div", { class: "wide" }, totals),
      element("div", { class: "wide" }, choice),
      element("pre", { class: "command" }, command()),
    ];
  }

  function nothingFits() {
    const lines = front.metrics.slice(1).map((metric, at) => {
      const least = smallest(front, limits, at + 1);
      const text = least === null ? "no budget alone is enough" : `at least ${decimalText(least, metric.decimals)}`;
      const line = element("li", {}, `${metric.name}: ${text}`);
      line.dataset.metric = metric.name;
      return line;
    });
    const box = element("div", { class: "infeasible" }, element("p", {}, "No subnet fits these budgets. With the other budgets unchanged, one would fit with:"), element("ul", {}, ...lines));
    return [box];
  }

  function command() {
    const quoted = (text) => (/^[\w.=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
    const bounds = budgets.map((budget) => `--budget ${quoted(`${budget.metric.name}=${budget.text()}`)}`);
    return `qabwnas search ${quoted(section.dataset.lut)} --minimize ${quoted(front.metrics[0].name)} ${bounds.join(" ")}`;
  }

  show();
}

// What is said of a front of which the page has only some points.
function thinning(front) {
  if (front.epsilon === 0) return "";
  return ` The page has ${front.n_points.toLocaleString("en")} of them: its objective is at most ${Number((100 * front.epsilon).toPrecision(6))} % above the best.`;
}

function share(units, limit) {
  return Number(limit) > 0 ? `${((100 * Number(units)) / Number(limit)).toFixed(1)} %` : "";
}

// One budget: a slider over the totals that occur, and a field for any number.
function budgetOf(section, front, limits, m, changed) {
  const metric = front.metrics[m];
  const [slider, field] = section.querySelectorAll(`[data-metric="${m}"] input`);
  const hint = section.querySelector(`[data-metric="${m}"] .quiet`);
  const last = metric.distinct.length - 1;
  slider.max = last;
  let text = "";
  let isWaiting = false;

  function set(units) {
    limits[m] = comparable(metric, units);
    text = decimalText(units, metric.decimals);
    slider.setAttribute("aria-valuetext", text);
    hint.textContent = shownValue(metric, units);
    field.setAttribute("aria-invalid", "false");
    if (isWaiting) return;
    isWaiting = true;  // at most one answer per frame, however fast the slider moves
    requestAnimationFrame(() => { isWaiting = false; changed(); });
  }

  slider.addEventListener("input", () => {
    const units = BigInt(metric.distinct[Number(slider.value)]);
    field.value = decimalText(units, metric.decimals);
    set(units);
  });
  field.addEventListener("input", () => {
    const units = parsed(field.value, metric.decimals);
    if (units === null) {
      field.setAttribute("aria-invalid", "true");
      hint.textContent = "not a number";
      return;
    }
    slider.value = Math.max(0, lastAtMost(metric.distinct, comparable(metric, units)));
    set(units);
  });
  slider.value = last;
  field.value = decimalText(metric.distinct[last], metric.decimals);
  set(BigInt(metric.distinct[last]));
  return { metric, text: () => text };
}

function lastAtMost(sorted, limit) {
  let low = -1;
  let high = sorted.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= limit) low = middle;
    else high = middle;
  }
  return low;
}

// --- Figures.

// WebGL draws as many pixels as the screen has; plotly's own choice is twice as many in each direction.
const CONFIG = { responsive: true, displaylogo: false, plotGlPixelRatio: window.devicePixelRatio };
// Milliseconds without a new answer until it is marked in the figure: drawing 20,000 points in 3-D again may take longer
// than a slider takes to its next value.
const REST = 150;
const LETTERS = { 2: ["y", "x"], 3: ["z", "x", "y"] };

function draw(plot) {
  const figure = data.figures[plot.dataset.figure];
  if (plot.dataset.front !== undefined) fillTexts(figure, frontOf(plot.dataset.front));
  plot.style.height = `${figure.layout.height || 520}px`;
  return Plotly.newPlot(plot, figure.data, figure.layout, CONFIG).then(() => drawFewerWhileTurning(plot));
}

// The texts for hovering over points of a front: they are in the embedded front once, not in the figure again.
function fillTexts(figure, front) {
  const rows = new Map();
  front.numbers.forEach((number, at) => rows.set(number, at));
  for (const trace of figure.data) {
    if (!trace.customdata || trace.text) continue;
    const packed = trace.customdata;
    const numbers = packed.bdata ? decoded(packed.bdata, PLOTLY_ARRAYS[packed.dtype]) : packed;
    trace.text = Array.from(numbers, (number) => {
      const at = rows.get(number);
      const lines = at === undefined ? [] : front.blocks.map((block) => `<br>${plain(block.name)}: ${plain(block.texts[block.which[at]])}`);
      return `point ${number}${lines.join("")}`;
    });
  }
}

function plain(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

// Mark the best point in the figure of its front.
function mark(plot, { front, point }) {
  const { metrics, factors } = plot.layout.meta;
  const letters = LETTERS[metrics.length];
  const place = {};
  metrics.forEach((name, at) => {
    const metric = front.metrics.find((each) => each.name === name);
    const value = point < 0 ? null : Number(decimalText(metric.units[point], metric.decimals)) / factors[at];
    place[letters[at]] = [value];
  });
  const last = plot.data.length - 1;
  if (plot.data[last].name === "within the budgets") {
    const update = Object.fromEntries(Object.entries(place).map(([letter, values]) => [letter, [values]]));
    return Plotly.restyle(plot, update, [last]);
  }
  const type = metrics.length === 3 ? "scatter3d" : "scatter";
  const marker = { color: "#D55E00", size: metrics.length === 3 ? 9 : 15, symbol: "circle-open", line: { width: 3 } };
  return Plotly.addTraces(plot, { type, mode: "markers", name: "within the budgets", marker, hoverinfo: "skip", ...place });
}

const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((each) => each.isIntersecting)) {
    watcher.unobserve(entry.target);
    draw(entry.target).then(() => entry.target.dispatchEvent(new Event("drawn")));
  }
}, { rootMargin: "300px" });

for (const plot of document.querySelectorAll(".plot")) watcher.observe(plot);

for (const section of document.querySelectorAll(".run-explorer")) {
  const plot = document.querySelector(`.plot[data-front="${section.dataset.run}"]`);
  let latest = null;
  let timer = 0;
  const follow = () => { if (plot.data) mark(plot, latest); };
  section.addEventListener("best", (event) => {
    latest = event.detail;
    clearTimeout(timer);
    timer = setTimeout(follow, REST);
  });
  plot.addEventListener("drawn", follow);
  explore(section);
}
