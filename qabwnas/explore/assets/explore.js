// What the page does without the server. Budgets are texts; the server alone interprets them exactly. The positions of
// sliders are only drawn from them.
"use strict";

(function () {
  const none = () => window.dash_clientside.no_update; // dash defines it after this file has run

  function positionOf(text, scale) {
    const found = /^\s*([-+.\deE]+)\s*(\S*)\s*$/.exec(text || "");
    if (!found) return null;
    const value = Number(found[1]) * (found[2] ? scale.factors[found[2]] : 1);
    if (!Number.isFinite(value)) return null;
    const last = Math.max(scale.texts.length - 1, 1);
    return Math.min(Math.max(Math.round(value / scale.step - scale.first), 0), last);
  }

  function positions(low, high, scale) {
    const last = Math.max(scale.texts.length - 1, 1);
    const from = positionOf(low, scale);
    const to = positionOf(high, scale);
    const first = from === null ? 0 : from;
    return [first, Math.max(to === null ? last : to, first)];
  }

  const ANSWER_COLOUR = "#D55E00";
  const ANSWER_MARKER = { size: 13, color: ANSWER_COLOUR, line: { color: "#ffffff", width: 2 } };
  const ANSWER_RADIUS = 8; // pixels
  const LEGEND_ENTRY = { type: "scatter", x: [null], y: [null], mode: "markers", marker: ANSWER_MARKER, name: "answer" };
  const MARGIN = { l: 64, r: 16, t: 12 };
  const MARGIN_3D = { l: 0, r: 0, t: 0, b: 20 };
  const SVG = "http://www.w3.org/2000/svg";
  const REST = 150; // milliseconds without a new answer until it is drawn in 3-D, which draws the whole front again
  let shown = { axes: [], overlay: null }; // what is drawn over the figure
  let timer = 0;

  // The totals of the answer on the axes, the objective first; null without an answer.
  function placeOf(axes, overlay) {
    const at = axes.map((axis) => (overlay ? overlay.totals[axis.metric] / axis.factor : NaN));
    return at.length && at.every(Number.isFinite) ? at : null;
  }

  function element(name, attributes) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  // Budgets as dotted lines and the answer as a disc, over the figure: plotly would draw the whole front again.
  function drawOver(plot) {
    let layer = plot.querySelector(".overlay");
    if (!layer) {
      layer = element("svg", { class: "overlay" });
      plot.appendChild(layer);
      plot.on("plotly_afterplot", () => drawOver(plot));
      drawFewerWhileTurning(plot);
    }
    layer.replaceChildren();
    const { xaxis, yaxis, scene } = plot._fullLayout;
    const { axes, overlay } = shown;
    if (scene || !xaxis || !overlay || axes.length !== 2) return;
    const pixels = (axis, value) => {
      const at = axis.d2p(value);
      return Number.isFinite(at) && at >= 0 && at <= axis._length ? axis._offset + at : null;
    };
    const line = { stroke: ANSWER_COLOUR, "stroke-width": 1.5, "stroke-dasharray": "2 3" };
    axes.forEach((axis, index) => {
      for (const bounds of [overlay.high, overlay.low]) {
        const at = pixels(index === 0 ? yaxis : xaxis, bounds[axis.metric] / axis.factor);
        if (at === null) continue;
        const ends = index === 0
          ? { y1: at, y2: at, x1: xaxis._offset, x2: xaxis._offset + xaxis._length }
          : { x1: at, x2: at, y1: yaxis._offset, y2: yaxis._offset + yaxis._length };
        layer.appendChild(element("line", { ...line, ...ends }));
      }
    });
    const place = placeOf(axes, overlay);
    const [cy, cx] = place ? [pixels(yaxis, place[0]), pixels(xaxis, place[1])] : [null, null];
    if (cx === null || cy === null) return;
    layer.appendChild(element("circle", { cx, cy, r: ANSWER_RADIUS, fill: ANSWER_COLOUR, stroke: "#fff", "stroke-width": 2 }));
  }

  function answerIn3d({ axes, overlay }) {
    const [z, x, y] = (placeOf(axes, overlay) || [null, null, null]).map((value) => [value]);
    return { type: "scatter3d", z, x, y, mode: "markers", marker: { ...ANSWER_MARKER, size: 7 }, name: "answer" };
  }

  function moveAnswerIn3d(plot) {
    const { x, y, z } = answerIn3d(shown);
    window.Plotly.update(plot, { x: [x], y: [y], z: [z] }, { "scene.camera": cameraOf(plot) }, [plot.data.length - 1]);
  }

  // Where the user has turned a figure to. After a new figure, plotly keeps it in the full layout only.
  function cameraOf(plot) {
    return plot._fullLayout.scene.camera;
  }

  // The mouse since its button was last pressed. plotly reports a click in 3-D at once, before it can know of a turn.
  const STILL = 4; // pixels
  const mouse = { isDown: false, hasMoved: false, x: 0, y: 0 };
  const onMouse = (event, act) => window.addEventListener(event, act, true);
  onMouse("mousedown", ({ x, y }) => Object.assign(mouse, { isDown: true, hasMoved: false, x, y }));
  onMouse("mousemove", ({ x, y }) => { mouse.hasMoved ||= mouse.isDown && Math.hypot(x - mouse.x, y - mouse.y) > STILL; });
  onMouse("mouseup", () => { mouse.isDown = false; });

  // The metrics of a figure and the factors of their axes, the objective first.
  function axesOf(figure) {
    return figure ? figure.layout.meta.metrics.map((metric, m) => ({ metric, factor: figure.layout.meta.factors[m] })) : [];
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    qabwnas: {
      // The slider, the two fields, and what a button or the figure sets: whatever changed determines the others.
      range(slider, low, high, set, scale) {
        const changed = window.dash_clientside.callback_context.triggered.map((each) => each.prop_id);
        if (changed.includes("set.data")) {
          if (!set || !set[scale.index]) return [none(), none(), none()];
          const [newLow, newHigh] = set[scale.index];
          return [positions(newLow, newHigh, scale), newLow, newHigh];
        }
        const now = positions(low, high, scale);
        if (!changed.some((each) => each.includes('"range"'))) return [now, none(), none()];
        if (!scale.hasLower && slider[0] > 0) return [[0, slider[0]], none(), scale.texts[slider[0]]]; // the nearer end
        // A side that did not move keeps its text, which may be finer than a step.
        const end = Math.max(scale.texts.length - 1, 1);
        const newLow = slider[0] === now[0] ? none() : slider[0] === 0 ? "" : scale.texts[slider[0]];
        const newHigh = slider[1] === now[1] ? none() : slider[1] === end ? "" : scale.texts[slider[1]];
        return [none(), newLow, newHigh];
      },

      take(clicks, lows, highs) {
        const chosen = window.dash_clientside.callback_context.triggered_id;
        if (!chosen || !clicks.some((each) => each)) return none();
        const bounds = lows.map((low, index) => [low || "", highs[index] || ""]);
        bounds[chosen.index][chosen.side === "low" ? 0 : 1] = chosen.text;
        return bounds;
      },

      reset(clicks, lows) {
        return lows.map(() => ["", ""]);
      },

      // The front comes from the server when the objective or the scope changes; the answer and the budgets are drawn
      // on it here, so that a move of a slider sends no front. In 2-D it draws none either, in 3-D when it has ended.
      draw(front, overlay) {
        shown = { axes: axesOf(front), overlay };
        clearTimeout(timer);
        const changed = window.dash_clientside.callback_context.triggered.map((each) => each.prop_id);
        const plot = document.querySelector("#figure .js-plotly-plot");
        if (plot && plot._fullLayout) drawOver(plot);
        if (!shown.axes.length) {
          return { data: [], layout: { xaxis: { visible: false }, yaxis: { visible: false }, margin: { t: 0, b: 0 } } };
        }
        const axes = shown.axes;
        const in3d = axes.length === 3;
        if (plot && !changed.includes("front.data")) {
          if (in3d) timer = setTimeout(moveAnswerIn3d, REST, plot);
          return none();
        }
        const data = front.data.concat([in3d ? answerIn3d(shown) : LEGEND_ENTRY]);
        const uirevision = axes.map((axis) => axis.metric).join(" ");
        const layout = Object.assign({}, front.layout, {
          uirevision,
          autosize: true,
          height: undefined,
          title: {},
          margin: in3d ? MARGIN_3D : { ...MARGIN, b: front.layout.annotations ? 78 : 52 }, // a remark is below the axis
        });
        if (in3d && plot && plot._fullLayout.uirevision === uirevision) {
          layout.scene = { ...front.layout.scene, camera: cameraOf(plot) };
        }
        return { data, layout };
      },

      // A click on a point, unless it was the start of a turn.
      async clicked(click) {
        if (mouse.isDown) await new Promise((ended) => window.addEventListener("mouseup", ended, { capture: true, once: true }));
        return mouse.hasMoved ? none() : click;
      },

      // The first drawing of a figure ends after the callback: what lies over it follows.
      drawn() {
        const plot = document.querySelector("#figure .js-plotly-plot");
        if (plot && plot._fullLayout) {
          drawOver(plot);
        } else {
          setTimeout(window.dash_clientside.qabwnas.drawn, 50);
        }
      },

      // Of the latencies of many devices, only the chosen ones have a slider.
      devices(chosen, all, metrics) {
        const shown = new Set(chosen || []);
        const known = new Set(all.map((each) => each.value || each));
        return metrics.map((each) => {
          const name = each.value || each;
          return known.size > 1 && known.has(name) && !shown.has(name);
        });
      },

      // What the user types becomes an option, so that any notation of a scope can be used.
      typed(text, chosen, options) {
        const value = (text || "").trim();
        const names = options.map((each) => each.value || each).filter((each) => !each.typed);
        if (!value || names.includes(value)) return none();
        const kept = options.filter((each) => !each.typed || (chosen || []).includes(each.value));
        return kept.map((each) => (each.value ? each : { label: each, value: each })).concat([{ label: value, value, typed: true }]);
      },

      async copy(clicks, text, label, id) {
        const button = document.getElementById(id);
        try {
          await navigator.clipboard.writeText(text);
          button.textContent = "Copied";
        } catch (error) {
          const range = document.createRange();
          range.selectNodeContents(document.getElementById(id.replace("copy-", "")));
          const selection = window.getSelection();
          selection.removeAllRanges();
          selection.addRange(range);
          button.textContent = "Selected: press Ctrl-C";
        }
        setTimeout(() => { button.textContent = label; }, 1500);
      },
    },
  });
})();
