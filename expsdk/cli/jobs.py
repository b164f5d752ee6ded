"""How trials run in a cluster, as flags: those that people need, and every other option as NAME=VALUE."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from expsdk.cli.values import parse_settings

_PANEL = "Trials in a cluster"

Image = Annotated[
    str | None,
    typer.Option("--image", metavar="IMAGE", help="By default Python's own, of this version.", rich_help_panel=_PANEL),
]
Cpu = Annotated[
    str | None,
    typer.Option("--cpu", metavar="N", help="Processors of a trial: 2, 0.5 or 500m.", rich_help_panel=_PANEL),
]
Memory = Annotated[
    str | None, typer.Option("--memory", metavar="SIZE", help="Such as 512Mi or 4Gi.", rich_help_panel=_PANEL)
]
Gpu = Annotated[int | None, typer.Option("--gpu", metavar="N", min=0, help="GPUs of a trial.", rich_help_panel=_PANEL)]
Packages = Annotated[
    list[str] | None,
    typer.Option(
        "--package",
        metavar="PACKAGE",
        help="What pip installs first, as name==version; auto for what the code imports here; may be repeated.",
        rich_help_panel=_PANEL,
    ),
]
Env = Annotated[
    list[str] | None,
    typer.Option("--env", metavar="NAME=VALUE", help="A variable; may be repeated.", rich_help_panel=_PANEL),
]
Secrets = Annotated[
    list[str] | None,
    typer.Option(
        "--secret", metavar="NAME", help="A Secret whose keys are variables; may be repeated.", rich_help_panel=_PANEL
    ),
]
Claim = Annotated[
    str | None,
    typer.Option(
        "--output-claim", metavar="CLAIM", help="The claim that keeps what trials write.", rich_help_panel=_PANEL
    ),
]
Queue = Annotated[
    str | None, typer.Option("--queue", metavar="NAME", help="A LocalQueue of Kueue.", rich_help_panel=_PANEL)
]
Others = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="NAME=VALUE",
        help='Any other option of run(), with a JSON value: node_selector=\'{"pool": "a100"}\'; may be repeated.',
        rich_help_panel=_PANEL,
    ),
]


@dataclass(frozen=True, kw_only=True)
class JobFlags:
    """What the flags say; None where one is not given."""

    image: str | None = None
    cpu: str | None = None
    memory: str | None = None
    gpu: int | None = None
    packages: list[str] | None = None
    env: list[str] | None = None
    secrets: list[str] | None = None
    output_claim: str | None = None
    queue: str | None = None
    others: list[str] | None = None

    def options(self, backend: str) -> dict[str, Any]:
        """Return the options of the backend that they stand for.

        Raises:
            typer.BadParameter: One is no NAME=VALUE, is given twice, or is for a cluster.
            OptionError: One cannot work.
        """
        others = parse_settings(self.others or (), hint="--option")
        given = {name: value for name, value in self._given() if value not in (None, {}, [])}
        if given and backend != "kubernetes":
            flag = f"--{next(iter(given)).replace('_', '-')}"
            raise typer.BadParameter(
                f"{flag} is for trials in a cluster, and these run on the backend {backend}; add --backend kubernetes,"
                " or leave it out"
            )
        if backend != "kubernetes":
            return others
        resources = {name: given.pop(name) for name in ("cpu", "memory", "gpu") if name in given}
        named = {_NAMES.get(name, name): value for name, value in given.items()}
        if resources:
            named["resources"] = resources
        twice = next((name for name in named if name in others), None)
        if twice is not None:
            raise typer.BadParameter(f"{twice} is given by a flag and by --option; leave one of them out")
        return {name: _made(name, value) for name, value in {**named, **others}.items()}

    def _given(self) -> Iterable[tuple[str, Any]]:
        yield "image", self.image
        yield "cpu", self.cpu
        yield "memory", self.memory
        yield "gpu", self.gpu
        yield "package", "auto" if self.packages == ["auto"] else self.packages
        yield "env", dict(self._variables())
        yield "secret", self.secrets
        yield "output_claim", self.output_claim
        yield "queue", self.queue

    def _variables(self) -> Iterable[tuple[str, str]]:
        parse_settings(self.env or (), hint="--env")
        for text in self.env or ():
            name, _, value = text.partition("=")  # a text, whatever it looks like
            yield name, value


_NAMES = {"package": "packages", "secret": "secrets", "output_claim": "output"}


def _made(name: str, value: Any) -> Any:
    """Return an option's value as `JobOptions` takes it: resources and volumes are objects of ours."""
    from expsdk.backends.kubernetes.resources import Resources
    from expsdk.backends.kubernetes.volumes import SecretEnv, Volume

    if name == "resources" and isinstance(value, dict):
        return _make(Resources, name, value)
    if name == "output" and isinstance(value, dict):
        return _make(Volume, name, value)
    if name in ("volumes", "secrets") and isinstance(value, list):
        kind = Volume if name == "volumes" else SecretEnv
        return [_make(kind, f"an item of {name}", each) if isinstance(each, dict) else each for each in value]
    return value


def _make(kind: Callable[..., Any], what: str, fields: dict[str, Any]) -> Any:
    import inspect

    from expsdk.spelling import suggest

    known = [name for name in inspect.signature(kind).parameters if name != "_"]
    unknown = next((name for name in fields if name not in known), None)
    if unknown is not None:
        raise typer.BadParameter(
            f"{what} has the fields {', '.join(known)}, not {unknown!r}; {suggest(unknown, known)}",
            param_hint="--option",
        )
    return kind(**fields)
