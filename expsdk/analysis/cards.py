"""What notebooks show of results and of a trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from expsdk.analysis import html
from expsdk.analysis.table import cells
from expsdk.resources.result import format_value
from expsdk_runtime.contract import Phase

if TYPE_CHECKING:
    from expsdk.analysis.results import Results
    from expsdk.analysis.trial import TrialRecord


def results_card(results: Results, shown: Sequence[TrialRecord], *, caption: str) -> str:
    """Return trials in HTML: how many in which phase, a table of those that are shown with their curves, and where.

    Args:
        results: All of them.
        shown: Those that the table has.
        caption: How many these are, in words.
    """
    metric = results.experiment.spec.objectives[0].metric
    curves = [html.curve(trial.history[metric].values) if metric in trial.history else "" for trial in shown]
    header, *rows = cells(shown)
    if any(curves):
        header = [*header, f"{metric} by epoch"]
        rows = [[*row, curve] for row, curve in zip(rows, curves, strict=True)]
    total = results.experiment.spec.trials if results.experiment.status.phase == Phase.RUNNING else None
    return html.page(
        html.heading(results.name, caption),
        html.bar(results.counts, total),
        html.table(header, rows, is_html=frozenset({len(header) - 1} if any(curves) else ())) if rows else "",
        html.line(f"kept in {results.location}", dim=True),
    )


def trial_card(trial: TrialRecord) -> str:
    """Return a trial in HTML: its sample, its metrics with their curves, what went wrong, and where it comes from."""
    facts = {
        "parent": trial.parent,
        "reused from": trial.reused_from,
        "constraints": " ".join(f"{value:.6g}" for value in trial.constraints) + _violated(trial),
        "epoch": trial.epoch,
        "attempt": trial.attempt if trial.attempt > 1 else "",
        "took": "" if trial.duration_s is None else f"{trial.duration_s:.6g} s",
        "log": trial.log_path,
    }
    metrics = [
        [name, *(f"{summary[which]:.6g}" for which in ("last", "min", "max")), _curve(trial, name)]
        for name, summary in trial.metrics.items()
    ]
    return html.page(
        html.heading(trial.name, trial.state),
        _pairs("parameter", {name: format_value(value) for name, value in trial.parameters.items()}),
        html.table(["metric", "last", "min", "max", "by epoch"], metrics, is_html=frozenset({4})) if metrics else "",
        html.preformatted(trial.error) if trial.error else "",
        _pairs("", {name: str(fact) for name, fact in facts.items() if fact not in (None, "")}),
        html.fold("where it comes from", _pairs("", {name: _words(fact) for name, fact in trial.provenance.items()})),
    )


def _violated(trial: TrialRecord) -> str:
    return "" if trial.is_feasible else " (violated)"


def _curve(trial: TrialRecord, metric: str) -> str:
    return html.curve(trial.history[metric].values, width=180) if metric in trial.history else ""


def _pairs(kind: str, pairs: Mapping[str, str]) -> str:
    return (
        html.table([kind, "value" if kind else ""], [[name, value] for name, value in pairs.items()]) if pairs else ""
    )


def _words(fact: Any) -> str:
    if isinstance(fact, Mapping):
        return " ".join(f"{name}=={version}" for name, version in fact.items())
    return str(fact)
