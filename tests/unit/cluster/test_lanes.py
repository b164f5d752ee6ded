"""Lanes: in order within one, at once across many, again where it may help, dropped where something else is wanted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from functools import partial
from typing import Any

import pytest

from expsdk.cluster import lanes as module
from expsdk.cluster.lanes import Lanes, is_for_now
from expsdk.errors import ClusterError, Conflict, Forbidden, QuotaExceeded, Unreachable

WITHIN_S = 20.0


class Notes:
    """What tasks did, for another thread to wait for."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.failed: list[tuple[Hashable, Exception]] = []
        self._changed = threading.Condition()

    def note(self, what: Any) -> None:
        with self._changed:
            self.done.append(what)
            self._changed.notify_all()

    def fail(self, key: Hashable, error: Exception) -> None:
        with self._changed:
            self.failed.append((key, error))
            self._changed.notify_all()

    def wait(self, is_so: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(is_so, WITHIN_S), (self.done, self.failed)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def lanes(notes: Notes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lanes]:
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.01)
    made = Lanes(4, failed=notes.fail)
    yield made
    made.close()


def test_tasks_of_one_lane_are_done_in_order(lanes: Lanes, notes: Notes) -> None:
    for number in range(200):
        lanes.do("one", partial(notes.note, number))
    notes.wait(lambda: len(notes.done) == 200)
    assert notes.done == list(range(200))


def test_lanes_are_at_work_at_the_same_time(lanes: Lanes, notes: Notes) -> None:
    together = threading.Barrier(4)
    for number in range(4):
        lanes.do(number, lambda: notes.note(together.wait(WITHIN_S)))
    notes.wait(lambda: len(notes.done) == 4)
    assert notes.failed == []


def test_what_the_server_cannot_do_for_now_is_done_again_before_its_lane_goes_on(lanes: Lanes, notes: Notes) -> None:
    errors = [Unreachable("away"), ClusterError("busy", status=503), QuotaExceeded("full", status=403)]

    def task() -> None:
        if errors:
            raise errors.pop(0)
        notes.note("first")

    lanes.do(1, task)
    lanes.do(1, partial(notes.note, "second"))
    lanes.do(2, partial(notes.note, "another lane"))
    notes.wait(lambda: len(notes.done) == 3)
    assert notes.done == ["another lane", "first", "second"]
    assert [key for key, _ in notes.failed] == [1, 1, 1]


def test_what_cannot_be_done_at_all_is_told_once_and_its_lane_goes_on(lanes: Lanes, notes: Notes) -> None:
    def task() -> None:
        raise Forbidden("no", status=403)

    lanes.do(1, task)
    lanes.do(1, partial(notes.note, "next"))
    notes.wait(lambda: bool(notes.done))
    assert [(key, str(error)) for key, error in notes.failed] == [(1, "no")]


def test_a_fault_of_our_own_is_told_too(lanes: Lanes, notes: Notes) -> None:
    lanes.do(1, lambda: notes.note(1 // 0))
    notes.wait(lambda: bool(notes.failed))
    assert isinstance(notes.failed[0][1], ZeroDivisionError)


def test_a_task_instead_of_the_others_drops_them_and_does_not_wait_for_their_pause(
    lanes: Lanes, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 3600.0)
    monkeypatch.setattr(module, "LONGEST_PAUSE_S", 3600.0)

    def task() -> None:
        raise Unreachable("away")

    lanes.do(1, task)
    lanes.do(1, partial(notes.note, "dropped"))
    notes.wait(lambda: bool(notes.failed))
    time.sleep(0.05)  # so that it pauses now
    lanes.do(1, partial(notes.note, "instead"), instead=True)
    notes.wait(lambda: bool(notes.done))
    assert notes.done == ["instead"]


def test_a_task_instead_of_one_that_is_at_work_follows_it(lanes: Lanes, notes: Notes) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def task() -> None:
        begun.set()
        go_on.wait(WITHIN_S)
        notes.note("at work")

    lanes.do(1, task)
    assert begun.wait(WITHIN_S)
    lanes.do(1, partial(notes.note, "dropped"))
    lanes.do(1, partial(notes.note, "instead"), instead=True)
    go_on.set()
    notes.wait(lambda: len(notes.done) == 2)
    assert notes.done == ["at work", "instead"]


def test_closing_begins_nothing_more(notes: Notes) -> None:
    lanes = Lanes(1, failed=notes.fail)
    begun, go_on = threading.Event(), threading.Event()

    def task() -> None:
        begun.set()
        go_on.wait(WITHIN_S)
        notes.note("begun")

    lanes.do(1, task)
    lanes.do(2, partial(notes.note, "never"))
    assert begun.wait(WITHIN_S)
    closer = threading.Thread(target=lanes.close)
    closer.start()
    time.sleep(0.05)
    go_on.set()
    closer.join(WITHIN_S)
    assert notes.done == ["begun"]


@pytest.mark.parametrize(
    ("error", "is_so"),
    [
        (Unreachable("away"), True),
        (QuotaExceeded("full", status=403), True),
        (ClusterError("busy", status=429), True),
        (ClusterError("odd", status=500), True),
        (ClusterError("odd", status=405), False),
        (Conflict("there", status=409), False),
        (ValueError("ours"), False),
    ],
)
def test_which_errors_pass(error: Exception, is_so: bool) -> None:
    assert is_for_now(error) == is_so


def test_an_idle_lane_waits_for_all_others(notes: Notes) -> None:
    lanes = Lanes(1, failed=notes.fail)
    begin = threading.Event()
    lanes.do("first", begin.wait)  # so that what follows is queued
    lanes.do("events", partial(notes.note, "event"), idle=True)
    for number in range(3):
        lanes.do(number, partial(notes.note, number))
    begin.set()
    notes.wait(lambda: len(notes.done) == 4)
    lanes.close()
    assert notes.done == [0, 1, 2, "event"]
