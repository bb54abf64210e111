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

  // Without a graphics card WebGL is slow to start and to redraw; so many points need none.
  const MOST_SVG_POINTS = 5000;
  const drawnAsSvg = new WeakMap();

  function asSvg(trace) {
    if (trace.type !== "scattergl" || trace.text.length > MOST_SVG_POINTS) return trace;
    if (!drawnAsSvg.has(trace)) drawnAsSvg.set(trace, Object.assign({}, trace, { type: "scatter" }));
    return drawnAsSvg.get(trace);
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
      // on it here, so that a move of a slider sends no front.
      draw(front, overlay) {
        if (!front || !front.figure) {
          return { data: [], layout: { xaxis: { visible: false }, yaxis: { visible: false }, margin: { t: 0, b: 0 } } };
        }
        const axes = front.axes;
        const in3d = axes.length === 3;
        const data = front.figure.data.map(asSvg);
        const layout = Object.assign({}, front.figure.layout, {
          uirevision: axes.map((axis) => axis.metric).join(" "),
          autosize: true,
          title: {},
          margin: { l: 64, r: 16, t: 12, b: 52 },
        });
        if (overlay) {
          const at = axes.map((axis) => overlay.totals[axis.metric] / axis.factor);
          if (at.every(Number.isFinite)) {
            const [vertical, ...others] = at.map((value) => [value]);
            const marker = { size: in3d ? 7 : 15, color: "#D55E00", line: { color: "#ffffff", width: 2 } };
            data.push(
              in3d
                ? { type: "scatter3d", z: vertical, x: others[0], y: others[1], mode: "markers", marker, name: "answer" }
                : { type: "scatter", y: vertical, x: others[0], mode: "markers", marker, name: "answer", hoverinfo: "name" }
            );
          }
          if (!in3d) {
            const shapes = [];
            axes.forEach((axis, index) => {
              const along = index === 0 ? "y" : "x";
              const across = index === 0 ? "x" : "y";
              for (const bounds of [overlay.high, overlay.low]) {
                const bound = bounds[axis.metric];
                if (bound === undefined) continue;
                shapes.push({
                  type: "line", [`${along}0`]: bound / axis.factor, [`${along}1`]: bound / axis.factor,
                  [`${across}0`]: 0, [`${across}1`]: 1, [`${across}ref`]: "paper",
                  line: { color: "#D55E00", width: 1.5, dash: "dot" },
                });
              }
            });
            layout.shapes = shapes;
          }
        }
        return { data, layout };
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
        return label;
      },
    },
  });
})();
