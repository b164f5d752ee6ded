// One experiment: how it stands, its best trials, charts, what waits, what failed, and the table of trials.

import { h } from "/page/dom.js";
import { address, ago, count, duration, number, pairs, phase, PHASES, phaseBar, sample, short, ticking, trialLink } from "/page/format.js";
import { curvesSpec, historySpec } from "/page/charts.js";

export function renderExperiment(data, route) {
  const overview = data.overview;
  if (!overview) return [h("h1", {}, route.name), h("p", { class: "quiet" }, "Reading the trials…")];
  const trouble = overview.trouble && h("p", { class: "notice", role: "alert" }, overview.trouble);
  if (!overview.known) return [h("h1", {}, overview.name), trouble || h("p", { class: "quiet" }, "Reading the trials…")];
  return [
    head(overview),
    trouble,
    h("div", { class: "columns" }, best(overview), historyCard(data.history, overview, route)),
    curvesCard(data.curves, overview, route),
    waitingCard(data.waiting, overview),
    failuresCard(data.failures, overview),
    trialsCard(data.trials, overview, route),
    factsCard(overview),
  ];
}

function head(overview) {
  const { counts, finished, trials } = overview;
  const over = overview.ended && !overview.driven;
  const time = over ? ["took ", duration((overview.ended - overview.started) / 1000)] : overview.driven ? ["for ", ticking(overview.started)] : [];
  return h("section", { class: "head", "data-key": "head" },
    h("div", { class: "title" }, h("h1", {}, overview.name), phase(overview.standing),
      overview.driven && h("span", { class: "quiet" }, "driven now"),
      overview.optuna
        ? h("a", { class: "button", href: overview.optuna }, "Optuna’s dashboard")
        : h("span", { class: "hint" }, "Optuna’s dashboard: ", h("code", {}, "pip install 'expsdk[dashboard]'"))),
    overview.words && h("p", { class: "words" }, overview.words),
    phaseBar(counts, trials),
    h("div", { class: "counts" },
      h("strong", {}, trials ? `${finished.toLocaleString("en")} of ${count(trials, "trial")}` : `${count(finished, "trial")} ended`),
      PHASES.filter((each) => counts[each]).map((each) =>
        h("a", { href: address(overview.name, "", { phase: each }), class: "count", "data-key": each }, phase(each), ` ${counts[each].toLocaleString("en")}`)),
      time.length > 0 && h("span", { class: "quiet" }, time),
      overview.left_s !== null && h("span", { class: "quiet" }, `about ${duration(overview.left_s)} left`),
      overview.started && !overview.driven ? h("span", { class: "quiet" }, "began ", ago(overview.started)) : "",
      !overview.whole && h("span", { class: "quiet" }, "reading…")));
}

function best(overview) {
  const [first, ...others] = overview.best;
  const many = overview.objectives.length > 1;
  const body = !first
    ? h("p", { class: "quiet" }, "No trial has succeeded with a value yet.")
    : many ? front(overview) : [
      h("p", { class: "value" }, number(first.values[0])),
      h("p", { class: "quiet" }, `${overview.objectives[0].metric} (${overview.objectives[0].direction}) in `,
        trialLink(overview.name, first, `trial ${short(overview.name, first.name)}`)),
      h("div", { class: "parameters-of-best", tabindex: 0, role: "region", "aria-label": "Parameters of the best trial" }, pairs(first.parameters, "parameters")),
      others.length > 0 && h("details", {}, h("summary", {}, "Next best"), h("ol", { class: "ranked", start: 2 },
        others.slice(0, 5).map((trial) => h("li", { "data-key": trial.name }, trialLink(overview.name, trial), " ",
          h("span", { class: "number" }, number(trial.values[0])), h("span", { class: "under" }, sample(trial.parameters)))))),
    ];
  return h("section", { class: "card best", "data-key": "best" }, h("h2", {}, many ? `Pareto front: ${count(overview.front, "trial")}` : "Best"), body);
}

function front(overview) {
  return h("ul", { class: "ranked" }, overview.best.map((trial) => h("li", { "data-key": trial.name },
    trialLink(overview.name, trial), " ",
    h("span", { class: "number" }, trial.values.map((value, place) => `${overview.objectives[place].metric} ${number(value)}`).join(", ")),
    h("span", { class: "under" }, sample(trial.parameters)))));
}

function historyCard(history, overview, route) {
  const chosen = history?.metric ?? "";
  return h("section", { class: "card chart-card", "data-key": "history" },
    h("div", { class: "card-head" }, h("h2", {}, "Objective"), h("div", { class: "controls" },
      overview.objectives.length > 1 && select("objective", "Objective", chosen, overview.objectives.map((each) => each.metric)),
      select("x", "Over", route.query.get("x") ?? "number", [["number", "by trial"], ["time", "by time"]]),
      logSwitch("log", route))),
    history && h("expsdk-chart", { spec: historySpec(history, overview.name, route.query) }));
}

function curvesCard(curves, overview, route) {
  if (!curves || !(curves.curves.length || curves.running || overview.metrics.length > 1)) return null;
  return h("section", { class: "card chart-card", "data-key": "curves" },
    h("div", { class: "card-head" }, h("h2", {}, curves.running ? `Curves: ${curves.running} running, and the best` : "Curves of the best"),
      h("div", { class: "controls" },
        overview.metrics.length > 1 && select("metric", "Metric", curves.metric, overview.metrics),
        logSwitch("logc", route))),
    curves.curves.length
      ? h("expsdk-chart", { spec: curvesSpec(curves, overview.name, route.query) })
      : h("p", { class: "quiet" }, `No trial that runs or is among the best has logged ${curves.metric} at several epochs.`));
}

function select(name, label, chosen, options) {
  return h("label", {}, h("span", { class: "hidden" }, label), h("select", { "data-query": name },
    options.map((option) => {
      const [value, text] = Array.isArray(option) ? option : [option, option];
      return h("option", { value, selected: value === chosen }, text);
    })));
}

function logSwitch(name, route) {
  return h("label", { class: "switch" }, h("input", { type: "checkbox", "data-query": name, checked: route.query.get(name) === "1" }), " log scale");
}

function members(group, overview) {
  const rest = group.count - group.trials.length;
  return h("span", { class: "members" }, group.trials.map((trial) => [trialLink(overview.name, trial), " "]),
    rest > 0 && h("span", { class: "quiet" }, `and ${rest} more`));
}

function waitingCard(waiting, overview) {
  if (!waiting?.total) return null;
  return h("section", { class: "card", "data-key": "waiting" }, h("h2", {}, `Waiting: ${count(waiting.total, "trial")}`),
    h("ul", { class: "groups" }, waiting.groups.map((group) => h("li", { "data-key": `${group.reason} ${group.words}` },
      h("p", {}, group.count > 1 && h("strong", {}, `${group.count} × `), group.reason && h("span", { class: "reason" }, group.reason), group.reason && " ", group.words),
      members(group, overview)))));
}

function failuresCard(failures, overview) {
  if (!failures?.total) return null;
  return h("section", { class: "card", "data-key": "failures" },
    h("h2", {}, `Failed: ${count(failures.total, "trial")}${failures.kinds > 1 ? ` in ${failures.kinds} ways` : ""}`),
    h("ul", { class: "groups" }, failures.groups.map((group) => h("li", { "data-key": `${group.reason} ${group.kind}` },
      h("p", {}, h("strong", {}, `${group.count} × `), h("span", { class: "reason" }, group.reason), " ", group.line),
      members(group, overview),
      group.error.trim() !== group.line && h("details", {}, h("summary", {}, `Traceback of ${short(overview.name, group.trials[0].name)}`),
        h("pre", { tabindex: 0 }, group.error))))));
}

function trialsCard(trials, overview, route) {
  if (!trials) return null;
  const kept = Object.fromEntries(route.query);
  const go = (changes) => address(overview.name, "", { ...kept, ...changes });
  const chosen = new Set(trials.phases ?? []);
  const { page, pages } = trials;
  return h("section", { class: "card", "data-key": "trials", id: "trials" },
    h("div", { class: "card-head" }, h("h2", {}, "Trials"), h("label", { class: "search" },
      h("span", { class: "hidden" }, "Filter the trials"),
      h("input", { type: "search", "data-query": "q", value: route.query.get("q") ?? "", spellcheck: "false", autocomplete: "off",
        placeholder: "Filter: adam lr<0.01" }))),
    h("div", { class: "filters", role: "group", "aria-label": "Phases" },
      h("a", { href: go({ phase: "", page: "" }), class: "filter", "aria-current": chosen.size === 0 ? "true" : null }, "All"),
      PHASES.filter((each) => overview.counts[each] || chosen.has(each)).map((each) => h("a", {
        "data-key": each, class: "filter", href: go({ phase: chosen.has(each) ? "" : each, page: "" }), "aria-current": chosen.has(each) ? "true" : null,
      }, phase(each), ` ${overview.counts[each] ?? 0}`)),
      h("span", { class: "quiet", role: "status" }, trials.matching === trials.total ? count(trials.total, "trial") : `${trials.matching.toLocaleString("en")} of ${count(trials.total, "trial")}`)),
    trials.rows.length ? trialsTable(trials, overview, go) : h("p", { class: "quiet" }, trials.total ? "No trial is like that." : "No trial has begun."),
    pages > 1 && h("nav", { class: "pages", "aria-label": "Pages" },
      page > 1 ? h("a", { href: go({ page: page - 1 }), rel: "prev" }, "← Previous") : h("span", { class: "quiet" }, "← Previous"),
      h("span", {}, `${trials.first.toLocaleString("en")}–${(trials.first + trials.rows.length - 1).toLocaleString("en")} of ${trials.matching.toLocaleString("en")}`),
      page < pages ? h("a", { href: go({ page: page + 1 }), rel: "next" }, "Next →") : h("span", { class: "quiet" }, "Next →")));
}

function trialsTable(trials, overview, go) {
  const sorted = trials.sort.replace(/^-/, "");
  const down = trials.sort.startsWith("-");
  const heading = (column) => {
    const next = column.key === sorted ? (down ? column.key : `-${column.key}`) : column.key === "number" || column.key === "started" ? `-${column.key}` : column.key;
    return h("th", { scope: "col", class: column.kind, "data-key": column.key, "aria-sort": column.key === sorted ? (down ? "descending" : "ascending") : null },
      h("a", { href: go({ sort: next === "-number" ? "" : next, page: "" }) }, column.label, h("span", { class: "arrow", "aria-hidden": "true" }, column.key === sorted ? (down ? " ↓" : " ↑") : "")));
  };
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Trials" },
    h("table", { class: "trials" },
      h("thead", {}, h("tr", {}, trials.columns.map(heading))),
      h("tbody", {}, trials.rows.map((trial) => h("tr", { "data-key": trial.name }, trials.columns.map((column) => cell(column, trial, overview)))))));
}

function cell(column, trial, overview) {
  const [kind, ...rest] = column.key.split(".");
  const name = rest.join(".");
  if (kind === "number") return h("th", { scope: "row" }, h("a", { href: address(overview.name, trial.name) }, short(overview.name, trial.name)));
  if (kind === "phase") {
    return h("td", { class: "state", title: trial.line || null }, phase(trial.phase, trial.reason), trial.violating && h("span", { class: "under" }, "violates constraints"),
      trial.line && h("span", { class: "under clip" }, trial.line));
  }
  if (kind === "epoch") return h("td", { class: "number" }, trial.epoch ?? "–");
  if (kind === "duration") return h("td", { class: "number" }, trial.duration_s !== null ? duration(trial.duration_s) : trial.phase === "Running" ? ticking(trial.started) : "–");
  if (kind === "metrics") return h("td", { class: "number" }, name in trial.metrics ? number(trial.metrics[name]) : "–");
  const value = trial.parameters[name];
  return h("td", { class: "parameter", title: value ?? null }, value ?? "–");
}

function factsCard(overview) {
  return h("section", { class: "card columns even", "data-key": "facts" },
    h("div", {}, h("h2", {}, "Sweep"), pairs(overview.facts)),
    h("div", {}, h("h2", {}, "Space"), pairs(overview.space, "parameters")));
}
