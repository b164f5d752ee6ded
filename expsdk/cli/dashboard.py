"""`expsdk dashboard`: a live page of experiments in the browser."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from expsdk.cli.completion import complete_experiment
from expsdk.cli.output import say
from expsdk.cli.place import Place, placed

app = typer.Typer()


@app.command()
@placed
def dashboard(
    place: Place,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help="Experiments to show; by default all, and those that begin later.",
            autocompletion=complete_experiment,
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", "-p", metavar="PORT", help="By default 8420, or a free one where that is taken."),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="An address of this machine to serve on.")
    ] = "127.0.0.1",
    open_to_others: Annotated[
        bool,
        typer.Option("--open-to-others", help="Serve also where other machines reach it. There is no password."),
    ] = False,
    open_page: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = False,
) -> None:
    """Show experiments in the browser, live.

    Progress, best, curves, logs, what waits and why, what failed.

    The page is served on this machine until Ctrl-C. It reads and changes nothing, and works without the Internet. With
    the extra `dashboard` it leads on to Optuna's dashboard (`pip install 'expsdk[dashboard]'`).

    \b
    expsdk dashboard                        all experiments of this directory
    expsdk dashboard train-mlp --open       one, in a browser at once
    expsdk dashboard --namespace ml         those of a cluster's namespace
    """
    from expsdk.dashboard import Dashboard

    page = Dashboard(place.records(), names or (), host=host, port=port, open_to_others=open_to_others)
    try:
        say(f"the dashboard is at {page.url}")
        if open_to_others:
            say("there is no password: whoever reaches it sees parameters, logs and errors")
        elif os.environ.get("SSH_CONNECTION"):
            say(f"from your own machine: ssh -L {page.port}:127.0.0.1:{page.port} THIS-MACHINE")
        say("Ctrl-C ends it; experiments go on")
        if open_page:
            import webbrowser

            if not webbrowser.open(page.url):
                say("no browser is there to open it; open that address yourself")
        page.serve()
    finally:
        page.close()
