"""What a verb prints of a sweep that has ended, and its exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from expsdk.cli.output import Format, print_document, print_lines
from expsdk_runtime.contract import Phase

if TYPE_CHECKING:
    from expsdk.analysis import Results, TrialRecord

CANNOT = 1
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
        from expsdk.cli.results import fields_of, print_trials

        print_trials(best, output, fields=fields_of(results))


def exit_code_of(results: Results) -> int:
    """Return the exit code that tells how a sweep has ended."""
    phase = results.experiment.status.phase
    if phase == Phase.CANCELLED:
        return INTERRUPTED
    return 0 if phase == Phase.SUCCEEDED and results.counts.get(Phase.SUCCEEDED) else CANNOT


def exit_code_of_phase(phase: str) -> int:
    """Return the exit code that tells where a sweep or a trial stands: those that wait or run are well."""
    return 0 if phase in (Phase.PENDING, Phase.RUNNING, Phase.SUCCEEDED, Phase.PRUNED) else NOT_WELL


def _line(trial: TrialRecord) -> str:
    """Return a trial in a line: its name, its objectives, its parameters."""
    from expsdk.analysis.words import printable
    from expsdk.resources.result import summarize_parameters
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
