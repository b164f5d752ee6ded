"""The command `expsdk`: its groups of verbs together, and errors in one line.

Exit codes: 0 for what was done, 1 for what could not be, 2 for a wrong command line, 130 after Ctrl-C.
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
    doctor,
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
from expsdk.errors import ExpsdkError
from expsdk.version import __version__

INTERRUPTED = 130

app = typer.Typer(
    name="expsdk",
    add_completion=True,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Every verb has its own help, with examples: expsdk install --help",
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
    doctor,
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
    """Run hyperparameter sweeps on a Kubernetes cluster: every sample of a space is one Job.

    \b
    expsdk install --namespace ml           once for each cluster, and for each namespace
    expsdk build train.py --tag IMAGE       an image with your function and its packages baked in
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
