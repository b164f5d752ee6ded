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
    """

    function: Callable[..., object]
    name: str
    space: Space
    objectives: tuple[Objective, ...]
    include: tuple[str, ...]
    exclude: tuple[str, ...]

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
) -> Definition:
    """Check what the decorator was given and return it as a `Definition`.

    Raises:
        SpaceError: A domain is impossible, or the space does not fit the function's signature.
        ObjectiveError: An objective or a direction is impossible.
        DefinitionError: The name or a glob is impossible.
    """
    domains = Space.of(space)
    check_signature(function, domains)
    return Definition(
        function=function,
        name=suggest_experiment_name(function.__name__) if name is None else check_experiment_name(name),
        space=domains,
        objectives=make_objectives(objective, direction),
        include=_globs("include", include),
        exclude=_globs("exclude", exclude),
    )


def _globs(option: str, patterns: Sequence[str]) -> tuple[str, ...]:
    if isinstance(patterns, str):
        raise DefinitionError(
            f"{option} is a list of globs, not the string {patterns!r}; write {option}=[{patterns!r}]"
        )
    for pattern in patterns:
        if not isinstance(pattern, str) or not pattern or pattern.startswith("/") or ".." in pattern.split("/"):
            raise DefinitionError(
                f"{option} takes globs relative to the project's root, such as 'data/*.csv', not {pattern!r};"
                " what lies outside the project is read from a volume or baked into the image"
            )
    return tuple(patterns)
