"""From a plan to its record and back, and what a conductor refuses or reuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from simulation.documents import make_experiment, make_result
from simulation.memory import MemoryBackend, MemoryJob, MemoryRecords

from expsdk import experiment
from expsdk.errors import ExperimentNotFound, SweepError
from expsdk.packaging.payload import pack
from expsdk.resources.experiment import Experiment, PayloadReference
from expsdk.resources.result import new_result
from expsdk.space import loguniform
from expsdk.sweep.budget import Budget
from expsdk.sweep.choice import Choice
from expsdk.sweep.conduct import make_conductor
from expsdk.sweep.limits import Limits
from expsdk.sweep.observer import Standing
from expsdk.sweep.plan import Plan, plan_sweep
from expsdk.sweep.record import new_experiment, plan_of, with_beginning, with_ending, with_progress
from expsdk.sweep.reuse import read_reusable
from expsdk_runtime.contract import Phase


@experiment(space={"lr": loguniform(1e-3, 1e-1), "opt": ["sgd", "adam"]}, objective="loss", direction="maximize")
def train(lr: float, opt: str, epochs: int = 9) -> None:
    """Train."""


def plan(**given: Any) -> Plan:
    limits = {key: given.pop(key) for key in list(given) if key in Limits.__dataclass_fields__}
    defaults: dict[str, Any] = {"sampler": "random", "seed": 7, "name": "mine"}
    return plan_sweep(train.definition, limits=Limits(**{"trials": 5, **limits}), **{**defaults, **given})


def record_of(planned: Plan) -> Experiment:
    return new_experiment(train.definition, planned, pack(train.definition), name="mine")


class TestPlans:
    @pytest.mark.parametrize(
        "given",
        [
            {},
            {"trials": None, "timeout_s": 60.5, "trial_timeout_s": 7.0, "grace_s": 3.0},
            {"parallelism": 4, "retries": 2, "max_failures": 3, "target": 0.5, "no_improvement_trials": 9},
            {"trials": None, "budget": Budget("gpu", 2.5)},
            {"sampler": {"name": "tpe", "n_startup_trials": 3}, "pruner": {"name": "median", "n_warmup_steps": 2}},
            {"initial": [{"lr": 0.01, "opt": "sgd"}], "replicates": 2, "learn_from": ["other"], "cache": True},
        ],
    )
    def test_a_record_tells_all_of_a_plan(self, given: dict[str, Any]) -> None:
        planned = plan(**given)
        kept = Experiment.model_validate(record_of(planned).to_document())
        assert plan_of(kept, {}) == replace(planned, epochs=9 if planned.pruner else None)

    def test_ones_own_objects_take_the_place_of_their_names(self) -> None:
        planned = plan(pruner=lambda report: False, constraints=len)
        told = plan_of(record_of(planned), {"pruner": len, "constraints": sum})
        assert (told.pruner, told.constraints) == (Choice(len), sum)

    def test_a_direction_is_its_objectives(self) -> None:
        (objective,) = record_of(plan()).spec.objectives
        assert (objective.metric, objective.direction) == ("loss", "maximize")


class TestStatus:
    def test_progress_is_what_the_coordinator_knows(self) -> None:
        standing = Standing({Phase.RUNNING: 2, Phase.FAILED: 0}, (3, 0.25), 1.5)
        status = with_progress(make_experiment(), standing, active_s=7.0).status
        assert status.counts == {Phase.RUNNING: 2}
        assert (status.spent_hours, status.active_seconds) == (1.5, 7.0)
        assert status.best is not None
        assert (status.best.trial, status.best.value, status.best.summary) == ("train-mlp-0003", 0.25, "loss=0.25")

    def test_without_a_best_trial_there_is_none(self) -> None:
        assert with_progress(make_experiment(), Standing(), active_s=0.0).status.best is None

    def test_what_has_ended_may_begin_again(self) -> None:
        ended = with_ending(make_experiment(), phase=Phase.CANCELLED, message="interrupted")
        assert (ended.status.phase, ended.status.message) == (Phase.CANCELLED, "interrupted")
        assert ended.status.completion_time is not None
        begun = with_beginning(ended)
        assert (begun.status.phase, begun.status.message, begun.status.completion_time) == (Phase.RUNNING, "", None)
        assert begun.status.start_time == ended.status.start_time


def never(job: MemoryJob) -> Any:
    raise AssertionError("nothing is launched")

    def test_its_conditions_tell_what_kubectl_waits_for(self) -> None:
        def conditions(record: Experiment) -> dict[str, str]:
            return {each.type: each.status for each in record.status.conditions}

        running = {"Running": "True", "Complete": "False", "Failed": "False"}
        record = record_of(plan())
        assert conditions(record) == running
        for phase, holds in ((Phase.SUCCEEDED, "Complete"), (Phase.FAILED, "Failed"), (Phase.CANCELLED, "")):
            ended = with_ending(record, phase=phase, message="why")
            assert conditions(ended) == {kind: str(kind == holds) for kind in running}
            assert conditions(with_beginning(ended)) == running

    def test_its_progress_is_how_many_trials_have_ended_of_how_many(self) -> None:
        standing = Standing({Phase.SUCCEEDED: 2, Phase.FAILED: 1, Phase.RUNNING: 2})
        for trials, progress in ((5, "3/5"), (None, "3")):
            limited = plan(trials=trials, timeout_s=1.0)
            assert with_progress(record_of(limited), standing, active_s=0.0).status.progress == progress


class TestConductor:
    def conductor(self, planned: Plan) -> Any:
        space = train.definition.space
        return make_conductor(planned, record_of(planned), space=space, place=MemoryBackend(never))

    def test_a_budget_counts_what_trials_request(self) -> None:
        assert self.conductor(plan(budget=Budget("cpu", 1.0))).rate == 2.0
        assert self.conductor(plan()).rate == 0.0

    def test_one_that_would_never_be_used_up_is_refused(self) -> None:
        with pytest.raises(SweepError) as caught:
            self.conductor(plan(budget=Budget("gpu", 1.0)))
        assert str(caught.value) == (
            "a budget counts what trials request, and here they request no gpu, so budget='1 gpu-hours' would never be"
            " used up; request some (Resources(…) on Kubernetes), or give another budget: '… cpu-hours'"
        )

    def test_what_is_to_be_learned_from_is_there(self) -> None:
        with pytest.raises(ExperimentNotFound):
            self.conductor(plan(learn_from=["other"]))


class TestReuse:
    def records(self, *documents: dict[str, Any], digest: str = "0a") -> MemoryRecords:
        records = MemoryRecords()
        payload = PayloadReference(digest="sha256:" + digest * 32, file="p", size_bytes=1, python="3.11", format=1)
        records.kept["other"] = [make_experiment("other", payload=payload)]
        records.documents["other"] = dict(enumerate(documents))
        return records

    def status_of(self, records: MemoryRecords, *, x: float = 0.5, seed: int = 3) -> dict[str, Any] | None:
        reusable = read_reusable(records, make_experiment("mine"))
        return reusable.status_of(new_result("mine", number=0, parameters={"x": x}, seed=seed))

    def known(self, phase: str = Phase.SUCCEEDED) -> dict[str, Any]:
        return make_result(3, phase, experiment="other", parameters={"x": 0.5}, loss=1.0)

    def test_the_same_sample_with_the_same_seed_is(self) -> None:
        status = self.status_of(self.records(self.known()))
        assert status is not None
        assert (status["objectives"], status["reusedFrom"]) == ({"loss": 1.0}, "other-0003")

    def test_a_whole_number_is_the_same_as_a_cluster_gives_it_back(self) -> None:
        document = make_result(3, experiment="other", parameters={"x": 1}, loss=1.0)
        assert self.status_of(self.records(document), x=1.0) is not None
        assert self.status_of(self.records(document), x=True) is None

    def test_another_is_not(self) -> None:
        assert self.status_of(self.records(self.known()), x=0.25) is None
        assert self.status_of(self.records(self.known()), seed=4) is None

    def test_another_code_is_not(self) -> None:
        assert self.status_of(self.records(self.known(), digest="0b")) is None

    @pytest.mark.parametrize("phase", sorted({*Phase.ALL} - {Phase.SUCCEEDED}))
    def test_what_has_not_succeeded_is_not(self, phase: str) -> None:
        assert self.status_of(self.records(self.known(phase))) is None

    def test_what_was_reused_names_the_trial_that_ran(self) -> None:
        document = self.known()
        document["status"]["reusedFrom"] = "first-0001"
        status = self.status_of(self.records(document))
        assert status is not None
        assert status["reusedFrom"] == "first-0001"

    def test_a_trial_is_not_its_own(self) -> None:
        reusable = read_reusable(self.records(self.known()), make_experiment("mine"))
        assert reusable.status_of(new_result("other", number=3, parameters={"x": 0.5}, seed=3)) is None
