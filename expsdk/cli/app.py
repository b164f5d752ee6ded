"""The command `expsdk`: its groups of verbs together, and errors in one line.

`expsdk.cli.exits` tells the exit codes.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from expsdk.cli import build, cluster, coordinate, listing, results, show
from expsdk.cli.exits import CANNOT, INTERRUPTED
from expsdk.errors import ExpsdkError
from expsdk.version import __version__

app = typer.Typer(
    name="expsdk",
    add_completion=True,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Every verb has its own help, with examples: expsdk install --help",
)
for group in (listing, show, results, cluster, build, coordinate):
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
        sys.exit(CANNOT)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
