"""`expsdk build`: an image in which a payload and its packages are baked."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from expsdk.errors import BackendError

if TYPE_CHECKING:
    from expsdk.packaging.payload import Payload

app = typer.Typer()

BUILDERS = {"docker": "build", "podman": "build", "buildah": "bud"}
"""The programs that build images, in the order in which they are looked for, with their verb for it."""


@app.command(context_settings={"allow_interspersed_args": True})
def build(
    script: Annotated[
        str,
        typer.Argument(
            metavar="SCRIPT", help="Defines the experiment, and is run up to its sweep: train.py, or train.py:function"
        ),
    ],
    builder_arguments: Annotated[
        list[str] | None, typer.Argument(metavar="ARGS", help="The builder's own, after --.")
    ] = None,
    tag: Annotated[str, typer.Option("--tag", "-t", metavar="IMAGE", help="The image's name, REGISTRY/NAME:TAG.")] = "",
    base: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="IMAGE",
            help="The image to build on; scikit-learn or torch stand for Python's own with that on top. By default"
            " Python's own, python:X.Y-slim of this Python.",
        ),
    ] = "",
    packages: Annotated[
        list[str] | None,
        typer.Option(
            "--package", "-p", metavar="PACKAGE", help="What pip installs, as name==version; may be repeated."
        ),
    ] = None,
    builder: Annotated[
        str,
        typer.Option("--builder", metavar="PROGRAM", help="docker, podman or buildah; by default the one there is."),
    ] = "",
    python: Annotated[str, typer.Option("--python", metavar="NAME", help="The interpreter in the image.")] = "python",
    printed: Annotated[bool, typer.Option("--print", help="Print the Dockerfile and build nothing.")] = False,
) -> None:
    """Build an image with a function and its packages.

    Trials then start without a payload in ConfigMaps, and without installing anything.

    \b
    expsdk build train.py --tag registry.example.com/ml/train:1 --from scikit-learn
    docker push registry.example.com/ml/train:1
    and in train.py: train.sweep(…).run(backend="kubernetes", image="…/train:1", payload_in_image=True)
    """
    from expsdk.cli.dockerfile import base_image, dockerfile, packages_for
    from expsdk.cli.script import pack_script

    if not tag and not printed:
        raise typer.BadParameter("the image needs a name, such as registry.example.com/ml/train:1", param_hint="--tag")
    wanted = [part for given in packages or () for part in given.split()]
    payload = pack_script(script)
    text = dockerfile(
        payload.manifest,
        payload.digest,
        base=base_image(base),
        packages=packages_for(base, wanted),
        python=python,
    )
    if printed:
        typer.echo(text, nl=False)
        return
    _build(payload, text, tag, _found(builder), builder_arguments or [])
    typer.echo(f"{tag} holds {payload.manifest['function']} ({payload.digest})")
    typer.echo(f'run(backend="kubernetes", image="{tag}", payload_in_image=True) uses it')


def _build(payload: Payload, text: str, tag: str, builder: str, arguments: list[str]) -> None:
    from expsdk.cli.dockerfile import PAYLOAD

    with tempfile.TemporaryDirectory(prefix="expsdk-build-") as scratch:
        context = Path(scratch)
        (context / "Dockerfile").write_text(text, encoding="utf-8")
        (context / PAYLOAD).write_bytes(payload.content)
        (context / PAYLOAD).chmod(0o644)  # the image's user is another
        verb = BUILDERS[Path(builder).name]
        # What it tells goes to standard error, and so comes at once.
        done = subprocess.run([builder, verb, "--tag", tag, *arguments, scratch], stdout=sys.stderr, check=False)
    if done.returncode:
        raise BackendError(
            f"{Path(builder).name} did not build {tag} (it ended with {done.returncode}, and says above why); see the"
            " Dockerfile with --print"
        )


def _found(builder: str) -> str:
    """Return the path of the builder that is asked for, or of the first that is there and can work."""
    if builder and Path(builder).name not in BUILDERS:
        raise typer.BadParameter(f"one of {', '.join(BUILDERS)}, not {builder!r}", param_hint="--builder")
    there = [path for name in ([builder] if builder else BUILDERS) if (path := shutil.which(name))]
    if not there:
        raise BackendError(
            f"building an image needs {builder or 'docker, podman or buildah'} on PATH, and there is none; install one,"
            " or build elsewhere: --print shows the Dockerfile"
        )
    return next((path for path in there if builder or len(there) == 1 or _can_work(path)), there[0])


def _can_work(path: str) -> bool:
    """Whether a builder's daemon answers; a command without one works alone."""
    try:
        return subprocess.run([path, "version"], capture_output=True, check=False, timeout=10).returncode == 0
    except subprocess.TimeoutExpired:
        return False
