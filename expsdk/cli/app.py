"""The command `expsdk`: its groups of verbs together, and errors in one line.

What the exit codes mean stands in `expsdk.cli.outcome`.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from expsdk.cli import (
    build,
    cluster,
    compare,
    coordinate,
    dashboard,
    exchange,
    listing,
    pack,
    replay,
    results,
    run,
    show,
    stop,
    tensorboard,
    watch,
)
from expsdk.cli.outcome import INTERRUPTED
from expsdk.errors import ExpsdkError
from expsdk.version import __version__

app = typer.Typer(
    name="expsdk",
    add_completion=True,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Every verb has its own help, with examples: expsdk run --help",
)
for group in (
    run,
    listing,
    show,
    watch,
    results,
    compare,
    dashboard,
    tensorboard,
    stop,
    replay,
    exchange,
    pack,
    build,
    cluster,
    coordinate,
):
    app.add_typer(group.app)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"expsdk {__version__}")
        raise typer.Exit


@app.callback()
def _expsdk(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Hyperparameter sweeps: every sample of a space is one isolated job, here or on a Kubernetes cluster.

    \b
    expsdk run train.py --trials 20         a sweep on this machine
    expsdk list                             what there is; then show, results, best, logs NAME
    expsdk install --namespace ml           once for each namespace of a cluster; then run … --namespace ml
    """


def main() -> None:
    """Run the command line's verb and end the process with its exit code."""
    try:
        app(prog_name="expsdk")
    except ExpsdkError as error:
        typer.echo(f"expsdk: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
