"""An experiment's conditions, which `kubectl wait --for=condition=Complete experiment/NAME` waits for.

`Complete` holds once the sweep has come to its end by itself, `Failed` once it has failed. Neither holds while it runs,
nor where it was interrupted: it may go on, and when it does, both are False again. `Running` holds until it has ended,
however that was.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from expsdk.resources.experiment import Condition
from expsdk_runtime.contract import Phase

__all__ = ["COMPLETE", "FAILED", "RUNNING", "conditions_after"]

RUNNING, COMPLETE, FAILED = "Running", "Complete", "Failed"
_HOLDS = {Phase.SUCCEEDED: COMPLETE, Phase.FAILED: FAILED, Phase.CANCELLED: ""}
_REASONS = {Phase.SUCCEEDED: "Finished", Phase.FAILED: "Failed", Phase.CANCELLED: "Interrupted"}


def conditions_after(
    before: Iterable[Condition], *, phase: str, message: str, at: datetime, resumed: bool = False
) -> tuple[Condition, ...]:
    """Return an experiment's conditions when its phase is another; those of other types stay as they are.

    Args:
        before: The conditions until now.
        phase: Where the sweep stands.
        message: The same in words.
        at: Now.
        resumed: Whether a sweep that runs has been taken up again.
    """
    kept = {condition.type: condition for condition in before}
    holds = _HOLDS.get(phase, RUNNING)
    reason = _REASONS.get(phase, "Resumed" if resumed else "Started")
    for kind in (RUNNING, COMPLETE, FAILED):
        status = "True" if kind == holds else "False"
        former = kept.get(kind)
        is_same = former is not None and former.status == status
        since = former.last_transition_time if former is not None and is_same else at
        kept[kind] = Condition(type=kind, status=status, reason=reason, message=message, last_transition_time=since)
    return tuple(kept.values())
