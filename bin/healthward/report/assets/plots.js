"use strict";
// Plots of slices, scores and regions, drawn anew whenever the filter or the theme changes
(() => {
  const { data, scans, byId, numbers, visible, colour, onChange } = window.healthward;
  const config = { responsive: true, displayModeBar: false };
  const number = (value) => (Number.isFinite(value) ? value.toPrecision(3) : "–");
  const faint = (hex, alpha) => hex + Math.round(255 * alpha).toString(16).padStart(2, "0");
  const packed = new Map();
  const decoded = (text) => packed.get(text) ?? packed.set(text, numbers(text)).get(text);

  function layout(more) {
    const axis = { gridcolor: colour("grid"), linecolor: colour("line"), zeroline: false, automargin: true, exponentformat: "power" };
    const { axes = {}, ...rest } = more;
    const filled = Object.fromEntries(Object.entries(axes).map(([name, own]) => [name, { ...axis, ...own }]));
    return {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, hovermode: "closest",
      font: { color: colour("ink"), family: "system-ui, sans-serif", size: 13 }, height: 400,
      margin: { t: 36, r: 12, b: 48, l: 64 }, hoverdistance: 12, ...filled, ...rest,
    };
  }

  // One tooltip of our own: a text for each of a million points would not fit into a page
  function draw(element, traces, shape) {
    Plotly.react(element, traces, layout(shape), config);
    if (element.dataset.drawn) return;
    element.dataset.drawn = "yes";
    const tip = document.createElement("div");
    tip.className = "tip";
    tip.hidden = true;
    element.parentElement.append(tip);
    element.on("plotly_hover", ({ points, event }) => {
      const said = element.said(points[0]);
      if (!said) return;
      tip.textContent = said.text;
      tip.hidden = false;
      const box = element.parentElement.getBoundingClientRect();
      const left = event.clientX - box.left;
      tip.style.top = `${event.clientY - box.top - 34}px`;
      tip.style.left = `${Math.min(left + 12, box.width - tip.offsetWidth - 8)}px`;
    });
    element.on("plotly_unhover", () => { tip.hidden = true; });
    element.on("plotly_click", ({ points }) => {
      const said = element.said(points[0]);
      if (said) window.healthward.open(said.scan.id);
    });
  }

  const curves = document.getElementById("plot-curves");
  const metric = document.getElementById("metric");
  const highlight = document.getElementById("highlight");

  function drawCurves() {
    const chosen = data.curves.metrics[metric.value];
    const traces = [];
    const shown = scans.filter(visible);
    let lowest = Infinity;
    const strength = Math.min(0.8, Math.max(0.06, 25 / shown.length));
    const marked = byId.get(highlight.value);
    data.curves.axes.forEach((axis, at) => {
      const on = { xaxis: at ? `x${at + 1}` : "x", yaxis: "y" };
      const count = axis.index.length;
      const values = decoded(chosen.values[at]);
      lowest = values.reduce((least, value) => (value < least ? value : least), lowest);
      const [low, middle, high] = chosen.bands[at].map(decoded);
      const silent = { ...on, mode: "lines", hoverinfo: "skip", x: axis.index };
      traces.push({ ...silent, y: low, line: { width: 0 } });
      traces.push({ ...silent, y: high, line: { width: 0 }, fill: "tonexty", fillcolor: colour("band") });
      data.classes.forEach((one) => {
        const members = shown.filter((scan) => scan.label === one.name);
        if (!members.length) return;
        // Curve after curve with a gap behind each
        const x = new Float32Array(members.length * (count + 1)).fill(Number.NaN);
        const y = x.slice();
        members.forEach((scan, place) => {
          x.set(axis.index, place * (count + 1));
          y.set(values.subarray(scan.at * count, (scan.at + 1) * count), place * (count + 1));
        });
        const line = { color: one.colour, width: 1.2 };
        const meta = { axis: axis.name, members, count, name: chosen.name };
        traces.push({ ...on, type: "scattergl", mode: "lines", x, y, line, opacity: strength, hoverinfo: "none", meta });
      });
      traces.push({ ...silent, type: "scattergl", y: middle, line: { color: colour("ink"), width: 1.4, dash: "dash" } });
      if (marked) {
        const y = values.subarray(marked.at * count, (marked.at + 1) * count);
        traces.push({ ...silent, type: "scattergl", y, line: { color: colour("ink"), width: 3 } });
      }
    });
    const third = (at) => [at * 0.345, at * 0.345 + 0.31];
    const axes = { yaxis: { title: { text: chosen.name } } };
    data.curves.axes.forEach((axis, at) => {
      axes[at ? `xaxis${at + 1}` : "xaxis"] = { domain: third(at), title: { text: `${axis.name} slice` } };
    });
    const limit = { type: "line", xref: "paper", x0: 0, x1: 1, y0: data.threshold, y1: data.threshold,
      line: { color: colour("quiet"), width: 1, dash: "dot" } };
    draw(curves, traces, { axes, height: 430, shapes: chosen.key === "ssim" && lowest < data.threshold + 0.1 ? [limit] : [] });
  }

  curves.said = (point) => {
    const { meta } = point.data;
    if (!meta?.members) return null;
    const scan = meta.members[Math.floor(point.pointNumber / (meta.count + 1))];
    return { scan, text: `${scan.id} · ${scan.label} · ${meta.axis} ${point.x} · ${meta.name} ${number(point.y)}` };
  };

  // Always the same scatter within a class, so that a point stays in its place
  const jitter = (at) => (((at * 0.618034) % 1) - 0.5) * 0.55;

  function strips(score, on) {
    const values = decoded(score.values);
    return data.classes.flatMap((one, place) => {
      const members = scans.filter((scan) => scan.label === one.name && visible(scan) && Number.isFinite(values[scan.at]));
      const y = members.map((scan) => values[scan.at]);
      const box = { ...on, type: "box", y, x: members.map(() => place), boxpoints: false, hoverinfo: "skip", width: 0.7,
        line: { color: colour("quiet"), width: 1 }, fillcolor: "rgba(0,0,0,0)" };
      const symbol = members.map((scan) => (scan.split === "test" ? one.symbol : `${one.symbol}-open`));
      const marker = { color: faint(one.colour, 0.9), symbol, size: members.length > 100 ? 5 : 10, line: { width: 1 } };
      const points = { ...on, type: "scatter", mode: "markers", x: members.map((scan) => place + jitter(scan.at)), y, marker,
        hoverinfo: "none", meta: { members, name: score.name } };
      return members.length > 4 ? [box, points] : [points];
    });
  }

  const saidStrip = (point) => {
    const { meta } = point.data;
    if (!meta?.members) return null;
    const scan = meta.members[point.pointNumber];
    return { scan, text: `${scan.id} · ${scan.label} · ${scan.split} · ${meta.name} ${number(point.y)}` };
  };

  const ticks = () => ({
    tickvals: data.classes.map((_, at) => at), ticktext: data.classes.map((one) => one.name),
    range: [-0.6, data.classes.length - 0.4], showgrid: false,
  });

  const plotted = document.getElementById("plot-scores");
  const picked = document.getElementById("score");
  plotted.said = saidStrip;

  function drawScores() {
    const score = data.scores.find((one) => one.key === picked.value);
    const place = (label) => data.classes.findIndex((one) => one.name === label);
    const on = { xaxis: "x2", yaxis: "y2" };
    const means = {
      ...on, mode: "lines+markers", hoverinfo: "y", x: score.means.map((one) => place(one.label)),
      y: score.means.map((one) => one.mean), line: { color: colour("quiet"), width: 1.5 },
      marker: { size: 10, color: score.means.map((one) => data.classes[place(one.label)].colour) },
      error_y: { symmetric: false, array: score.means.map((one) => (one.high ?? one.mean) - one.mean),
        arrayminus: score.means.map((one) => one.mean - (one.low ?? one.mean)), color: colour("ink"), thickness: 1.5 },
    };
    const shapes = [];
    const annotations = [];
    if (score.band) {
      shapes.push({ type: "rect", layer: "below", xref: "x domain", x0: 0, x1: 1, y0: score.band[0], y1: score.band[1],
        fillcolor: colour("band"), opacity: 0.6, line: { width: 0 } });
      annotations.push({ text: "shaded: 5th to 95th percentile of held-out controls", xref: "x domain", yref: "paper", x: 0,
        y: 1.09, showarrow: false, font: { size: 12, color: colour("quiet") }, xanchor: "left" });
    }
    annotations.push({ text: "mean of each class and its 95 % interval", xref: "x2 domain", yref: "paper", x: 0, y: 1.09,
      showarrow: false, font: { size: 12, color: colour("quiet") }, xanchor: "left" });
    const axes = {
      xaxis: { ...ticks(), domain: [0, 0.62] }, yaxis: { title: { text: score.name } },
      xaxis2: { ...ticks(), domain: [0.7, 1], anchor: "y2" }, yaxis2: { anchor: "x2" },
    };
    draw(plotted, [...strips(score, {}), means], { axes, shapes, annotations });
    const list = document.getElementById("statistics");
    list.replaceChildren(...score.statistics.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  }

  function drawNorm() {
    data.norm.forEach(({ key, expected }) => {
      const score = data.scores.find((one) => one.key === key);
      const element = document.getElementById(`plot-${key}`);
      if (!score) return;
      element.said = saidStrip;
      const line = { type: "line", xref: "paper", x0: 0, x1: 1, y0: expected, y1: expected,
        line: { color: colour("ink"), width: 1.2, dash: "dash" } };
      const axes = { xaxis: ticks(), yaxis: { title: { text: `${score.name}, share of voxels` }, rangemode: "tozero", tickformat: ".0%" } };
      draw(element, strips(score, {}), { axes, shapes: [line], height: 340 });
    });
  }

  const diverging = [[0, "#2166ac"], [0.25, "#92c5de"], [0.5, "#f7f7f7"], [0.75, "#f4a582"], [1, "#b2182b"]];
  const regions = document.getElementById("plot-regions");

  function drawRegions() {
    if (!regions) return;
    const z = decoded(data.regions.z);
    const ordered = data.classes.flatMap((one) => scans.filter((scan) => scan.label === one.name && visible(scan)).reverse());
    const grid = data.regions.names.map((_, row) => ordered.map((scan) => z[row * scans.length + scan.at]));
    const largest = grid.flat().reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 1);
    const trace = { type: "heatmap", z: grid, y: data.regions.names, zmin: -largest, zmax: largest, colorscale: diverging,
      hoverinfo: "none", xgap: ordered.length < 80 ? 1 : 0, ygap: 1, meta: { members: ordered },
      colorbar: { title: { text: "mean z", side: "right" }, thickness: 14 } };
    const bounds = [];
    const tickvals = [];
    const ticktext = [];
    data.classes.forEach((one) => {
      const first = ordered.findIndex((scan) => scan.label === one.name);
      if (first < 0) return;
      const count = ordered.filter((scan) => scan.label === one.name).length;
      tickvals.push(first + (count - 1) / 2);
      ticktext.push(one.name);
      if (first) bounds.push({ type: "line", yref: "paper", y0: 0, y1: 1, x0: first - 0.5, x1: first - 0.5, line: { color: colour("ink"), width: 1.5 } });
    });
    const axes = { xaxis: { tickvals, ticktext, showgrid: false }, yaxis: { autorange: "reversed", showgrid: false } };
    draw(regions, [trace], { axes, shapes: bounds, height: 120 + 24 * Math.min(data.regions.names.length, 40), margin: { t: 12, r: 12, b: 40, l: 160 } });
  }

  if (regions) {
    regions.said = (point) => {
      const scan = point.data.meta.members[point.x];
      return scan && { scan, text: `${scan.id} · ${scan.label} · ${point.y} · z ${number(point.z)}` };
    };
  }

  // For the panel of a scan
  window.healthward.drawScanRegions = (element, scan) => {
    const z = decoded(data.regions.z);
    const rows = data.regions.names.map((name, row) => ({ name, z: z[row * scans.length + scan.at] }));
    rows.sort((one, other) => one.z - other.z);
    const trace = { type: "bar", orientation: "h", x: rows.map((row) => row.z), y: rows.map((row) => row.name), hoverinfo: "x",
      marker: { color: rows.map((row) => (row.z > 0 ? "#d6604d" : "#4393c3")) } };
    const axes = { xaxis: { title: { text: "mean z against held-out controls" } }, yaxis: {} };
    const shape = { axes, height: 90 + 20 * rows.length, margin: { t: 10, r: 12, b: 44, l: 160 } };
    Plotly.react(element, [trace], layout(shape), config);
  };

  metric.addEventListener("change", drawCurves);
  highlight.addEventListener("change", drawCurves);
  picked.addEventListener("change", drawScores);
  onChange(() => [drawCurves, drawScores, drawRegions, drawNorm].forEach((it) => it()));
})();
