"""What `kubectl wait` waits for, through a sweep's life."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from expsdk.resources.conditions import conditions_after
from expsdk.resources.experiment import Condition
from expsdk_runtime.contract import Phase

BEGAN = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


def states(conditions: tuple[Condition, ...]) -> dict[str, tuple[str, str]]:
    return {each.type: (each.status, each.reason) for each in conditions}


def test_a_sweep_that_is_interrupted_goes_on_and_ends() -> None:
    now = conditions_after((), phase=Phase.RUNNING, message="", at=BEGAN)
    assert states(now) == {
        "Running": ("True", "Started"),
        "Complete": ("False", "Started"),
        "Failed": ("False", "Started"),
    }
    now = conditions_after(now, phase=Phase.CANCELLED, message="interrupted", at=BEGAN + timedelta(hours=1))
    assert states(now) == dict.fromkeys(("Running", "Complete", "Failed"), ("False", "Interrupted"))
    assert {each.message for each in now} == {"interrupted"}
    now = conditions_after(now, phase=Phase.RUNNING, message="", at=BEGAN + timedelta(hours=2), resumed=True)
    assert states(now)["Running"] == ("True", "Resumed")
    now = conditions_after(now, phase=Phase.SUCCEEDED, message="9 succeeded", at=BEGAN + timedelta(hours=3))
    assert states(now)["Complete"] == ("True", "Finished")
    since = {each.type: each.last_transition_time for each in now}
    assert since == {
        "Running": BEGAN + timedelta(hours=3),
        "Complete": BEGAN + timedelta(hours=3),
        "Failed": BEGAN,
    }


def test_a_sweep_that_is_extended_is_complete_no_more() -> None:
    ended = conditions_after((), phase=Phase.SUCCEEDED, message="9 succeeded", at=BEGAN)
    later = BEGAN + timedelta(hours=1)
    now = {each.type: each for each in conditions_after(ended, phase=Phase.RUNNING, message="", at=later, resumed=True)}
    assert (now["Complete"].status, now["Complete"].last_transition_time) == ("False", later)


def test_what_has_failed_is_not_complete_and_what_others_say_stays() -> None:
    other = Condition(type="Approved", status="True", reason="Budget", message="by anna")
    now = conditions_after((other,), phase=Phase.FAILED, message="max_failures=3", at=BEGAN)
    assert now[0] == other
    assert states(now)["Failed"] == ("True", "Failed")
    assert states(now)["Complete"] == ("False", "Failed")
