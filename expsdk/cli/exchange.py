"""`expsdk export` and `expsdk import`: whole experiments from one place to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expsdk.cli.completion import complete_experiment
from expsdk.cli.output import say
from expsdk.cli.place import Place, placed

app = typer.Typer()

_UNITS = ("B", "KiB", "MiB", "GiB")


@app.command("export")
@placed
def export(
    place: Place,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The experiment's name.", autocompletion=complete_experiment)
    ],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where to; it is made.")],
    outputs: Annotated[
        bool,
        typer.Option(
            "--outputs", help="Also what trials wrote and printed, checkpoints too, as far as it can be read from here."
        ),
    ] = False,
) -> None:
    """Write a whole experiment into a directory.

    Its record, its Results, its payload.

    `expsdk import` reads it on any machine and into any cluster. Every file is listed there with its digest.

    \b
    expsdk export train-x7k2p /mnt/share/train-x7k2p
    expsdk export train-x7k2p out --outputs
    expsdk export train-x7k2p out --backend kubernetes --namespace ml
    """
    from expsdk.exchange import export_experiment
    from expsdk.resources.words import count_of

    exported = export_experiment(place.records(), name, directory, outputs=outputs)
    with_outputs = f", what {exported.outputs} of them wrote" if outputs else ""
    typer.echo(
        f"{name}: {count_of(exported.trials, 'trial')}{with_outputs}, {_size(exported.size_bytes)}, in {directory}"
    )
    for notice in exported.notices:
        say(notice)


@app.command("import")
@placed
def import_(
    place: Place,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="What `expsdk export` wrote.")],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Keep it under another name; its trials follow.")
    ] = None,
) -> None:
    """Keep an experiment that `expsdk export` wrote.

    On this machine or in a cluster, whole or not at all.

    Versions and digests are checked first; its payload is code, so import what you trust. What had not ended is
    interrupted here, and `expsdk resume` goes on with it.

    \b
    expsdk import /mnt/share/train-x7k2p
    expsdk import out --name train-again
    expsdk import out --backend kubernetes --namespace ml
    """
    from expsdk.exchange import import_experiment, read_export
    from expsdk.resources.words import count_of

    records = place.records()
    export = read_export(directory)
    notices = import_experiment(records, export, name=name)
    kept_as = name or export.kept.experiment.metadata.name
    typer.echo(f"{kept_as}: {count_of(len(export.kept.results), 'trial')}, kept in {records.location(kept_as)}")
    for notice in notices:
        say(notice)


def _size(count: float) -> str:
    for unit in _UNITS[:-1]:
        if count < 1024:
            return f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:.3g} {_UNITS[-1]}"
