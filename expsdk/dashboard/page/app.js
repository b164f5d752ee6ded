// The page: which one is shown (the address says it), its data as events, and drawing it anew when they come.

import "/page/chart.js";
import { h, morph } from "/page/dom.js";
import { address, duration, short } from "/page/format.js";
import { renderExperiment } from "/page/experiment.js";
import { renderList } from "/page/list.js";
import { renderTrial } from "/page/trial.js";

const SENT = ["sort", "phase", "q", "page", "metric", "objective", "log"]; // what of the address the server works with
const LOG_LIMIT_CHARS = 400_000;
const TYPING_MS = 250;
const LATE_MS = 1500;

const main = document.getElementById("main");
const path = document.getElementById("path");
const connection = document.getElementById("connection");

let route = null;
let data = {};
let source = null;
let shownStream = "";
let isDrawing = false;
let late = 0;

function parse() {
  const [place, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [name = "", trial = ""] = place.split("/").map((part) => { try { return decodeURIComponent(part); } catch { return part; } });
  return { name, trial, query: new URLSearchParams(query ?? "") };
}

function streamOf({ name, trial, query }) {
  if (!name) return "/live/experiments";
  const sent = new URLSearchParams({ name });
  if (trial) sent.set("trial", trial);
  for (const key of SENT) if (query.get(key)) sent.set(key, query.get(key));
  return `/live/${trial ? "trial" : "experiment"}?${sent}`;
}

function open() {
  const former = route;
  route = parse();
  const isSame = former && former.name === route.name && former.trial === route.trial;
  const stream = streamOf(route);
  if (!isSame) {
    data = {};
    drawPath();
    if (former) { main.focus({ preventScroll: true }); window.scrollTo(0, 0); }
  } else if (route.query.get("log") !== former.query.get("log")) delete data.log;
  if (stream !== shownStream || source === null) listen(stream);
  draw();
}

function listen(stream) {
  close();
  shownStream = stream;
  if (document.hidden) return; // a browser has six connections for all its tabs: only the one that is seen takes one
  const mine = source = new EventSource(stream);
  let isFirstLog = true;
  source.onopen = () => { isFirstLog = true; connected(); };
  source.onerror = () => { if (mine === source) lost(); };
  for (const part of ["list", "overview", "trials", "history", "curves", "waiting", "failures", "trial"]) {
    source.addEventListener(part, (event) => { data[part] = JSON.parse(event.data); draw(); });
  }
  source.addEventListener("log", (event) => {
    const log = JSON.parse(event.data);
    const known = isFirstLog ? { text: "", skipped: 0 } : data.log;
    isFirstLog = false;
    let text = known.text + log.lines.map((line) => `${line}\n`).join("");
    if (text.length > LOG_LIMIT_CHARS) text = text.slice(text.indexOf("\n", text.length - LOG_LIMIT_CHARS) + 1);
    data.log = { ...log, text, skipped: log.total - (text.match(/\n/g) ?? []).length };
    draw();
  });
}

function close() {
  source?.close();
  source = null;
}

function connected() {
  clearTimeout(late);
  late = 0;
  connection.textContent = "";
}

function lost() {
  if (!late) late = setTimeout(() => { connection.textContent = "The dashboard’s server does not answer; trying again"; }, LATE_MS);
  if (source.readyState === EventSource.CLOSED) askWhy(shownStream);
}

// A stream that was refused is not tried again by the browser, and why it was is not told.
async function askWhy(stream) {
  const asking = new AbortController();
  const status = await fetch(stream, { signal: asking.signal }).then((answer) => answer.status, () => 0);
  asking.abort();
  if (stream !== shownStream) return;
  if (status === 404) {
    connected();
    data = { missing: true };
    draw();
  } else setTimeout(() => { if (stream === shownStream && !document.hidden) listen(stream); }, LATE_MS);
}

function draw() {
  if (isDrawing) return;
  isDrawing = true;
  const act = () => {
    if (!isDrawing) return;
    isDrawing = false;
    render();
  };
  requestAnimationFrame(act);
  setTimeout(act, 200); // where the browser draws no frames
}

function render() {
  const log = main.querySelector("pre.log");
  const isAtEnd = !log || log.scrollHeight - log.scrollTop - log.clientHeight < 30;
  const page = data.missing ? renderMissing : route.trial ? renderTrial : route.name ? renderExperiment : renderList;
  morph(main, h("main", { id: "main", tabindex: -1 }, page(data, route)));
  const shown = main.querySelector("pre.log");
  if (shown && isAtEnd) shown.scrollTop = shown.scrollHeight;
  drawTitle();
}

function renderMissing() {
  return [h("h1", {}, "Nothing is here"), h("p", {}, "This dashboard shows no experiment and no trial of that name. ",
    h("a", { href: "#/" }, "See what it shows"), ".")];
}

function drawPath() {
  const parts = [h("a", { href: "#/", class: "home" }, "expsdk")];
  if (route.name) parts.push(h("span", { class: "slash", "aria-hidden": "true" }, "/"), h("a", { href: address(route.name) }, route.name));
  if (route.trial) parts.push(h("span", { class: "slash", "aria-hidden": "true" }, "/"), h("a", { href: address(route.name, route.trial) }, short(route.name, route.trial)));
  parts.at(-1).setAttribute("aria-current", "page");
  path.replaceChildren(...parts);
}

function drawTitle() {
  const { overview } = data;
  const progress = overview?.known && overview.trials ? `${overview.finished}/${overview.trials} ` : "";
  document.title = [progress + (route.trial ? short(route.name, route.trial) : route.name), "expsdk"].filter(Boolean).join(" · ");
}

function setQuery(name, value) {
  const query = new URLSearchParams(route.query);
  if (value) query.set(name, value); else query.delete(name);
  if (name !== "page") query.delete("page");
  const { name: experiment, trial } = route;
  history.replaceState(null, "", address(experiment, trial, Object.fromEntries(query)));
  open();
}

let typing = 0;
document.addEventListener("input", (event) => {
  const name = event.target.dataset?.query;
  if (!name || event.target.type === "checkbox") return;
  clearTimeout(typing);
  const { value } = event.target;
  if (event.target.tagName === "SELECT") setQuery(name, value);
  else typing = setTimeout(() => setQuery(name, value.trim()), TYPING_MS);
});
document.addEventListener("change", (event) => {
  if (event.target.dataset?.query && event.target.type === "checkbox") setQuery(event.target.dataset.query, event.target.checked ? "1" : "");
});
document.querySelector("[data-skip]").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
document.addEventListener("visibilitychange", () => { if (document.hidden) close(); else if (source === null) listen(streamOf(route)); });
window.addEventListener("hashchange", open);
window.addEventListener("pagehide", close);
window.addEventListener("pageshow", (event) => { if (event.persisted) listen(streamOf(route)); });
setInterval(() => {
  for (const each of document.querySelectorAll("time[data-since]")) {
    const text = each.dataset.before + duration(Math.max(0, (Date.now() - Number(each.dataset.since)) / 1000)) + each.dataset.suffix;
    if (each.textContent !== text) each.firstChild.data = text;
  }
}, 1000);
open();
