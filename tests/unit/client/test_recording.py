"""What a recorded value makes of a status."""

from __future__ import annotations

from typing import Any

import pytest

from expsdk.backends.kubernetes.stopping import stopped
from expsdk.client.recording import Entry
from expsdk.errors import OptionError
from expsdk.resources.result import ResultStatus

LOSS = [("loss", "minimize")]


def entry(values: Any = None, **more: Any) -> Entry:
    options: dict[str, Any] = {"epoch": None, "phase": None, "reason": "", "message": "", **more}
    return Entry(values or {}, **options)


def recorded(*entries: Entry, before: dict[str, Any] | None = None) -> dict[str, Any]:
    status = dict(before or {})
    for each in entries:
        status.update(each.changes("fit-0000", status, LOSS))
    return status


def test_values_add_up() -> None:
    status = recorded(entry({"loss": 3, "acc": 0.5}), entry({"loss": 1}), entry({"loss": float("nan")}, epoch=7))
    assert status["history"]["loss"] == {"stride": 1, "points": [[0, 1, 7], [3.0, 1.0, "NaN"]]}
    assert status["metrics"]["acc"] == {"last": 0.5, "min": 0.5, "max": 0.5, "best": 0.5, "epoch": 0}
    assert (status["phase"], status["epoch"], status["objectives"]) == ("Running", 7, {"loss": "NaN"})
    assert status["startTime"]
    assert ResultStatus.model_validate(status).completion_time is None


def test_the_end_is_recorded_with_its_time() -> None:
    status = recorded(entry({"loss": 2}, phase="Succeeded"))
    assert (status["phase"], status["reason"], status["objectives"]) == ("Succeeded", "", {"loss": 2.0})
    assert status["completionTime"]
    failed = recorded(entry(phase="Failed", reason="Diverged", message="loss is infinite"))
    assert (failed["phase"], failed["reason"], failed["message"]) == ("Failed", "Diverged", "loss is infinite")


def test_a_success_has_its_objective() -> None:
    status = recorded(entry({"acc": 1}, phase="Succeeded"))
    assert (status["phase"], status["reason"]) == ("Failed", "NoObjective")
    mended = recorded(entry({"loss": 1}), before=status)
    assert (mended["phase"], mended["reason"], mended["message"]) == ("Succeeded", "", "")
    assert mended["completionTime"] == status["completionTime"]


def test_another_metric_does_not_mend_the_want_of_an_objective() -> None:
    status = recorded(entry({"acc": 1}), before={"phase": "Failed", "reason": "NoObjective", "message": ""})
    assert (status["phase"], status["reason"], status["epoch"]) == ("Failed", "NoObjective", 0)


@pytest.mark.parametrize("phase", ["Succeeded", "Failed", "Pruned", "Cancelled"])
def test_what_has_ended_takes_no_more(phase: str) -> None:
    with pytest.raises(OptionError, match=rf"what has ended takes no more values, and fit-0000 has ended \({phase}\);"):
        recorded(entry({"loss": 1}), before={"phase": phase})


def test_metrics_in_another_form_are_replaced() -> None:
    before = {"phase": "Running", "history": {"mine": [1, 2]}, "metrics": {"mine": 3}}
    status = recorded(entry({"loss": 1}), before=before)
    assert status["history"] == {"mine": None, "loss": {"stride": 1, "points": [[0], [1.0]]}}


@pytest.mark.parametrize(
    ("values", "options", "words"),
    [
        ({"loss": "low"}, {}, "loss"),
        ({3: 1}, {}, "a metric's name is a string"),
        ([("loss", 1)], {}, "record values by name"),
        ({"loss": 1}, {"epoch": -1}, "an epoch is an integer from 0"),
        ({}, {}, "what is recorded are values or a phase, and there are neither"),
        ({}, {"phase": "Done"}, "phase is one of Running, Succeeded, Failed, Pruned, Cancelled, not 'Done'"),
    ],
)
def test_what_is_no_record_is_refused(values: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        entry(values, **options)


def test_a_stop_is_an_end() -> None:
    assert (stopped("pruned")["phase"], stopped("cancelled")["phase"]) == ("Pruned", "Cancelled")
    assert stopped("pruned")["completionTime"]
