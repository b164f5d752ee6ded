"""A trial's record: what it says, and how it reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime, timezone
from math import inf, isnan
from typing import Any

import pytest
from simulation.documents import make_result

from expsdk.analysis import MetricHistory, Results, TrialRecord
from expsdk.resources.words import count_of, in_one_line, printable
from expsdk_runtime.contract import Phase

Read = Callable[..., Results]
TRACEBACK = """Traceback (most recent call last):
  File "train.py", line 7, in train
    raise ValueError(text)
ValueError: no
such <thing>"""


def full() -> dict[str, Any]:
    document = make_result(3, Phase.FAILED, reason="UserError", message=TRACEBACK, parameters={"x": 0.25})
    document["status"] |= {
        "attempt": 2,
        "epoch": 4,
        "objectives": {"loss": "NaN"},
        "metrics": {"loss": {"last": "NaN", "min": 0.5, "max": "Infinity", "best": 0.5, "epoch": 4}},
        "history": {"loss": {"stride": 2, "points": [[0, 2, 4], ["Infinity", 0.5, "NaN"]]}},
    }
    return document


class TestContent:
    def test_it_says_all_that_its_record_says(self, read: Read) -> None:
        trial = read(full())[0]
        assert (trial.name, trial.number, trial.parameters, trial.seed) == ("train-mlp-0003", 3, {"x": 0.25}, 3)
        assert (trial.phase, trial.reason, trial.error, trial.attempt) == (Phase.FAILED, "UserError", TRACEBACK, 2)
        assert trial.started == datetime(2026, 1, 31, 12, 0, 0, tzinfo=timezone.utc)
        assert trial.ended == datetime(2026, 1, 31, 12, 0, 2, 500_000, tzinfo=timezone.utc)
        assert trial.duration_s == 2.5
        assert trial.epoch == 4
        assert isnan(trial.values["loss"])
        assert (trial.metrics["loss"]["max"], trial.metrics["loss"]["best"], trial.metrics["loss"]["epoch"]) == (
            inf,
            0.5,
            4,
        )
        assert trial.output_dir == "/data/train-mlp-0003"
        assert trial.log_path == "/logs/train-mlp-0003.txt"
        assert trial.environment == {"python": "3.11.7"}
        assert trial.is_finished

    def test_its_history_is_points_in_order(self, read: Read) -> None:
        history = read(full())[0].history["loss"]
        assert isinstance(history, MetricHistory)
        assert (history.epochs, history.stride, len(history)) == ((0, 2, 4), 2, 3)
        assert list(history)[:2] == [(0, inf), (2, 0.5)]

    def test_parameters_have_the_types_of_the_space(self, read: Read) -> None:
        value = read(make_result(0, parameters={"x": 1}))[0].parameters["x"]
        assert (value, type(value)) == (1.0, float)

    @pytest.mark.parametrize("status", [None, {}, {"phase": "Pending"}])
    def test_a_trial_that_has_not_begun_has_next_to_nothing(self, read: Read, status: Any) -> None:
        document = make_result(0)
        document["status"] = status
        if status is None:
            del document["status"]
        trial = read(document, driven=True)[0]
        assert (trial.phase, trial.reason, trial.error, trial.attempt) == (Phase.PENDING, "", "", 1)
        assert (trial.started, trial.ended, trial.duration_s, trial.epoch) == (None, None, None, None)
        assert (trial.values, trial.metrics, trial.history, trial.output_dir) == ({}, {}, {}, "")
        assert not trial.is_finished

    @pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.PRUNED, Phase.CANCELLED])
    def test_only_a_failure_has_an_error(self, read: Read, phase: str) -> None:
        assert read(make_result(0, phase, message="stopped at epoch 3"))[0].error == ""

    def test_it_cannot_be_changed(self, read: Read) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            read(full())[0].phase = Phase.SUCCEEDED  # type: ignore[misc]


class TestShowing:
    def test_the_short_form_is_one_line(self, read: Read) -> None:
        trials = read(
            make_result(0, loss=0.123456789),
            make_result(1, Phase.PENDING),
            make_result(2, Phase.FAILED, reason="UserError", message=TRACEBACK),
            driven=True,
        )
        assert [repr(trial) for trial in trials] == [
            "<trial train-mlp-0000: Succeeded, loss=0.123457 at epoch 0, x=0>",
            "<trial train-mlp-0001: Pending, x=0.125>",
            "<trial train-mlp-0002: Failed (UserError), x=0.25>",
        ]

    def test_the_long_form_has_the_error(self, read: Read) -> None:
        trial = read(full())[0]
        assert str(trial).splitlines() == [
            "trial train-mlp-0003: Failed (UserError), loss=nan at epoch 4, x=0.25",
            *(f"  {line}" for line in TRACEBACK.splitlines()),
        ]

    def test_a_row_has_the_facts_parameters_metrics_and_times(self, read: Read) -> None:
        row = read(full())[0].to_dict()
        assert list(row) == [
            *("name", "number", "phase", "reason", "parameters.x", "metrics.loss"),
            *("epoch", "started", "ended", "duration_s", "attempt", "seed"),
            *("error", "output_dir", "provenance.python"),
        ]
        assert isnan(row["metrics.loss"])


class TestOrigins:
    def test_constraints_parent_and_what_was_reused_show_where_they_are_set(self, read: Read) -> None:
        document = make_result(3, loss=1.0)
        document["spec"] |= {"constraints": [-1, "Infinity"], "parent": "train-mlp-0001"}
        document["status"]["reusedFrom"] = "elsewhere-0002"
        results = read(document, make_result(4, loss=2.0))
        trial, plain = results
        assert (trial.constraints, trial.is_feasible) == ((-1.0, inf), False)
        assert (trial.parent, trial.reused_from) == ("train-mlp-0001", "elsewhere-0002")
        assert (plain.constraints, plain.is_feasible, plain.parent, plain.reused_from) == ((), True, "", "")
        assert str(trial) == (
            "trial train-mlp-0003: Succeeded, loss=1 at epoch 0, x=0.375, violates constraints, goes on from"
            " train-mlp-0001, reused from elsewhere-0002"
        )
        row = trial.to_dict()
        assert (row["is_feasible"], row["parent"], row["reused_from"]) == (False, "train-mlp-0001", "elsewhere-0002")
        assert (row["constraints.0"], row["constraints.1"]) == (-1.0, inf)
        assert list(results.to_dataframe().columns)[:6] == [
            *("number", "phase", "reason", "is_feasible", "parent", "reused_from")
        ]
        assert '"constraints.1": "Infinity"' in results.to_json()


class TestLostTrials:
    """A trial that has not ended, of a sweep that nobody drives any more, will never end."""

    @pytest.mark.parametrize("phase", [Phase.PENDING, Phase.RUNNING])
    def test_it_has_failed(self, read: Read, phase: str) -> None:
        trial = read(make_result(0, phase, loss=0.5))[0]
        assert (trial.phase, trial.reason) == (Phase.FAILED, "Lost")
        assert trial.error == "the process that drove the sweep ended before this trial did"
        assert trial.values == {"loss": 0.5}
        assert trial.ended is None

    def test_a_trial_without_a_status_is_lost_too(self, read: Read) -> None:
        document = make_result(0)
        del document["status"]
        assert read(document)[0].reason == "Lost"

    @pytest.mark.parametrize("phase", sorted(Phase.FINISHED))
    def test_one_that_has_ended_stays_as_it_is(self, read: Read, phase: str) -> None:
        assert read(make_result(0, phase))[0].phase == phase

    def test_while_the_sweep_is_driven_it_is_not(self, read: Read) -> None:
        trial = read(make_result(0, Phase.RUNNING), driven=True)[0]
        assert (trial.phase, trial.reason, trial.error) == (Phase.RUNNING, "", "")


GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "train.py", line 3, in train
  |     raise ExceptionGroup("two went wrong", errors)
  | ExceptionGroup: two went wrong (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | ValueError: one
    +---------------- 2 ----------------
    | TypeError: other
    +------------------------------------"""
CHAIN = """Traceback (most recent call last):
  File "train.py", line 3, in train
KeyError: 'first'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "train.py", line 5, in train
    raise RuntimeError("second")
RuntimeError: second
(the payload has no 'data.csv': let it travel with @experiment(include=['data.csv']))"""


class TestOneLine:
    @pytest.mark.parametrize(
        ("error", "line"),
        [
            ("", ""),
            ("\n \n", ""),
            ("no objective", "no objective"),
            (TRACEBACK, "ValueError: no"),
            (CHAIN, "RuntimeError: second"),
            (GROUP, "ExceptionGroup: two went wrong (2 sub-exceptions)"),
            (
                '  File "train.py", line 3\n    x = = 1\n        ^\nSyntaxError: invalid syntax',
                "SyntaxError: invalid syntax",
            ),
            (
                "the process ended with exit code 3; the end of its log:\n  File x\nKeyError",
                "the process ended with exit code 3",
            ),
            ('ts):\n  File "train.py", line 3, in f\n    f()', "f()"),
            ("ValueError: \x1b[1mbold\ttab", "ValueError:  [1mbold tab"),
        ],
    )
    def test_it_is_the_exception_or_how_the_process_ended(self, error: str, line: str) -> None:
        assert in_one_line(error) == line

    def test_what_is_no_letter_becomes_a_space(self) -> None:
        assert printable("a\nb\r\x1b\u2028\u202ec é 漢 …") == "a b    c é 漢 …"

    def test_one_is_one(self) -> None:
        assert [count_of(number, "trial") for number in (0, 1, 2)] == ["0 trials", "1 trial", "2 trials"]


def test_a_record_is_made_from_a_document_alone() -> None:
    trial = TrialRecord.from_document(make_result(0), parameters={"x": 1.0}, log_path=None)
    assert trial.log_path is None
    assert trial.parameters == {"x": 1.0}
