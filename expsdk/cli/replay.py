"""`expsdk replay`: a trial again, on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from expsdk.cli.completion import complete_trial
from expsdk.cli.outcome import INTERRUPTED, NOT_WELL
from expsdk.cli.place import Place, placed

if TYPE_CHECKING:
    from expsdk.replay import Replay

app = typer.Typer()

REPLAYS = ".replays"


@app.command()
@placed
def replay(
    place: Place,
    trial: Annotated[
        str,
        typer.Argument(
            metavar="TRIAL", help="The trial's name, such as train-x7k2p-0003.", autocompletion=complete_trial
        ),
    ],
    debug: Annotated[bool, typer.Option("--debug", "-d", help="Start pdb where it fails.")] = False,
    step: Annotated[bool, typer.Option("--step", "-s", help="Start pdb at the function's first line.")] = False,
    python: Annotated[
        str, typer.Option("--python", metavar="PATH", help="The interpreter to run it with; by default expsdk's own.")
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="DIR", help="Where it writes; by default a directory below .expsdk/.replays."
        ),
    ] = None,
) -> None:
    """Run a trial again on this machine.

    The same parameters, seed and code, whatever has become of your files.

    The code is that of the experiment's payload. What differs here is told first, metrics are printed as they come,
    and at the end it is told whether it went as it is recorded. No record is touched. A breakpoint() in the function
    stops there; with --debug, a failure starts pdb at the last line of yours; with --step, it begins in pdb.

    It ends with 3 where it did not go as it is recorded.

    \b
    expsdk replay train-x7k2p-0003
    expsdk replay train-x7k2p-0003 --debug
    expsdk replay train-x7k2p-0003 --backend kubernetes --namespace ml --python ~/venvs/ml/bin/python
    """
    from expsdk.replay import prepare

    ready = prepare(place.records(), trial, directory=output or _own_directory(place, trial), python=python)
    _introduce(ready)
    outcome = ready.run(debug=debug, step=step)
    typer.echo(str(outcome))
    typer.echo(f"what it wrote is in {_shown(ready.directory)}")
    if outcome.was_interrupted:
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(0 if outcome.is_same else NOT_WELL)


def _introduce(ready: Replay) -> None:
    from expsdk.resources.result import summarize_parameters

    trial = ready.trial
    typer.echo(f"{trial.name} again: {summarize_parameters(trial.parameters)} seed={trial.seed}")
    typer.echo(f"recorded as {trial.state}" + (f" at epoch {trial.epoch}" if trial.epoch is not None else ""))
    for note in ready.notes:
        typer.echo(f"note: {note}")


def _own_directory(place: Place, trial: str) -> Path:
    """Return a directory that is not there yet, below those of local experiments, which git passes over."""
    from expsdk.backends.local.disk import translating_disk_errors
    from expsdk.backends.local.store import FileStore

    store = FileStore(root=place.options().get("root"))
    with translating_disk_errors(store.root):
        replays = store.open_root() / REPLAYS
    number = 1
    while (directory := replays / f"{trial}.{number}").exists():
        number += 1
    return directory


def _shown(directory: Path) -> str:
    return os.path.relpath(directory) if directory.is_relative_to(Path.cwd()) else str(directory)
