// One trial: parameters, metrics, curves, where it comes from, its error and its log.

import { h } from "/page/dom.js";
import { address, duration, moment, number, pairs, phase, short, ticking } from "/page/format.js";
import { metricSpec } from "/page/charts.js";

export function renderTrial(data, route) {
  const trial = data.trial;
  const title = short(route.name, route.trial);
  if (!trial) return [h("h1", {}, title), h("p", { class: "quiet" }, "Reading the trial…")];
  const trouble = trial.trouble && h("p", { class: "notice", role: "alert" }, trial.trouble);
  if (!trial.known) return [h("h1", {}, title), trouble || h("p", { class: trial.words ? "notice" : "quiet" }, trial.words || "Reading the trial…")];
  return [
    head(trial, title),
    trouble,
    trial.waiting && h("section", { class: "card", "data-key": "waiting" }, h("h2", {}, "It waits"), h("p", {}, trial.waiting)),
    trial.error && h("section", { class: "card", "data-key": "error" }, h("h2", {}, "What went wrong"), h("pre", { class: "error", tabindex: 0 }, trial.error)),
    h("div", { class: "columns even", "data-key": "values" },
      h("section", { class: "card" }, h("h2", {}, "Parameters"), pairs(trial.parameters, "parameters")),
      metricsCard(trial)),
    trial.metrics.some((metric) => metric.epochs.length > 1) && h("section", { class: "card", "data-key": "curves" }, h("h2", {}, "Curves"),
      h("div", { class: "small-charts" }, trial.metrics.filter((metric) => metric.epochs.length > 1).map((metric) =>
        h("figure", { "data-key": metric.name }, h("figcaption", {}, metric.name, metric.stride > 1 && h("span", { class: "quiet" }, ` one point of ${metric.stride}`)),
          h("expsdk-chart", { spec: metricSpec(metric) }))))),
    logCard(data.log, trial, route),
    h("section", { class: "card columns even", "data-key": "facts" },
      h("div", {}, h("h2", {}, "Where it comes from"), pairs(trial.facts)),
      h("div", {}, trial.environment.length > 0 && [h("h2", {}, "Environment"), pairs(trial.environment)],
        trial.packages.length > 0 && [h("h2", {}, "Packages that it imports"), pairs(trial.packages)])),
  ];
}

function head(trial, title) {
  const link = (name, text) => h("a", { href: address(trial.experiment, name) }, text ?? short(trial.experiment, name));
  const relatives = [
    trial.parent && h("span", {}, "goes on from ", link(trial.parent)),
    trial.reused_from && h("span", {}, "results reused from ", link(trial.reused_from)),
    trial.children.length > 0 && h("span", {}, "gone on with by ", trial.children.map((name) => [link(name), " "])),
  ].filter(Boolean);
  return h("section", { class: "head", "data-key": "head" },
    h("div", { class: "title" }, h("h1", {}, `Trial ${title}`), phase(trial.phase, trial.reason),
      trial.rank && h("span", { class: "badge" }, trial.rank),
      !trial.feasible && h("span", { class: "badge bad" }, "violates constraints"),
      h("nav", { class: "neighbours", "aria-label": "Neighbours" },
        trial.before ? link(trial.before, "← Before") : h("span", { class: "quiet" }, "← Before"),
        trial.after ? link(trial.after, "After →") : h("span", { class: "quiet" }, "After →"))),
    h("div", { class: "counts" },
      trial.values.map(([metric, direction, value]) => h("span", { "data-key": metric }, h("strong", {}, `${metric} ${number(value)}`), h("span", { class: "quiet" }, ` ${direction}`))),
      trial.epoch !== null && h("span", {}, `epoch ${trial.epoch}`),
      trial.attempt > 1 && h("span", {}, `attempt ${trial.attempt}`),
      trial.started && h("span", { class: "quiet" }, trial.ended ? `took ${duration((trial.ended - trial.started) / 1000)}, began ${moment(trial.started)}` : ticking(trial.started, "", "for ")),
      relatives));
}

function metricsCard(trial) {
  return h("section", { class: "card" }, h("h2", {}, "Metrics"), trial.metrics.length
    ? h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Metrics" }, h("table", {},
      h("thead", {}, h("tr", {}, ["", "last", "best", "min", "max", "epoch"].map((label) => h("th", { scope: "col", class: label ? "number" : null }, label || h("span", { class: "hidden" }, "metric"))))),
      h("tbody", {}, trial.metrics.map((metric) => h("tr", { "data-key": metric.name }, h("th", { scope: "row" }, metric.name),
        [metric.last, metric.best, metric.min, metric.max, metric.epoch].map((value) => h("td", { class: "number" }, number(value))))))))
    : h("p", { class: "quiet" }, "It has logged nothing yet."));
}

function logCard(log, trial, route) {
  const before = route.query.get("log") === "before";
  const state = !log ? "reading…" : log.words ? "" : log.ended ? `${log.total.toLocaleString("en")} lines` : `${log.total.toLocaleString("en")} lines so far`;
  return h("section", { class: "card", "data-key": "log" },
    h("div", { class: "card-head" }, h("h2", {}, before ? "Log of the attempt before" : "Log"), h("div", { class: "controls" },
      h("span", { class: "quiet" }, state),
      trial.attempt > 1 && h("a", { href: address(trial.experiment, trial.name, before ? {} : { log: "before" }) }, before ? "the last attempt’s" : "the attempt before"))),
    log?.words && h("p", { class: "quiet" }, log.words),
    log?.skipped > 0 && h("p", { class: "quiet" }, `${log.skipped.toLocaleString("en")} earlier lines are left out here.`),
    log?.text ? h("pre", { class: "log", tabindex: 0, role: "log", "aria-label": "Log" }, log.text)
      : log?.ended && h("p", { class: "quiet" }, "It has printed nothing."));
}
