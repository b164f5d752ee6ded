"""What the page shows of an experiment, as JSON values: each part is a pure function of what is known at a moment.

Numbers that JSON has no word for are strings, as `expsdk_runtime.contract.encode_number` has them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from expsdk.analysis.results import Results
from expsdk.analysis.trial import MetricHistory, TrialRecord
from expsdk.dashboard.sight import Sight
from expsdk.resources.result import format_value
from expsdk.resources.words import in_one_line
from expsdk.space import Space
from expsdk.space.notation import lines_of
from expsdk_runtime.contract import Phase, encode_number

RUNNING_CURVES = 12
BEST_CURVES = 3
BEST_ALONE = 8
"""How many of the best trials have their curves shown where none runs."""
FRONT_SHOWN = 20
GROUPS_SHOWN = 30
NAMES_SHOWN = 12
RECENT = 50
_NUMBERS = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def listing(sights: Iterable[Sight], trouble: str) -> dict[str, Any]:
    """Return the experiments that are there."""
    return {"experiments": [_listed(sight) for sight in sights], "trouble": trouble}


def overview(sight: Sight, *, optuna: str) -> dict[str, Any]:
    """Return how the sweep stands, and its best trials.

    Args:
        sight: The experiment.
        optuna: Where Optuna's dashboard shows it, or "".
    """
    standing, words = sight.standing
    base = {"name": sight.name, "standing": standing, "words": words, "trouble": sight.trouble, "gone": sight.is_gone}
    results = sight.results
    if results is None:
        return {**base, "known": False, "whole": sight.is_whole}
    spec, status = results.experiment.spec, results.experiment.status
    finished = [trial for trial in results if trial.is_finished]
    best = sight.once("best", lambda: best_of(results))
    return {
        **base,
        "known": True,
        "whole": sight.is_whole,
        "function": spec.function,
        "driven": sight.is_driven,
        "started": as_time(status.start_time),
        "ended": as_time(status.completion_time),
        "trials": spec.trials,
        "counts": results.counts,
        "finished": len(finished),
        "left_s": _time_left_s(finished, spec.trials) if sight.is_driven is not False else None,
        "objectives": [objective.model_dump() for objective in spec.objectives],
        "metrics": metric_names(results),
        "best": [_brief(trial, results) for trial in best[:FRONT_SHOWN]],
        "front": len(best) if len(spec.objectives) > 1 else None,
        "facts": _facts(results),
        "space": [list(line) for line in lines_of(Space.from_declarative(spec.space).parameters)],
        "location": results.location,
        "optuna": optuna,
    }


def history(sight: Sight, metric: str) -> dict[str, Any]:
    """Return an objective over the trials, in columns: number, seconds since the sweep began, value, phase, feasible.

    Args:
        sight: The experiment.
        metric: The objective's metric; the first objective's where there is none of that name.
    """
    results = sight.results
    if results is None:
        return {"metric": "", "numbers": []}
    objective = next((each for each in results.experiment.spec.objectives if each.metric == metric), None)
    objective = objective or results.experiment.spec.objectives[0]
    valued = [trial for trial in results if objective.metric in trial.values]
    began = results.experiment.status.start_time
    return {
        "metric": objective.metric,
        "direction": objective.direction,
        "numbers": [trial.number for trial in valued],
        "seconds": [_seconds_since(began, trial) for trial in valued],
        "values": [encode_number(trial.values[objective.metric]) for trial in valued],
        "phases": [trial.phase for trial in valued],
        "violating": [trial.number for trial in valued if not trial.is_feasible],
    }


def curves(sight: Sight, metric: str) -> dict[str, Any]:
    """Return a metric over epochs, of the trials that run and of the best ones.

    Args:
        sight: The experiment.
        metric: The metric; the first objective's where there is none of that name.
    """
    results = sight.results
    if results is None:
        return {"metric": "", "curves": []}
    metric = metric if metric in metric_names(results) else results.experiment.spec.objectives[0].metric
    running = [trial for trial in results if trial.phase == Phase.RUNNING]
    best = sight.once("best", lambda: best_of(results))[: BEST_CURVES if running else BEST_ALONE]
    chosen = [*((trial, "best") for trial in best), *((trial, "running") for trial in running[-RUNNING_CURVES:])]
    return {
        "metric": metric,
        "running": len(running),
        "curves": [
            {**_brief(trial, results), "role": role, **_columns(trial.history[metric])}
            for trial, role in chosen
            if metric in trial.history and (len(trial.history[metric]) > 1 or role == "running")
        ],
    }


def waiting(sight: Sight) -> dict[str, Any]:
    """Return the trials that have not begun, together where they wait for the same."""
    results = sight.results
    if results is None:
        return {"total": 0, "groups": []}
    pending = [trial for trial in results if trial.phase == Phase.PENDING]
    groups: dict[tuple[str, str], list[TrialRecord]] = {}
    for trial in pending:
        groups.setdefault((trial.reason, sight.waiting.get(trial.number, "")), []).append(trial)
    return {
        "total": len(pending),
        "groups": [
            {"reason": reason, "words": words or "its turn: it has not begun yet", **_members(trials, results)}
            for (reason, words), trials in list(groups.items())[:GROUPS_SHOWN]
        ],
    }


def failures(sight: Sight) -> dict[str, Any]:
    """Return the failed trials by what went wrong, most frequent first, each kind with its first traceback.

    Errors that differ in numbers only are of one kind. The first stays the first while more come.
    """
    results = sight.results
    if results is None:
        return {"total": 0, "groups": []}
    failed = [trial for trial in results if trial.phase == Phase.FAILED]
    kinds: dict[tuple[str, str], list[TrialRecord]] = {}
    for trial in failed:
        kinds.setdefault((trial.reason, _NUMBERS.sub("#", in_one_line(trial.error))), []).append(trial)
    ordered = sorted(kinds.items(), key=lambda kind: len(kind[1]), reverse=True)
    return {
        "total": len(failed),
        "kinds": len(kinds),
        "groups": [
            {
                "kind": kind,
                "reason": reason,
                "line": in_one_line(trials[0].error),
                "error": trials[0].error,
                **_members(trials, results),
            }
            for (reason, kind), trials in ordered[:GROUPS_SHOWN]
        ],
    }


def metric_names(results: Results) -> list[str]:
    """Return the metrics that any trial has, objectives first."""
    objectives = [objective.metric for objective in results.experiment.spec.objectives]
    others = {name: None for trial in results for name in trial.metrics}
    return list(dict.fromkeys([*objectives, *others]))


def parameter_names(results: Results) -> list[str]:
    """Return the parameters that the space or any trial has, in their order."""
    others = {name: None for trial in results for name in trial.parameters}
    return list(dict.fromkeys([*results.experiment.spec.space, *others]))


def best_of(results: Results) -> list[TrialRecord]:
    """Return the best trials: of one objective best first, of several the Pareto front."""
    if len(results.experiment.spec.objectives) > 1:
        return list(results.pareto)
    return list(results.top(max(BEST_ALONE, BEST_CURVES)))


def parameters_of(trial: TrialRecord) -> list[list[str]]:
    """Return the parameters with their values as people read them."""
    return [[name, format_value(value)] for name, value in trial.parameters.items()]


def as_time(moment: datetime | None) -> float | None:
    """Return a moment as JavaScript has it: milliseconds since 1970."""
    return None if moment is None else round(moment.timestamp() * 1000)


def _listed(sight: Sight) -> dict[str, Any]:
    results = sight.results
    assert results is not None, "every sight of a list has its record"
    spec, status = results.experiment.spec, results.experiment.status
    standing, words = sight.standing
    best = status.best
    return {
        "name": sight.name,
        "standing": standing,
        "words": words,
        "driven": sight.is_driven,
        "function": spec.function,
        "sampler": spec.sampler.name,
        "objectives": [objective.model_dump() for objective in spec.objectives],
        "trials": spec.trials,
        "counts": status.counts,
        "started": as_time(status.start_time),
        "ended": as_time(status.completion_time),
        "best": best and {"trial": best.trial, "value": encode_number(best.value)},
        "location": results.location,
    }


def _brief(trial: TrialRecord, results: Results) -> dict[str, Any]:
    return {
        "name": trial.name,
        "number": trial.number,
        "phase": trial.phase,
        "epoch": trial.epoch,
        "values": [
            encode_number(trial.values[objective.metric]) if objective.metric in trial.values else None
            for objective in results.experiment.spec.objectives
        ],
        "parameters": parameters_of(trial),
    }


def _columns(points: MetricHistory) -> dict[str, Any]:
    return {"epochs": points.epochs, "series": [encode_number(value) for value in points.values]}


def _members(trials: Sequence[TrialRecord], results: Results) -> dict[str, Any]:
    return {"count": len(trials), "trials": [_brief(trial, results) for trial in trials[:NAMES_SHOWN]]}


def _time_left_s(finished: Sequence[TrialRecord], total: int | None) -> float | None:
    """Return how long the rest takes, at the pace of the last trials that ended; None where nobody can know."""
    ends = sorted(trial.ended.timestamp() for trial in finished if trial.ended)[-RECENT:]
    if total is None or len(ends) < 3 or ends[-1] <= ends[0]:
        return None
    return (total - len(finished)) * (ends[-1] - ends[0]) / (len(ends) - 1)


def _seconds_since(began: datetime | None, trial: TrialRecord) -> float | None:
    moment = trial.ended or trial.started
    return None if began is None or moment is None else round((moment - began).total_seconds(), 1)


def _facts(results: Results) -> list[list[str]]:
    spec = results.experiment.spec
    pruner, provenance, payload = spec.pruner, spec.provenance, spec.payload
    commit = provenance.git_commit if provenance else None
    facts = [
        ("function", spec.function),
        ("objective", ", ".join(f"{each.direction} {each.metric}" for each in spec.objectives)),
        ("sampler", _with_options(spec.sampler.name, spec.sampler.options)),
        ("pruner", _with_options(pruner.name, pruner.options) if pruner else ""),
        ("trials", str(spec.trials) if spec.trials else "until the sampler or the time ends"),
        ("at a time", str(spec.parallelism)),
        ("seed", str(spec.seed)),
        ("retries", str(spec.retries) if spec.retries else ""),
        ("time for the sweep", f"{spec.timeout_seconds:g} s" if spec.timeout_seconds is not None else ""),
        ("time for a trial", f"{spec.trial_timeout_seconds:g} s" if spec.trial_timeout_seconds is not None else ""),
        ("created by", f"{provenance.user}@{provenance.host}" if provenance else ""),
        ("git commit", f"{commit}{' with changes' if provenance and provenance.git_dirty else ''}" if commit else ""),
        ("payload", payload.digest if payload else ""),
        ("Python", provenance.python if provenance else ""),
        ("expsdk", provenance.expsdk if provenance else ""),
        ("kept in", results.location),
    ]
    return [[name, fact] for name, fact in facts if fact]


def _with_options(name: str, options: Mapping[str, Any]) -> str:
    told = ", ".join(f"{key}={json.dumps(value)}" for key, value in options.items())
    return f"{name} ({told})" if told else name
