"""Objectives: which metric a sweep improves, and which way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from expsdk.errors import ObjectiveError
from expsdk.space.values import show
from expsdk.spelling import suggest
from expsdk_runtime.tracking import as_metric_name

DIRECTIONS = ("minimize", "maximize")


@dataclass(frozen=True)
class Objective:
    """A metric and the direction in which it improves.

    Attributes:
        metric: The metric's name, as `log_metric` gives it.
        direction: "minimize" or "maximize".
    """

    metric: str
    direction: str


def make_objectives(metrics: str | Sequence[str], directions: str | Sequence[str]) -> tuple[Objective, ...]:
    """Return the objectives that the decorator's `objective` and `direction` name.

    Several objectives are lists of equal length; a single direction holds for all of them.

    Raises:
        ObjectiveError: A name or a direction is impossible, or the lists differ in length.
    """
    names = _listed("objective", metrics, example="val_loss")
    ways = _listed("direction", directions, example="minimize")
    if isinstance(directions, str):
        ways *= len(names)
    if not names:
        raise ObjectiveError('objective names at least one metric, not []; write objective="val_loss"')
    if len(ways) != len(names):
        raise ObjectiveError(
            f"every objective has one direction, but objective lists {len(names)} and direction lists {len(ways)};"
            f" give one direction for all, or a list of {len(names)}"
        )
    for name, way in zip(names, ways, strict=True):
        _check_name(name)
        _check_direction(name, way)
    if len(set(names)) < len(names):
        raise ObjectiveError(f"objectives differ from each other, but {names!r} names one twice; name each once")
    return tuple(Objective(name, way) for name, way in zip(names, ways, strict=True))


def _listed(option: str, value: object, *, example: str) -> list[Any]:
    """Return what may be written as one string, or as several in a list."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, (list, tuple)):
        return list(value)
    raise ObjectiveError(f'{option} is a string or a list of strings, not {show(value)}; write {option}="{example}"')


def _check_name(name: Any) -> None:
    try:
        as_metric_name(name)
    except (TypeError, ValueError) as error:
        raise ObjectiveError(
            f"an objective is the name of a metric: {error}; write the name that it is logged by"
        ) from None


def _check_direction(name: str, way: object) -> None:
    if way in DIRECTIONS:
        return
    remedy = suggest(str(way).lower(), DIRECTIONS, cutoff=0.5)
    raise ObjectiveError(f'the direction of {name!r} is "minimize" or "maximize", not {show(way)}; {remedy}')
