"""When a replay went as it is recorded, and what is told where it did not."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from expsdk.analysis.trial import MetricHistory, TrialRecord
from expsdk.replay.outcome import Outcome, compare_run
from expsdk.resources.result import new_result

TRACEBACK = 'Traceback (most recent call last):\n  File "train.py", line 1, in train\n{}'


def recorded(phase: str = "Succeeded", reason: str = "", message: str = "", **history: list[float]) -> TrialRecord:
    document = new_result("train", number=0, parameters={}, seed=1).to_document()
    document["status"] |= {"phase": phase, "reason": reason, "message": message}
    trial = TrialRecord.from_document(document, parameters={}, log_path=None)
    series = {name: MetricHistory(tuple(range(len(values))), tuple(values), 1) for name, values in history.items()}
    return replace(trial, history=series)


def outcome(was: TrialRecord, phase: str = "Succeeded", message: str = "", **series: list[float]) -> Outcome:
    status: dict[str, Any] = {"phase": phase, "message": message}
    return compare_run(was, status, {name: dict(enumerate(values)) for name, values in series.items()})


def test_the_same_values_are_the_same_whatever_they_are() -> None:
    values = [0.5, math.nan, math.inf, -math.inf, -0.0]
    found = outcome(recorded(loss=values), loss=values)
    assert found.is_same
    assert str(found) == "loss: the same at 5 epochs\nit went as it is recorded"


def test_what_differs_is_told_with_the_first_epoch_and_the_largest_difference() -> None:
    found = outcome(recorded(loss=[3.0, 2.0, 1.0]), loss=[3.0, 2.5, 0.0])
    assert not found.is_same
    assert str(found).splitlines() == [
        "loss: differs by up to 1 at 3 epochs, first at epoch 1: 1 recorded at last, 0 now",
        "it did not go as it is recorded",
    ]


def test_a_number_that_is_none_any_more_differs() -> None:
    assert outcome(recorded(loss=[1.0]), loss=[math.nan]).metrics[0].most == math.inf


def test_more_epochs_and_more_metrics_than_recorded_do_not_matter_and_fewer_do() -> None:
    assert outcome(recorded(loss=[1.0]), loss=[1.0, 2.0], other=[1.0]).is_same
    found = outcome(recorded(loss=[1.0], size=[2.0]), loss=[1.0])
    assert (found.is_same, found.missing) == (False, ("size",))
    assert "size: recorded, and not logged now" in str(found)


def test_of_a_thinned_history_the_epochs_that_are_kept_are_compared() -> None:
    was = replace(recorded(), history={"loss": MetricHistory((0, 4, 8), (0.0, 4.0, 8.0), 4)})
    assert outcome(was, loss=[float(epoch) for epoch in range(9)]).metrics[0].epochs == 3


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        (("Succeeded", "", ""), ("Failed", TRACEBACK.format("ValueError: no")), "succeeded when it was recorded"),
        (("Failed", "UserError", "ValueError: no"), ("Succeeded", ""), "and did not now: ValueError: no"),
        (("Failed", "UserError", "ValueError: a"), ("Failed", "ValueError: b"), "with ValueError: a when it was"),
        (("Failed", "UserError", TRACEBACK.format("ValueError: a")), ("Failed", "ValueError: a"), ""),
        (("Failed", "Timeout", "too long"), ("Succeeded", ""), ""),
        (("Failed", "Lost", "gone"), ("Failed", "ValueError: a"), "recorded as Failed (Lost), and failed now"),
        (("Pruned", "", ""), ("Succeeded", ""), ""),
        (("Cancelled", "Interrupted", ""), ("Succeeded", ""), ""),
        (("Succeeded", "", ""), ("Cancelled", "stopped as asked"), "interrupted before its end"),
    ],
)
def test_how_it_ends_counts_where_it_ended_by_itself(
    was: tuple[str, str, str], now: tuple[str, str], words: str
) -> None:
    found = outcome(recorded(*was), *now)
    assert words in found.ending
    assert bool(words) != found.is_same
