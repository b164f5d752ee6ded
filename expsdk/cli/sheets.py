"""What `expsdk show` tells people of an experiment, and of a trial: lines under headings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from expsdk.analysis.again import Again
from expsdk.analysis.overview import INTERRUPTED, created_at
from expsdk.analysis.words import counts_by_phase
from expsdk.cli.columns import as_age, as_number, as_span
from expsdk.cli.output import styled
from expsdk.resources.result import format_value
from expsdk.resources.times import format_time
from expsdk.resources.words import count_of, printable
from expsdk.sweep.display.glyphs import glyphs_for, sparkline
from expsdk.sweep.display.groups import Failures, Group, Waiting
from expsdk.sweep.display.words import how_it_runs
from expsdk_runtime.contract import Phase

if TYPE_CHECKING:
    from expsdk.analysis import Results, TrialRecord
    from expsdk.resources.experiment import Experiment

CURVE_WIDTH = 40
GROUPS_TOLD = 8
LOG_LINES = 10
FRONT_NAMED = 5
_INDENT = "  "
_LIMITS = {
    "trial_timeout_seconds": "trial timeout",
    "timeout_seconds": "timeout",
    "max_failures": "max failures",
    "target": "target",
    "no_improvement_trials": "no improvement in",
    "replicates": "replicates",
    "retries": "retries",
    "cache": "cache",
    "learn_from": "learns from",
}


def experiment_lines(
    results: Results, *, phase: str, waiting: Sequence[Mapping[str, Any]], again: Again, encoding: str | None
) -> Iterator[str]:
    """Yield what there is to tell of an experiment.

    Args:
        results: Its results.
        phase: Where it stands, as `overview` tells.
        waiting: The Results of the trials that wait.
        again: How to come back to it.
        encoding: Of the terminal; it says with which signs curves may be drawn.
    """
    experiment = results.experiment
    yield f"{styled(results.name, 'bold')}  {styled(phase, phase)}{_said(experiment)}"
    yield from _pairs(_experiment_facts(results))
    yield from _section("space", _pairs(_space(experiment)))
    yield from _section("best", _best(results, encoding))
    yield from _section("waiting", _groups(_waiting(waiting)))
    yield from _section("failed", _groups(_failed(results)))
    yield from _section("provenance", _pairs(_launched(experiment)))
    yield ""
    yield f"its trials: {again.command('results')}"
    if phase in (Phase.CANCELLED, INTERRUPTED):
        yield f"go on with it: {again.command('resume')}"
    elif phase not in Phase.FINISHED:
        yield f"look on: {again.command('watch')}"


def trial_lines(
    trial: TrialRecord, *, waits_for: str, again: Again, last_words: Sequence[str], encoding: str | None
) -> Iterator[str]:
    """Yield what there is to tell of a trial.

    Args:
        trial: The trial.
        waits_for: What it waits for, in words, or "".
        again: How to come back to it, by its name.
        last_words: The end of its log.
        encoding: Of the terminal.
    """
    state = styled(trial.state, trial.phase)
    yield f"{styled(trial.name, 'bold')}  {state}{f'  waits for {waits_for}' if waits_for else ''}"
    yield from _pairs(_trial_facts(trial))
    yield from _section("parameters", _pairs({name: format_value(value) for name, value in trial.parameters.items()}))
    yield from _section("metrics", _metrics(trial, encoding))
    yield from _section("error", (f"{_INDENT}{printable(line)}".rstrip() for line in trial.error.splitlines()))
    yield from _section("provenance", _pairs(_provenance(trial.provenance)))
    yield from _section("end of its log", (f"{_INDENT}{printable(line)}".rstrip() for line in last_words))
    yield ""
    yield f"its log: {again.command('logs')}"
    if trial.phase in Phase.FINISHED:
        yield f"run it again here: {again.command('replay')}"


def _said(experiment: Experiment) -> str:
    message = experiment.status.message
    return f"  {printable(message)}" if message else ""


def _experiment_facts(results: Results) -> dict[str, str]:
    experiment = results.experiment
    spec, status = experiment.spec, experiment.status
    objectives = ", ".join(f"{each.direction} {each.metric}" for each in spec.objectives)
    of = f" of {spec.trials}" if spec.trials else ""
    limits = {
        words: value if isinstance(value, (int, float, str)) else ", ".join(value)
        for field, words in _LIMITS.items()
        if (value := getattr(spec, field)) not in (None, (), False) and (field, value) not in _DEFAULTS
    }
    spent = as_span(status.active_seconds) if status.active_seconds else ""
    return {
        "function": spec.function,
        "objective": objectives,
        "trials": f"{len(results)}{of}: {counts_by_phase(results.counts) or 'none has begun'}",
        "runs": how_it_runs(experiment),
        "limits": ", ".join(f"{words} {value}" for words, value in limits.items()),
        "created": _moment(created_at(experiment)),
        "took": spent,
        "kept in": results.location,
    }


_DEFAULTS = frozenset({("replicates", 1), ("retries", 0)})


def _space(experiment: Experiment) -> dict[str, str]:
    from expsdk.space import Space
    from expsdk.space.notation import lines_of

    return dict(lines_of(Space.from_declarative(experiment.spec.space).parameters))


def _best(results: Results, encoding: str | None) -> Iterator[str]:
    if len(results.experiment.spec.objectives) > 1:
        front = results.pareto
        if front:
            names = " ".join(trial.name for trial in front[:FRONT_NAMED])
            more = " …" if len(front) > FRONT_NAMED else ""
            yield f"{_INDENT}{count_of(len(front), 'trial')} that no other beats: {names}{more}"
        return
    for trial in results.top(1):
        values = " ".join(f"{name}={as_number(value)}" for name, value in trial.values.items())
        sample = " ".join(f"{name}={format_value(value)}" for name, value in trial.parameters.items())
        yield f"{_INDENT}{trial.name}  {values}  {printable(sample)}".rstrip()
        history = trial.history.get(results.experiment.spec.objectives[0].metric)
        curve = _curve(history.values, encoding) if history is not None else ""
        if curve:
            yield f"{_INDENT}{curve}"


def _waiting(documents: Sequence[Mapping[str, Any]]) -> tuple[Group, ...]:
    waiting = Waiting()
    for document in documents:
        waiting.put(dict(document))
    return waiting.groups(GROUPS_TOLD)


def _failed(results: Results) -> tuple[Group, ...]:
    failures = Failures()
    for trial in results.filter(phase=Phase.FAILED):
        failures.take(trial.number, trial.reason, trial.error)
    return failures.groups(GROUPS_TOLD)


def _groups(groups: Sequence[Group]) -> Iterator[str]:
    for group in groups:
        yield f"{_INDENT}{count_of(group.count, 'trial')}: {group.words} ({' '.join(group.labels)})"


def _launched(experiment: Experiment) -> dict[str, str]:
    provenance = experiment.spec.provenance
    if provenance is None:
        return {}
    payload = experiment.spec.payload
    facts = {
        "git_commit": provenance.git_commit,
        "git_dirty": provenance.git_dirty,
        "diff_digest": provenance.diff_digest,
        "payload_digest": payload.digest if payload else None,
        "python": provenance.python,
        "packages": provenance.packages,
        "user": "@".join(filter(None, (provenance.user, provenance.host))),
        "expsdk": provenance.expsdk,
    }
    return _provenance({name: fact for name, fact in facts.items() if fact not in (None, "", {})})


def _provenance(facts: Mapping[str, Any]) -> dict[str, str]:
    commit = str(facts.get("git_commit") or "")
    dirty = f", with changes ({facts.get('diff_digest', 'of unknown digest')})" if facts.get("git_dirty") else ""
    packages = " ".join(f"{name}=={version}" for name, version in (facts.get("packages") or {}).items())
    told = {"commit": commit + dirty if commit else "", "packages": packages}
    plain = {
        name.replace("_", " "): str(fact)
        for name, fact in facts.items()
        if name not in ("git_commit", "git_dirty", "diff_digest", "packages")
    }
    return {**told, **plain}


def _trial_facts(trial: TrialRecord) -> dict[str, str]:
    return {
        "attempt": str(trial.attempt) if trial.attempt > 1 else "",
        "epoch": "" if trial.epoch is None else str(trial.epoch),
        "began": _moment(trial.started),
        "took": "" if trial.duration_s is None else as_span(trial.duration_s),
        "constraints": "" if trial.is_feasible else "violated",
        "goes on from": trial.parent,
        "reused from": trial.reused_from,
        "wrote to": trial.output_dir,
    }


def _metrics(trial: TrialRecord, encoding: str | None) -> Iterator[str]:
    if not trial.metrics:
        return
    head = ("", "last", "best", "min", "max", "")
    rows = [
        (
            name,
            *(as_number(summary.get(which)) if which in summary else "-" for which in head[1:5]),
            _curve(trial.history[name].values, encoding) if name in trial.history else "",
        )
        for name, summary in trial.metrics.items()
    ]
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(5)]
    for row in (head, *rows):
        numbers = (cell.rjust(width) for cell, width in zip(row[1:5], widths[1:], strict=True))
        yield (_INDENT + "  ".join([row[0].ljust(widths[0]), *numbers, row[5]])).rstrip()


def _curve(values: Sequence[float], encoding: str | None) -> str:
    return sparkline(values, CURVE_WIDTH, glyphs_for(encoding).levels)


def _moment(moment: Any) -> str:
    return "" if moment is None else f"{format_time(moment)} ({as_age(moment)} ago)"


def _pairs(facts: Mapping[str, str]) -> Iterator[str]:
    """Yield names and values in two columns, without what is empty."""
    width = max((len(name) for name, fact in facts.items() if fact), default=0)
    for name, fact in facts.items():
        if fact:
            yield f"{_INDENT}{name.ljust(width)}  {printable(fact)}"


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    """Yield lines under a heading, or nothing."""
    first = next(lines, None)
    if first is not None:
        yield ""
        yield styled(title, "bold")
        yield first
        yield from lines
