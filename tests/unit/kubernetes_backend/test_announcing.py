"""The Events of an experiment: few requests whatever happens, and none that matters."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from expsdk.backends.kubernetes import announcing
from expsdk.backends.kubernetes.announcing import Announcer
from expsdk.cluster.api import Api
from expsdk.resources.experiment import BestTrial, Experiment

if TYPE_CHECKING:
    from conftest import Store

Document = dict[str, Any]

EVENTS = "/api/v1/namespaces/ml/events"
EXPERIMENT = Experiment.model_validate(
    {
        "metadata": {"name": "train", "uid": "8a1f"},
        "spec": {"objectives": [{"metric": "loss", "direction": "minimize"}]},
    }
)


@pytest.fixture
def announcer(api: Api) -> Announcer:
    return Announcer(api, EXPERIMENT)


def events(store: Store) -> list[Document]:
    return [document for path, document in store.objects.items() if path.startswith(f"{EVENTS}/")]


def said(store: Store) -> list[tuple[str, str, int, str]]:
    return sorted((each["type"], each["reason"], each["count"], each["message"]) for each in events(store))


def result(number: int, phase: str, *, reason: str = "", message: str = "") -> Document:
    status = {"phase": phase, "reason": reason, "message": message}
    return {"metadata": {"name": f"train-{number:04d}"}, "spec": {"summary": f"lr=0.{number}"}, "status": status}


def test_each_kind_of_news_is_one_event_on_the_experiment(store: Store, announcer: Announcer) -> None:
    for number in range(40):
        announcer.launched(number)
    announcer.launched(7, attempt=2)
    traceback = 'Traceback (most recent call last):\n  File "train.py", line 3, in train\nValueError: two is no width\n'
    announcer.ended(result(3, "Failed", reason="UserError", message=traceback))
    announcer.ended(result(9, "Failed", reason="UserError", message=traceback))
    announcer.ended(result(4, "Failed", reason="OutOfMemory"))
    announcer.ended(result(5, "Succeeded"))
    announcer.ended(result(6, "Pruned"))
    announcer.is_best(BestTrial(trial="train-0005", value=0.5, summary="loss=0.5"))
    announcer.is_best(BestTrial(trial="train-0005", value=0.5, summary="loss=0.5"))
    announcer.finished("Succeeded", "36 succeeded, 3 failed, 1 pruned")
    announcer.publish(everything=True)
    assert said(store) == [
        ("Normal", "Finished", 1, "36 succeeded, 3 failed, 1 pruned"),
        ("Normal", "Launched", 40, "launched 40 trials (0000 to 0039)"),
        ("Normal", "LaunchedAgain", 1, "launched again 1 trial (0007)"),
        ("Normal", "NewBest", 1, "loss=0.5 is the best so far: train-0005 with lr=0.5"),
        ("Warning", "TrialFailed", 1, "train-0004 failed (OutOfMemory): it did not say why"),
        ("Warning", "TrialFailed", 2, "2 trials failed (UserError), the last train-0009: ValueError: two is no width"),
    ]
    about = events(store)[0]["involvedObject"]
    assert (about["kind"], about["name"], about["uid"]) == ("Experiment", "train", "8a1f")


def test_thousands_of_trials_are_few_requests(
    store: Store, announcer: Announcer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [time.monotonic()]
    monkeypatch.setattr(announcing.time, "monotonic", lambda: now[0])  # an hour would be long
    for number in range(3600):  # a trial a second
        announcer.launched(number)
        announcer.ended(result(number, "Failed", reason="UserError"))
        if announcer.is_due(now[0]):
            announcer.publish()
        now[0] += 1
    assert len(store.requests) <= 2 * (3600 / announcing.LONGEST_PAUSE_S + 6)
    assert len(events(store)) == 2
    announcer.publish(everything=True)
    assert {each["count"] for each in events(store)} == {3600}


def test_what_the_server_has_forgotten_is_created_anew(store: Store, announcer: Announcer) -> None:
    announcer.launched(0)
    announcer.publish()
    store.objects.clear()
    announcer.launched(1)
    announcer.publish(everything=True)
    assert said(store) == [("Normal", "Launched", 2, "launched 2 trials (0000 to 0001)")]


def test_an_answer_that_was_lost_makes_no_second_event(store: Store, announcer: Announcer) -> None:
    announcer.launched(0)
    announcer.publish()
    lost = announcer._events["launched"]
    lost.is_there = False
    announcer.launched(1)
    announcer.publish(everything=True)
    assert said(store) == [("Normal", "Launched", 2, "launched 2 trials (0000 to 0001)")]


def test_who_may_not_write_events_tries_once(store: Store, announcer: Announcer) -> None:
    def forbid(verb: str, path: str) -> tuple[int, Document]:
        store.requests.append((verb, path))
        return 403, {"kind": "Status", "message": 'User "anna" cannot create resource "events"', "code": 403}

    store.answer = lambda verb, path, body: forbid(verb, path)  # type: ignore[method-assign]
    announcer.launched(0)
    announcer.finished("Failed", "the coordinator ended")
    announcer.publish(everything=True)
    assert not announcer.has_news()
    announcer.publish(everything=True)
    assert len(store.requests) == 1


def test_what_cannot_be_written_now_is_written_later(store: Store, announcer: Announcer) -> None:
    store.answer = lambda verb, path, body: (422, {"kind": "Status", "code": 422})  # type: ignore[method-assign]
    announcer.launched(0)
    announcer.publish()
    assert announcer.has_news()
    assert not announcer.is_due(time.monotonic())
    del store.answer
    announcer.publish(everything=True)
    assert said(store) == [("Normal", "Launched", 1, "launched 1 trial (0000)")]


def test_what_an_earlier_coordinator_found_is_no_news(store: Store, announcer: Announcer) -> None:
    best = BestTrial(trial="train-0005", value=0.5, summary="loss=0.5")
    announcer.knows_best(best)
    announcer.is_best(best)
    announcer.publish(everything=True)
    assert store.requests == []
