"""What is said when a sweep is over: how it went, what is best, what failed, where it is, how to come back to it."""

from __future__ import annotations

from expsdk.analysis.again import Again
from expsdk.analysis.results import Results
from expsdk.analysis.trial import TrialRecord
from expsdk.analysis.words import counts_by_phase
from expsdk.errors import NoBestTrial
from expsdk.resources.result import format_value
from expsdk.resources.words import count_of
from expsdk.sweep.display.groups import Failures
from expsdk.sweep.display.words import as_duration
from expsdk_runtime.contract import Phase

FAILURES_TOLD = 4
GOOD, BAD, NEUTRAL = "green", "red", ""


def closing_lines(results: Results, again: Again) -> list[tuple[str, str]]:
    """Return what is said after the last trial, each line with its colour."""
    status = results.experiment.status
    lines = [(_headline(results), "bold")]
    lines += [(line, GOOD) for line in _best_lines(results)]
    lines += [(line, BAD) for line in _failure_lines(results, again)]
    lines.append((f"kept in {results.location}", NEUTRAL))
    if status.phase == Phase.CANCELLED:
        script = f'sweep(name="{results.name}", …).run(resume=True)'
        lines.append((f"go on: {again.command('resume')}, or {script}, or {again.call('attach', 'run')}", "yellow"))
    elif status.phase not in Phase.FINISHED:
        lines.append(
            (f"it goes on; look on again: {again.command('watch')}, or {again.call('attach', 'watch')}", "yellow")
        )
    lines.append((f"look again: {again.command('show')}, or {again.call('results')}", NEUTRAL))
    return lines


def _headline(results: Results) -> str:
    status = results.experiment.status
    counts = counts_by_phase(results.counts) or "no trial"
    took = f" in {as_duration(status.active_seconds)}" if status.active_seconds >= 1 else ""
    return f"{results.name}: {counts}{took}" + (f" ({status.message})" if status.message not in ("", counts) else "")


def _best_lines(results: Results) -> list[str]:
    if len(results.experiment.spec.objectives) > 1:
        front = results.pareto
        names = " ".join(trial.name for trial in front[:FAILURES_TOLD])
        more = " …" if len(front) > FAILURES_TOLD else ""
        return [f"best: {count_of(len(front), 'trial')} that no other beats: {names}{more}"] if front else []
    try:
        best = results.best
    except NoBestTrial:
        return []
    values = " ".join(f"{name}={value:.6g}" for name, value in best.values.items())
    sample = " ".join(f"{name}={format_value(value)}" for name, value in best.parameters.items())
    return [f"best: {best.name}  {values}  {sample}".rstrip()]


def _failure_lines(results: Results, again: Again) -> list[str]:
    failures, failed = Failures(), {trial.number: trial for trial in results.filter(phase=Phase.FAILED)}
    for trial in failed.values():
        failures.take(trial.number, trial.reason, trial.error)
    groups = failures.groups(len(failed))
    lines = [
        f"{group.count} failed: {group.words}; {_log_of(failed[int(group.labels[0])], again)}"
        for group in groups[:FAILURES_TOLD]
    ]
    rest = sum(group.count for group in groups[FAILURES_TOLD:])
    return [*lines, *([f"{rest} failed for other reasons"] if rest else [])]


def _log_of(trial: TrialRecord, again: Again) -> str:
    """Return where a trial's log is: its file, or the command that prints it."""
    where = trial.log_path or Again(trial.name, again.address).command("logs")
    return f"log of {trial.name}: {where}"
