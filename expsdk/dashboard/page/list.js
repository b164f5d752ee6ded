// The list of experiments.

import { h } from "/page/dom.js";
import { address, ago, number, phase, phaseBar, short } from "/page/format.js";

export function renderList(data) {
  const list = data.list;
  if (!list) return [h("p", { class: "quiet" }, "Reading the experiments…")];
  return [
    h("h1", {}, "Experiments"),
    list.trouble && h("p", { class: "notice", role: "alert" }, list.trouble),
    list.experiments.length ? table(list.experiments) : empty(),
  ];
}

function empty() {
  return h("section", { class: "card empty" },
    h("h2", {}, "No experiment is here yet"),
    h("p", {}, "Start a sweep, and it appears here at once: ", h("code", {}, "train.sweep(trials=50).run()"), "."),
    h("p", { class: "quiet" }, "If there should be some, the dashboard may look in another place: see ",
      h("code", {}, "expsdk dashboard --help"), "."));
}

function table(experiments) {
  return h("div", { class: "card scroll", tabindex: 0, role: "region", "aria-label": "Experiments" },
    h("table", { class: "experiments" },
      h("thead", {}, h("tr", {}, ["Experiment", "State", "Trials", "Best", "Sampler", "Started"].map((label) =>
        h("th", { scope: "col" }, label)))),
      h("tbody", {}, experiments.map(row))));
}

function row(each) {
  const finished = ["Succeeded", "Failed", "Pruned", "Cancelled"].reduce((sum, name) => sum + (each.counts[name] ?? 0), 0);
  const failed = each.counts.Failed ?? 0;
  return h("tr", { "data-key": each.name },
    h("th", { scope: "row" }, h("a", { href: address(each.name) }, each.name),
      h("span", { class: "under" }, each.function)),
    h("td", {}, phase(each.standing), h("span", { class: "under" }, each.driven ? "driven now" : each.words)),
    h("td", { class: "progress" }, h("span", {}, each.trials ? `${finished} of ${each.trials}` : `${finished}`,
      failed ? h("span", { class: "failed-text" }, ` · ${failed} failed`) : ""), phaseBar(each.counts, each.trials)),
    h("td", { "data-label": "Best" }, each.best
      ? [h("a", { href: address(each.name, each.best.trial) }, number(each.best.value)),
        h("span", { class: "under" }, `${each.objectives[0].metric}, ${short(each.name, each.best.trial)}`)]
      : [h("span", { class: "quiet" }, "–"), h("span", { class: "under" }, each.objectives.map((one) => one.metric).join(", "))]),
    h("td", { "data-label": "Sampler" }, each.sampler),
    h("td", { "data-label": "Started" }, each.started ? ago(each.started) : "–"));
}
