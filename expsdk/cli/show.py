"""`expsdk show`: all of one experiment, or of one trial."""

from __future__ import annotations

from typing import Annotated

import typer

from expsdk.cli.completion import complete_name
from expsdk.cli.exits import exit_code_of
from expsdk.cli.output import Format, Output, print_document, print_lines
from expsdk.cli.place import Place, placed
from expsdk.cli.target import find_target

app = typer.Typer()


@app.command()
@placed
def show(
    place: Place,
    name: Annotated[
        str,
        typer.Argument(metavar="NAME|TRIAL", help="An experiment, or one trial of it.", autocompletion=complete_name),
    ],
    output: Output = Format.TABLE,
) -> None:
    """Show what became of an experiment, or of one trial of it, also while it runs.

    Of an experiment: settings, space, counts, the best trial with its curve, what failed and why, what waits and for
    what, where it comes from, and how to go on. Of a trial: parameters, metrics, times, what went wrong with the
    traceback, provenance, and the end of its log. As json and yaml it is the record itself.

    It ends with 3 where that has failed, was cancelled or interrupted.

    \b
    expsdk show digits
    expsdk show digits-0003
    expsdk show digits -o yaml
    """
    experiment, number = find_target(place.records(), name)
    if number is None:
        _show_experiment(place, experiment, output)
    else:
        _show_trial(place, experiment, name, output)


def _show_experiment(place: Place, name: str, output: Format) -> None:
    from expsdk.analysis.overview import OVERVIEW_FIELDS, is_driven, overview
    from expsdk.cli.describe import experiment_lines

    records = place.records()
    results = place.results(name)
    driven = is_driven(records, results.experiment)
    row = overview(results.experiment, driven=driven, trials_outlive=records.trials_outlive)
    if output.is_table:
        print_lines(experiment_lines(results, records.results(name), phase=row["phase"], flags=place.flags()))
    else:
        document = results.experiment.to_document()
        print_document(document, output, name=name, row=lambda: row, fields=OVERVIEW_FIELDS)
    raise typer.Exit(exit_code_of(row["phase"]))


def _show_trial(place: Place, experiment: str, name: str, output: Format) -> None:
    from expsdk.cli.describe import trial_lines
    from expsdk.cli.results import row_fields

    records = place.records()
    results = place.results(experiment)
    trial = results[name]
    if output.is_table:
        print_lines(trial_lines(results, trial, records=records, flags=place.flags()))
    else:
        document = next(each for each in records.results(experiment) if each["metadata"]["name"] == name)
        print_document(document, output, name=name, row=trial.to_dict, fields=row_fields(results))
    raise typer.Exit(exit_code_of(trial.phase))
