"""Results: a sequence of trials that filters, ranks, tabulates and shows itself."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from math import inf, isnan, nan
from typing import Any

import pandas as pd
import pytest
from simulation.documents import make_result

from expsdk import Results, TrialRecord
from expsdk.errors import NoBestTrial, ResultsError, TrialNotFound
from expsdk.space import choice, uniform
from expsdk_runtime.contract import Phase

Read = Callable[..., Results]
TRACEBACK = 'Traceback (most recent call last):\n  File "train.py", line 7, in train\nValueError: no\nsuch thing'
MIXED = [
    make_result(0, Phase.SUCCEEDED, loss=2.0),
    make_result(1, Phase.FAILED, reason="UserError", message=TRACEBACK),
    make_result(2, Phase.SUCCEEDED, loss=1.0),
    make_result(3, Phase.PRUNED, loss=0.5),
    make_result(4, Phase.SUCCEEDED, loss=nan),
    make_result(5, Phase.CANCELLED),
    make_result(6, Phase.SUCCEEDED),
    make_result(7, Phase.SUCCEEDED, loss=1.0),
]


def names(results: Results) -> list[str]:
    return [trial.name for trial in results]


def numbers(results: Results) -> list[int]:
    return [trial.number for trial in results]


class TestSequence:
    def test_it_has_the_trials_by_number(self, read: Read) -> None:
        results = read(*MIXED)
        assert len(results) == 8
        assert numbers(results) == list(range(8))
        assert next(reversed(results)) is results[-1]
        assert results[2] in results
        assert results.index(results[2]) == 2

    def test_a_slice_has_trials_of_the_same_experiment(self, read: Read) -> None:
        results = read(*MIXED)
        some = results[1:6:2]
        assert isinstance(some, Results)
        assert numbers(some) == [1, 3, 5]
        assert some.experiment is results.experiment
        assert some.location == results.location == "memory/train-mlp"

    def test_a_place_that_is_not_there_is_an_index_error(self, read: Read) -> None:
        with pytest.raises(IndexError):
            read(*MIXED)[8]

    def test_counts_are_in_the_order_of_a_trials_life(self, read: Read) -> None:
        counts = read(*MIXED).counts
        assert list(counts.items()) == [
            (Phase.SUCCEEDED, 5),
            (Phase.FAILED, 1),
            (Phase.PRUNED, 1),
            (Phase.CANCELLED, 1),
        ]
        assert read().counts == {}


class TestNames:
    def test_a_trial_is_found_by_its_name(self, read: Read) -> None:
        trial = read(*MIXED)["train-mlp-0003"]
        assert isinstance(trial, TrialRecord)
        assert trial.number == 3

    def test_a_number_of_five_digits_is_a_name_too(self, read: Read) -> None:
        results = read(make_result(9_999), make_result(10_000))
        assert results["train-mlp-10000"].number == 10_000

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            (
                "train-mlp-003",
                "train-mlp has 8 trials, and none is named 'train-mlp-003'; did you mean 'train-mlp-0003'?",
            ),
            ("0003", "train-mlp has 8 trials, and none is named '0003'; did you mean 'train-mlp-0003'?"),
            ("3", "train-mlp has 8 trials, and none is named '3'; names look like 'train-mlp-0003'"),
        ],
    )
    def test_one_that_is_not_there_is_not_found(self, read: Read, name: str, message: str) -> None:
        with pytest.raises(TrialNotFound) as caught:
            read(*MIXED)[name]
        assert str(caught.value) == message

    def test_in_a_sweep_of_one_trial_that_one_is_counted(self, read: Read) -> None:
        with pytest.raises(TrialNotFound, match=r"^train-mlp has 1 trial, and none is named 'x'; "):
            read(MIXED[0])["x"]


class TestPareto:
    def test_no_other_trial_is_better_than_one_on_the_front(self, read: Read) -> None:
        results = read(
            make_result(0, loss=2.0, size=5.0),
            make_result(1, loss=1.0, size=3.0),
            make_result(2, loss=2.0, size=4.0),  # trial 0 is better
            make_result(3, loss=nan, size=9.0),
            make_result(4, loss=0.5),
            make_result(5, Phase.PRUNED, loss=0.0, size=99.0),
            make_result(6, loss=1.0, size=3.0),
            make_result(7, loss=9.0, size=inf),
            objectives={"loss": "minimize", "size": "maximize"},
        )
        assert isinstance(results.pareto, Results)
        assert numbers(results.pareto) == [0, 1, 6, 7]

    def test_of_one_objective_it_has_the_best_ones(self, read: Read) -> None:
        assert numbers(read(*MIXED).pareto) == [2, 7]
        assert numbers(read().pareto) == []


class TestFilter:
    def test_it_keeps_the_trials_of_a_phase_or_of_several(self, read: Read) -> None:
        results = read(*MIXED)
        assert numbers(results.filter(phase="Failed")) == [1]
        assert numbers(results.filter(phase=["Pruned", "Cancelled"])) == [3, 5]
        assert numbers(results.filter(phase={"Succeeded"}).filter(phase="Pruned")) == []
        assert numbers(results.filter(phase=())) == []

    @pytest.mark.parametrize(
        ("phase", "unknown"),
        [("failed", "'failed'"), (["Done", "Failed", "best"], "'Done', 'best'"), ([3, "x"], "'x', 3")],
    )
    def test_another_word_is_refused(self, read: Read, phase: Any, unknown: str) -> None:
        with pytest.raises(ResultsError) as caught:
            read(*MIXED).filter(phase=phase)
        words = "Pending, Running, Succeeded, Failed, Pruned, Cancelled"
        assert str(caught.value) == f"a phase is one of {words}, not {unknown}; write one of them"


class TestBest:
    def test_it_is_the_succeeded_trial_with_the_smallest_value_and_of_equal_ones_the_first(self, read: Read) -> None:
        assert read(*MIXED).best.number == 2

    def test_to_maximize_it_is_the_largest(self, read: Read) -> None:
        assert read(*MIXED, objectives={"loss": "maximize"}).best.number == 0
        equal = [make_result(number, loss=value) for number, value in enumerate([1.0, 3.0, 3.0])]
        assert read(*equal, objectives={"loss": "maximize"}).best.number == 1

    @pytest.mark.parametrize("direction", ["minimize", "maximize"])
    def test_nan_is_never_the_best(self, read: Read, direction: str) -> None:
        objectives = {"loss": direction}
        assert read(make_result(0, loss=nan), make_result(1, loss=9.0), objectives=objectives).best.number == 1
        with pytest.raises(NoBestTrial):
            read(make_result(0, loss=nan), objectives=objectives).best  # noqa: B018

    def test_infinite_values_are_ranked(self, read: Read) -> None:
        results = read(*(make_result(number, loss=value) for number, value in enumerate([inf, 0.0, -inf])))
        assert numbers(results.top(3)) == [2, 1, 0]

    def test_without_one_the_message_tells_how_trials_went(self, read: Read) -> None:
        with pytest.raises(NoBestTrial) as caught:
            read(MIXED[1], MIXED[5]).best  # noqa: B018
        assert str(caught.value) == (
            "the best trial has succeeded with a value of 'loss', and of 2 trials (1 failed, 1 cancelled) none has;"
            " train-mlp-0001 failed: ValueError: no"
        )

    def test_before_any_trial_the_message_says_so(self, read: Read) -> None:
        with pytest.raises(NoBestTrial) as caught:
            read().best  # noqa: B018
        assert str(caught.value) == (
            "the best trial has succeeded with a value of 'loss', and of 0 trials (none has begun) none has"
        )

    def test_of_several_objectives_there_is_none(self, read: Read) -> None:
        results = read(make_result(0, loss=1.0, size=2.0), objectives={"loss": "minimize", "size": "maximize"})
        message = (
            "the best trial is that of a single objective, and train-mlp has several (loss, size); see"
            " results.pareto, or sort the trials by the one you mean, for example"
            " sorted(results, key=lambda trial: trial.values[…])"
        )
        for ask in (lambda: results.best, lambda: results.top(1)):
            with pytest.raises(NoBestTrial) as caught:
                ask()
            assert str(caught.value) == message

    def test_a_trial_that_violates_a_constraint_is_never_the_best(self, read: Read) -> None:
        documents = [make_result(number, loss=float(number)) for number in range(4)]
        for number, values in enumerate([[0.5], ["NaN"], [-1.0, 0.0]]):
            documents[number]["spec"]["constraints"] = values
        results = read(*documents)
        assert results.best.number == 2
        assert numbers(results.top(9)) == [2, 3]
        assert numbers(results.pareto) == [2]
        with pytest.raises(NoBestTrial) as caught:
            read(*documents[:2]).best  # noqa: B018
        assert str(caught.value) == (
            "the best trial has succeeded with a value of 'loss', and of 2 trials (2 succeeded) none has;"
            " 2 trials violated constraints"
        )
        assert str(results).splitlines()[1:4] == [
            "trial  loss  x      feasible",
            "0002   2     0.25   yes",
            "0003   3     0.375",
        ]

    def test_the_top_are_the_best_in_order(self, read: Read) -> None:
        results = read(*MIXED)
        assert numbers(results.top(2)) == [2, 7]
        assert numbers(results.top(99)) == [2, 7, 0]
        assert numbers(results.top(0)) == []
        assert numbers(read(MIXED[1]).top(3)) == []
        assert isinstance(results.top(2), Results)

    @pytest.mark.parametrize("count", [-1, 1.5, "3", True])
    def test_the_top_is_so_many(self, read: Read, count: Any) -> None:
        with pytest.raises(ResultsError) as caught:
            read(*MIXED).top(count)
        assert str(caught.value) == f"top takes how many trials, not {count!r}; write a whole number such as top(5)"


class TestDataframe:
    def test_every_trial_is_a_row_by_its_name(self, read: Read) -> None:
        frame = read(*MIXED).to_dataframe()
        assert frame.index.name == "name"
        assert list(frame.index) == [f"train-mlp-000{number}" for number in range(8)]
        assert list(frame.columns) == [
            "number",
            "phase",
            "reason",
            "parameters.x",
            "metrics.loss",
            "epoch",
            "started",
            "ended",
            "duration_s",
            "attempt",
            "seed",
            "error",
            "output_dir",
            "provenance.python",
        ]
        row = frame.loc["train-mlp-0002"]
        assert (row["number"], row["phase"], row["parameters.x"], row["metrics.loss"]) == (2, "Succeeded", 0.25, 1.0)
        assert row["started"] == pd.Timestamp("2026-01-31T12:00:00Z")
        assert row["duration_s"] == 2.5
        assert pd.isna(frame.loc["train-mlp-0001", "metrics.loss"])
        assert isnan(frame.loc["train-mlp-0004", "metrics.loss"])

    def test_trials_of_different_branches_have_the_columns_of_all(self, read: Read) -> None:
        space = {"opt": choice({"sgd": {"momentum": uniform(0, 1)}, "adam": {"beta": uniform(0, 1)}})}
        frame = read(
            make_result(0, parameters={"opt": "sgd", "momentum": 0.5}, loss=1.0),
            make_result(1, Phase.RUNNING, parameters={"opt": "adam", "beta": 0.25}, size=3.0),
            space=space,
            driven=True,
        ).to_dataframe()
        assert list(frame.columns)[3:8] == [
            "parameters.opt",
            "parameters.momentum",
            "parameters.beta",
            "metrics.loss",
            "metrics.size",
        ]
        assert frame["parameters.opt"].tolist() == ["sgd", "adam"]
        assert pd.isna(frame.loc["train-mlp-0001", "ended"])

    def test_without_trials_it_is_empty(self, read: Read) -> None:
        frame = read().to_dataframe()
        assert (len(frame), frame.index.name) == (0, "name")

    def test_without_pandas_the_message_says_how_to_get_it(self, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pandas", None)
        with pytest.raises(ResultsError) as caught:
            read(*MIXED).to_dataframe()
        assert str(caught.value) == "to_dataframe() needs pandas; install it: pip install 'expsdk[pandas]'"


class TestJson:
    def test_every_trial_is_an_object(self, read: Read) -> None:
        (row,) = json.loads(read(MIXED[2]).to_json())
        assert row == {
            "name": "train-mlp-0002",
            "number": 2,
            "phase": "Succeeded",
            "reason": "",
            "parameters.x": 0.25,
            "metrics.loss": 1.0,
            "epoch": 0,
            "started": "2026-01-31T12:00:00.000000Z",
            "ended": "2026-01-31T12:00:02.500000Z",
            "duration_s": 2.5,
            "attempt": 1,
            "seed": 2,
            "output_dir": "/data/train-mlp-0002",
            "provenance.python": "3.11.7",
        }

    def test_what_json_has_no_number_for_is_a_string(self, read: Read) -> None:
        rows = json.loads(read(*(make_result(n, loss=value) for n, value in enumerate([nan, inf, -inf]))).to_json())
        assert [row["metrics.loss"] for row in rows] == ["NaN", "Infinity", "-Infinity"]

    def test_what_is_not_there_is_null(self, read: Read) -> None:
        (row,) = json.loads(read(make_result(0, Phase.RUNNING), driven=True).to_json())
        assert (row["epoch"], row["ended"], row["duration_s"]) == (None, None, None)
        assert "metrics.loss" not in row

    def test_values_keep_their_types(self, read: Read) -> None:
        parameters = {"a": [1, 2.5, None], "b": {"deep": True}, "c": "x", "d": None, "e": 2**60}
        space = {name: choice([value, "other"]) for name, value in parameters.items()}
        (row,) = json.loads(read(make_result(0, parameters=parameters), space=space).to_json())
        assert {name: row[f"parameters.{name}"] for name in parameters} == parameters

    def test_it_may_be_laid_out_for_people(self, read: Read) -> None:
        assert read().to_json(indent=2) == "[]"
        assert read(MIXED[0]).to_json(indent=2).startswith('[\n  {\n    "name": "train-mlp-0000",')


class TestShowing:
    def test_the_short_form_counts(self, read: Read) -> None:
        assert repr(read(*MIXED)) == ("<Results of train-mlp: 8 trials (5 succeeded, 1 failed, 1 pruned, 1 cancelled)>")
        assert repr(read(MIXED[0])) == "<Results of train-mlp: 1 trial (1 succeeded)>"
        assert repr(read()) == "<Results of train-mlp: 0 trials (none has begun)>"

    def test_the_long_form_is_a_table_of_the_best(self, read: Read) -> None:
        assert str(read(*MIXED)).splitlines() == [
            "train-mlp: 8 trials (5 succeeded, 1 failed, 1 pruned, 1 cancelled), the best 3:",
            "trial  loss  x",
            "0002   1     0.25",
            "0007   1     0.875",
            "0000   2     0",
            "kept in memory/train-mlp",
        ]

    def test_where_none_has_a_value_it_is_one_of_the_first(self, read: Read) -> None:
        assert str(read(MIXED[1], MIXED[5])).splitlines() == [
            "train-mlp: 2 trials (1 failed, 1 cancelled)",
            "trial  phase               x",
            "0001   Failed (UserError)  0.125",
            "0005   Cancelled           0.625",
            "kept in memory/train-mlp",
        ]

    def test_of_many_it_shows_ten(self, read: Read) -> None:
        several = [make_result(number, loss=float(-number)) for number in range(200)]
        best = str(read(*several)).splitlines()
        assert best[0] == "train-mlp: 200 trials (200 succeeded), the best 10:"
        assert best[2].startswith("0199   -199  ")
        assert len(best) == 13
        two = str(read(*several, objectives={"loss": "minimize", "size": "minimize"})).splitlines()
        assert two[0] == "train-mlp: 200 trials (200 succeeded), the first 10:"
        assert two[2].startswith("0000   0")

    def test_without_trials_there_is_no_table(self, read: Read) -> None:
        assert str(read()).splitlines() == ["train-mlp: 0 trials (none has begun)", "kept in memory/train-mlp"]

    def test_long_values_are_cut(self, read: Read) -> None:
        document = make_result(0, parameters={"text": "y" * 100, "lines": "a\nb", "layers": list(range(40))})
        _, header, row, _ = str(read(document)).splitlines()
        assert header.split() == ["trial", "text", "lines", "layers"]
        assert f"{'y' * 31}…  a b    [0,1,2" in row
        assert row.endswith("…")


def test_results_are_as_they_were_when_they_were_read(read: Read) -> None:
    document = make_result(0, loss=1.0)
    results = read(document)
    document["status"]["objectives"]["loss"] = 9.0
    document["status"]["phase"] = Phase.FAILED
    assert results.best.values == {"loss": 1.0}
    assert results[0].started == datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
