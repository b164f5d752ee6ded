"""One attempt at a trial, from its parameters to its ending in words, whatever the function does."""

from __future__ import annotations

import functools
import io
import math
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from expsdk_runtime import TrialStopped, checkpoint_dir, current_trial, log_metric, log_metrics

Run = Callable[..., Any]


def waiting_for_the_stop() -> None:
    """Log until the stop arrives."""
    for _ in range(2000):
        log_metric("loss", 0.5)
        time.sleep(0.01)
    raise AssertionError("nobody stopped it")


class Attributes(Mapping[str, Any]):
    """A mapping of a library's own."""

    def __init__(self, **values: Any) -> None:
        self._values = values

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Tensor:
    """As PyTorch's: of several elements, float() raises RuntimeError."""

    def __float__(self) -> float:
        raise RuntimeError("a Tensor with 2 elements cannot be converted to Scalar")


# ------------------------------------------------------------------------------------------------ parameters in


def test_parameters_arrive_by_name_with_their_types(run: Run) -> None:
    seen: dict[str, Any] = {}

    def train(lr: float, *, depth: int, **others: Any) -> float:
        seen.update(lr=lr, depth=depth, **others)
        return lr

    parameters = {"lr": 0.5, "depth": 3, "opt": None, "layers": [1, {"a": True}]}
    run(train, parameters=parameters)
    assert seen == parameters


def test_a_parameter_that_the_function_does_not_take_fails_the_trial(run: Run) -> None:
    trial = run(lambda lr: lr, parameters={"lr": 1, "rate": 2})
    assert (trial.ending.phase, trial.ending.reason) == ("Failed", "UserError")
    assert "unexpected keyword argument 'rate'" in trial.ending.message


@pytest.mark.parametrize("kind", ["partial", "callable object", "method"])
def test_anything_that_can_be_called_is_a_function(run: Run, kind: str) -> None:
    class Trainer:
        def __call__(self, lr: float) -> float:
            return lr

        def fit(self, lr: float) -> float:
            return lr

    function = {"partial": functools.partial(Trainer(), lr=0.5), "callable object": Trainer(), "method": Trainer().fit}
    assert run(function[kind], parameters={"lr": 0.25}).status["objectives"] == {"loss": 0.25}


# --------------------------------------------------------------------------------------------------- metrics out


def test_what_is_logged_arrives_in_the_record_and_in_the_journal(run: Run) -> None:
    def train() -> None:
        for epoch in range(3):
            log_metric("loss", 1 / (epoch + 1))
            log_metrics({"a": epoch, "b": -epoch}, epoch=10 * epoch)

    trial = run(train)
    assert (trial.ending.phase, trial.ending.exit_code) == ("Succeeded", 0)
    assert trial.status["epoch"] == 20
    assert trial.status["objectives"] == {"loss": 1 / 3}
    assert trial.status["metrics"]["loss"] == {"last": 1 / 3, "min": 1 / 3, "max": 1.0, "best": 1 / 3, "epoch": 2}
    assert trial.status["history"]["a"] == {"stride": 1, "points": [[0, 10, 20], [0.0, 1.0, 2.0]]}
    assert trial.journal()[:3] == [("loss", 1.0, 0), ("a", 0.0, 0), ("b", 0.0, 0)]
    assert len(trial.journal()) == 9


def test_a_record_says_where_and_with_what_it_ran(run: Run, tmp_path: Path) -> None:
    status = run(lambda: 0.5).status
    assert status["startTime"] < status["completionTime"]
    assert status["outputDir"] == str(tmp_path / "trial")
    assert status["environment"]["digest"] == "sha256:00"
    assert status["environment"]["python"] == sys.version.split()[0]
    assert set(status["environment"]) == {"python", "platform", "host", "pid", "digest"}


def test_an_epoch_logged_again_counts_with_its_last_value(run: Run) -> None:
    def train() -> None:
        for value, epoch in [(0.1, 0), (0.2, 2), (0.3, 1), (0.9, 2), (0.4, 0)]:
            log_metric("loss", value, epoch=epoch)

    status = run(train).status
    assert status["history"]["loss"]["points"][1] == [0.4, 0.3, 0.9]
    assert status["metrics"]["loss"] == {"last": 0.9, "min": 0.3, "max": 0.9, "best": 0.3, "epoch": 2}


def test_numbers_that_json_lacks_arrive(run: Run) -> None:
    def train() -> None:
        for value in (math.inf, 1.0, -math.inf, math.nan):
            log_metric("loss", value)

    status = run(train).status
    assert status["objectives"] == {"loss": "NaN"}
    assert status["history"]["loss"]["points"][1] == ["Infinity", 1.0, "-Infinity", "NaN"]
    assert status["metrics"]["loss"]["min"] == "-Infinity"
    assert status["metrics"]["loss"]["max"] == "Infinity"


@pytest.mark.parametrize(
    "returned",
    [0.5, np.float64(0.5), np.float32(0.5), np.array(0.5), (0.5,), [0.5], {"loss": 0.5}, Attributes(loss=0.5)],
)
def test_a_returned_number_or_mapping_is_the_objective(run: Run, returned: Any) -> None:
    trial = run(lambda: returned)
    assert trial.ending.phase == "Succeeded"
    assert trial.status["objectives"] == {"loss": 0.5}
    assert trial.journal() == [("loss", 0.5, 0)]


def test_several_objectives_can_be_returned_in_their_order(run: Run) -> None:
    objectives = [("loss", "minimize"), ("accuracy", "maximize")]
    assert run(lambda: (0.5, 0.9), objectives=objectives).status["objectives"] == {"loss": 0.5, "accuracy": 0.9}
    assert run(lambda: 0.5, objectives=objectives).ending.reason == "NoObjective"


def test_returned_metrics_are_those_of_the_last_epoch(run: Run) -> None:
    def train() -> dict[str, float]:
        for epoch in range(5):
            log_metric("accuracy", 0.1 * epoch)
            log_metric("loss", 1.0)
        return {"loss": 0.5}

    status = run(train).status
    assert status["metrics"]["loss"] == {"last": 0.5, "min": 0.5, "max": 1.0, "best": 0.5, "epoch": 4}


def test_what_is_returned_besides_numbers_is_passed_over(run: Run) -> None:
    others = {
        "model": object(),
        "path": "/out",
        "none": None,
        "many": np.zeros(3),
        "list": [1.0],
        "tensor": Tensor(),
        "huge": 10**400,
        "flag": True,
        "nested": {"loss": 1.0},
    }
    trial = run(lambda: {**others, "loss": np.float32(0.5)})
    assert trial.ending.phase == "Succeeded"
    assert list(trial.status["metrics"]) == ["loss"]


def test_a_returned_name_that_no_record_could_hold_is_said_and_left_out(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    trial = run(lambda: {"loss": 0.5, "": 1.0, "x" * 200: 2.0, "l\ud800": 3.0, 4: 4.0})
    assert trial.ending.phase == "Succeeded"
    assert list(trial.status["metrics"]) == ["loss"]
    assert capsys.readouterr().err.count("expsdk: left out of the returned metrics: a metric's name") == 4


@pytest.mark.parametrize(
    "returned", [None, "0.5", True, Tensor(), 10**400, (0.5, 0.6), {}, {"accuracy": 0.5}, object()]
)
def test_without_a_value_of_the_objective_a_trial_has_failed(run: Run, returned: Any) -> None:
    trial = run(lambda: returned)
    assert (trial.ending.phase, trial.ending.reason, trial.ending.exit_code) == ("Failed", "NoObjective", 67)
    assert "without a value of its objective loss" in trial.ending.message
    assert trial.status["message"] == trial.ending.message


def test_the_message_about_a_missing_objective_names_what_was_logged(run: Run) -> None:
    def train() -> None:
        log_metric("val_loss", 0.5)
        log_metric("accuracy", 0.5)

    message = run(train).ending.message
    assert "metrics it logged: accuracy, val_loss; it returned NoneType" in message
    assert "log_metric('loss', …) or return {'loss': …}" in message


def test_a_mapping_whose_own_code_fails_is_the_functions_failure(run: Run) -> None:
    class Faulty(Attributes):
        def __iter__(self) -> Iterator[str]:
            raise RuntimeError("it is not there any more")

    trial = run(Faulty)
    assert (trial.ending.phase, trial.ending.reason) == ("Failed", "UserError")
    assert "it is not there any more" in trial.ending.message


# -------------------------------------------------------------------------------------------------- generators


def test_a_generator_yields_an_epoch_each(run: Run) -> None:
    def train(epochs: int) -> Generator[dict[str, float], None, None]:
        for epoch in range(epochs):
            yield {"loss": 1.0 - epoch / 10, "accuracy": np.float32(0.5)}

    trial = run(train, parameters={"epochs": 3})
    assert trial.status["history"]["loss"] == {"stride": 1, "points": [[0, 1, 2], [1.0, 0.9, 0.8]]}
    assert trial.status["metrics"]["accuracy"]["epoch"] == 2


def test_a_generator_may_say_which_epoch_and_return_final_metrics(run: Run) -> None:
    def train() -> Generator[Mapping[str, Any], None, dict[str, float]]:
        yield {"epoch": 10, "loss": 0.5}
        yield Attributes(epoch=np.int64(20), loss=0.4)
        yield {"epoch": None, "loss": 0.3}
        yield {"epoch": 30}
        return {"loss": 0.2, "accuracy": 0.9}

    status = run(train).status
    assert status["history"]["loss"] == {"stride": 1, "points": [[10, 20, 21], [0.5, 0.4, 0.2]]}
    assert status["metrics"]["accuracy"]["epoch"] == 21


@pytest.mark.parametrize(
    ("yielded", "said"),
    [
        (0.5, "TypeError: a training generator yields one mapping of metrics an epoch, not float"),
        (None, "TypeError: a training generator yields one mapping of metrics an epoch, not NoneType"),
        ({"loss": "low"}, "TypeError: metric 'loss' takes a number"),
        ({"loss": 1, "epoch": 1.5}, "TypeError: an epoch is an integer from 0, not float 1.5"),
        ({"loss": 1, "epoch": -1}, "ValueError: an epoch is an integer from 0"),
        ({"": 1}, "ValueError: a metric's name has 1 to 128 characters"),
        ({3: 1}, "TypeError: a metric's name is a string, not int 3"),
    ],
)
def test_a_generator_that_yields_something_else_fails_at_its_own_line(run: Run, yielded: Any, said: str) -> None:
    cleaned = []

    def train() -> Generator[Any, None, None]:
        try:
            yield yielded
        finally:
            cleaned.append(current_trial())

    trial = run(train)
    assert trial.ending.reason == "UserError"
    assert trial.ending.message.splitlines()[-1].startswith(said)
    assert "yield yielded" in trial.ending.message
    assert cleaned[0] is not None


def test_a_generator_that_is_stopped_cleans_up_while_its_trial_is_there(run: Run, make_sink: Any) -> None:
    sink = make_sink()
    cleaned: list[Any] = []

    def train() -> Generator[dict[str, float], None, None]:
        try:
            sink.asked = "pruned"
            while True:
                yield {"loss": 0.5}
        except TrialStopped as stop:
            cleaned.append(str(stop))
            raise
        finally:
            cleaned.append((current_trial(), checkpoint_dir()))

    trial = run(train, sink=sink)
    assert (trial.ending.phase, trial.ending.exit_code) == ("Pruned", 0)
    assert cleaned[0] == "pruned"
    assert cleaned[1][0] is not None
    assert cleaned[1][1] == trial.output_dir / "checkpoint"


def test_a_generator_that_is_stopped_may_return_what_it_has(run: Run, make_sink: Any) -> None:
    sink = make_sink()

    def train() -> Generator[dict[str, float], None, dict[str, float]]:
        try:
            sink.asked = "cancelled"
            while True:
                yield {"loss": 0.5}
        except TrialStopped:
            return {"loss": 0.25}

    assert run(train, sink=sink).ending.phase == "Cancelled"


def test_an_exception_in_a_generator_is_the_functions(run: Run) -> None:
    def train() -> Generator[dict[str, float], None, None]:
        yield {"loss": 0.5}
        raise ValueError("diverged")

    trial = run(train)
    assert trial.ending.reason == "UserError"
    assert trial.ending.message.endswith("ValueError: diverged")
    assert trial.status["metrics"]["loss"]["last"] == 0.5


# ----------------------------------------------------------------------------------------------------- failures


@pytest.mark.parametrize(
    ("error", "reason", "code"),
    [
        (ValueError("bad"), "UserError", 1),
        (MemoryError(), "OutOfMemory", 68),
        (RecursionError("deep"), "UserError", 1),
        (GeneratorExit(), "UserError", 1),
        (SystemExit(3), "UserError", 1),
        (SystemExit("no data"), "UserError", 1),
        (SystemExit(np.array([1, 2])), "UserError", 1),
        (StopIteration(), "UserError", 1),
        (BaseException("odd"), "UserError", 1),
    ],
)
def test_every_exception_ends_the_trial_as_failed_with_its_traceback(
    run: Run, capsys: pytest.CaptureFixture[str], error: BaseException, reason: str, code: int
) -> None:
    def train() -> None:
        log_metric("loss", 0.5)
        raise error

    trial = run(train)
    assert (trial.ending.phase, trial.ending.reason, trial.ending.exit_code) == ("Failed", reason, code)
    assert trial.status["phase"] == "Failed"
    assert trial.status["message"].startswith("Traceback (most recent call last):")
    assert type(error).__name__ in trial.status["message"]
    assert "raise error" in trial.status["message"]
    assert trial.status["completionTime"] is not None
    assert trial.status["objectives"] == {"loss": 0.5}
    assert capsys.readouterr().err.strip() == trial.ending.message


@pytest.mark.parametrize("code", [None, 0, False])
def test_sys_exit_without_an_error_is_as_good_as_a_return(run: Run, code: Any) -> None:
    def train() -> None:
        log_metric("loss", 0.5)
        sys.exit(code)

    assert run(train).ending.phase == "Succeeded"
    assert run(lambda: sys.exit(code)).ending.reason == "NoObjective"


def test_real_recursion_and_real_lack_of_memory_are_survived(run: Run) -> None:
    def recurse() -> None:
        recurse()

    assert "RecursionError" in run(recurse).ending.message
    assert run(lambda: bytearray(2**62)).ending.reason == "OutOfMemory"


def test_ctrl_c_cancels(run: Run) -> None:
    def train() -> None:
        raise KeyboardInterrupt

    trial = run(train)
    assert (trial.ending.phase, trial.ending.reason, trial.ending.exit_code) == ("Cancelled", "Interrupted", 0)


def test_a_message_of_a_megabyte_and_one_that_is_no_text_are_delivered(run: Run) -> None:
    def train(message: str) -> None:
        raise ValueError(message)

    long = run(train, parameters={"message": "x" * 2**20}).status
    assert "ValueError: xxx" in long["message"]
    odd = run(train, parameters={"message": "caf\udce9 \ud800"}).status
    assert odd["message"].endswith("ValueError: caf\\udce9 \\ud800")


def test_an_exception_that_cannot_say_what_it_is_is_delivered(run: Run) -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise ValueError

        def __repr__(self) -> str:
            raise ValueError

    def train() -> None:
        raise Broken

    assert "Broken" in run(train).status["message"]


def test_a_function_that_closes_its_output_still_ends_in_words(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", io.StringIO())

    def train() -> None:
        sys.stdout.close()
        sys.stderr.close()
        raise ValueError("and then this")

    assert run(train).status["message"].endswith("ValueError: and then this")


def test_an_output_directory_that_is_not_utf8_can_be_told(run: Run, tmp_path: Path) -> None:
    directory = tmp_path / "caf\udce9"
    trial = run(lambda: 0.5, output_dir=str(directory))
    assert trial.status["outputDir"] == f"{tmp_path}/caf\\udce9"
    assert trial.journal() == [("loss", 0.5, 0)]


def test_metrics_of_a_trial_that_cannot_write_still_arrive(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert run(lambda: 0.5, output_dir=str(tmp_path / "file" / "out")).status["objectives"] == {"loss": 0.5}


# -------------------------------------------------------------------------------------------------------- stops


@pytest.mark.parametrize(
    ("asked", "phase", "reason"),
    [("pruned", "Pruned", ""), ("cancelled", "Cancelled", ""), ("interrupted", "Cancelled", "Interrupted")],
)
def test_a_stop_that_was_asked_for_ends_the_trial_with_its_last_metrics(
    run: Run, make_sink: Any, asked: str, phase: str, reason: str
) -> None:
    sink = make_sink()

    def train() -> None:
        log_metric("loss", 0.25)
        sink.asked = asked
        waiting_for_the_stop()

    trial = run(train, sink=sink)
    assert (trial.ending.phase, trial.ending.reason, trial.ending.exit_code) == (phase, reason, 0)
    assert trial.status["phase"] == phase
    assert trial.status["metrics"]["loss"]["min"] == 0.25


def test_except_exception_does_not_swallow_a_stop(run: Run, make_sink: Any) -> None:
    sink = make_sink()

    def train() -> None:
        try:
            sink.asked = "pruned"
            waiting_for_the_stop()
        except Exception:
            raise AssertionError("swallowed") from None

    assert run(train, sink=sink).ending.phase == "Pruned"


@pytest.mark.parametrize("then", ["returns", "raises", "exits", "logs on"])
def test_a_function_that_swallows_its_stop_has_been_stopped_all_the_same(run: Run, make_sink: Any, then: str) -> None:
    sink = make_sink()

    def train() -> float:
        try:
            log_metric("loss", 0.5)
            sink.asked = "pruned"
            waiting_for_the_stop()
        except BaseException:
            if then == "raises":
                raise ValueError("wrapped") from None
            if then == "exits":
                sys.exit(0)
        if then == "logs on":
            log_metric("loss", 9.0)
        return 0.125

    trial = run(train, sink=sink)
    assert trial.ending.phase == "Pruned"
    assert trial.status["metrics"]["loss"]["last"] == 0.5


def test_a_stop_that_comes_after_the_last_call_changes_nothing(run: Run, make_sink: Any) -> None:
    sink = make_sink()

    def train() -> dict[str, float]:
        log_metric("loss", 0.5)
        sink.asked = "pruned"
        time.sleep(0.1)
        return {"loss": 0.25}

    trial = run(train, sink=sink)
    assert trial.ending.phase == "Succeeded"
    assert trial.status["objectives"] == {"loss": 0.25}


def test_a_trial_that_is_asked_to_stop_before_it_begins_never_begins_or_stops_at_once(run: Run, make_sink: Any) -> None:
    sink = make_sink()
    sink.asked = "cancelled"
    assert run(waiting_for_the_stop, sink=sink).ending.phase == "Cancelled"


def test_a_function_may_prune_itself(run: Run) -> None:
    def train() -> None:
        log_metric("loss", 0.5)
        raise TrialStopped

    assert run(train).ending.phase == "Pruned"


# ----------------------------------------------------------------------------------------------- later attempts


def test_a_second_attempt_continues_the_first_ones_history(run: Run) -> None:
    def train(epochs: list[int]) -> None:
        for epoch in epochs:
            log_metric("loss", 1.0 / (epoch + 1), epoch=epoch)
        if len(epochs) == 3:
            raise ValueError("preempted, say")

    run(train, parameters={"epochs": [0, 1, 2]})
    status = run(train, parameters={"epochs": [2, 3]}, attempt=2).status
    assert status["attempt"] == 2
    assert status["history"]["loss"]["points"][0] == [0, 1, 2, 3]
    assert status["phase"] == "Succeeded"


def test_a_second_attempts_implicit_epochs_go_on_where_the_first_ones_ended(run: Run) -> None:
    def train() -> None:
        for _ in range(3):
            log_metric("loss", 0.5)

    run(train)
    assert run(train, attempt=2).status["history"]["loss"]["points"][0] == [0, 1, 2, 3, 4, 5]


def test_a_second_attempt_starts_whatever_lies_where_the_journal_should(run: Run, tmp_path: Path) -> None:
    journal = tmp_path / "trial" / "metrics.jsonl"
    journal.parent.mkdir()
    journal.write_bytes(b'{"metric": "loss", "value": 0.75, "epoch": 0}\n{"step": 1}\n[]\n\xff\xfe\n{"metric": "lo')

    def train() -> None:
        log_metric("loss", 0.5)

    assert run(train, attempt=2).status["history"]["loss"]["points"][1] == [0.75, 0.5]
    assert run(train, attempt=3).status["history"]["loss"]["points"][1] == [0.75, 0.5, 0.5]


def test_a_first_attempt_replays_nothing(run: Run) -> None:
    run(lambda: log_metric("loss", 0.5))
    assert run(lambda: log_metric("loss", 0.25)).status["history"]["loss"]["points"][1] == [0.25]
