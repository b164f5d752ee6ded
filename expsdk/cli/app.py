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
from expsdk.cli.outcome import INTERRUPTED
from expsdk.cli.output import say
from expsdk.cli.place import as_flags
from expsdk.cli.sections import Verbs
from expsdk.errors import ExpsdkError
from expsdk.version import __version__

app = typer.Typer(
    name="expsdk",
    cls=Verbs,
    add_completion=True,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Every verb has its own help, with examples: expsdk results --help",
)
SECTIONS = {
    "Run": (run, stop, pack),
    "Look": (listing, show, watch, results, compare, dashboard, tensorboard),
    "Go back to": (replay, exchange),
    "Set up": (doctor, cluster, build, coordinate),
}
"""The groups of verbs under the headings of the help."""

for section, groups in SECTIONS.items():
    for group in groups:
        for verb in group.app.registered_commands:
            verb.rich_help_panel = section
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
    """Run and look at hyperparameter sweeps, on this machine and on Kubernetes clusters.

    \b
    expsdk run train.py                     run the sweep of a script
    expsdk list                             which sweeps there are
    expsdk show NAME                        what became of one, or of one trial
    expsdk results NAME --top 10            its best trials
    expsdk logs TRIAL --follow              what a trial prints
    expsdk install --namespace ml           once for each cluster, and for each namespace
    expsdk doctor                           whether all is in order

    Exit codes: 0 done; 1 could not be done; 2 wrong command line; 3 done, but what was looked at has failed, was
    cancelled or interrupted, or has no best trial; 130 after Ctrl-C. Data goes to standard output, messages to
    standard error. Tab completes names, too: expsdk --install-completion
    """


def main() -> None:
    """Run the command line's verb and end the process with its exit code."""
    try:
        app(prog_name="expsdk")
    except ExpsdkError as error:
        say(as_flags(str(error)))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
