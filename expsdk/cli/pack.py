"""`expsdk pack`: a payload as a file, to be run anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from expsdk.cli.output import say
from expsdk.errors import PackingError

if TYPE_CHECKING:
    from expsdk.packaging.payload import Payload

app = typer.Typer()
_SHOWN = 8


@app.command()
def pack(
    script: Annotated[
        str,
        typer.Argument(
            metavar="SCRIPT", help="Defines the experiment: train.py, or train.py:function where it defines several."
        ),
    ],
    file: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            show_default=False,
            help="Where it goes, or the directory; by default payload-<digest>.pyz here.",
        ),
    ] = None,
) -> None:
    """Pack an experiment's function as one file.

    With all the code of yours that it needs.

    Prints the file's name on standard output. It needs a Python of the same minor version and your libraries, and
    nothing of expsdk. The same code gives the same bytes.

    \b
    expsdk pack train.py
    expsdk pack train.py:train -o train.pyz
    python train.pyz --parameters '{"lr": 0.1}'
    """
    from expsdk.cli.script import pack_script

    payload = pack_script(script)
    path = _written(payload, file)
    for line in _description(payload, path):
        say(line)
    typer.echo(path)


def _written(payload: Payload, file: Path | None) -> Path:
    try:
        if file is None or file.is_dir():
            return payload.write(file or Path())
        file.write_bytes(payload.content)
    except OSError as error:
        raise PackingError(
            f"a payload is written to a file, and {file} cannot be written ({error.strerror}); give another place"
        ) from error
    return file


def _description(payload: Payload, path: Path) -> list[str]:
    """Return what a payload is and how it is run, for people."""
    import json
    import shlex

    from expsdk.resources.words import count_of
    from expsdk.space import Space

    manifest = payload.manifest
    parts = sorted(manifest["files"], key=lambda part: (-part["bytes"], part["name"]))
    shown = [f"    {part['bytes']:>9,}  {part['name']}" for part in parts[:_SHOWN]]
    more = [f"    and {len(parts) - _SHOWN} more"] if len(parts) > _SHOWN else []
    space = Space.from_declarative(manifest["space"])
    sample = shlex.quote(json.dumps(space.from_units([0.5] * len(space.leaves))))
    return [
        f"{manifest['function']}, {len(payload.content):,} bytes, for Python {manifest['python']}",
        payload.digest,
        f"{count_of(len(parts), 'part')} of yours, in bytes:",
        *shown,
        *more,
        f"run it: python {shlex.quote(str(path))} --parameters {sample}",
    ]
