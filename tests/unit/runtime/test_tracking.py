"""What a training function calls: what it takes and refuses, in a trial and in a plain call."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expsdk_runtime import (
    Trial,
    TrialStopped,
    checkpoint_dir,
    current_trial,
    log_metric,
    log_metrics,
    output_dir,
    tracking,
)
from expsdk_runtime.contract import EPOCH_LIMIT, METRIC_NAME_LIMIT_CHARS, Assignment
from expsdk_runtime.tracking import PIECE_POINTS, Recorder


class Fold(IntEnum):
    SECOND = 1


class Loss:
    """Something of a library's that float() takes."""

    def __float__(self) -> float:
        return 0.25


@pytest.fixture
def recorder() -> Recorder:
    return Recorder(lambda: False)


def logged(recorder: Recorder) -> list[tuple[Mapping[str, float], int | None]]:
    return [(values, epoch) for piece in recorder.take() for values, epoch, _ in piece]


@pytest.fixture(params=["log_metric", "log_metrics", "plain call"])
def log(request: pytest.FixtureRequest, recorder: Recorder) -> Callable[[Any, Any, Any], None]:
    """Every way to log one value."""

    def together(name: Any, value: Any, epoch: Any) -> None:
        recorder.log_together({name: value}, epoch)

    ways = {"log_metric": recorder.log, "log_metrics": together, "plain call": log_metric}
    way: Callable[[Any, Any, Any], None] = ways[request.param]
    return way


# ---------------------------------------------------------------------------------------------- what is taken


@pytest.mark.parametrize(
    "value",
    [
        1,
        True,
        0.25,
        Loss(),
        Decimal("0.5"),
        Fraction(1, 3),
        np.float32(0.5),
        np.int64(3),
        np.array(2.0),
        np.bool_(True),
    ],
)
def test_a_number_of_any_library_becomes_a_float(recorder: Recorder, value: Any) -> None:
    recorder.log("loss", value, None)
    recorder.log_together({"loss": value}, None)
    for values, _ in logged(recorder):
        assert type(values["loss"]) is float
        assert values["loss"] == float(value)


def test_nan_and_infinities_are_numbers(recorder: Recorder) -> None:
    for value in (math.nan, math.inf, -math.inf):
        recorder.log("loss", value, None)
    assert repr([values["loss"] for values, _ in logged(recorder)]) == "[nan, inf, -inf]"


@pytest.mark.parametrize("value", ["0.5", b"0.5", None, [0.5], {}, 1j, np.array([1.0, 2.0]), np.str_("0.5"), object()])
def test_what_is_no_number_is_refused_by_name(log: Callable[[Any, Any, Any], None], value: Any) -> None:
    with pytest.raises(TypeError, match="metric 'loss' takes a number") as caught:
        log("loss", value, None)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("epoch", [0, 7, np.int64(7), np.uint8(7), True, Fold.SECOND, EPOCH_LIMIT])
def test_an_epoch_is_any_librarys_integer(recorder: Recorder, epoch: Any) -> None:
    recorder.log("loss", 0.5, epoch)
    recorder.log_together({"loss": 0.5}, epoch)
    for _, taken in logged(recorder):
        assert type(taken) is int
        assert json.loads(json.dumps(taken)) == epoch


@pytest.mark.parametrize("epoch", [1.0, "1", np.float64(1), [1]])
def test_an_epoch_that_is_no_integer_is_refused(log: Callable[[Any, Any, Any], None], epoch: Any) -> None:
    with pytest.raises(TypeError, match="an epoch is an integer from 0"):
        log("loss", 0.5, epoch)


@pytest.mark.parametrize("epoch", [-1, np.int64(-1), EPOCH_LIMIT + 1, 10**30])
def test_an_epoch_that_readers_could_not_hold_is_refused(log: Callable[[Any, Any, Any], None], epoch: Any) -> None:
    with pytest.raises(ValueError, match="an epoch is an integer from 0"):
        log("loss", 0.5, epoch)


@pytest.mark.parametrize(
    "name", ["loss", "train/loss", "perte d'entraînement", "損失", "🙂", "x" * METRIC_NAME_LIMIT_CHARS]
)
def test_a_metrics_name_is_any_text(recorder: Recorder, name: str) -> None:
    recorder.log(name, 0.5, None)
    recorder.log_together({name: 0.5}, None)
    assert logged(recorder) == [({name: 0.5}, None)] * 2


@pytest.mark.parametrize("name", ["", "x" * (METRIC_NAME_LIMIT_CHARS + 1), "loss\ud800"])
def test_a_name_that_no_record_could_hold_is_refused(log: Callable[[Any, Any, Any], None], name: str) -> None:
    with pytest.raises(ValueError, match="a metric's name"):
        log(name, 0.5, None)


@pytest.mark.parametrize("name", [None, 3, b"loss", ("a", "b")])
def test_a_name_that_is_no_string_is_refused(log: Callable[[Any, Any, Any], None], name: Any) -> None:
    with pytest.raises(TypeError, match="a metric's name is a string"):
        log(name, 0.5, None)


def test_metrics_logged_together_go_in_all_or_none(recorder: Recorder) -> None:
    with pytest.raises(TypeError, match="'b' takes a number"):
        recorder.log_together({"a": 1.0, "b": "two"}, 0)  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="an epoch"):
        recorder.log_together({"a": 1.0}, -1)
    recorder.log_together({}, 0)
    assert logged(recorder) == []


def test_after_a_stop_every_call_raises_and_takes_nothing(recorder: Recorder) -> None:
    recorder.log("loss", 0.5, 0)
    recorder.ask("pruned")
    for _ in range(2):
        with pytest.raises(TrialStopped, match="pruned"):
            recorder.log("loss", 0.4, 1)
        with pytest.raises(TrialStopped, match="pruned"):
            recorder.log_together({"loss": 0.4}, 1)
    assert recorder.was_told
    assert logged(recorder) == [({"loss": 0.5}, 0)]


def test_the_stop_that_was_asked_first_counts(recorder: Recorder) -> None:
    recorder.ask("")
    assert recorder.stop == ""
    recorder.ask("pruned")
    recorder.ask("cancelled")
    recorder.ask("")
    assert recorder.stop == "pruned"
    assert not recorder.was_told


@settings(max_examples=25)
@given(st.lists(st.sampled_from([1, 5, PIECE_POINTS, PIECE_POINTS + 1]), max_size=4))
def test_points_are_taken_in_their_order_each_once_in_pieces(counts: list[int]) -> None:
    recorder, taken, total = Recorder(lambda: False), [], 0
    for count in counts:
        for number in range(total, total + count):
            recorder.log("loss", float(number), None)
        total += count
        pieces = list(recorder.take())
        assert all(0 < len(piece) <= PIECE_POINTS for piece in pieces)
        taken += [values["loss"] for piece in pieces for values, _, _ in piece]
    assert taken == [float(number) for number in range(total)]


@pytest.fixture
def low_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wake the reporter at 100 points instead of 16,384, wait for it at 1000 instead of 262,144."""
    monkeypatch.setattr(tracking, "WAKE_AT_POINTS", 100)
    monkeypatch.setattr(tracking, "WAIT_AT_POINTS", 1000)


@pytest.mark.parametrize("together", [False, True])
def test_a_function_that_logs_faster_than_can_be_reported_waits_at_a_bound(low_bounds: None, together: bool) -> None:
    wakes = threading.Semaphore(0)

    def wake() -> bool:
        wakes.release()
        return True

    recorder = Recorder(wake)

    def train() -> None:
        for _ in range(1500):
            if together:
                recorder.log_together({"loss": 0.5}, 0)
            else:
                recorder.log("loss", 0.5, 0)

    thread = threading.Thread(target=train)
    thread.start()
    for _ in range(1000 // 100 + 5):
        assert wakes.acquire(timeout=20)
    assert thread.is_alive()
    assert len(logged(recorder)) == 1000
    thread.join(20)
    assert len(logged(recorder)) == 500


def test_below_the_bound_the_reporter_is_woken_now_and_again_and_nobody_waits(low_bounds: None) -> None:
    wakes = []

    def wake() -> bool:
        wakes.append(1)
        return True

    recorder = Recorder(wake)
    for _ in range(999):
        recorder.log("loss", 0.5, 0)
    assert len(wakes) == 9


def test_nobody_waits_for_a_reporter_that_is_gone(low_bounds: None, recorder: Recorder) -> None:
    for _ in range(3000):
        recorder.log("loss", 0.5, 0)
    assert len(logged(recorder)) == 3000


def test_threads_log_concurrently_and_nothing_is_lost_or_torn(run: Callable[..., Any]) -> None:
    each, threads = 2000, 4

    def train() -> None:
        def work(number: int) -> None:
            for step in range(each):
                log_metrics({f"a{number}": float(step), f"b{number}": float(step)}, epoch=step)
                log_metric("shared", float(step))

        workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    trial = run(train, objectives=[])
    assert trial.ending.phase == "Succeeded"
    assert trial.status["metrics"]["shared"]["epoch"] == each * threads - 1
    journal = trial.journal()
    assert len(journal) == 3 * each * threads
    for number in range(threads):
        own = [(value, epoch) for name, value, epoch in journal if name == f"a{number}"]
        assert own == [(float(step), step) for step in range(each)]
        assert trial.status["metrics"][f"b{number}"]["last"] == each - 1


# --------------------------------------------------------------------------------------------- plain calls


def test_outside_a_trial_metrics_are_printed_readably(capsys: pytest.CaptureFixture[str]) -> None:
    log_metric("loss", 0.123456789)
    log_metric("loss", np.float32(2), epoch=np.int64(3))
    log_metrics({"loss": math.nan, "accuracy": 0.9}, epoch=4)
    assert capsys.readouterr().out.splitlines() == [
        "loss = 0.123457",
        "epoch 3: loss = 2",
        "epoch 4: loss = nan, accuracy = 0.9",
    ]


def test_outside_a_trial_there_is_none_and_files_go_to_a_temporary_directory(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # where tempfile is to make its directories
    monkeypatch.setattr(tracking, "_current", tracking._Current())  # as in a process that has not asked yet
    assert current_trial() is None
    assert output_dir() == output_dir()
    assert output_dir().parent == tmp_path
    assert checkpoint_dir().is_dir()
    assert checkpoint_dir().parent == output_dir()
    assert capsys.readouterr().err == f"expsdk: not in a trial, files go to {output_dir()}\n"


# ------------------------------------------------------------------------------------------------ in a trial


def test_a_trial_knows_itself_and_its_directories(run: Callable[..., Any], tmp_path: Path) -> None:
    seen: list[Any] = []

    def train(lr: float) -> float:
        seen.extend([current_trial(), output_dir(), checkpoint_dir(), output_dir().is_dir(), checkpoint_dir().is_dir()])
        return lr

    trial = run(train, parameters={"lr": 0.5}, attempt=2, output_dir=str(tmp_path / "a" / "b"))
    itself = seen[0]
    assert isinstance(itself, Trial)
    assert (itself.experiment, itself.name, itself.number, itself.attempt) == ("train", "train-0003", 3, 2)
    assert (itself.parameters, itself.seed) == ({"lr": 0.5}, 7)
    assert repr(itself) == "Trial('train-0003', parameters={'lr': 0.5}, attempt=2)"
    assert seen[1:] == [tmp_path / "a" / "b", tmp_path / "trial" / "checkpoint", True, True]
    assert trial.status["outputDir"] == str(tmp_path / "a" / "b")
    assert current_trial() is None


def test_in_a_trial_nothing_is_printed(run: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    run(lambda: log_metric("loss", 0.5))
    assert capsys.readouterr() == ("", "")


def test_what_a_thread_logs_after_the_trials_end_is_printed(
    run: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    is_over, threads = threading.Event(), []

    def train() -> float:
        def late() -> None:
            is_over.wait(20)
            log_metric("late", 1.0)

        threads.append(threading.Thread(target=late))
        threads[0].start()
        return 0.5

    trial = run(train)
    is_over.set()
    threads[0].join()
    assert "late" not in trial.status["metrics"]
    assert capsys.readouterr().out == "late = 1\n"


def test_a_refused_value_fails_the_trial_at_the_users_line(run: Callable[..., Any]) -> None:
    def train() -> None:
        log_metric("loss", 0.5, 0)
        log_metric("loss", "low", 1)  # type: ignore[arg-type]

    trial = run(train)
    assert trial.ending.reason == "UserError"
    assert 'log_metric("loss", "low", 1)' in trial.ending.message
    assert "not str 'low'; log one value a metric" in trial.ending.message
    assert trial.status["metrics"]["loss"]["last"] == 0.5


def test_an_assignments_parameters_are_the_functions_own_to_change(
    run: Callable[..., Any], make_assignment: Callable[..., Assignment]
) -> None:
    def train(**parameters: Any) -> float:
        parameters["lr"] = 9
        return 0.5

    given_parameters = {"lr": 1}
    run(train, parameters=given_parameters)
    assert given_parameters == {"lr": 1}
