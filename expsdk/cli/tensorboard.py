"""`expsdk tensorboard`: experiments in TensorBoard, live."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from expsdk.cli.place import Place, placed

if TYPE_CHECKING:
    from expsdk.tensorboard.mirror import Mirror

app = typer.Typer()
DIRECTORY = ".tensorboard"
LONGEST_NAME_CHARS = 200


@app.command()
@placed
def tensorboard(
    place: Place,
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Names of experiments.")],
    logdir: Annotated[
        Path | None, typer.Option("--logdir", metavar="DIR", help="Where event files go; by default below .expsdk.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", "-p", min=0, max=65535, help="By default 6006, or the next one that is free."),
    ] = None,
    no_server: Annotated[
        bool, typer.Option("--no-server", help="Write event files only: once, or live while an experiment runs.")
    ] = False,
) -> None:
    """Show experiments in TensorBoard: curves, and the parameters with the final metrics (HPARAMS).

    Event files are written from the experiment's Results, wherever they are, and kept up with while it runs; what was
    written before is not written again. TensorBoard is served on 127.0.0.1. Ctrl-C ends both; the files stay.

    \b
    expsdk tensorboard train-mlp
    expsdk tensorboard train-mlp train-mlp-2 --backend kubernetes --namespace ml
    expsdk tensorboard train-mlp --no-server --logdir runs
    """
    from expsdk.tensorboard.mirror import Mirror
    from expsdk.tensorboard.server import serve

    names = list(dict.fromkeys(names))
    records = place.records()
    top = logdir or Path(place.options().get("root") or ".expsdk", DIRECTORY, _shortened(names))
    mirrors = [Mirror(records, name, top / name if len(names) > 1 else top) for name in names]
    try:
        for name, mirror in zip(names, mirrors, strict=True):
            count = mirror.update()
            typer.echo(f"{name}: {count} {'trial' if count == 1 else 'trials'} in {mirror.directory}")
        if not no_server:
            typer.echo(f"TensorBoard: {serve(top, port=port)} (Ctrl-C ends it)")
        _keep_up(mirrors, serves=not no_server)
    finally:
        for mirror in mirrors:
            mirror.close()


def _keep_up(mirrors: Sequence[Mirror], *, serves: bool) -> None:
    """Mirror live, as long as an experiment runs; a server goes on until Ctrl-C."""
    live = {mirror: mirror.follow() for mirror in mirrors if mirror.is_live()}
    while live:
        for mirror, changes in list(live.items()):
            next(changes)
            if not mirror.is_live():
                mirror.update()
                del live[mirror]
    while serves:
        time.sleep(1.0)


def _shortened(names: Sequence[str]) -> str:
    """Return the name of a directory for these experiments."""
    joined = "+".join(sorted(names))
    if len(joined) <= LONGEST_NAME_CHARS:
        return joined
    return hashlib.sha256(joined.encode()).hexdigest()[:12]
