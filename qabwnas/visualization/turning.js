// Turning a figure of many points in 3-D. Without a graphics card, a picture of 20,000 points takes a quarter of a second.
// Where pictures come so slowly, only some of the points are drawn while a figure is turned, and all once it rests.
//
// plotly has no call for this: changing a trace, or which ones are visible, stops a turn for half a second. So this sets
// how many vertices of a trace plotly draws, from the first one. A plotly without that field draws all of them.
"use strict";

const drawFewerWhileTurning = (() => {
  const FEW = 20000; // vertices that are drawn while a figure is turned
  const MARKS = 2000; // vertices of a trace that is drawn whole: teachers, the answer
  const SLOW = 100; // milliseconds for two pictures
  const REST = 300; // milliseconds without a move until all points are drawn

  return function (plot) {
    let isSlow = false;
    let isTimed = false;
    let shortened = [];
    let timer = 0;

    const drawing = () => plot._fullLayout?.scene?._scene?.glplot;

    function drawSome() {
      const large = (drawing()?.objects ?? []).filter((trace) => trace.vertexCount > MARKS);
      const share = FEW / large.reduce((sum, trace) => sum + trace.vertexCount, 0);
      if (shortened.length || share >= 1) return;
      shortened = large.map((trace) => {
        const all = trace.vertexCount;
        trace.vertexCount = 3 * Math.ceil((share * all) / 3); // whole triangles
        return { trace, all, some: trace.vertexCount };
      });
    }

    function drawAll() {
      for (const { trace, all, some } of shortened) {
        if (trace.vertexCount === some) trace.vertexCount = all; // otherwise plotly has changed the trace
      }
      if (shortened.length) drawing()?.redraw();
      shortened = [];
    }

    function time() {
      isTimed = true;
      const started = performance.now();
      requestAnimationFrame(() => requestAnimationFrame(() => {
        isTimed = false;
        isSlow = performance.now() - started > SLOW;
        if (isSlow) turn();
      }));
    }

    function turn() {
      if (isSlow) drawSome();
      else if (!isTimed) time();
      clearTimeout(timer);
      timer = setTimeout(drawAll, REST);
    }

    plot.on("plotly_relayouting", (event) => {
      if (event["scene.camera"]) turn();
    });
  };
})();
