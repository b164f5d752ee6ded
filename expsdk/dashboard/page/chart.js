// A chart as an element: points and lines on a canvas, with what stands at the pointer, or at the arrow keys, in words.

import { h } from "/page/dom.js";
import { number } from "/page/format.js";

const MARGIN = { top: 10, right: 14, bottom: 34, left: 58 };
const REACH_PX = 30;
const FAR = 10;
const MANY = 1000;

class Chart extends HTMLElement {
  #spec;
  #text = "";
  #canvas;
  #tip;
  #legend;
  #note;
  #scale;
  #at = -1;

  get spec() { return this.#spec; }

  set spec(spec) {
    const text = JSON.stringify(spec);
    if (text === this.#text) return;
    this.#spec = spec;
    this.#text = text;
    if (this.isConnected) this.#update();
  }

  connectedCallback() {
    if (this.#canvas) return;
    this.#canvas = h("canvas", { tabindex: 0, role: "img" });
    this.#tip = h("div", { class: "tip", role: "status", hidden: true });
    this.#legend = h("ul", { class: "legend" });
    this.#note = h("p", { class: "quiet note" });
    this.append(h("div", { class: "plot" }, this.#canvas, this.#tip), this.#legend, this.#note);
    this.#canvas.addEventListener("pointermove", (event) => this.#point(event));
    this.#canvas.addEventListener("pointerleave", () => this.#show(-1));
    this.#canvas.addEventListener("blur", () => this.#show(-1));
    this.#canvas.addEventListener("click", () => this.#follow());
    this.#canvas.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.#draw()).observe(this.#canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
    this.#update();
  }

  #update() {
    const { spec } = this;
    this.classList.toggle("small", Boolean(spec.isSmall));
    this.#canvas.setAttribute("aria-label", spec.label);
    this.#legend.replaceChildren(...spec.legend.map((each) => h("li", { title: each.title }, h("span", { class: `key ${each.mark} ${each.color}`, "aria-hidden": "true" }),
      each.href ? h("a", { href: each.href }, each.text) : each.text, each.detail && h("span", { class: "quiet" }, ` ${each.detail}`))));
    this.#draw();
  }

  #all() {
    return [...this.spec.points, ...this.spec.lines.filter((line) => !line.steps).flatMap((line) => line.points)].filter((point) => point.title);
  }

  #draw() {
    const canvas = this.#canvas;
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!width || !this.spec) return;
    const ratio = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const style = getComputedStyle(this);
    const color = (name) => style.getPropertyValue(`--${name}`).trim();
    pen.font = `12px ${style.fontFamily}`;
    const scale = this.#scale = scaleOf(this.spec, width, height);
    const notes = [this.spec.note];
    if (!scale) {
      pen.fillStyle = color("muted");
      pen.textAlign = "center";
      pen.fillText(this.spec.empty, width / 2, height / 2);
    } else {
      drawAxes(pen, scale, this.spec, color, width, height);
      for (const line of this.spec.lines) drawLine(pen, line, scale, color);
      const size = this.spec.points.length > MANY ? 2 : 3;
      for (const point of this.spec.points) drawMark(pen, point.mark, scale.x(point.x), scale.y(point.y), color(point.color), size);
      if (scale.beyond) notes.push(`${scale.beyond} far off, drawn at the edge`);
      if (scale.cannotLog) notes.push("no log scale: there are values of 0 or less");
      const chosen = this.#all()[this.#at];
      if (chosen) drawRing(pen, scale.x(chosen.x), scale.y(chosen.y), color("text"));
    }
    this.#note.textContent = notes.filter(Boolean).join("; ");
  }

  #point(event) {
    if (!this.#scale) return;
    const box = this.#canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let [nearest, reach] = [-1, REACH_PX ** 2];
    this.#all().forEach((point, place) => {
      const far = (this.#scale.x(point.x) - x) ** 2 + (this.#scale.y(point.y) - y) ** 2;
      if (far < reach) [nearest, reach] = [place, far];
    });
    this.#show(nearest);
  }

  #show(place) {
    if (place === this.#at) return;
    this.#at = place;
    const point = this.#all()[place];
    this.#tip.hidden = !point;
    this.#canvas.classList.toggle("on-point", Boolean(point?.href));
    if (point) {
      this.#tip.replaceChildren(h("strong", {}, point.title), ...point.lines.map((line) => h("div", {}, line)));
      const [x, y] = [this.#scale.x(point.x), this.#scale.y(point.y)];
      const isRight = x > this.#canvas.clientWidth / 2;
      this.#tip.style.left = isRight ? "" : `${x + 12}px`;
      this.#tip.style.right = isRight ? `${this.#canvas.clientWidth - x + 12}px` : "";
      this.#tip.style.top = `${Math.max(0, Math.min(y - 14, this.#canvas.clientHeight - this.#tip.offsetHeight))}px`;
    }
    this.#draw();
  }

  #follow() {
    const { href } = this.#all()[this.#at] ?? {};
    if (href) location.hash = href;
  }

  #key(event) {
    const last = this.#all().length - 1;
    const steps = { ArrowRight: Math.min(last, this.#at + 1), ArrowLeft: Math.max(0, this.#at - 1), Home: 0, End: last, Escape: -1 };
    if (event.key === "Enter") this.#follow();
    else if (event.key in steps && this.#scale) {
      event.preventDefault();
      this.#show(steps[event.key]);
    }
  }
}

function scaleOf(spec, width, height) {
  const all = [...spec.points, ...spec.lines.flatMap((line) => line.points)];
  if (!all.length) return null;
  const left = spec.isSmall ? 48 : MARGIN.left;
  const xs = all.map((point) => point.x);
  const ys = all.map((point) => point.y).sort((one, other) => one - other);
  const isLog = spec.log && ys[0] > 0;
  const warp = isLog ? Math.log10 : (value) => value;
  const [low, high] = bounds(ys.map(warp));
  const [first, last] = [xs.reduce((a, b) => Math.min(a, b)), xs.reduce((a, b) => Math.max(a, b))];
  const xSpan = last - first || 1;
  const pad = (high - low || Math.abs(high) || 1) * 0.05;
  const [bottom, top] = [low - pad, high + pad];
  const [innerWidth, innerHeight] = [width - left - MARGIN.right, height - MARGIN.top - MARGIN.bottom];
  return {
    left, isLog, bottom, top, first, last: first + xSpan,
    cannotLog: spec.log && !isLog,
    beyond: ys.filter((value) => warp(value) < bottom || warp(value) > top).length,
    x: (value) => left + 4 + ((value - first) / xSpan) * (innerWidth - 8),
    y: (value) => MARGIN.top + (1 - clamp((warp(value) - bottom) / (top - bottom))) * innerHeight,
    at: (warped) => MARGIN.top + (1 - (warped - bottom) / (top - bottom)) * innerHeight,
  };
}

function clamp(part) {
  return Math.min(1, Math.max(0, part));
}

// Some trials that went astray must not press all others flat: what is further from the middle half of all than ten times
// its width does not count.
function bounds(sorted) {
  const quarter = (part) => sorted[Math.floor(sorted.length * part)];
  if (sorted.length < 8 || quarter(0.25) === quarter(0.75)) return [sorted[0], sorted.at(-1)];
  const reach = FAR * (quarter(0.75) - quarter(0.25));
  const low = sorted.find((value) => value >= quarter(0.25) - reach);
  return [low, sorted.findLast((value) => value <= quarter(0.75) + reach)];
}

function ticks(low, high, many) {
  const rough = (high - low) / Math.max(1, many);
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * size).find((each) => each >= rough) ?? size;
  const found = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + step * 1e-9; tick += step) found.push(Math.abs(tick) < step * 1e-9 ? 0 : tick);
  return found;
}

function drawAxes(pen, scale, spec, color, width, height) {
  pen.lineWidth = 1;
  pen.fillStyle = color("muted");
  pen.strokeStyle = color("grid");
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const tick of yTicks(scale, height)) {
    const y = Math.round(scale.at(tick)) + 0.5;
    stroke(pen, [[scale.left, y], [width - MARGIN.right, y]]);
    pen.fillText(number(scale.isLog ? 10 ** tick : tick, 4), scale.left - 8, y);
  }
  pen.textAlign = "center";
  pen.textBaseline = "top";
  const isWhole = spec.xLabel !== "seconds since the beginning";
  for (const tick of ticks(scale.first, scale.last, width / 110)) {
    if (isWhole && !Number.isInteger(tick)) continue;
    pen.fillText(number(tick), scale.x(tick), height - MARGIN.bottom + 5);
  }
  pen.textAlign = "right";
  pen.textBaseline = "bottom";
  pen.fillText(spec.xLabel, width - MARGIN.right, height - 1);
}

function yTicks(scale, height) {
  const many = Math.max(2, height / 55);
  const decades = scale.top - scale.bottom;
  if (!scale.isLog || decades < 0.5) return ticks(scale.bottom, scale.top, many);
  if (decades > 3) return ticks(scale.bottom, scale.top, many).filter(Number.isInteger);
  const found = [];
  for (let decade = Math.floor(scale.bottom); decade <= scale.top; decade += 1) {
    for (const digit of decades > 1.5 ? [1] : [1, 2, 5]) found.push(decade + Math.log10(digit));
  }
  return found.filter((tick) => tick >= scale.bottom && tick <= scale.top);
}

function stroke(pen, points) {
  pen.beginPath();
  points.forEach(([x, y], place) => (place ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.stroke();
}

function drawLine(pen, line, scale, color) {
  pen.strokeStyle = color(line.color);
  pen.lineWidth = line.width;
  pen.lineJoin = "round";
  pen.setLineDash(line.dash ?? []);
  const path = [];
  for (const point of line.points) {
    const [x, y] = [scale.x(point.x), scale.y(point.y)];
    if (line.steps && path.length) path.push([x, path.at(-1)[1]]);
    path.push([x, y]);
  }
  stroke(pen, path);
  pen.setLineDash([]);
  if (line.points.length === 1) drawMark(pen, "dot", path[0][0], path[0][1], color(line.color));
}

function drawMark(pen, mark, x, y, color, size = 3) {
  pen.fillStyle = pen.strokeStyle = color;
  pen.lineWidth = size / 2;
  if (mark === "cross") {
    stroke(pen, [[x - size, y - size], [x + size, y + size]]);
    stroke(pen, [[x - size, y + size], [x + size, y - size]]);
    return;
  }
  pen.beginPath();
  pen.arc(x, y, size, 0, 2 * Math.PI);
  if (mark === "ring") pen.stroke();
  else pen.fill();
}

function drawRing(pen, x, y, color) {
  pen.strokeStyle = color;
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.arc(x, y, 6, 0, 2 * Math.PI);
  pen.stroke();
}

customElements.define("expsdk-chart", Chart);
