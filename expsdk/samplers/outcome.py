"""From a trial's record to what its sampler hears of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
        history=_history((status.get("history") or {}).get(objectives[0])),
        metrics={name: decode_number(summary["last"]) for name, summary in (status.get("metrics") or {}).items()},
        constraints=tuple(map(decode_number, spec.get("constraints") or ())),
        parent=trial_number(spec["experiment"], parent) if parent else None,
    )


def _values(values: Mapping[str, Any], objectives: Sequence[str]) -> tuple[float, ...] | None:
    if any(name not in values for name in objectives):
        return None
    return tuple(decode_number(values[name]) for name in objectives)


def _history(history: Mapping[str, Any] | None) -> tuple[tuple[int, float], ...]:
    if history is None:
        return ()
    epochs, values = history["points"]
    return tuple(zip(epochs, map(decode_number, values), strict=True))
