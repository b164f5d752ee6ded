"""`expsdk watch`: looking on while a sweep runs, wherever it is driven."""

from __future__ import annotations

from typing import Annotated

import typer

from expsdk.cli.completion import complete_experiment
from expsdk.cli.exits import exit_code_of
from expsdk.cli.output import say
from expsdk.cli.place import Place, placed
from expsdk_runtime.contract import Phase

app = typer.Typer()


@app.command()
@placed
def watch(
    place: Place,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The experiment's name.", autocompletion=complete_experiment)
    ],
) -> None:
    """Look on until a sweep is over: a live picture on a terminal, a line per event elsewhere, on standard error.

    Ctrl-C looks on no more, and the sweep goes on. It ends with 3 where the sweep has failed or was cancelled, or where
    nobody drives it any more.

    \b
    expsdk watch digits
    expsdk watch digits --namespace ml && expsdk best digits --namespace ml
    """
    from expsdk.analysis.overview import INTERRUPTED, is_driven
    from expsdk.sweep.attach import attach

    sweep = attach(name, backend=place.backend, **place.options())
    records = place.records()
    experiment = records.experiment(name)
    is_over = experiment.status.phase in Phase.FINISHED
    if not (is_over or records.trials_outlive) and is_driven(records, experiment) is False:
        say(f"{name} was interrupted, and nobody drives it; go on with it: expsdk resume {name}{place.flags()}")
        raise typer.Exit(exit_code_of(INTERRUPTED))
    raise typer.Exit(exit_code_of(sweep.watch().experiment.status.phase))
