"""The background reporter: nothing lost, nothing slowed down, whatever the sink does; a bounded end."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from expsdk_runtime import reporter as reporter_module
from expsdk_runtime import tracking
from expsdk_runtime.journal import Journal
from expsdk_runtime.ledger import Ledger
from expsdk_runtime.reporter import Reporter
from expsdk_runtime.status import timestamp

FACTS: dict[str, Any] = {
    "phase": "Running",
    "reason": "",
    "message": "",
    "attempt": 1,
    "startTime": timestamp(),
    "completionTime": None,
    "outputDir": "",
    "environment": {},
}
END = {"phase": "Succeeded"}


def until(condition: Callable[[], object]) -> None:
    """Wait until something is so that another thread does."""
    give_up_at = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up_at, "it never came about"
        time.sleep(0.001)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.jsonl"


@pytest.fixture
def start(path: Path) -> Iterator[Callable[[Any], Reporter]]:
    started: list[tuple[Reporter, Any]] = []

    def start_one(sink: Any) -> Reporter:
        reporter = Reporter(FACTS, ledger=Ledger([("loss", "minimize")]), journal=Journal(str(path)), sink=sink)
        started.append((reporter, sink))
        reporter.start()
        return reporter

    yield start_one
    for reporter, sink in started:
        sink.gate.set()
        reporter.finish(END)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up after half a second instead of twenty."""
    monkeypatch.setattr(reporter_module, "FINAL_ATTEMPTS_S", 0.5)


def test_the_start_is_reported_before_anything_is_logged(start: Any, make_sink: Any) -> None:
    sink = make_sink()
    start(sink)
    until(lambda: sink.statuses)
    assert sink.statuses[0]["phase"] == "Running"
    assert sink.statuses[0]["metrics"] == {}


def test_metrics_are_reported_while_the_trial_runs(start: Any, make_sink: Any) -> None:
    sink = make_sink()
    reporter = start(sink)
    reporter.recorder.log("loss", 0.5, 0)
    until(lambda: sink.statuses and sink.statuses[-1]["metrics"])
    assert sink.statuses[-1]["metrics"]["loss"]["last"] == 0.5
    assert sink.statuses[-1]["phase"] == "Running"


def test_many_points_make_few_reports(start: Any, make_sink: Any, path: Path) -> None:
    sink = make_sink()
    sink.interval_s = 60.0
    reporter = start(sink)
    until(lambda: sink.statuses)
    for epoch in range(50_000):
        reporter.recorder.log("loss", 1.0, epoch)
    assert reporter.finish(END)
    assert len(sink.statuses) == 2
    assert sink.statuses[-1]["metrics"]["loss"]["epoch"] == 49_999
    assert len(path.read_text().splitlines()) == 50_000


def test_while_nothing_is_logged_nothing_is_reported(start: Any, make_sink: Any) -> None:
    sink = make_sink()
    start(sink)
    until(lambda: sink.statuses)
    time.sleep(10 * sink.interval_s)
    assert len(sink.statuses) == 1


@pytest.mark.parametrize("error", [ConnectionRefusedError("away"), TimeoutError("slow"), BrokenPipeError()])
def test_what_the_sink_refuses_is_reported_later_and_written_at_once(
    start: Any, make_sink: Any, path: Path, error: OSError
) -> None:
    sink = make_sink()
    sink.failures = [error] * 4
    reporter = start(sink)
    reporter.recorder.log("loss", 0.5, 0)
    until(path.exists)
    for epoch in range(1, 1000):
        reporter.recorder.log("loss", 0.5, epoch)
    until(lambda: sink.statuses)
    assert len(sink.attempted_at) >= 5
    assert reporter.finish(END)
    assert sink.statuses[-1]["metrics"]["loss"]["epoch"] == 999
    assert [json.loads(line)["epoch"] for line in path.read_text().splitlines()] == list(range(1000))


def test_failures_are_tried_again_after_pauses_that_double(start: Any, make_sink: Any) -> None:
    sink = make_sink()
    sink.failures = [OSError("away")] * 5
    start(sink)
    until(lambda: sink.statuses)
    pauses = [later - earlier for earlier, later in pairwise(sink.attempted_at[:6])]
    for doublings, pause in enumerate(pauses):
        assert pause >= 0.9 * sink.interval_s * 2**doublings


def test_during_a_long_backoff_the_journal_is_kept_and_stops_are_heard(
    start: Any, make_sink: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = make_sink()
    sink.failures = [OSError("away")]
    reporter = start(sink)
    until(lambda: sink.attempted_at)
    reporter._next_at = time.monotonic() + 60  # as after many failures
    reporter.recorder.log("loss", 0.5, 0)
    until(path.exists)
    sink.asked = "pruned"
    until(lambda: reporter.recorder.stop)
    assert sink.statuses == []
    assert reporter.recorder.stop == "pruned"


def test_the_end_is_tried_anew_after_an_outage_however_long_the_backoff_had_become(
    start: Any, make_sink: Any, soon: None
) -> None:
    sink = make_sink()
    sink.failures = [OSError("away")]
    reporter = start(sink)
    until(lambda: sink.attempted_at)
    reporter._backoff_s = 60.0  # as after many failures
    sink.failures = [OSError("still away")] * 3
    assert reporter.finish(END)
    assert [status["phase"] for status in sink.statuses] == ["Succeeded"]


def test_the_end_gives_up_on_a_sink_that_stays_away(start: Any, make_sink: Any, soon: None, path: Path) -> None:
    sink = make_sink()
    sink.failures = [OSError("away")] * 1000
    reporter = start(sink)
    reporter.recorder.log("loss", 0.5, 0)
    assert reporter.finish(END) is False
    assert sink.statuses == []
    assert len(sink.attempted_at) > 2
    assert len(path.read_text().splitlines()) == 1
    sink.failures.clear()


def test_the_end_waits_for_what_is_being_taken_in_however_long_that_takes(
    start: Any, make_sink: Any, monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    sink = make_sink()
    reporter = start(sink)
    for epoch in range(100_000):
        reporter.recorder.log("loss", 0.5, epoch)
    monkeypatch.setattr(reporter_module, "FINAL_ATTEMPTS_S", 0.01)
    reporter.close()
    assert reporter.ledger.epoch == 99_999
    assert len(path.read_text().splitlines()) == 100_000


@pytest.mark.parametrize("blocked_from", ["the start", "the end"])
def test_the_end_gives_up_on_a_sink_that_never_returns(
    start: Any, make_sink: Any, soon: None, path: Path, blocked_from: str
) -> None:
    sink = make_sink()
    if blocked_from == "the start":
        sink.gate.clear()
    reporter = start(sink)
    until(lambda: sink.attempted_at)
    if blocked_from == "the end":
        until(lambda: sink.statuses)
        reporter.close()
        sink.gate.clear()
    reporter.add({"loss": 0.5}, 0)
    assert reporter.finish(END) is False
    assert reporter.ledger.objectives() == {"loss": 0.5}
    assert len(path.read_text().splitlines()) == 1


def test_while_the_sink_blocks_logging_goes_on(start: Any, make_sink: Any) -> None:
    sink = make_sink()
    sink.gate.clear()
    reporter = start(sink)
    until(lambda: sink.attempted_at)
    for epoch in range(100_000):
        reporter.recorder.log("loss", 0.5, epoch)
    assert sink.statuses == []
    sink.gate.set()
    assert reporter.finish(END)
    assert sink.statuses[-1]["metrics"]["loss"]["epoch"] == 99_999


def test_a_slow_sink_is_asked_less_often(start: Any, make_sink: Any) -> None:
    sink = make_sink()
    sink.gate.clear()
    reporter = start(sink)
    until(lambda: sink.attempted_at)
    reporter.recorder.log("loss", 0.5, 0)
    time.sleep(3 * sink.interval_s)
    sink.gate.set()
    until(lambda: len(sink.statuses) == 2)
    assert sink.attempted_at[1] - sink.attempted_at[0] >= 0.9 * 10 * 2.9 * sink.interval_s


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_sink_that_breaks_its_contract_neither_stops_training_nor_loses_the_end(
    start: Any, make_sink: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "WAIT_AT_POINTS", 1000)
    sink = make_sink()
    sink.failures = [RuntimeError("not an OSError")]
    reporter = start(sink)
    until(lambda: not reporter._thread.is_alive())
    for epoch in range(3000):
        reporter.recorder.log("loss", 0.5, epoch)
    assert reporter.finish(END)
    assert sink.statuses[-1]["metrics"]["loss"]["epoch"] == 2999


def test_a_stop_of_a_reply_arrives_at_the_recorder(start: Any, make_sink: Any) -> None:
    sink = make_sink()
    reporter = start(sink)
    sink.asked = "pruned"
    until(lambda: reporter.recorder.stop)
    sink.asked = "cancelled"
    time.sleep(5 * sink.interval_s)
    assert reporter.recorder.stop == "pruned"


def test_final_metrics_are_taken_in_although_a_stop_came_too_late(start: Any, make_sink: Any) -> None:
    sink = make_sink()
    reporter = start(sink)
    reporter.close()
    reporter.recorder.ask("pruned")
    reporter.add({"loss": 0.25}, 4)
    assert reporter.finish(END)
    assert sink.statuses[-1]["objectives"] == {"loss": 0.25}


def lowest_free_descriptor() -> int:
    descriptor = os.open(os.devnull, os.O_RDONLY)
    os.close(descriptor)
    return descriptor


def test_a_reporter_leaves_no_thread_and_no_descriptor(start: Any, make_sink: Any) -> None:
    descriptors, threads = lowest_free_descriptor(), threading.active_count()
    for _ in range(3):
        reporter = start(make_sink())
        assert reporter.finish(END)
        reporter.recorder.log("late", 1.0, None)
        reporter._wake()
    assert threading.active_count() == threads
    assert lowest_free_descriptor() == descriptors


def test_the_last_status_is_kept_before_it_is_sent_and_again_once_it_was(path: Path, make_sink: Any) -> None:
    kept: list[tuple[int, str, bool]] = []
    sink = make_sink()

    def keep(status: dict[str, Any]) -> None:
        kept.append((len(sink.statuses), status["phase"], status["delivered"]))

    reporter = Reporter(FACTS, ledger=Ledger([]), journal=Journal(str(path)), sink=sink, keep=keep)
    reporter.start()
    until(lambda: sink.statuses)
    assert reporter.finish(END)
    assert kept == [(1, "Succeeded", False), (2, "Succeeded", True)]


def test_a_last_status_that_no_sink_takes_is_kept(path: Path, make_sink: Any, soon: None) -> None:
    kept: list[dict[str, Any]] = []
    sink = make_sink()
    sink.gate.clear()
    reporter = Reporter(FACTS, ledger=Ledger([]), journal=Journal(str(path)), sink=sink, keep=kept.append)
    reporter.start()
    assert not reporter.finish(END)
    assert [status["delivered"] for status in kept] == [False]


def test_other_facts_are_reported_although_nothing_is_logged(start: Any, make_sink: Any) -> None:
    sink = make_sink()
    reporter = start(sink)
    until(lambda: sink.statuses)
    reporter.change({"message": "installed"})
    until(lambda: sink.statuses[-1]["message"] == "installed")


def test_the_end_may_be_hurried_while_it_is_waited_for(start: Any, make_sink: Any) -> None:
    sink = make_sink()
    sink.gate.clear()
    reporter = start(sink)
    until(lambda: sink.attempted_at)
    began = time.monotonic()
    threading.Timer(0.3, reporter.hurry, [0.1]).start()
    assert not reporter.finish(END)
    assert time.monotonic() - began < 10
