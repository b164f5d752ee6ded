"""Where a verb's experiments are: the same options for every verb, on this machine and in a cluster."""

from __future__ import annotations

import functools
import inspect
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from expsdk.cli.settings import BACKENDS, NAMES, OPTIONS, Setting, resolve
from expsdk.errors import OptionError

if TYPE_CHECKING:
    from expsdk.analysis import Results
    from expsdk.analysis.again import Again
    from expsdk.backends.base import Records

_PANEL = "Where"


Backend = Annotated[
    str | None,
    typer.Option(
        "--backend",
        "-b",
        metavar="|".join(BACKENDS),
        help="Where experiments are: this machine's files or a cluster.",
        autocompletion=lambda incomplete: [name for name in BACKENDS if name.startswith(incomplete)],
        rich_help_panel=_PANEL,
    ),
]
Root = Annotated[
    str | None,
    typer.Option(
        "--root", metavar="DIR", help="The directory of local experiments; by default .expsdk.", rich_help_panel=_PANEL
    ),
]
Namespace = Annotated[
    str | None,
    typer.Option(
        "--namespace", "-n", metavar="NAME", help="By default the context's, or the pod's.", rich_help_panel=_PANEL
    ),
]
Context = Annotated[
    str | None,
    typer.Option(
        "--context",
        "-c",
        metavar="NAME",
        help="A context of the kubeconfig; by default the current one.",
        rich_help_panel=_PANEL,
    ),
]
Kubeconfig = Annotated[
    str | None,
    typer.Option(
        "--kubeconfig", metavar="FILE", help="By default $KUBECONFIG, or ~/.kube/config.", rich_help_panel=_PANEL
    ),
]
_OPTION = re.compile(rf"(?<![\w-])({'|'.join(NAMES)})=(?=[\s;,]|and\b|$)")
_FLAGS: dict[str, Any] = {
    "backend": Backend,
    "root": Root,
    "namespace": Namespace,
    "context": Context,
    "kubeconfig": Kubeconfig,
}


@dataclass(frozen=True)
class Place:
    """Where experiments are.

    Attributes:
        settings: Every setting with its source.
    """

    settings: Mapping[str, Setting]

    @property
    def backend(self) -> str:
        """The backend's name."""
        return str(self.settings["backend"].value)

    def options(self, backend: str = "") -> dict[str, Any]:
        """Return a backend's options, for `open_records`, `expsdk.results` and `attach`; by default this place's."""
        named = {name: self.settings[name] for name in OPTIONS[backend or self.backend]}
        # What the environment says of a kubeconfig is a list of files, which is the client's to read.
        return {
            name: setting.value
            for name, setting in named.items()
            if setting.value is not None and setting.source != "KUBECONFIG"
        }

    def records(self) -> Records:
        """Return what is kept there, for reading."""
        from expsdk.backends.registry import open_records

        return open_records(self.backend, **self.options())

    def again(self, name: str) -> Again:
        """Return how to come back to an experiment that is kept there."""
        from expsdk.analysis.again import Again

        return Again(name, self.records().address())

    def results(self, name: str) -> Results:
        """Return an experiment's results; raises `ExperimentNotFound`."""
        from expsdk.analysis.open import read_results

        return read_results(self.records(), name)


def find_place(**flags: str | None) -> Place:
    """Return the place that flags, the environment and pyproject.toml name.

    Raises:
        typer.BadParameter: They contradict each other, or name what is not there.
    """
    try:
        return Place(resolve(flags, environment=os.environ, directory=Path.cwd()))
    except OptionError as error:
        raise typer.BadParameter(str(error)) from error


def as_flags(message: str) -> str:
    """Return a message with the options that say where experiments are as the flags that they are here."""
    return _OPTION.sub(r"--\1", message)


def placed(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb the options that say where experiments are; it takes the `Place` as its first parameter."""
    signature = inspect.signature(verb, eval_str=True)
    _, *own = signature.parameters.values()
    flags = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in _FLAGS.items()
    ]

    @functools.wraps(verb)
    def run(**arguments: Any) -> Any:
        place = find_place(**{name: arguments.pop(name) for name in _FLAGS})
        return verb(place, **arguments)

    keyword_only = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    parameters = [*keyword_only, *flags]
    described = cast("Any", run)
    described.__signature__ = signature.replace(parameters=parameters)
    described.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    del described.__wrapped__
    return run
