"""What differs between trials, or between sweeps, as plain values: parameters, code, packages, settings, outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from expsdk.analysis.results import Results
from expsdk.analysis.trial import TrialRecord
from expsdk.errors import NoBestTrial
from expsdk.resources.experiment import Experiment
from expsdk.resources.times import format_time
from expsdk.space import Choice, Parameter, Space
from expsdk.space.notation import as_written
from expsdk.space.values import identity
from expsdk_runtime.contract import encode_number

__all__ = ["ABSENT", "GROUPS", "Difference", "compare_experiments", "compare_trials"]

ABSENT = "(none)"
"""Stands for what one of those compared does not have."""
GROUPS = ("parameters", "space", "settings", "code", "packages", "place", "outcome")
"""The groups of differences, in the order in which they are told."""
_SEVERAL = 3
_NOT_SETTINGS = frozenset({"space", "objectives", "payload", "plan", "provenance", "job_template", "seed"})


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same in all that are compared.

    Attributes:
        group: What kind of thing it is: one of `GROUPS`.
        name: Its name in its group: "lr", "git_commit", "numpy".
        values: What each has, in the order in which they were given: JSON values, `ABSENT` for what one lacks.
    """

    group: str
    name: str
    values: tuple[Any, ...]


def compare_trials(trials: Sequence[TrialRecord]) -> list[Difference]:
    """Return what differs between trials, of one experiment or of several; nothing that is the same in all is there.

    Args:
        trials: Two or more.
    """
    return list(_differences([_facts_of_trial(trial) for trial in trials]))


def compare_experiments(experiments: Sequence[Results]) -> list[Difference]:
    """Return what differs between experiments; nothing that is the same in all is there.

    What their trials tell of themselves, such as packages, is a text with the few values that there are, if they differ
    among the trials of one experiment.

    Args:
        experiments: The results of two or more.
    """
    return list(_differences([_facts_of_experiment(results) for results in experiments]))


def _differences(compared: Sequence[Mapping[tuple[str, str], Any]]) -> Iterator[Difference]:
    places = dict.fromkeys(place for facts in compared for place in facts)
    for group, name in sorted(places, key=lambda place: GROUPS.index(place[0])):
        values = tuple(_plain(facts.get((group, name), ABSENT)) for facts in compared)
        if len({identity(value) for value in values}) > 1:
            yield Difference(group, name, values)


def _facts_of_trial(trial: TrialRecord) -> dict[tuple[str, str], Any]:
    known = trial.provenance
    place = {name: known.pop(name, None) for name in ("image", "node", "host", "platform")}
    packages = known.pop("packages", {})
    known.pop("pod", None)  # each trial has its own
    outcome = {
        "phase": trial.phase,
        "reason": trial.reason,
        **trial.values,
        "epoch": trial.epoch,
        "attempt": trial.attempt,
        "duration_s": trial.duration_s,
    }
    parts = {"parameters": trial.parameters, "code": known, "packages": packages, "place": place, "outcome": outcome}
    return _flat(parts, keeps_null=("parameters",))


def _facts_of_experiment(results: Results) -> dict[tuple[str, str], Any]:
    record = results.experiment
    origin, trials = record.spec.provenance, [trial.provenance for trial in results]
    code: dict[str, Any] = {"function": record.spec.function, "payload_digest": _digest(record)}
    packages: Mapping[str, Any] = {}
    if origin is not None:
        code |= {
            "git_commit": origin.git_commit,
            "git_dirty": origin.git_dirty,
            "diff_digest": origin.diff_digest,
            "user": "@".join(filter(None, (origin.user, origin.host))),
            "created": format_time(origin.created),
            "expsdk": origin.expsdk,
        }
        packages = origin.packages
    measured = [trial["packages"] for trial in trials if "packages" in trial]
    if measured:
        names = sorted({name for each in measured for name in each}, key=str.lower)
        packages = {name: _several(each.get(name) for each in measured) for name in names}
    code |= {"python": _several(trial.get("python") for trial in trials), "seed": record.spec.seed}
    place = {name: _several(trial.get(name) for trial in trials) for name in ("image", "node", "host", "platform")}
    parts = {
        "space": dict(_written(Space.from_declarative(record.spec.space).parameters)),
        "settings": _settings(record),
        "code": code,
        "packages": packages,
        "place": place,
        "outcome": _outcome(results),
    }
    return _flat(parts)


def _written(parameters: Iterable[Parameter], where: str = "") -> Iterator[tuple[str, str]]:
    """Yield each parameter's domain as one writes it, and those that exist in a branch with the way there."""
    for each in parameters:
        yield where + each.name, as_written(each.domain)
        if isinstance(each.domain, Choice):
            for option, branch in each.domain.pairs():
                yield from _written(branch, f"{where}{each.name}={option}: ")


def _settings(record: Experiment) -> dict[str, Any]:
    """Return what a sweep was told, by the name that its record has for it."""
    spec = record.spec.model_dump(mode="json", exclude=set(_NOT_SETTINGS))
    spec.pop("function")
    settings = {"objectives": {each.metric: each.direction for each in record.spec.objectives}, **spec}
    return {name: value for name, value in settings.items() if value not in ([], (), {}, "")}


def _outcome(results: Results) -> dict[str, Any]:
    """Return how a sweep went: its phase, its trials by phase, the best one with its sample."""
    outcome: dict[str, Any] = {"phase": results.experiment.status.phase, "trials": len(results)}
    outcome |= {phase.lower(): count for phase, count in results.counts.items()}
    try:
        best = results.best
    except NoBestTrial:
        return outcome
    outcome |= {f"best {metric}": value for metric, value in best.values.items()}
    outcome |= {"best trial": best.number, "best epoch": best.epoch}
    return outcome | {f"best {name}": value for name, value in best.parameters.items()}


def _several(values: Iterable[Any]) -> Any:
    """Return what all trials have, or a text with the first few where they differ; None where none tells."""
    found = list(dict.fromkeys(value for value in values if value is not None))
    if len(found) <= 1:
        return found[0] if found else None
    more = len(found) - _SEVERAL
    return ", ".join(map(str, found[:_SEVERAL])) + (f" and {more} more" if more > 0 else "")


def _digest(record: Experiment) -> str | None:
    return record.spec.payload.digest if record.spec.payload is not None else None


def _flat(parts: Mapping[str, Mapping[str, Any]], *, keeps_null: Sequence[str] = ()) -> dict[tuple[str, str], Any]:
    """Return all parts' facts by group and name, those that are not known left out."""
    return {
        (group, name): value
        for group, facts in parts.items()
        for name, value in facts.items()
        if group in keeps_null or value not in (None, "")
    }


def _plain(value: Any) -> Any:
    return encode_number(value) if isinstance(value, float) else value
