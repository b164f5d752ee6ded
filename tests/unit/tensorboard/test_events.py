"""One trial's event file: TensorBoard's own reader finds every value once, whatever was logged again."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from expsdk_runtime.events import JournalReader, Point, TrialEvents
from expsdk_runtime.journal import Journal
from expsdk_runtime.tracking import Automatic

POINTS = [Point("loss", epoch, 1 / (epoch + 1), 100.0 + epoch) for epoch in range(4)]


@pytest.fixture
def events(tmp_path: Path) -> TrialEvents:
    events = TrialEvents(str(tmp_path), parameters={"lr": 0.5, "deep": True, "opt": "sgd", "of": [1, 2]}, started=99.0)
    events.rewrite([])
    return events


def test_values_steps_and_times_are_read_back(
    events: TrialEvents, tmp_path: Path, read_run: Callable[..., Any]
) -> None:
    events.add([*POINTS, Point("a name, with «signs»", 2, math.inf, 7.0)])
    events.end("Succeeded", 200.0)
    run = read_run(tmp_path)
    assert run.scalars["loss"] == [(point.epoch, pytest.approx(point.value), point.at) for point in POINTS]
    assert run.scalars["a name, with «signs»"] == [(2, math.inf, 7.0)]
    assert run.parameters == {"lr": 0.5, "deep": True, "opt": "sgd", "of": "[1, 2]"}
    assert run.status == "STATUS_SUCCESS"


@pytest.mark.parametrize("phase", ["Failed", "Pruned", "Cancelled"])
def test_what_did_not_succeed_is_a_failure(
    events: TrialEvents, tmp_path: Path, read_run: Callable[..., Any], phase: str
) -> None:
    events.end(phase, 200.0)
    assert read_run(tmp_path).status == "STATUS_FAILURE"


def test_a_file_can_be_read_while_it_is_written(
    events: TrialEvents, tmp_path: Path, read_run: Callable[..., Any]
) -> None:
    events.add(POINTS[:2])
    events.flush()
    assert (read_run(tmp_path).steps("loss"), read_run(tmp_path).status) == ([0, 1], "")
    events.add(POINTS[2:])
    events.flush()
    assert read_run(tmp_path).steps("loss") == [0, 1, 2, 3]
    events.close()


def test_a_value_that_is_replaced_makes_the_file_outdated_until_it_is_rewritten(
    events: TrialEvents, tmp_path: Path, read_run: Callable[..., Any]
) -> None:
    events.add([*POINTS, POINTS[-1]])
    assert not events.is_outdated
    again = Point("loss", 3, 0.125, 150.0)
    events.add([again])
    assert events.is_outdated
    events.rewrite([*POINTS, again])
    assert not events.is_outdated
    events.end("Succeeded", 200.0)
    assert read_run(tmp_path).scalars["loss"][-1] == (3, 0.125, 150.0)
    assert read_run(tmp_path).steps("loss") == [0, 1, 2, 3]


def test_a_later_writer_replaces_the_files_of_a_former_one_and_nothing_else(
    events: TrialEvents, tmp_path: Path, read_run: Callable[..., Any]
) -> None:
    (tmp_path / "events.out.tfevents.1.users-own").write_bytes(b"")
    events.add(POINTS)
    events.close()
    later = TrialEvents(str(tmp_path), parameters={}, started=99.0)
    later.rewrite(POINTS[:3])
    later.end("Succeeded", 200.0)
    assert read_run(tmp_path).steps("loss") == [0, 1, 2]
    for _ in range(5):
        later.rewrite(POINTS)
    later.close()
    assert len(list(tmp_path.iterdir())) == 3, "the user's, the last and the emptied one before"


@pytest.mark.usefixtures("read_run")
def test_whoever_reads_meanwhile_forgets_the_former_file(events: TrialEvents, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events.add(POINTS)
    events.flush()
    reader = EventAccumulator(str(tmp_path))
    reader.Reload()
    events.rewrite(POINTS[:2])
    events.flush()
    reader.Reload()
    assert [event.step for event in reader.Scalars("loss")] == [0, 1]
    events.close()


def test_of_metrics_that_the_function_logs_itself_automatic_values_do_not_count(
    events: TrialEvents, tmp_path: Path, read_run: Callable[..., Any]
) -> None:
    """As in the Result: see `Ledger`."""
    path = str(tmp_path / "metrics.jsonl")
    steps = [(Automatic(loss=9.0), step, 100.0 + step) for step in range(10)]
    Journal(path).write([*steps, ({"loss": 0.5}, 2, 120.0), ({"other": math.nan}, 0, 121.0)])
    reader = JournalReader(path)
    events.add(reader.read_on())
    assert events.is_outdated
    events.rewrite(reader.read_all())
    events.end("Succeeded", 200.0)
    assert read_run(tmp_path).scalars["loss"] == [(2, 0.5, 120.0)]
    assert math.isnan(read_run(tmp_path).scalars["other"][0][1])


def test_a_journal_is_read_on_by_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    reader = JournalReader(str(path))
    assert reader.read_on() == []
    line = '{"metric": "loss", "value": 0.5, "epoch": 3, "time": 7.0}\n'
    path.write_text(line + "no point\n[1]\n" + line[:20])
    assert reader.read_on() == [Point("loss", 3, 0.5, 7.0)]
    path.write_text(line + "no point\n[1]\n" + line)
    assert reader.read_on() == [Point("loss", 3, 0.5, 7.0)]
    assert reader.read_on() == []
    assert len(reader.read_all()) == 2
