"""From a trial's record to what its sampler hears of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, overload

from expsdk.resources.names import trial_number
from expsdk.samplers.base import TrialOutcome
from expsdk.space import Space
from expsdk_runtime.contract import Phase, decode_number


def outcome_of(document: Mapping[str, Any], *, space: Space, objectives: Sequence[str]) -> TrialOutcome:
    """Return how far the trial of a Result has come.

    Args:
        document: The Result, as JSON values.
        space: The experiment's space, as its function has it where it is at hand: it knows 1.0 from 1.
        objectives: The metric of each objective, in their order.
    """
    spec, status = document["spec"], document.get("status") or {}
    parent = spec.get("parent")
    return TrialOutcome(
        number=spec["number"],
        parameters=space.restore(spec["parameters"]),
        phase=status.get("phase", Phase.PENDING),
        values=_values(status.get("objectives") or {}, objectives),
        reason=status.get("reason", ""),
        history=_History((status.get("history") or {}).get(objectives[0])),
        metrics={name: decode_number(summary["last"]) for name, summary in (status.get("metrics") or {}).items()},
        constraints=tuple(map(decode_number, spec.get("constraints") or ())),
        parent=trial_number(spec["experiment"], parent) if parent else None,
    )


def _values(values: Mapping[str, Any], objectives: Sequence[str]) -> tuple[float, ...] | None:
    if any(name not in values for name in objectives):
        return None
    return tuple(decode_number(values[name]) for name in objectives)


class _History(Sequence[tuple[int, float]]):
    """A metric over epochs, read when somebody looks: most samplers never do, and it comes often."""

    def __init__(self, kept: Mapping[str, Any] | None) -> None:
        self._rows = kept["points"] if kept else ((), ())

    @cached_property
    def _points(self) -> tuple[tuple[int, float], ...]:
        return tuple(zip(self._rows[0], map(decode_number, self._rows[1]), strict=True))

    def __len__(self) -> int:
        return len(self._points)

    @overload
    def __getitem__(self, index: int) -> tuple[int, float]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[tuple[int, float]]: ...
    def __getitem__(self, index: int | slice) -> tuple[int, float] | Sequence[tuple[int, float]]:
        return self._points[index]

    def __eq__(self, other: object) -> bool:
        return self._points == (other._points if isinstance(other, _History) else other)

    def __hash__(self) -> int:
        return hash(self._points)

    def __repr__(self) -> str:
        return repr(self._points)
