"""What a verb prints of a sweep that has ended, and its exit code.

0: done, and what was asked about is well. 1: it could not be done, and the line on standard error says why. 2: a wrong
command line. 3: done, and what was asked about is not well: the sweep or the trial has failed, was cancelled or
interrupted, or no trial has succeeded. 130: after Ctrl-C.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from expsdk.cli.output import Format, print_document, print_lines
from expsdk.cli.trials import fields_of, print_trials
from expsdk_runtime.contract import Phase

if TYPE_CHECKING:
    from expsdk.analysis import Results, TrialRecord

NOT_WELL = 3
INTERRUPTED = 130


def print_outcome(results: Results, output: Format) -> None:
    """Print the best trial of a sweep on standard output, or those of its front where it has several objectives.

    For programs that read JSON or YAML, with how the sweep has ended.
    """
    several = len(results.experiment.spec.objectives) > 1
    best = results.pareto if several else results.top(1)
    if output in (Format.JSON, Format.YAML):
        print_document(_document(results, best), output, name=results.name, row=dict, fields=())
    elif output is Format.TABLE:
        print_lines(map(_line, best))
    else:
        print_trials(best, output, fields=fields_of(results))


def exit_code_of(results: Results) -> int:
    """Return the exit code that tells how a sweep stands: well where it goes on, or has left a trial that succeeded."""
    return exit_code_of_sweep(results.experiment.status.phase, succeeded=results.counts.get(Phase.SUCCEEDED, 0))


def exit_code_after_driving(results: Results) -> int:
    """Return the exit code of a verb that has driven a sweep itself: Ctrl-C is what ends such a one before its time."""
    return INTERRUPTED if results.experiment.status.phase == Phase.CANCELLED else exit_code_of(results)


def exit_code_of_sweep(phase: str, *, succeeded: int) -> int:
    """Return the same from a sweep's phase and from how many of its trials have succeeded."""
    return NOT_WELL if phase in Phase.FINISHED and not succeeded else exit_code_of_phase(phase)


def exit_code_of_phase(phase: str) -> int:
    """Return the exit code that tells where a sweep or a trial stands: those that wait or run are well."""
    return 0 if phase in (Phase.PENDING, Phase.RUNNING, Phase.SUCCEEDED, Phase.PRUNED) else NOT_WELL


def _line(trial: TrialRecord) -> str:
    """Return a trial in a line: its name, its objectives, its parameters."""
    from expsdk.resources.result import summarize_parameters
    from expsdk.resources.words import printable
    from expsdk_runtime.contract import encode_number
    from expsdk_runtime.status import summarize

    values = summarize({name: encode_number(value) for name, value in trial.values.items()})
    return printable(f"{trial.name}  {values}  {summarize_parameters(trial.parameters)}")


def _document(results: Results, best: Results) -> dict[str, Any]:
    from expsdk_runtime.contract import encode_number

    status = results.experiment.status
    return {
        "name": results.name,
        "phase": status.phase,
        "message": status.message,
        "counts": results.counts,
        "location": results.location,
        "best": [
            {
                "name": trial.name,
                "parameters": dict(trial.parameters),
                "values": {name: encode_number(value) for name, value in trial.values.items()},
            }
            for trial in best
        ],
    }
