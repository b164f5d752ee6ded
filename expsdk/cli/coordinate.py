"""`expsdk coordinate`: what a coordinator's Job runs inside the cluster."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Annotated

import typer

from expsdk.cli.output import say
from expsdk.cli.place import Context, Kubeconfig, Namespace, find_place
from expsdk.errors import SweepError
from expsdk_runtime.contract import ExitCode

app = typer.Typer()


@app.command()
def coordinate(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The experiment's name.")],
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Drive a cluster's experiment to its end.

    A detached sweep's Job runs this.

    SIGTERM ends it at once and leaves its trials alone: whoever drives the experiment next finds them. A sweep that has
    ended is a success, however it ended: its Experiment says so, and the Job makes no other pod.

    \b
    expsdk coordinate train-mlp --namespace ml
    """
    signal.signal(signal.SIGTERM, _end)
    from expsdk.sweep.attach import attach

    place = find_place(backend="kubernetes", namespace=namespace, context=context, kubeconfig=kubeconfig)
    sweep = attach(name, backend=place.backend, **place.options())
    try:
        sweep.run()
    except SweepError as error:  # which another pod would come to as well
        say(str(error))


def _end(_signal: int, _frame: FrameType | None) -> None:
    """End this very moment: what unwinds would stop trials, and record that the sweep has failed."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(ExitCode.PREEMPTED)
