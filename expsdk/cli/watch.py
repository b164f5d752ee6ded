"""`expsdk watch` and `expsdk logs`: looking on while a sweep or a trial runs."""

from __future__ import annotations

from typing import Annotated

import typer

from expsdk.cli.completion import complete_experiment, complete_trial
from expsdk.cli.outcome import NOT_WELL, exit_code_of
from expsdk.cli.output import print_lines, say
from expsdk.cli.place import Place, placed
from expsdk.cli.target import find_trial
from expsdk_runtime.contract import Phase

app = typer.Typer()


@app.command()
@placed
def watch(
    place: Place,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The sweep's name.", autocompletion=complete_experiment)],
) -> None:
    """Look on at a sweep until it is over.

    Wherever it is driven; Ctrl-C leaves it alone.

    A terminal shows a picture that is kept up to date, anything else a line for whatever ends: EXPSDK_PROGRESS=plain,
    live or quiet chooses. It ends with 3 where the sweep has failed or was cancelled, or where nobody drives it.

    \b
    expsdk watch digits
    expsdk watch digits --namespace ml
    expsdk watch digits && expsdk best digits
    """
    from expsdk.analysis.overview import is_driven
    from expsdk.sweep.attach import attach

    records = place.records()
    experiment = records.experiment(name)
    is_over = experiment.status.phase in Phase.FINISHED
    if not (is_over or records.trials_outlive) and is_driven(records, experiment) is False:
        go_on = place.again(name).command("resume")
        say(f"{name} was interrupted, and nobody drives it; go on with it: {go_on}")
        raise typer.Exit(NOT_WELL)
    results = attach(name, backend=place.backend, **place.options()).watch()
    raise typer.Exit(exit_code_of(results))


@app.command()
@placed
def logs(
    place: Place,
    trial: Annotated[str, typer.Argument(metavar="TRIAL", help="The trial's name.", autocompletion=complete_trial)],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the trial ends.")] = False,
    previous: Annotated[bool, typer.Option("--previous", help="Of the attempt before the last.")] = False,
) -> None:
    """Print what a trial printed.

    \b
    expsdk logs digits-0017
    expsdk logs digits-0017 --follow
    expsdk results digits --where 'phase == "Failed"' -o name | xargs -n1 expsdk logs
    """
    if follow and previous:
        raise typer.BadParameter("an attempt before the last has ended; leave out --follow or --previous")
    records = place.records()
    find_trial(records, trial)
    print_lines(line.rstrip("\n") for line in records.logs(trial, follow=follow, previous=previous))
