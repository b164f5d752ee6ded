"""`expsdk run` and `expsdk resume`: sweeps from the command line."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expsdk.cli import jobs
from expsdk.cli.completion import complete_experiment
from expsdk.cli.jobs import JobFlags
from expsdk.cli.outcome import exit_code_after_driving, print_outcome
from expsdk.cli.output import Format, Output, say
from expsdk.cli.place import Place, placed
from expsdk.cli.values import parse_choice, parse_duration, parse_settings
from expsdk.errors import BackendError, SweepError

if TYPE_CHECKING:
    from expsdk.decorator import Experiment

app = typer.Typer()

_SWEEP, _LIMITS = "Sweep", "Limits"
_FLAGS = {
    "trials": "--trials",
    "timeout_s": "--timeout",
    "budget": "--budget",
    "sampler": "--sampler",
    "seed": "--seed",
    "name": "--name",
    "epochs": "--epochs",
    "parallelism": "--parallelism",
    "resume": "--resume",
    "detach": "--detach",
    "backend": "--backend",
    "root": "--root",
    "namespace": "--namespace",
    "context": "--context",
    "kubeconfig": "--kubeconfig",
    "image": "--image",
}
_CALL = re.compile(r"\b(?:sweep|run)\((--[^()]*)\)")
_ARGUMENT = re.compile(r"\b(\w+)=('[^']*'|True|…|)")

Script = Annotated[
    str,
    typer.Argument(
        metavar="SCRIPT", help="Defines the experiment: train.py, or train.py:function where it defines several."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show nothing of how it goes.")]


@app.command()
@placed
def run(
    place: Place,
    script: Script,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            "-s",
            metavar="NAME=VALUE",
            help="Fix a parameter of the space, or another argument of the function, to a JSON value; a bare word is a"
            " text. May be repeated.",
        ),
    ] = None,
    trials: Annotated[
        int | None, typer.Option("--trials", "-t", metavar="N", help="How many trials.", rich_help_panel=_SWEEP)
    ] = None,
    parallelism: Annotated[
        int,
        typer.Option("--parallelism", "-p", metavar="N", help="How many run at a time.", rich_help_panel=_SWEEP),
    ] = 1,
    sampler: Annotated[
        str,
        typer.Option(
            metavar="NAME|JSON",
            help="grid, random, sobol, tpe, gp, cmaes, …, or a JSON object with its name and options.",
            rich_help_panel=_SWEEP,
        ),
    ] = "random",
    pruner: Annotated[
        str | None,
        typer.Option(metavar="NAME|JSON", help="median, asha, hyperband, …; by default none.", rich_help_panel=_SWEEP),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Makes the samples repeatable.", rich_help_panel=_SWEEP)
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="By default the function's with a suffix.", rich_help_panel=_SWEEP),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the sweep of this name, if it is there.", rich_help_panel=_SWEEP),
    ] = False,
    epochs: Annotated[
        int | None, typer.Option(metavar="N", help="Every trial's argument epochs.", rich_help_panel=_SWEEP)
    ] = None,
    learn_from: Annotated[
        list[str] | None,
        typer.Option(
            "--learn-from",
            metavar="NAME",
            help="Tell the sampler of it; may be repeated.",
            rich_help_panel=_SWEEP,
        ),
    ] = None,
    replicates: Annotated[int, typer.Option(metavar="N", help="Trials of each sample.", rich_help_panel=_SWEEP)] = 1,
    cache: Annotated[
        bool, typer.Option("--cache", help="Use results of the same code and sample again.", rich_help_panel=_SWEEP)
    ] = False,
    retries: Annotated[
        int,
        typer.Option(metavar="N", help="Try again what was preempted, evicted or lost.", rich_help_panel=_LIMITS),
    ] = 0,
    max_failures: Annotated[
        int | None, typer.Option(metavar="N", help="End when more have failed.", rich_help_panel=_LIMITS)
    ] = None,
    timeout: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Of the sweep: 90s, 30m, 2h, 1d.", rich_help_panel=_LIMITS),
    ] = None,
    trial_timeout: Annotated[
        str | None, typer.Option(metavar="TIME", help="Of one trial.", rich_help_panel=_LIMITS)
    ] = None,
    grace: Annotated[
        str, typer.Option(metavar="TIME", help="From asking a trial to stop to ending it.", rich_help_panel=_LIMITS)
    ] = "10s",
    target: Annotated[
        float | None, typer.Option(metavar="VALUE", help="End when a trial is as good.", rich_help_panel=_LIMITS)
    ] = None,
    no_improvement: Annotated[
        int | None,
        typer.Option(metavar="N", help="End when N trials in a row were no better.", rich_help_panel=_LIMITS),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help='Such as "40 gpu-hours" or "12 cpu-hours".', rich_help_panel=_LIMITS),
    ] = None,
    image: jobs.Image = None,
    cpu: jobs.Cpu = None,
    memory: jobs.Memory = None,
    gpu: jobs.Gpu = None,
    packages: jobs.Packages = None,
    env: jobs.Env = None,
    secrets: jobs.Secrets = None,
    output_claim: jobs.Claim = None,
    queue: jobs.Queue = None,
    options: jobs.Others = None,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Leave it to a coordinator in the cluster, and return.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Run trials one by one in this process, where breakpoints stop.")
    ] = False,
    quiet: Quiet = False,
    output: Output = Format.TABLE,
) -> None:
    """Run a script's experiment as a sweep.

    The best trial is printed at the end.

    The script is run as far as it defines things: what stands under `if __name__ == "__main__":`, its own sweep with
    its own settings above all, is left out, and the flags here count. `python train.py` runs that one.

    With --set, a parameter has the one value in all trials; where all have one, a single trial runs. Exit code: 0 when
    the sweep has ended well and a trial has succeeded, 3 when not, 130 when it was interrupted.

    \b
    expsdk run train.py --trials 50 --parallelism 4 --sampler tpe --seed 7
    expsdk run train.py:train --set lr=0.01 --set opt=adam --set epochs=3
    expsdk run train.py -t 200 -p 20 -n ml --image pytorch/pytorch --gpu 1 --detach
    best=$(expsdk run train.py -t 20 -q -o json | jq .best[0].parameters)
    """
    flags = JobFlags(
        image=image,
        cpu=cpu,
        memory=memory,
        gpu=gpu,
        packages=packages,
        env=env,
        secrets=secrets,
        output_claim=output_claim,
        queue=queue,
        others=options,
    )
    if debug and place.backend != "local":
        raise typer.BadParameter("--debug runs trials in this very process, not in a cluster; leave one of them out")
    backend = "debug" if debug else place.backend
    told = {
        "trials": trials,
        "parallelism": parallelism,
        "sampler": parse_choice(sampler),
        "pruner": parse_choice(pruner),
        "seed": seed,
        "name": name,
        "epochs": epochs,
        "learn_from": learn_from or (),
        "replicates": replicates,
        "cache": cache,
        "retries": retries,
        "max_failures": max_failures,
        "timeout_s": parse_duration(timeout),
        "trial_timeout_s": parse_duration(trial_timeout),
        "grace_s": parse_duration(grace),
        "target": target,
        "no_improvement_trials": no_improvement,
        "budget": budget,
    }
    fixed = parse_settings(settings or (), hint="--set")
    where = {**place.options(), **flags.options(backend)}

    from expsdk.cli.script import load_script

    with load_script(script) as experiment, _speaking_of_flags():
        sweep = _fixed(experiment, fixed, told).sweep(**told)
        if detach:
            attached = sweep.run(backend, resume=resume, detach=True, progress=not quiet, **where)
            typer.echo(attached.name)
            look_on = place.again(attached.name).command("watch")
            say(f"{attached.name} is left to a coordinator in the cluster; look on: {look_on}")
            return
        results = sweep.run(backend, resume=resume, detach=False, progress=not quiet, **where)
    print_outcome(results, output)
    sys.exit(exit_code_after_driving(results))


@app.command()
@placed
def resume(
    place: Place,
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="The sweep's name, as run showed it.", autocompletion=complete_experiment),
    ],
    trials: Annotated[
        int | None,
        typer.Option("--trials", "-t", metavar="N", help="How many in all, from now on; by default as many."),
    ] = None,
    quiet: Quiet = False,
    output: Output = Format.TABLE,
) -> None:
    """Go on with a sweep that was stopped or killed.

    Without its script; the best trial is printed at the end.

    Trials that have ended are not run again; those that were lost go on from their checkpoints. Exit codes are those of
    run.

    \b
    expsdk resume train-x7k2p
    expsdk resume train-x7k2p --trials 100
    expsdk resume train-x7k2p --namespace ml
    """
    from expsdk.sweep.attach import attach

    results = attach(name, backend=place.backend, **place.options()).run(trials=trials, progress=not quiet)
    print_outcome(results, output)
    sys.exit(exit_code_after_driving(results))


def _fixed(experiment: Experiment[..., object], fixed: dict[str, Any], told: dict[str, Any]) -> Experiment[..., object]:
    """Return the experiment with what is fixed; where that is all, a single trial is told."""
    from expsdk.decorator import Experiment
    from expsdk.experiment.fixing import with_fixed

    definition = with_fixed(experiment.definition, fixed)
    if told["trials"] is None and not definition.space.leaves:
        told["trials"] = told["replicates"]
    return Experiment(definition)


@contextmanager
def _speaking_of_flags() -> Iterator[None]:
    """Say of what a sweep or a backend was told wrong how it is written on a command line."""
    try:
        yield
    except (SweepError, BackendError) as error:
        error.args = (in_flags(str(error)),)
        raise


def in_flags(message: str) -> str:
    """Return a message with the arguments of `sweep()` and `run()` as the flags that they are here."""

    def flag(match: re.Match[str]) -> str:
        name, value = match.groups()
        if name not in _FLAGS:
            return match.group(0)
        return _FLAGS[name] + ("" if value in ("", "True", "…") else f" {value.strip(chr(39))}")

    return _CALL.sub(r"\1", _ARGUMENT.sub(flag, message))
