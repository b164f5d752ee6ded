"""`expsdk results` and `expsdk best`: an experiment's trials, filtered, sorted and cut."""

from __future__ import annotations

from typing import Annotated

import typer

from expsdk.cli.completion import complete_experiment
from expsdk.cli.outcome import NOT_WELL
from expsdk.cli.output import Format, Output, say
from expsdk.cli.place import Place, placed
from expsdk.cli.trials import fields_of, print_trials
from expsdk.errors import NoBestTrial

app = typer.Typer()

Experiment = Annotated[
    str, typer.Argument(metavar="NAME", help="The experiment's name.", autocompletion=complete_experiment)
]


@app.command()
@placed
def results(
    place: Place,
    name: Experiment,
    condition: Annotated[
        str | None,
        typer.Option("--where", metavar="CONDITION", help="Only trials for which it is true; see below."),
    ] = None,
    order: Annotated[
        str | None,
        typer.Option("--sort", metavar="COLUMN", help="Sort by a value; largest first with - before it: -val_loss."),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option("--top", metavar="N", min=1, help="The best N only; with --sort, the first N."),
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Show an experiment's trials, filtered and sorted.

    Also while its sweep runs; by number unless --sort or --top is given.

    A condition has names, numbers, "texts", comparisons, and, or, not, in, and arithmetic. Names are parameters,
    metrics (their last values), and phase, reason, number, epoch, attempt, duration_s, error and more; parameters.lr
    and metrics.lr tell apart what is called the same, and metrics["val/loss"] takes any name. What a trial lacks is
    None, and no comparison with it is true.

    \b
    expsdk results digits --top 10
    expsdk results digits --where 'lr < 0.01 and phase == "Failed"'
    expsdk results digits --where 'opt in ("sgd", "adam") and not momentum > 0.9' --sort -duration_s
    expsdk results digits --where 'phase == "Failed"' -o name | xargs -n1 expsdk logs
    expsdk results digits -o csv > digits.csv
    """
    found = place.results(name)
    total, fields = len(found), fields_of(found)
    if condition is not None:
        found = found.where(condition)
    if order is not None:
        found = found.sort_by(order)
        found = found[:top] if top is not None else found
    elif top is not None:
        found = found.top(top)
    print_trials(found, output, fields=fields)
    if output.is_table and len(found) < total:
        say(f"{len(found)} of {total} trials")
    elif not total:
        say(f"{name} has no trial yet")


@app.command()
@placed
def best(place: Place, name: Experiment, output: Output = Format.TABLE) -> None:
    """Show an experiment's best trial.

    With several objectives, all that no other is better than by all of them.

    It ends with 3 where no trial has succeeded with a value.

    \b
    expsdk best digits
    expsdk best digits -o name
    expsdk best digits -o json | jq '.[0]["parameters.lr"]'
    """
    found = place.results(name)
    has_one = len(found.experiment.spec.objectives) == 1
    try:
        chosen = found.top(1) if has_one else found.pareto
        if not chosen:
            _ = found.best  # which tells why there is none
    except NoBestTrial as error:
        say(str(error))
        raise typer.Exit(NOT_WELL) from error
    print_trials(chosen, output, fields=fields_of(found))
