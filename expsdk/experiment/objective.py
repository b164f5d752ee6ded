"""Objectives: which metric a sweep improves, and which way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from expsdk.errors import ObjectiveError
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
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    ways = [directions] * len(names) if isinstance(directions, str) else list(directions)
    if not names:
        raise ObjectiveError('objective names at least one metric, not []; write objective="val_loss"')
    if len(ways) != len(names):
        raise ObjectiveError(
            f"every objective has one direction, but there are {len(names)} objectives and {len(ways)} directions;"
            f" give one direction for all, or a list of {len(names)}"
        )
    if len(set(names)) < len(names):
        raise ObjectiveError(f"objectives differ from each other, but {names!r} names one twice; name each once")
    for name, way in zip(names, ways, strict=True):
        try:
            as_metric_name(name)
        except (TypeError, ValueError) as error:
            raise ObjectiveError(f"an objective is the name of a metric: {error}") from None
        if way not in DIRECTIONS:
            raise ObjectiveError(f'direction is "minimize" or "maximize", not {way!r} (objective {name!r})')
    return tuple(Objective(name, way) for name, way in zip(names, ways, strict=True))
