"""Results as an Optuna study: states, values, parameters and times, as Optuna itself reads them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from math import inf, nan
from typing import Any

import pytest
from optuna.trial import TrialState
from simulation.documents import make_result

from expsdk import Results
from expsdk.analysis.study import make_study
from expsdk.errors import ResultsError
from expsdk.space import choice, integer, loguniform, normal, uniform
from expsdk_runtime.contract import Phase

Read = Callable[..., Results]
X = {"space": {"x": uniform(0, 1)}}


@pytest.mark.parametrize(
    ("phase", "state"),
    [
        (Phase.SUCCEEDED, TrialState.COMPLETE),
        (Phase.PRUNED, TrialState.PRUNED),
        (Phase.FAILED, TrialState.FAIL),
        (Phase.CANCELLED, TrialState.FAIL),
        (Phase.RUNNING, TrialState.RUNNING),
        (Phase.PENDING, TrialState.WAITING),
    ],
)
def test_every_phase_has_its_state(read: Read, phase: str, state: TrialState) -> None:
    (trial,) = make_study(read(make_result(0, phase, loss=1.0), driven=True, **X)).trials
    assert trial.state == state
    assert trial.user_attrs["phase"] == phase
    trial._validate()


class TestValues:
    def test_a_number_is_the_trials_own(self, read: Read) -> None:
        study = make_study(read(make_result(3, loss=2.0), make_result(7, loss=1.0), **X))
        assert [trial.number for trial in study.trials] == [3, 7]
        assert study.best_trial.number == 7

    @pytest.mark.parametrize("given", [{"loss": nan}, {}])
    def test_one_that_succeeded_without_a_number_is_none_that_is_complete(self, read: Read, given: Any) -> None:
        (trial,) = make_study(read(make_result(0, **given), **X)).trials
        assert trial.state == TrialState.FAIL
        assert trial.user_attrs["phase"] == Phase.SUCCEEDED
        trial._validate()

    def test_infinity_is_a_value(self, read: Read) -> None:
        (trial,) = make_study(read(make_result(0, loss=inf), **X)).trials
        assert trial.values == [inf]

    def test_several_objectives_have_their_names_and_directions(self, read: Read) -> None:
        objectives = {"loss": "minimize", "size": "maximize"}
        study = make_study(read(make_result(0, size=3.0, loss=1.0), objectives=objectives))
        assert [direction.name for direction in study.directions] == ["MINIMIZE", "MAXIMIZE"]
        assert study.metric_names == ["loss", "size"]
        assert study.trials[0].values == [1.0, 3.0]

    def test_a_pruned_trial_has_its_last_number(self, read: Read) -> None:
        document = make_result(0, Phase.PRUNED, loss=2.0)
        document["status"]["history"]["loss"] = {"stride": 1, "points": [[0, 1, 2], [3.0, "NaN", 2.0]]}
        (trial,) = make_study(read(document, **X)).trials
        assert trial.value == 2.0
        assert list(trial.intermediate_values) == [0, 1, 2]

    def test_a_curve_may_be_another_metrics(self, read: Read) -> None:
        document = make_result(0, loss=1.0)
        document["status"]["history"]["accuracy"] = {"stride": 1, "points": [[0, 5], [0.5, 0.75]]}
        (trial,) = make_study(read(document, **X), curve="accuracy").trials
        assert trial.intermediate_values == {0: 0.5, 5: 0.75}

    def test_constraints_say_who_is_feasible(self, read: Read) -> None:
        documents = [make_result(number, loss=float(number)) for number in range(3)]
        for document, constraints in zip(documents, ([1.0], ["NaN"], [-1.0]), strict=True):
            document["spec"]["constraints"] = constraints
        assert make_study(read(*documents, **X)).best_trial.number == 2


class TestParameters:
    def test_domains_keep_their_bounds_steps_and_logarithms(self, read: Read) -> None:
        space = {"lr": loguniform(1e-4, 1.0), "depth": integer(2, 8, step=3), "rate": uniform(0, 0.9, step=0.1)}
        sample = {"lr": 0.01, "depth": 5, "rate": 0.3}
        (trial,) = make_study(read(make_result(0, parameters=sample, loss=1.0), space=space)).trials
        trial._validate()
        assert trial.params == sample
        assert trial.distributions["lr"].log
        assert trial.distributions["rate"].step == 0.1
        assert trial.distributions["depth"].low == 2

    def test_what_a_branch_has_is_there_where_it_is_taken(self, read: Read) -> None:
        space = {"opt": choice({"sgd": {"momentum": uniform(0, 1)}, "adam": {"beta": uniform(0, 1)}})}
        samples = [{"opt": "sgd", "momentum": 0.5}, {"opt": "adam", "beta": 0.25}]
        documents = [make_result(number, parameters=sample, loss=1.0) for number, sample in enumerate(samples)]
        assert [trial.params for trial in make_study(read(*documents, space=space)).trials] == samples

    def test_a_name_that_branches_share_is_one_axis_where_the_domain_is_the_same(self, read: Read) -> None:
        same, other = uniform(0, 1), uniform(0, 100)
        samples = [{"opt": "a", "rate": 0.5}, {"opt": "b", "rate": 0.25}]
        documents = [make_result(number, parameters=sample, loss=1.0) for number, sample in enumerate(samples)]
        study = make_study(read(*documents, space={"opt": choice({"a": {"rate": same}, "b": {"rate": same}})}))
        assert [trial.params["rate"] for trial in study.trials] == [0.5, 0.25]
        study = make_study(read(*documents, space={"opt": choice({"a": {"rate": same}, "b": {"rate": other}})}))
        assert [list(trial.params) for trial in study.trials] == [["opt", "opt='a' → rate"], ["opt", "opt='b' → rate"]]

    @pytest.mark.parametrize(
        ("options", "labels"),
        [
            ([1, 2.5, 10], [1, 2.5, 10]),
            ([True, False], [True, False]),
            (["a", None, [1, 2], {"k": 1}], ["a", "None", "[1,2]", '{"k":1}']),
            ([1, "1"], ["0: 1", "1: 1"]),
            ([1, True], ["1", "True"]),
            (["x" * 50, "x" * 60], [f"0: {'x' * 39}…", f"1: {'x' * 39}…"]),
        ],
    )
    def test_any_option_has_a_label(self, read: Read, options: list[Any], labels: list[Any]) -> None:
        documents = [make_result(n, parameters={"c": option}, loss=1.0) for n, option in enumerate(options)]
        trials = make_study(read(*documents, space={"c": choice(options)})).trials
        for trial in trials:
            trial._validate()
        assert [trial.params["c"] for trial in trials] == labels

    def test_a_constant_is_an_attribute(self, read: Read) -> None:
        sample = {"x": 0.5, "batch": 32}
        (trial,) = make_study(
            read(make_result(0, parameters=sample, loss=1.0), space={"x": uniform(0, 1), "batch": 32})
        ).trials
        assert trial.params == {"x": 0.5}
        assert trial.user_attrs["parameters.batch"] == 32

    def test_what_lies_outside_the_space_is_an_attribute(self, read: Read) -> None:
        (trial,) = make_study(read(make_result(0, parameters={"x": 7.0}, loss=1.0), **X)).trials
        assert trial.params == {}
        assert trial.user_attrs["parameters.x"] == 7.0

    def test_a_normal_axis_reaches_as_far_as_its_values(self, read: Read) -> None:
        documents = [make_result(n, parameters={"z": z}, loss=1.0) for n, z in enumerate([0.0, 50.0])]
        trials = make_study(read(*documents, space={"z": normal(0, 1)})).trials
        assert {(trial.distributions["z"].low, trial.distributions["z"].high) for trial in trials} == {(-4.0, 50.0)}

    def test_what_an_optimizer_of_the_users_own_never_declared_is_told_by_its_values(self, read: Read) -> None:
        samples = [{"n": 1, "f": 1, "c": "a"}, {"n": 3, "f": 0.5, "c": None}]
        results = read(*[make_result(n, parameters=sample, loss=1.0) for n, sample in enumerate(samples)])
        results.experiment.spec.space.clear()
        trials = make_study(results).trials
        for trial in trials:
            trial._validate()
        assert [trial.params for trial in trials] == [{"n": 1, "f": 1, "c": "a"}, {"n": 3, "f": 0.5, "c": "None"}]


class TestOptuna:
    def test_times_are_local_and_without_a_zone(self, read: Read) -> None:
        results = read(make_result(0, loss=1.0), **X)
        (trial,) = make_study(results).trials
        assert results[0].started is not None
        assert trial.datetime_start == datetime.fromtimestamp(results[0].started.timestamp())
        assert trial.duration is not None
        assert trial.duration.total_seconds() == 2.5

    def test_one_that_failed_before_it_began_has_times_for_optunas_sake(self, read: Read) -> None:
        document = make_result(0, Phase.FAILED)
        del document["status"]["startTime"], document["status"]["completionTime"]
        (trial,) = make_study(read(document, **X)).trials
        trial._validate()

    def test_it_is_not_to_be_written(self, read: Read) -> None:
        study = make_study(read(make_result(0, loss=1.0), **X))
        with pytest.raises(ResultsError, match=r"is only read; run a sweep to add trials, or copy it"):
            study.ask()

    def test_it_can_be_copied_into_one_that_is(self, read: Read) -> None:
        import optuna

        copy = optuna.create_study()
        copy.add_trials(make_study(read(make_result(0, loss=1.0), make_result(1, Phase.FAILED), **X)).trials)
        assert copy.best_value == 1.0

    def test_optuna_says_nothing(self, read: Read, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO, logger="optuna"):
            make_study(read(make_result(0, loss=1.0), space={"x": uniform(0, 0.9, step=0.1)}))
        assert caplog.messages == []
