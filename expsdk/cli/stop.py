"""`expsdk stop` and `expsdk delete`: ending sweeps and trials, and forgetting them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from expsdk.cli.completion import complete_experiment, complete_name
from expsdk.cli.outcome import INTERRUPTED
from expsdk.cli.output import say
from expsdk.cli.place import Place, placed
from expsdk.cli.target import find_target
from expsdk.errors import BackendError
from expsdk_runtime.contract import Phase

if TYPE_CHECKING:
    from expsdk.backends.base import Records
    from expsdk.sweep.attach import AttachedSweep

app = typer.Typer()


@app.command()
@placed
def stop(
    place: Place,
    name: Annotated[
        str, typer.Argument(metavar="NAME|TRIAL", help="A sweep, or one trial of it.", autocompletion=complete_name)
    ],
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it has ended.")] = True,
) -> None:
    """Stop a sweep, or one trial of it.

    Wherever it is driven; all results are kept.

    A sweep launches no more trials, and asks those that run to stop: their next log_metric raises TrialStopped. Those
    that do not listen are ended after the grace period; stopping it once more, while it ends, kills them at once.
    expsdk resume goes on with it. A trial that is stopped ends as cancelled and is not tried again; its sweep goes on.

    \b
    expsdk stop train-x7k2p
    expsdk stop train-x7k2p-0003 --no-wait
    expsdk stop train-x7k2p --namespace ml
    """
    from expsdk.sweep.attach import attach

    experiment, number = find_target(place.records(), name)
    sweep = attach(experiment, backend=place.backend, **place.options())
    try:
        if number is None:
            _stop_sweep(sweep, place, wait=wait)
        else:
            _stop_trial(sweep, number, wait=wait)
    except KeyboardInterrupt:
        say(f"{name} was asked to stop, and ends without you")
        sys.exit(INTERRUPTED)


@app.command()
@placed
def delete(
    place: Place,
    names: Annotated[
        list[str], typer.Argument(metavar="NAME", help="Sweeps that have ended.", autocompletion=complete_experiment)
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete sweeps with all that is kept of them.

    Results, logs, checkpoints; says what, and asks first.

    \b
    expsdk delete train-x7k2p
    expsdk delete train-x7k2p train-b4tq9 --yes
    """
    records = place.records()
    names = list(dict.fromkeys(names))
    losses = [_loss(records, name, place) for name in names]
    for loss in losses:
        say(loss)
    if not yes and not _agree(len(names)):
        say("nothing has been deleted")
        raise typer.Exit(1)
    for name in names:
        records.delete(name)
        typer.echo(f"{name} is deleted")


def _stop_sweep(sweep: AttachedSweep, place: Place, *, wait: bool) -> None:
    phase = sweep.experiment.status.phase
    if phase in Phase.FINISHED:
        typer.echo(f"{sweep.name} has ended already: {phase}")
        return
    say(f"{sweep.name}: no more trials are launched, and the running ones are asked to stop")
    results = sweep.stop(wait=wait, progress=False)
    phase = results.experiment.status.phase
    if phase not in Phase.FINISHED:
        typer.echo(f"{sweep.name} is asked to stop")
        return
    from expsdk.analysis.words import counts_by_phase

    typer.echo(f"{sweep.name} has ended: {counts_by_phase(results.counts) or 'no trial'}")
    say(f"go on: {place.again(sweep.name).command('resume')}")


def _stop_trial(sweep: AttachedSweep, number: int, *, wait: bool) -> None:
    trial = sweep.results()[number]
    if trial.phase in Phase.FINISHED:
        typer.echo(f"{trial.name} has ended already: {_words(trial.phase, trial.reason)}")
        return
    say(f"{trial.name} is asked to stop, and is not tried again")
    trial = sweep.stop_trial(number, wait=wait)
    if trial.phase in Phase.FINISHED:
        typer.echo(f"{trial.name} has ended: {_words(trial.phase, trial.reason)}")
    else:
        typer.echo(f"{trial.name} is asked to stop")


def _words(phase: str, reason: str) -> str:
    return f"{phase} ({reason})" if reason and reason != phase else phase


def _loss(records: Records, name: str, place: Place) -> str:
    """Return what goes with an experiment, in words; raises BackendError where it runs."""
    from expsdk.analysis.open import read_results
    from expsdk.analysis.words import counts_by_phase
    from expsdk.resources.words import count_of

    results = read_results(records, name)
    if records.is_driven(name):
        raise BackendError(
            f"a sweep that runs is not deleted, and {name!r} runs now; stop it first:"
            f" {place.again(name).command('stop')}"
        )
    counts = counts_by_phase(results.counts)
    trials = count_of(len(results), "trial") + (f" ({counts})" if counts else "")
    return f"{name}: {trials}, with all that is kept in {results.location}"


def _agree(count: int) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise BackendError("deleting asks first, and nobody is here to answer; agree with --yes")
    return typer.confirm("Delete it?" if count == 1 else f"Delete all {count}?", err=True)
