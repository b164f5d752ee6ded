"""What is written for a trial: only what follows from the Result as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from expsdk.backends.kubernetes.pods import Waiting
from expsdk.backends.kubernetes.trial import LiveTrial
from expsdk.backends.kubernetes.work import Clash, Looked, Settled, Work
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import new_result

if TYPE_CHECKING:
    from conftest import Store

    from expsdk.cluster.api import Api

RESULTS = "/apis/expsdk.dev/v1alpha1/namespaces/ml/results"
PODS = "/api/v1/namespaces/ml/pods"
JOBS = "/apis/batch/v1/namespaces/ml/jobs"
WORKLOADS = "/apis/kueue.x-k8s.io/v1beta1/namespaces/ml/workloads"
PATH = f"{RESULTS}/train-0000"
EXPERIMENT = Experiment.model_validate(
    {
        "metadata": {"name": "train", "uid": "8a1f"},
        "spec": {"objectives": [{"metric": "loss", "direction": "minimize"}]},
    }
)


@pytest.fixture
def told() -> list[Any]:
    return []


@pytest.fixture
def work(store: Store, api: Api, told: list[Any]) -> Work:
    store.objects[PODS] = {"items": [], "metadata": {"resourceVersion": "1"}}
    return Work(api, EXPERIMENT, told.append)


def kept(store: Store, work: Work, **status: Any) -> LiveTrial:
    document = work.document_of(new_result("train", number=0, parameters={"lr": 1.0}, seed=1))
    store.write(PATH, {**document, "status": {"phase": "Running", "reason": "", **status}})
    return LiveTrial(0, "train-0000", store.objects[PATH], 0.0, has_job=True)


def before_the_first_write(store: Store, **status: Any) -> None:
    """Let a trial report just before what was judged of its last report is written."""

    def report(verb: str, path: str) -> None:
        if verb == "PATCH":
            store.meanwhile = lambda verb, path: None
            store.write(PATH, {"status": status})

    store.meanwhile = report


def test_a_trial_that_reports_its_end_meanwhile_is_believed(store: Store, work: Work, told: list[Any]) -> None:
    trial = kept(store, work)
    before_the_first_write(store, phase="Succeeded")
    work.settle(trial)
    ((number, document),) = [(each.number, each.document) for each in told if isinstance(each, Settled)]
    assert (number, document["status"]["phase"]) == (0, "Succeeded")
    assert store.objects[PATH]["status"]["phase"] == "Succeeded"


def test_one_that_reports_an_epoch_meanwhile_keeps_it(store: Store, work: Work, told: list[Any]) -> None:
    trial = kept(store, work)
    before_the_first_write(store, epoch=7)
    work.settle(trial)
    status = store.objects[PATH]["status"]
    assert (status["phase"], status["reason"], status["epoch"]) == ("Failed", "Lost", 7)
    assert told[-1].document["status"]["epoch"] == 7


def test_what_has_ended_has_not_failed_to_launch(store: Store, work: Work, told: list[Any]) -> None:
    kept(store, work)
    before_the_first_write(store, phase="Succeeded")
    work.fail(0, "train-0000", "its Job was refused")
    assert store.objects[PATH]["status"]["phase"] == "Succeeded" == told[-1].document["status"]["phase"]


def test_a_result_of_another_sample_is_not_adopted(store: Store, work: Work, told: list[Any]) -> None:
    kept(store, work)
    version = store.objects[PATH]["metadata"]["resourceVersion"]
    work.start(0, new_result("train", number=0, parameters={"lr": 2.0}, seed=1), attempt=1)
    assert told == [Clash("train-0000", '{"lr": 1.0}', '{"lr": 2.0}')]
    assert store.objects[PATH]["metadata"]["resourceVersion"] == version


def test_a_result_that_need_not_run_is_kept_with_its_status(store: Store, work: Work, told: list[Any]) -> None:
    result = new_result("train", number=0, parameters={"lr": 1.0}, seed=1)
    for _ in range(2):  # the second time it is there already
        work.record(0, result, {"phase": "Succeeded", "reusedFrom": "older-0003"})
        assert told.pop().document["status"]["reusedFrom"] == "older-0003"
    assert [verb for verb, _ in store.requests].count("PATCH") == 1
    work.note("train-0000", {"constraints": [1.0]})
    assert store.objects[PATH]["spec"]["constraints"] == [1.0]
    work.note("train-0001", {"constraints": [1.0]})  # which nobody has kept


def test_an_attempt_whose_job_is_there_already_is_left_alone(store: Store, api: Api, told: list[Any]) -> None:
    template = {"spec": {"template": {"spec": {"containers": [{"name": "trial", "image": "a"}]}}}}
    spec = EXPERIMENT.spec.model_copy(update={"job_template": template})
    work = Work(api, EXPERIMENT.model_copy(update={"spec": spec}), told.append)
    store.objects[PODS] = store.objects[JOBS] = {"items": [], "metadata": {"resourceVersion": "1"}}
    kept(store, work, phase="Failed", reason="Lost")
    result = new_result("train", number=0, parameters={"lr": 1.0}, seed=1)
    work.start(0, result, attempt=2)
    job = store.objects[f"{JOBS}/train-0000"]
    assert job["metadata"]["annotations"]["expsdk.dev/attempt"] == "2"
    store.write(PATH, {"status": {"phase": "Running", "epoch": 3}})
    work.start(0, result, attempt=2)  # as a lane does whose request was not answered
    assert store.objects[f"{JOBS}/train-0000"] == job
    assert store.objects[PATH]["status"]["phase"] == "Running"
    assert "DELETE" not in [verb for verb, _ in store.requests]


def test_a_trial_that_was_interrupted_before_it_had_a_job_is_not_stopped_when_it_has_one(
    store: Store, api: Api, told: list[Any]
) -> None:
    template = {"spec": {"template": {"spec": {"containers": [{"name": "trial", "image": "a"}]}}}}
    spec = EXPERIMENT.spec.model_copy(update={"job_template": template})
    work = Work(api, EXPERIMENT.model_copy(update={"spec": spec}), told.append)
    kept(store, work, phase="Pending")
    store.write(PATH, {"spec": {"stop": "interrupted"}})
    work.start(0, new_result("train", number=0, parameters={"lr": 1.0}, seed=1), attempt=1)
    assert store.objects[PATH]["spec"]["stop"] == ""
    assert f"{JOBS}/train-0000" in store.objects


QUEUED = {
    "metadata": {"name": "train-0000", "uid": "8a1f", "labels": {"kueue.x-k8s.io/queue-name": "gpus"}},
    "spec": {"suspend": True},
}


class TestAQueue:
    def test_what_kueue_says_of_a_job_is_read(self, store: Store, work: Work, told: list[Any]) -> None:
        condition = {"type": "QuotaReserved", "status": "False", "message": "insufficient unused quota for cpu"}
        items = [{"status": {"conditions": [condition]}}]
        store.objects[WORKLOADS] = {"items": items, "metadata": {"resourceVersion": "1"}}
        work.look(0, ("train-0000",), queued=QUEUED)
        assert told == [Looked(0, Waiting("Queued", "waits in queue gpus: insufficient unused quota for cpu"))]

    def test_where_kueue_cannot_be_read_the_job_tells_enough(self, work: Work, told: list[Any]) -> None:
        work.look(0, ("train-0000",), queued=QUEUED)
        assert told == [Looked(0, Waiting("Queued", "waits in queue gpus: it starts when the queue admits it"))]
