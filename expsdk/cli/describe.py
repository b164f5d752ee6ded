"""An experiment and a trial in full, for people: a heading, then blocks of names and what they are."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from expsdk.analysis.overview import INTERRUPTED, created_at
from expsdk.analysis.words import count_of, counts_by_phase, printable
from expsdk.cli.columns import as_age, as_number, as_span, as_value
from expsdk.cli.output import styled
from expsdk.errors import ExpsdkError, NoBestTrial
from expsdk.sweep.display.glyphs import glyphs_for, sparkline
from expsdk.sweep.display.groups import Failures, Group, Waiting
from expsdk.sweep.display.words import how_it_runs
from expsdk_runtime.contract import Phase

if TYPE_CHECKING:
    from expsdk.analysis import Results, TrialRecord
    from expsdk.backends.base import Document, Records

CURVE_CELLS = 40
GROUPS_SHOWN = 8
LOG_LINES = 10
Facts = Mapping[str, str]


def experiment_lines(results: Results, documents: Iterable[Document], *, phase: str, flags: str) -> Iterator[str]:
    """Yield the lines about an experiment.

    Args:
        results: Its results.
        documents: Its trials' Results as JSON values.
        phase: Its phase, as `overview` tells it.
        flags: What names its place on a command line.
    """
    name, spec, status = results.name, results.experiment.spec, results.experiment.status
    yield f"{styled(name, 'bold')}  {styled(phase, phase)}  {_counts(results)}"
    objectives = ", ".join(f"{each.direction} {each.metric}" for each in spec.objectives)
    yield from _block(
        "",
        {
            "message": status.message,
            "function": spec.function,
            "objective": objectives,
            "sweep": how_it_runs(results.experiment),
            "limits": _limits(results),
            "created": _moment(created_at(results.experiment)),
            "took": as_span(status.active_seconds) if status.active_seconds else "",
            "kept in": results.location,
        },
    )
    yield from _block("Space", {each: _domain(domain) for each, domain in spec.space.items()})
    yield from _best(results)
    yield from _groups("Failed", _failures(results))
    if phase in (Phase.PENDING, Phase.RUNNING):
        yield from _groups("Waiting", _waiting(documents))
    if spec.provenance is not None:
        facts = spec.provenance.model_dump(mode="json", exclude_none=True, exclude={"created"})
        yield from _block("Provenance", {key.replace("_", " "): _fact(value) for key, value in facts.items()})
    yield from _block("Next", _ways_on(name, phase, flags))


def trial_lines(results: Results, trial: TrialRecord, *, records: Records, flags: str) -> Iterator[str]:
    """Yield the lines about a trial.

    Args:
        results: Its experiment's results.
        trial: The trial.
        records: What reads its log.
        flags: What names its place on a command line.
    """
    yield f"{styled(trial.name, 'bold')}  {styled(trial.state, trial.phase)}  trial {trial.number} of {results.name}"
    yield from _block(
        "",
        {
            "attempt": f"{trial.attempt} of {results.experiment.spec.retries + 1}" if trial.attempt > 1 else "",
            "started": _moment(trial.started),
            "took": as_span(trial.duration_s) if trial.duration_s is not None else "",
            "epoch": "" if trial.epoch is None else str(trial.epoch),
            "feasible": "" if trial.is_feasible else f"no: constraints {', '.join(map(as_number, trial.constraints))}",
            "parent": trial.parent,
            "reused from": trial.reused_from,
            "output": trial.output_dir,
            "log": trial.log_path or "",
        },
    )
    yield from _block("Parameters", {key: as_value(value) for key, value in trial.parameters.items()})
    yield from _metrics(trial)
    told = trial.error or _why_it_waits(results, trial, records)
    if told:
        yield from ("", styled("Error" if trial.error else "Waits", "bold"))
        yield from (f"  {printable(line)}" for line in told.splitlines())
    yield from _block("Provenance", {key.replace("_", " "): _fact(value) for key, value in trial.provenance.items()})
    yield from _log(trial, records, flags)


def _counts(results: Results) -> str:
    counts = counts_by_phase(results.counts) or "none has begun"
    trials = results.experiment.spec.trials
    of = f" of {trials}" if trials and trials != len(results) else ""
    return f"{len(results)}{of} trials: {counts}" if of or len(results) != 1 else f"1 trial: {counts}"


def _limits(results: Results) -> str:
    spec = results.experiment.spec
    limits = {
        "retries": spec.retries or None,
        "max failures": spec.max_failures,
        "timeout": None if spec.timeout_seconds is None else as_span(spec.timeout_seconds),
        "trial timeout": None if spec.trial_timeout_seconds is None else as_span(spec.trial_timeout_seconds),
        "target": spec.target,
        "no improvement": spec.no_improvement_trials and count_of(spec.no_improvement_trials, "trial"),
        "budget": spec.budget and f"{spec.budget.hours:g} {spec.budget.unit}-hours",
    }
    return ", ".join(f"{name} {value}" for name, value in limits.items() if value is not None)


def _domain(domain: Mapping[str, Any]) -> str:
    """Return a domain as it is written in Python, from its declarative form."""
    kind = domain.get("type", "")
    if kind == "choice":
        branches = domain.get("branches") or [{}] * len(domain["choices"])
        options = [
            as_value(option) + (f" ({', '.join(branch)})" if branch else "")
            for option, branch in zip(domain["choices"], branches, strict=False)
        ]
        return f"choice: {', '.join(options)}"
    plain = {"step": 1, "log": False}  # what need not be said
    rest = {key: value for key, value in domain.items() if key != "type" and (key, value) not in plain.items()}
    told = [as_value(value) if key in ("low", "high", "value") else f"{key}={value}" for key, value in rest.items()]
    return f"{kind}({', '.join(told)})"


def _best(results: Results) -> Iterator[str]:
    objectives = results.experiment.spec.objectives
    try:
        best = list(results.pareto[:GROUPS_SHOWN]) if len(objectives) > 1 else [results.best]
    except NoBestTrial:
        return
    if not best:
        return
    yield from ("", styled("Best" if len(objectives) == 1 else f"Best by {len(objectives)} objectives", "bold"))
    for trial in best:
        values = " ".join(f"{name}={as_number(value)}" for name, value in trial.values.items())
        epoch = "" if trial.epoch is None else f"  epoch {trial.epoch}"
        yield f"  {trial.name}  {values}{epoch}"
        yield f"  {' '.join(f'{name}={as_value(value)}' for name, value in trial.parameters.items())}"
        yield from (f"  {line}" for line in _curves(trial, [objective.metric for objective in objectives]))


def _curves(trial: TrialRecord, metrics: Iterable[str]) -> Iterator[str]:
    levels = glyphs_for(sys.stdout.encoding).levels
    for metric in metrics:
        history = trial.history.get(metric)
        curve = sparkline(history.values, CURVE_CELLS, levels) if history is not None else ""
        if history is not None and curve:
            yield f"{curve}  {metric} {as_number(history.values[0])} → {as_number(history.values[-1])}"


def _failures(results: Results) -> tuple[Group, ...]:
    failures = Failures()
    for trial in results.filter(phase=Phase.FAILED):
        failures.take(trial.number, trial.reason, trial.error)
    return failures.groups(GROUPS_SHOWN)


def _waiting(documents: Iterable[Document]) -> tuple[Group, ...]:
    waiting = Waiting()
    for document in documents:
        status = document.get("status") or {}
        if status.get("phase", Phase.PENDING) == Phase.PENDING and status.get("reason"):
            waiting.put(document)
    return waiting.groups(GROUPS_SHOWN)


def _groups(title: str, groups: Iterable[Group]) -> Iterator[str]:
    for place, group in enumerate(groups):
        if place == 0:
            yield from ("", styled(title, "bold"))
        yield f"  {group.count:>4}  {group.words}" + (f"  ({', '.join(group.labels)})" if group.labels else "")


def _metrics(trial: TrialRecord) -> Iterator[str]:
    if not trial.metrics:
        return
    rows = [["", "last", "min", "max", "best"]]
    rows += [
        [name, *(as_number(summary[key]) for key in ("last", "min", "max", "best"))]
        for name, summary in trial.metrics.items()
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    yield from ("", styled("Metrics", "bold"))
    for row in rows:
        first, *rest = (
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield f"  {'  '.join([first, *rest])}"
    yield from (f"  {line}" for line in _curves(trial, trial.metrics))


def _why_it_waits(results: Results, trial: TrialRecord, records: Records) -> str:
    """Return what a trial that has not begun waits for, in the words of its record."""
    if trial.phase != Phase.PENDING or not trial.reason:
        return ""
    found = next(each for each in records.results(results.name) if each["metadata"]["name"] == trial.name)
    return str(found["status"].get("message", ""))


def _log(trial: TrialRecord, records: Records, flags: str) -> Iterator[str]:
    """Yield the end of a trial's log, where it has one that can be read."""
    try:
        lines = deque(records.logs(trial.name), maxlen=LOG_LINES)
    except ExpsdkError:
        return
    if lines:
        yield from ("", styled("Log", "bold") + styled(f"  all of it: expsdk logs {trial.name}{flags}", "faint"))
        yield from (f"  {printable(line.rstrip())}" for line in lines)


def _ways_on(name: str, phase: str, flags: str) -> Facts:
    ways = {"results": f"expsdk results {name}{flags} --top 10"}
    if phase in (Phase.PENDING, Phase.RUNNING):
        return {"look on": f"expsdk watch {name}{flags}", **ways, "end it": f"expsdk stop {name}{flags}"}
    if phase in (INTERRUPTED, Phase.CANCELLED, Phase.FAILED):
        return {"go on": f"expsdk resume {name}{flags}", **ways}
    return ways


def _block(title: str, facts: Facts) -> Iterator[str]:
    """Yield a block of names and what they are, those aside that are nothing."""
    there = {name: fact for name, fact in facts.items() if fact}
    if not there:
        return
    if title:
        yield from ("", styled(title, "bold"))
    width = max(map(len, there))
    yield from (f"  {styled(name.ljust(width), 'faint')}  {printable(fact)}" for name, fact in there.items())


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone():%Y-%m-%d %H:%M:%S} ({as_age(moment)} ago)"


def _fact(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{name}=={version}" for name, version in value.items())
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
