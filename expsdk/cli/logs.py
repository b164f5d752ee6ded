"""`expsdk logs`: what a trial printed, and prints."""

from __future__ import annotations

from typing import Annotated

import typer

from expsdk.cli.completion import complete_trial
from expsdk.cli.output import print_text, say
from expsdk.cli.place import Place, placed
from expsdk.cli.target import find_target
from expsdk.errors import ResultsError

app = typer.Typer()


@app.command()
@placed
def logs(
    place: Place,
    trial: Annotated[
        str, typer.Argument(metavar="TRIAL", help="The trial's name: digits-0003.", autocompletion=complete_trial)
    ],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the trial has ended.")] = False,
    previous: Annotated[bool, typer.Option("--previous", help="Of the attempt before the last.")] = False,
) -> None:
    """Print what a trial printed, standard output and error together.

    \b
    expsdk logs digits-0003
    expsdk logs digits-0003 --follow
    expsdk logs digits-0003 --previous
    expsdk results digits --where 'phase == "Failed"' -o name | xargs -n1 expsdk logs
    """
    from expsdk.resources.names import trial_name

    if follow and previous:
        raise typer.BadParameter("an attempt before the last has ended; leave out one of --follow and --previous")
    records = place.records()
    experiment, number = find_target(records, trial)
    if number is None:
        raise ResultsError(
            f"a log is a trial's, and {trial} is an experiment; name a trial of it, such as {trial_name(trial, 0)}"
        )
    has_lines = False
    for line in records.logs(trial_name(experiment, number), follow=follow, previous=previous):
        has_lines = True
        print_text(line)
    if not has_lines:
        say(f"{trial} has printed nothing")
