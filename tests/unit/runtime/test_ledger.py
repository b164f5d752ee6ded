"""All metrics of a trial: which epoch a value counts for, what the objectives are, what is left out."""

from __future__ import annotations

import math

import pytest

from expsdk_runtime.ledger import Ledger
from expsdk_runtime.tracking import Automatic


@pytest.fixture
def ledger() -> Ledger:
    return Ledger([("loss", "minimize"), ("accuracy", "maximize")])


def test_without_an_epoch_a_value_is_the_next_of_its_metric(ledger: Ledger) -> None:
    assert [ledger.add({"loss": 1.0}, None) for _ in range(3)] == [0, 1, 2]
    assert ledger.add({"accuracy": 0.5}, None) == 0
    assert ledger.epoch == 2


def test_without_an_epoch_the_next_one_follows_the_highest_that_was_named(ledger: Ledger) -> None:
    ledger.add({"loss": 1.0}, 7)
    ledger.add({"loss": 0.9}, 2)
    assert ledger.add({"loss": 0.8}, None) == 8


def test_metrics_logged_together_share_an_epoch_that_none_of_them_has_reached(ledger: Ledger) -> None:
    ledger.add({"loss": 1.0}, 4)
    assert ledger.add({"loss": 0.5, "accuracy": 0.7}, None) == 5
    assert ledger.series["accuracy"].last_epoch == 5


def test_an_objective_is_the_last_value_however_good_the_best_was(ledger: Ledger) -> None:
    for value in (0.3, 0.1, 0.2):
        ledger.add({"loss": value}, None)
    assert ledger.objectives() == {"loss": 0.2}
    assert ledger.missing_objectives() == ["accuracy"]


def test_an_objective_can_be_no_number(ledger: Ledger) -> None:
    ledger.add({"loss": math.nan, "accuracy": -math.inf}, None)
    assert ledger.objectives() == {"loss": "NaN", "accuracy": "-Infinity"}


def test_best_goes_by_the_objectives_direction_and_else_is_the_smallest(ledger: Ledger) -> None:
    for value in (1.0, 3.0, 2.0):
        ledger.add({"loss": value, "accuracy": value, "other": value}, None)
    bests = {name: record["best"] for name, record in ledger.records(names=3, points=9)["metrics"].items()}
    assert bests == {"loss": 1.0, "accuracy": 3.0, "other": 1.0}


def test_objectives_are_the_last_to_be_left_out(ledger: Ledger) -> None:
    ledger.add({"a": 1.0, "b": 2.0}, None)
    ledger.add({"accuracy": 3.0}, None)
    records = ledger.records(names=2, points=9)
    assert list(records["metrics"]) == list(records["history"]) == ["accuracy", "a"]
    assert records["truncatedMetrics"] == 1


def test_points_are_counted_as_the_records_would_hold_them(ledger: Ledger) -> None:
    for _ in range(10):
        ledger.add({"loss": 1.0}, None)
    ledger.add({"other": 1.0}, None)
    assert ledger.count_points(4) == 5
    assert ledger.count_points(100) == 11


def test_a_status_restores_the_metrics_that_it_has(ledger: Ledger) -> None:
    for epoch in range(300):
        ledger.add({"loss": 1 / (epoch + 1), "accuracy": -float(epoch), "nan": math.nan}, epoch)
    said = ledger.records(names=3, points=128)
    restored = Ledger([("loss", "minimize"), ("accuracy", "maximize")])
    restored.restore(said)
    assert restored.epoch == 299
    assert restored.records(names=3, points=128)["metrics"] == said["metrics"]
    assert restored.add({"loss": 0.5}, None) == 300


def test_an_empty_status_restores_nothing(ledger: Ledger) -> None:
    ledger.restore({})
    assert (ledger.series, ledger.epoch) == ({}, None)


def test_what_the_function_logs_counts_before_what_was_logged_automatically(ledger: Ledger) -> None:
    ledger.add(Automatic(loss=1.0, other=2.0), 0)
    ledger.add({"loss": 0.5}, 0)
    ledger.add(Automatic(loss=9.0, other=3.0), 1)
    assert ledger.objectives() == {"loss": 0.5}
    assert (ledger.series["other"].last, ledger.epoch) == (3.0, 1)


def test_automatic_values_of_later_epochs_are_forgotten(ledger: Ledger) -> None:
    """They may count in steps where the function counts in epochs."""
    for step in range(100):
        ledger.add(Automatic(loss=9.0), step)
    ledger.add({"loss": 0.5}, 3)
    assert (ledger.objectives(), ledger.epoch, len(ledger.series["loss"])) == ({"loss": 0.5}, 3, 1)


def test_a_last_value_of_the_function_goes_on_after_automatic_ones(ledger: Ledger) -> None:
    for epoch in range(3):
        ledger.add(Automatic(loss=9.0), epoch)
    assert ledger.add({"loss": 0.5}, None) == 3
    assert (ledger.objectives(), len(ledger.series["loss"])) == ({"loss": 0.5}, 4)


def test_of_automatic_values_that_do_not_count_nothing_is_left(ledger: Ledger) -> None:
    ledger.add({"loss": 0.5}, 4)
    dropped = Automatic(loss=9.0)
    assert ledger.add(dropped, 7) == 4
    assert dropped == {}
