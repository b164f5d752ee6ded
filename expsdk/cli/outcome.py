"""What a verb prints of a sweep that has ended, and its exit code."""

from __future__ import annotations

import json
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expsdk_runtime.contract import Phase

if TYPE_CHECKING:
    from expsdk.analysis import Results, TrialRecord

CANNOT = 1
NOT_WELL = 3
INTERRUPTED = 130


class Form(str, Enum):
    """How an outcome is printed."""

    TABLE = "table"
    JSON = "json"
    NAME = "name"


OutputForm = Annotated[
    Form,
    typer.Option(
        "--output",
        "-o",
        metavar="|".join(Form),
        show_default=False,
        help="How the best trial is printed: a line for people, or a form for programs.",
    ),
]


def print_outcome(results: Results, form: Form) -> None:
    """Print the best trial of a sweep on standard output, or those of its front where it has several objectives."""
    best = _best(results)
    if form is Form.NAME:
        for trial in best:
            typer.echo(trial.name)
    elif form is Form.JSON:
        typer.echo(json.dumps(_document(results, best), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        from expsdk.analysis.words import printable
        from expsdk.resources.result import summarize_parameters
        from expsdk_runtime.contract import encode_number
        from expsdk_runtime.status import summarize

        for trial in best:
            values = summarize({name: encode_number(value) for name, value in trial.values.items()})
            typer.echo(printable(f"{trial.name}  {values}  {summarize_parameters(trial.parameters)}"))


def exit_code_of(results: Results) -> int:
    """Return the exit code that tells how a sweep has ended."""
    phase = results.experiment.status.phase
    if phase == Phase.CANCELLED:
        return INTERRUPTED
    return 0 if phase == Phase.SUCCEEDED and results.counts.get(Phase.SUCCEEDED) else CANNOT


def exit_code_of_phase(phase: str) -> int:
    """Return the exit code that tells where a sweep or a trial stands: those that wait or run are well."""
    return 0 if phase in (Phase.PENDING, Phase.RUNNING, Phase.SUCCEEDED, Phase.PRUNED) else NOT_WELL


def _best(results: Results) -> list[TrialRecord]:
    several = len(results.experiment.spec.objectives) > 1
    return list(results.pareto if several else results.top(1))


def _document(results: Results, best: list[TrialRecord]) -> dict[str, Any]:
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
