"""What a trial printed: read whole, followed while it prints, and of the attempt before the last."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from expsdk import current_trial, experiment, log_metric
from expsdk.errors import TrialNotFound

WITHIN_S = 30.0


class Follower:
    """Follows a trial's log in a thread of its own."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines: list[str] = []
        self._source = lines
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in self._source:
            self.lines.append(line)

    def has_ended(self, within_s: float) -> bool:
        self._thread.join(within_s)
        return not self._thread.is_alive()


@pytest.fixture
def talk() -> Any:
    """A function that prints its attempt and waits to be stopped, in all attempts but the third."""

    @experiment(space={"number": [1]}, objective="loss")
    def talk(number: int) -> float:
        import time

        attempt = current_trial().attempt  # type: ignore[union-attr]
        for line in range(3):
            print(f"attempt {attempt}, line {line}")
        print("no end", end="", flush=True)
        while attempt < 3:
            log_metric("loss", 2.0)
            time.sleep(0.01)
        return 1.0

    return talk


def once_there(expected: list[str], read: Callable[[], list[str]]) -> list[str]:
    """Return what is read once it is as expected, or at last; a cluster's node writes logs down in its own time."""
    deadline = time.monotonic() + WITHIN_S
    while (said := read()) != expected and time.monotonic() < deadline:
        time.sleep(0.2)
    return said


def printed(attempt: int) -> list[str]:
    return [*(f"attempt {attempt}, line {line}\n" for line in range(3)), "no end"]


@pytest.fixture
def driven(place: Any, coordinate: Any, talk: Any) -> Any:
    if not place.keeps_logs:
        pytest.skip("the debug backend's trials print to the terminal")
    return coordinate(talk)


def run(driven: Any, attempt: int) -> None:
    """Run an attempt until it has reported, or to its end where that is soon."""
    driven.launch(0, attempt=attempt, number=1)
    if attempt < 3:
        driven.wait_for(lambda update: bool(update.document["status"]["metrics"]))
    else:
        driven.end_of(0)


def end(driven: Any) -> None:
    driven.backend.terminate(0, reason="Preempted", message="for a test")
    assert driven.end_of(0)["reason"] == "Preempted"


def test_the_attempt_before_the_last_is_kept(place: Any, driven: Any) -> None:
    if place.name == "kubernetes":
        pytest.skip("a coordinator's next attempt takes the former one's pods away; tests/kubernetes reads a Job's own")
    trial = f"{driven.record.metadata.name}-0000"
    run(driven, 1)
    with pytest.raises(TrialNotFound, match="earlier"):
        list(place.records.logs(trial, previous=True))
    end(driven)
    assert once_there(printed(1), lambda: list(place.records.logs(trial))) == printed(1)
    run(driven, 2)
    end(driven)
    assert list(place.records.logs(trial, previous=True)) == printed(1)
    run(driven, 3)
    assert list(place.records.logs(trial, previous=True)) == printed(2)
    assert list(place.records.logs(trial, previous=True, follow=True)) == printed(2)
    assert list(place.records.logs(trial)) == printed(3)


def test_a_log_is_followed_to_the_trials_end(place: Any, driven: Any) -> None:
    trial = f"{driven.record.metadata.name}-0000"
    run(driven, 1)
    follower = Follower(place.records.logs(trial, follow=True))
    assert not follower.has_ended(within_s=0.5)
    said = once_there(printed(1)[:-1], lambda: list(follower.lines))
    assert said == printed(1)[:-1], "a line comes when it is whole"
    driven.backend.ask_stop(0, "cancelled")
    driven.end_of(0)
    driven.backend.close()
    assert follower.has_ended(within_s=20.0)
    assert follower.lines == printed(1) == list(place.records.logs(trial, follow=True))
