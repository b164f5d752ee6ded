// How values read: numbers, times, phases, and the addresses of the pages.

import { h } from "/page/dom.js";

export const PHASES = ["Succeeded", "Running", "Pending", "Pruned", "Cancelled", "Failed"];

export function asNumber(value) {
  if (typeof value === "number") return value;
  return { Infinity: Infinity, "-Infinity": -Infinity }[value] ?? NaN;
}

export function number(value, digits = 6) {
  if (value === null || value === undefined) return "–";
  const plain = asNumber(value);
  if (Number.isNaN(plain)) return "NaN";
  if (!Number.isFinite(plain)) return plain > 0 ? "∞" : "−∞";
  const size = Math.abs(plain);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) return plain.toExponential(Math.min(digits - 1, 3)).replace(/\.?0*e\+?/, "e");
  return String(Number(plain.toPrecision(digits)));
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds > 0 && seconds < 0.1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 172800) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} days`;
}

// A time that goes on: app.js writes its text anew every second.
export function ticking(sinceMs, suffix = "", before = "") {
  if (!sinceMs) return "–";
  const shown = before + duration(Math.max(0, (Date.now() - sinceMs) / 1000)) + suffix;
  return h("time", { datetime: new Date(sinceMs).toISOString(), title: moment(sinceMs), "data-since": sinceMs,
    "data-before": before, "data-suffix": suffix }, shown);
}

export function moment(ms) {
  return ms ? new Date(ms).toLocaleString() : "–";
}

export function ago(ms) {
  return ticking(ms, " ago");
}

export function count(many, noun) {
  return `${many.toLocaleString("en")} ${noun}${many === 1 ? "" : "s"}`;
}

export function phase(word, detail = "") {
  const isNew = detail && detail !== word; // the reason for which one is Pruned is Pruned
  return h("span", { class: `phase ${word.toLowerCase()}` }, word, isNew && h("span", { class: "detail" }, ` · ${detail}`));
}

export function address(name, trial = "", query = {}) {
  const path = [name, trial].filter(Boolean).map(encodeURIComponent).join("/");
  const pairs = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const rest = new URLSearchParams(pairs).toString();
  return `#/${path}${rest ? `?${rest}` : ""}`;
}

export function trialLink(experiment, trial, text = "") {
  return h("a", { href: address(experiment, trial.name), title: sample(trial.parameters) }, text || short(experiment, trial.name));
}

// train-mlp-0012 is 0012 on the page of train-mlp.
export function short(experiment, name) {
  return name.startsWith(`${experiment}-`) ? name.slice(experiment.length + 1) : name;
}

export function sample(parameters) {
  return parameters.map(([name, value]) => `${name}=${value}`).join("  ");
}

export function pairs(rows, kind = "") {
  return h("dl", { class: `pairs ${kind}` }, rows.map(([name, value]) =>
    h("div", { "data-key": name }, h("dt", {}, name), h("dd", {}, value))));
}

export function phaseBar(counts, total) {
  const sum = PHASES.reduce((all, each) => all + (counts[each] ?? 0), 0);
  const whole = Math.max(total ?? 0, sum, 1);
  let x = 0;
  const words = PHASES.filter((each) => counts[each]).map((each) => `${counts[each]} ${each.toLowerCase()}`).join(", ");
  return h("svg", { class: "bar", viewBox: "0 0 1000 10", preserveAspectRatio: "none", role: "img",
    "aria-label": `${words || "none has begun"} of ${whole}` },
    PHASES.filter((each) => counts[each]).map((each) => {
      const width = (counts[each] / whole) * 1000;
      const rect = h("rect", { class: each.toLowerCase(), x: x.toFixed(2), y: 0, width: width.toFixed(2), height: 10 });
      x += width;
      return rect;
    }));
}
