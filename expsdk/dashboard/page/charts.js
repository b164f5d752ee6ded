// From data to what a chart draws: points, lines, labels.

import { address, asNumber, number, sample, short } from "/page/format.js";

const MARKS = { Succeeded: "dot", Running: "ring", Pending: "ring", Pruned: "ring", Failed: "cross", Cancelled: "cross" };
const HUES = 8;

export function historySpec(history, experiment, query) {
  const byTime = query.get("x") === "time";
  const violating = new Set(history.violating);
  const points = history.numbers.map((trial, place) => {
    const name = `${experiment}-${String(trial).padStart(4, "0")}`;
    const phase = history.phases[place];
    return {
      x: byTime ? history.seconds[place] : trial,
      y: asNumber(history.values[place]),
      mark: violating.has(trial) ? "cross" : MARKS[phase],
      color: phase.toLowerCase(),
      href: address(experiment, name),
      isGood: phase === "Succeeded" && !violating.has(trial),
      title: `${short(experiment, name)} · ${phase.toLowerCase()}${violating.has(trial) ? ", violates constraints" : ""}`,
      lines: [`${history.metric} ${number(history.values[place])}`],
    };
  }).filter((point) => point.x !== null && Number.isFinite(point.y));
  points.sort((one, other) => one.x - other.x);
  const best = bestSoFar(points, history.direction);
  const lost = history.numbers.length - points.length;
  const last = best.at(-1);
  const phases = [...new Set(points.map((point) => point.color))];
  return {
    xLabel: byTime ? "seconds since the beginning" : "trial",
    yLabel: history.metric,
    log: query.get("log") === "1",
    points,
    lines: best.length ? [{ points: best, color: "best", steps: true, width: 1.5 }] : [],
    legend: [...phases.map((color) => ({ color, mark: MARKS[color[0].toUpperCase() + color.slice(1)], text: color })),
      ...(best.length ? [{ color: "best", mark: "line", text: "best so far" }] : [])],
    note: lost ? `${lost} without a finite value` : "",
    label: `${history.metric} of ${points.length} trials${last ? `; the best so far is ${number(last.y)}` : ""}`,
    empty: "No trial has a value yet.",
  };
}

function bestSoFar(points, direction) {
  const isBetter = direction === "maximize" ? (one, other) => one > other : (one, other) => one < other;
  const found = [];
  let best = null;
  for (const point of points) {
    if (!point.isGood) continue;
    if (best === null || isBetter(point.y, best)) {
      best = point.y;
      found.push({ x: point.x, y: best });
    }
  }
  if (found.length && found.at(-1).x !== points.at(-1).x) found.push({ x: points.at(-1).x, y: best });
  return found;
}

export function curvesSpec(curves, experiment, query) {
  const isBeside = (curve) => curve.role === "best" && curves.running > 0; // the best ones, beside those that run
  const hues = huesOf(curves.curves.map((curve) => curve.number));
  const lines = curves.curves.map((curve) => ({
    points: series(curve).map((point) => ({
      ...point,
      href: address(experiment, curve.name),
      title: `${short(experiment, curve.name)} · ${curve.role === "best" ? "among the best" : "running"}`,
      lines: [`${curves.metric} ${number(point.y)} at epoch ${point.x}`, ...wrapped(sample(curve.parameters))],
    })),
    color: `hue${hues.get(curve.number)}`,
    width: isBeside(curve) ? 1.25 : 1.75,
    dash: isBeside(curve) ? [5, 3] : [],
    key: curve,
  }));
  return {
    xLabel: "epoch",
    yLabel: curves.metric,
    log: query.get("logc") === "1",
    points: [],
    lines,
    legend: lines.map(({ key, color, points }) => ({
      color,
      mark: isBeside(key) ? "dashes" : "line",
      text: short(experiment, key.name),
      detail: points.length ? number(points.at(-1).y, 4) : "",
      href: address(experiment, key.name),
      title: sample(key.parameters),
    })),
    label: `${curves.metric} over epochs of ${lines.length} trials`,
    note: "",
    empty: "Nothing finite has been logged yet.",
  };
}

// A trial keeps its colour as others come and go, as long as no other has the same.
function huesOf(numbers) {
  const hues = new Map();
  const taken = new Set();
  for (const trial of numbers) {
    let hue = trial % HUES;
    while (taken.has(hue) && taken.size < HUES) hue = (hue + 1) % HUES;
    taken.add(hue);
    hues.set(trial, hue);
  }
  return hues;
}

export function metricSpec(metric) {
  const points = series(metric).map((point) => ({ ...point, title: metric.name, lines: [`${number(point.y)} at epoch ${point.x}`] }));
  return {
    xLabel: "epoch", yLabel: "", log: false, points: [], lines: [{ points, color: "best", width: 1.75, dash: [] }], legend: [], note: "",
    label: `${metric.name} over ${points.length} epochs: last ${number(metric.last)}, best ${number(metric.best)}`, empty: "Nothing finite was logged.", isSmall: true,
  };
}

function series(columns) {
  return columns.epochs.map((x, place) => ({ x, y: asNumber(columns.series[place]) })).filter((point) => Number.isFinite(point.y));
}

function wrapped(text, width = 44) {
  const lines = [""];
  for (const word of text.split("  ")) {
    if (lines.at(-1) && lines.at(-1).length + word.length > width) lines.push("");
    lines[lines.length - 1] += `${lines.at(-1) && "  "}${word}`;
  }
  return lines;
}
