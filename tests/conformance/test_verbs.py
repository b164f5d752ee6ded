"""A backend's verbs, one by one, as a coordinator uses them."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from expsdk import checkpoint_dir, experiment, log_metric
from expsdk.backends.base import StopRequest
from expsdk.errors import BackendError, ExperimentExists, ExperimentNotFound
from expsdk.sweep.record import with_ending


@pytest.fixture
def wait() -> Any:
    """A function that logs its number until it is stopped."""

    @experiment(space={"number": [1, 2, 3]}, objective="loss")
    def wait(number: int) -> None:

        while True:
            log_metric("loss", number)
            time.sleep(0.01)

    return wait


def test_updates_tell_what_the_records_hold(place: Any, coordinate: Any, train: Any) -> None:
    driven = coordinate(train)
    driven.launch(0, number=3)
    status = driven.end_of(0)
    assert place.documents(driven.record.metadata.name)[0]["spec"]["parameters"] == {"number": 3}
    assert (status["phase"], status["objectives"]) == ("Succeeded", {"loss": 3.0})
    assert driven.updates[-1].document == place.documents(driven.record.metadata.name)[0]
    assert [update.number for update in driven.updates] == [0] * len(driven.updates)


def test_nothing_is_told_of_a_trial_after_its_end(coordinate: Any, train: Any) -> None:
    driven = coordinate(train)
    for number in range(4):
        driven.launch(number, number=1)
    for number in range(4):
        if not any(update.number == number and not update.alive for update in driven.updates):
            driven.end_of(number)
    assert sorted(update.number for update in driven.updates if not update.alive) == [0, 1, 2, 3]
    assert driven.backend.wait(0.0) == []


@pytest.mark.parametrize(("stop", "phase"), [("cancelled", "Cancelled"), ("pruned", "Pruned")])
def test_ask_stop(place: Any, coordinate: Any, stop: str, phase: str, wait: Any) -> None:
    if stop == "pruned" and not place.runs_at_once:
        pytest.skip("no trial of the debug backend can be asked while it runs")
    driven = coordinate(wait)
    driven.launch(0, number=1)
    if place.runs_at_once:
        driven.wait_for(lambda update: bool(update.document["status"]["metrics"]))
    driven.backend.ask_stop(0, stop)
    assert driven.end_of(0)["phase"] == phase
    if place.runs_at_once:
        document = place.documents(driven.record.metadata.name)[0]
        assert document["spec"]["stop"] == stop
        assert document["status"]["objectives"] == {"loss": 1.0}


@pytest.mark.parametrize("verb", ["terminate", "kill"])
@pytest.mark.parametrize(("reason", "phase"), [("Timeout", "Failed"), ("Interrupted", "Cancelled")])
def test_terminate_and_kill(coordinate: Any, verb: str, reason: str, phase: str, wait: Any) -> None:
    driven = coordinate(wait)
    driven.launch(0, number=1)
    getattr(driven.backend, verb)(0, reason=reason, message="it took too long")
    status = driven.end_of(0)
    assert (status["phase"], status["reason"], status["message"]) == (phase, reason, "it took too long")
    assert status["completionTime"]


def test_what_is_said_to_a_trial_that_is_not_there_is_passed_over(coordinate: Any, train: Any) -> None:
    driven = coordinate(train)
    driven.launch(0, number=1)
    assert driven.end_of(0)["phase"] == "Succeeded"
    for number in (0, 7):
        driven.backend.ask_stop(number, "cancelled")
        driven.backend.terminate(number, reason="Timeout", message="")
        driven.backend.kill(number, reason="Timeout", message="")
    assert driven.backend.wait(0.0) == []


def test_wake_ends_a_wait(place: Any, coordinate: Any, train: Any) -> None:
    driven = coordinate(train)
    waker = threading.Timer(0.05, driven.backend.wake)
    waker.start()
    assert driven.backend.wait(None) == []
    waker.join()
    for _ in range(100_000 if place.runs_at_once else 10):  # more than any buffer holds
        driven.backend.wake()
    assert driven.backend.wait(None) == []


def test_another_attempt_goes_on_from_the_former_one(place: Any, coordinate: Any) -> None:
    @experiment(space={"number": [1]}, objective="loss")
    def train(number: int) -> None:
        state = checkpoint_dir() / "epoch"
        epoch = int(state.read_text()) if state.exists() else 0
        state.write_text(str(epoch + 1))
        log_metric("loss", 10.0 - epoch, epoch=epoch)

    driven = coordinate(train)
    for attempt in (1, 2, 3):
        driven.launch(0, attempt=attempt, number=1)
        status = driven.end_of(0)
        assert (status["phase"], status["attempt"]) == ("Succeeded", attempt)
    assert status["history"]["loss"]["points"][1] == [10.0, 9.0, 8.0]


def test_the_experiments_record_is_kept_as_it_changes(place: Any, coordinate: Any, train: Any) -> None:
    driven = coordinate(train)
    assert place.is_kept(driven.record)
    changed = with_ending(driven.record, phase="Failed", message="for a test")
    driven.backend.keep(changed)
    assert place.is_kept(changed)


def test_creating_what_exists_is_refused_and_harms_nothing(place: Any, coordinate: Any, train: Any) -> None:
    driven = coordinate(train)
    driven.launch(0, number=1)
    another = place.backend()
    with pytest.raises(ExperimentExists):
        another.create(driven.record, train.pack())
    another.close()
    assert driven.end_of(0)["phase"] == "Succeeded"


def test_closing_ends_what_runs_unless_it_outlives_its_coordinator(place: Any, coordinate: Any, wait: Any) -> None:
    driven = coordinate(wait)
    name = driven.record.metadata.name
    driven.launch(0, number=1)
    driven.launch(1, number=2)
    if place.runs_at_once:
        driven.wait_for(lambda update: bool(update.document["status"]["metrics"]))
    driven.backend.close()
    driven.backend.close()
    found = [(trial.phase, trial.reason) for trial in place.results(name)]
    assert found == [("Running", "") if place.records.trials_outlive else ("Failed", "Lost")] * 2


def test_a_backend_that_was_never_used_closes(place: Any) -> None:
    backend = place.backend()
    backend.close()
    assert backend.takes_ctrl_c == place.runs_at_once
    assert isinstance(backend.notice, str)


def test_another_process_asks_for_the_end_of_the_sweep_and_of_a_trial(place: Any, coordinate: Any, wait: Any) -> None:
    driven = coordinate(wait)
    if not place.runs_at_once:
        assert driven.backend.stop_requests() == []
        pytest.skip("the debug backend hears nothing while a trial runs")
    name = driven.record.metadata.name
    driven.launch(0, number=1)
    driven.wait_for(lambda update: bool(update.document["status"]["metrics"]))
    assert driven.backend.stop_requests() == []
    found: list[StopRequest] = []

    def hear(count: int) -> None:
        give_up_at = time.monotonic() + 30.0
        while len(found) < count and time.monotonic() < give_up_at:
            driven.backend.keep(driven.record)  # as a coordinator does all along
            driven.updates += driven.backend.wait(0.5)
            found.extend(driven.backend.stop_requests())

    place.records.request_stop(name, StopRequest(0))
    hear(1)
    place.records.request_stop(name, StopRequest())
    hear(2)
    assert found == [StopRequest(0), StopRequest()]
    with pytest.raises(ExperimentNotFound):
        place.records.request_stop("nobody", StopRequest())
    driven.backend.close()
    with pytest.raises(BackendError, match=f"nobody drives '{name}' now"):
        place.records.request_stop(name, StopRequest())
