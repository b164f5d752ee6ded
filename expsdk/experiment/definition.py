"""A checked experiment: everything that the decorator was told, as one frozen value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from expsdk.errors import DefinitionError
from expsdk.experiment.objective import Objective, make_objectives
from expsdk.experiment.signature import check_signature
from expsdk.resources.names import check_experiment_name, suggest_experiment_name
from expsdk.space import Space
from expsdk.space.values import show


@dataclass(frozen=True)
class Definition:
    """A function with the space of its parameters and the objectives it is judged by.

    Attributes:
        function: The user's function, undecorated.
        name: The experiment's name, a DNS label; sweeps without a name of their own add a suffix to it.
        space: The domains of the parameters.
        objectives: At least one.
        include: Globs, relative to the project's root, of files that travel in the payload beside the code.
        exclude: Globs of files that do not.
        autolog: Whether what training libraries report of themselves is logged in trials.
    """

    function: Callable[..., object]
    name: str
    space: Space
    objectives: tuple[Objective, ...]
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    autolog: bool = True

    @property
    def directions(self) -> list[str]:
        """The direction of each objective, "minimize" or "maximize"."""
        return [objective.direction for objective in self.objectives]

    @property
    def label(self) -> str:
        """The function as people name it: "module.function"."""
        return f"{self.function.__module__}.{self.function.__qualname__}"


def define(
    function: Callable[..., object],
    *,
    space: Mapping[str, Any],
    objective: str | Sequence[str],
    direction: str | Sequence[str],
    name: str | None,
    include: Sequence[str],
    exclude: Sequence[str],
    autolog: bool = True,
) -> Definition:
    """Check what the decorator was given and return it as a `Definition`.

    Raises:
        SpaceError: A domain is impossible, or the space does not fit the function's signature.
        ObjectiveError: An objective or a direction is impossible.
        DefinitionError: The name, a glob or `autolog` is impossible.
    """
    if not isinstance(autolog, bool):
        raise DefinitionError(f"autolog is True or False, not {show(autolog)}; write autolog=False to turn it off")
    domains = Space.of(space)
    check_signature(function, domains)
    return Definition(
        function=function,
        name=suggest_experiment_name(function.__name__) if name is None else check_experiment_name(name),
        space=domains,
        objectives=make_objectives(objective, direction),
        include=_globs("include", include),
        exclude=_globs("exclude", exclude),
        autolog=autolog,
    )


def _globs(option: str, patterns: Any) -> tuple[str, ...]:
    if not isinstance(patterns, (list, tuple)):
        written = show([patterns] if isinstance(patterns, str) else ["data/*.csv"])
        raise DefinitionError(f"{option} is a list of globs, not {show(patterns)}; write {option}={written}")
    for pattern in patterns:
        fault = _glob_fault(pattern)
        if fault:
            raise DefinitionError(f"{option} takes globs relative to the project's root, such as 'data/*.csv', {fault}")
    return tuple(patterns)


def _glob_fault(pattern: Any) -> str | None:
    if not isinstance(pattern, str):
        return f"not {show(pattern)}; write a string"
    parts = pattern.split("/")
    if pattern.startswith("/") or ".." in parts:
        return f"not {show(pattern)}; read what lies outside the project from a volume, or bake it into the image"
    if not set(parts) - {"", "."}:
        return f"not {show(pattern)}; write '**/*' for every file"
    if any("**" in part and part != "**" for part in parts):
        return f"where ** stands alone between slashes, not {show(pattern)}; write a single * in part of a name"
    return None
