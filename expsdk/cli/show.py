"""`expsdk show`: all that is known of an experiment, or of one trial."""

from __future__ import annotations

import sys
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from expsdk.cli.completion import complete_name
from expsdk.cli.outcome import exit_code_of_phase, exit_code_of_sweep
from expsdk.cli.output import Format, Output, print_document, print_lines
from expsdk.cli.place import Place, placed
from expsdk.cli.target import find_target
from expsdk.errors import ExpsdkError
from expsdk_runtime.contract import Phase

if TYPE_CHECKING:
    from expsdk.backends.base import Document, Records

app = typer.Typer()


@app.command()
@placed
def show(
    place: Place,
    name: Annotated[
        str, typer.Argument(metavar="NAME|TRIAL", help="An experiment, or a trial.", autocompletion=complete_name)
    ],
    output: Output = Format.TABLE,
) -> None:
    """Show all of an experiment or of a trial: where it stands, what is best, what waits and why, what failed and how.

    It ends with 3 where the experiment or the trial has failed, was cancelled or interrupted. json and yaml are the
    whole record, as a cluster keeps it.

    \b
    expsdk show digits
    expsdk show digits-0017
    expsdk show digits -o json | jq .status.counts
    expsdk show digits > /dev/null && echo it is well
    """
    records = place.records()
    experiment, number = find_target(records, name)
    show_it = _show_experiment if number is None else _show_trial
    raise typer.Exit(show_it(records, name if number is not None else experiment, output))


def _show_experiment(records: Records, name: str, output: Format) -> int:
    from expsdk.analysis.again import Again
    from expsdk.analysis.open import read_results
    from expsdk.analysis.overview import OVERVIEW_FIELDS, is_driven, overview
    from expsdk.cli.sheets import experiment_lines

    experiment = records.experiment(name)
    driven = is_driven(records, experiment)
    row = overview(experiment, driven=driven, trials_outlive=records.trials_outlive)
    code = exit_code_of_sweep(row["phase"], succeeded=row["succeeded"])
    if not output.is_table:
        print_document(experiment.to_document(), output, name=name, row=lambda: row, fields=OVERVIEW_FIELDS)
        return code
    results = read_results(records, name)
    is_waiting = results.counts.get(Phase.PENDING)
    waiting = [each for each in records.results(name) if _phase_of(each) == Phase.PENDING] if is_waiting else []
    print_lines(
        experiment_lines(
            results,
            phase=row["phase"],
            waiting=waiting,
            again=Again(name, records.address()),
            encoding=sys.stdout.encoding,
        )
    )
    return code


def _show_trial(records: Records, name: str, output: Format) -> int:
    from expsdk.analysis.again import Again
    from expsdk.analysis.open import open_trial
    from expsdk.analysis.rows import columns_of
    from expsdk.cli.sheets import trial_lines
    from expsdk.sweep.display.words import waits_for

    document = records.result(name)
    trial = open_trial(records, document)
    if not output.is_table:
        print_document(document, output, name=name, row=trial.to_dict, fields=columns_of([trial.to_dict()]))
        return exit_code_of_phase(trial.phase)
    waits = waits_for(document) if trial.phase == Phase.PENDING else ""
    print_lines(
        trial_lines(
            trial,
            waits_for=waits,
            again=Again(name, records.address()),
            last_words=_last_words(records, name),
            encoding=sys.stdout.encoding,
        )
    )
    return exit_code_of_phase(trial.phase)


def _last_words(records: Records, trial: str) -> list[str]:
    """Return the end of a trial's log, as far as there is one to read."""
    from expsdk.cli.sheets import LOG_LINES

    lines: deque[str] = deque(maxlen=LOG_LINES)
    with suppress(ExpsdkError):
        lines.extend(line.rstrip("\n") for line in records.logs(trial))
    return list(lines)


def _phase_of(document: Document) -> str:
    return str((document.get("status") or {}).get("phase", Phase.PENDING))
