"""What the page shows of one trial, as JSON values."""

from __future__ import annotations

import json
from typing import Any

from expsdk.analysis.results import Results
from expsdk.analysis.trial import TrialRecord
from expsdk.dashboard.parts import as_time, metric_names
from expsdk.dashboard.sight import Sight
from expsdk.errors import TrialNotFound
from expsdk_runtime.contract import encode_number

_TOLD = frozenset({"digest", "host", "image", "node", "packages", "platform", "podName", "python"})
"""What of a trial's environment its provenance tells already."""


def trial_page(sight: Sight, name: str) -> dict[str, Any]:
    """Return all that is known of a trial, or why there is none."""
    standing, _ = sight.standing
    base = {"experiment": sight.name, "name": name, "standing": standing, "trouble": sight.trouble}
    results = sight.results
    if results is None:
        return {**base, "known": False, "words": sight.trouble}
    try:
        trial = results[name]
    except TrialNotFound as error:
        return {**base, "known": False, "words": str(error) if sight.is_whole else ""}
    place = next(index for index, each in enumerate(results) if each.number == trial.number)
    return {
        **base,
        "known": True,
        "number": trial.number,
        "phase": trial.phase,
        "reason": trial.reason,
        "waiting": sight.waiting.get(trial.number, ""),
        "error": trial.error,
        "attempt": trial.attempt,
        "epoch": trial.epoch,
        "started": as_time(trial.started),
        "ended": as_time(trial.ended),
        "values": [
            [each.metric, each.direction, encode_number(trial.values[each.metric])]
            for each in results.experiment.spec.objectives
            if each.metric in trial.values
        ],
        "rank": _rank(sight, trial),
        "feasible": trial.is_feasible,
        "constraints": [encode_number(value) for value in trial.constraints],
        "parameters": [[key, _exact(value)] for key, value in trial.parameters.items()],
        "metrics": _metrics(results, trial),
        "facts": [[_label(key), fact] for key, fact in _facts(trial)],
        "environment": [[_label(key), value] for key, value in trial.environment.items() if key not in _TOLD],
        "packages": [list(each) for each in trial.packages.items()],
        "parent": trial.parent,
        "reused_from": trial.reused_from,
        "children": [each.name for each in results if each.parent == trial.name],
        "before": results[place - 1].name if place else "",
        "after": results[place + 1].name if place + 1 < len(results) else "",
    }


def _rank(sight: Sight, trial: TrialRecord) -> str:
    """Return what place the trial has among all, in words, where it has one of the first."""
    results = sight.results
    assert results is not None, "the trial is one of them"
    if len(results.experiment.spec.objectives) > 1:
        return "on the Pareto front" if any(each.name == trial.name for each in results.pareto) else ""
    best = [each.name for each in results.top(10)]
    if trial.name not in best:
        return ""
    place = best.index(trial.name) + 1
    return "the best so far" if place == 1 else f"number {place} of all"


def _metrics(results: Results, trial: TrialRecord) -> list[dict[str, Any]]:
    objectives = {objective.metric for objective in results.experiment.spec.objectives}
    found = []
    for name in metric_names(results):
        if name in trial.metrics:
            summary: dict[str, Any] = {key: encode_number(value) for key, value in trial.metrics[name].items()}
            if name not in objectives:
                summary["best"] = None  # nobody has said which of its values are better
            points = trial.history.get(name)
            columns = {
                "epochs": points.epochs if points else [],
                "series": [encode_number(value) for value in points.values] if points else [],
                "stride": points.stride if points else 1,
            }
            found.append({"name": name, **summary, **columns})
    return found


def _facts(trial: TrialRecord) -> list[tuple[str, str]]:
    told = [(key, fact) for key, fact in trial.provenance.items() if key not in ("packages", "parent", "reused_from")]
    places = [("output_dir", trial.output_dir), ("log_path", trial.log_path)]
    return [(key, str(fact)) for key, fact in [*told, *places] if fact not in (None, "")]


def _label(key: str) -> str:
    return {"python": "Python", "user": "created by", "log_path": "log"}.get(key, key.replace("_", " "))


def _exact(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
