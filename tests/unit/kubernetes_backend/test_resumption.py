"""What an experiment that is taken up becomes, and how its trials stand by lists."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from expsdk.backends.kubernetes import resumption
from expsdk.backends.kubernetes.labels import result_document
from expsdk.cluster.api import Listing
from expsdk.cluster.kinds import JOBS, PODS, RESULTS
from expsdk.errors import BackendError
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import new_result

if TYPE_CHECKING:
    from conftest import Store

    from expsdk.cluster.api import Api

Document = dict[str, Any]

PATH = "/apis/expsdk.dev/v1alpha1/namespaces/ml/experiments/train"
DIGEST = "sha256:" + "0a" * 32
PROVENANCE = {"created": "2026-01-01T00:00:00Z", "user": "anna", "host": "h", "python": "3.11.7", "expsdk": "0.1.0"}
COMPLETE = {"conditions": [{"type": "Complete", "status": "True"}]}


def experiment(**spec: Any) -> Experiment:
    payload = {"digest": DIGEST, "file": "payload-0a.pyz", "sizeBytes": 3, "python": "3.11", "format": 1}
    return Experiment.model_validate(
        {
            "metadata": {"name": "train", "uid": "8a1f", "namespace": "ml"},
            "spec": {
                "space": {"lr": {"type": "float", "low": 0.0, "high": 1.0}},
                "objectives": [{"metric": "loss", "direction": "minimize"}],
                "payload": payload,
                **spec,
            },
        }
    )


def listed(*items: Document) -> Listing:
    return Listing(list(items), "1")


def result(number: int, **status: Any) -> Document:
    record = new_result("train", number=number, parameters={"lr": 1.0}, seed=number)
    document: Document = json.loads(json.dumps(result_document(experiment(), record)))
    document["spec"]["parameters"] = {"lr": 1}  # as servers write 1.0
    return {**document, **({"status": status} if status else {})}


def job(number: int, *, status: Document | None = None, **metadata: Any) -> Document:
    return {"metadata": {"name": f"train-{number:04}", **metadata}, "status": status or {}}


def pod(number: int, name: str) -> Document:
    metadata = {"name": name, "labels": {"expsdk.dev/number": str(number)}, "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {"metadata": metadata, "status": {}}


def test_trials_come_by_number_with_their_jobs_and_pods() -> None:
    listings = {
        RESULTS: listed(result(10), result(2, phase="Running"), result(0, phase="Succeeded", reason=""), result(3)),
        JOBS: listed(job(2), job(0, status=COMPLETE), job(3, deletionTimestamp="2026-01-01T00:00:00Z")),
        PODS: listed(pod(2, "a"), pod(10, "stray")),
    }
    trials = list(resumption.trials(listings, 0.0))
    assert [trial.number for trial in trials] == [0, 2, 3, 10]
    assert [trial.has_job for trial in trials] == [True, True, False, False]  # one that is going is gone
    assert [list(trial.pods) for trial in trials] == [[], ["a"], [], []]
    assert [(trial.is_over, trial.has_said) for trial in trials[:2]] == [(True, True), (False, False)]
    assert all(isinstance(trial.document["spec"]["parameters"]["lr"], float) for trial in trials)
    assert trials[3].status["phase"] == "Pending"


def test_ten_thousand_trials() -> None:
    listings = {RESULTS: listed(*map(result, range(10_000))), JOBS: listed(*map(job, range(10_000))), PODS: listed()}
    assert sum(trial.has_job for trial in resumption.trials(listings, 0.0)) == 10_000


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 7}, "the trials of an experiment have one seed, and that of 'train' is 0, not 7"),
        ({"objectives": [{"metric": "acc", "direction": "maximize"}]}, "one objectives"),
        ({"payload": None}, "the code has changed since"),
    ],
)
def test_what_trials_have_in_common_stays(changes: Document, words: str) -> None:
    with pytest.raises(BackendError, match=words):
        resumption.check(experiment(), experiment(**changes))


def test_what_may_change_is_sent_and_nothing_else(store: Store, api: Api) -> None:
    template = {"spec": {"template": {"spec": {"containers": [{"name": "trial", "image": "a"}]}}}}
    before = experiment(trials=4, jobTemplate=template, timeoutSeconds=60, provenance=PROVENANCE)
    store.write(PATH, before.to_document())
    store.write(PATH, {"status": {"phase": "Failed", "message": "it ended", "counts": {"Failed": 1}}})
    sent: list[Any] = []
    store.meanwhile = lambda verb, path: sent.append((verb, path))
    space = {"lr": {"type": "float", "low": 0.0, "high": 2.0}, "depth": {"type": "constant", "value": 3}}
    after = experiment(trials=9, parallelism=3, space=space)
    after = after.model_copy(update={"status": after.status.model_copy(update={"phase": "Running"})})
    kept = resumption.bring_up(api, after)
    assert (kept.spec.trials, kept.spec.parallelism, kept.spec.timeout_seconds) == (9, 3, None)
    assert kept.spec.space == space
    assert kept.spec.job_template == template  # of which a record that is made anew says nothing
    assert kept.spec.provenance is not None
    assert (kept.status.phase, kept.status.message, kept.status.counts) == ("Running", "", {})
    assert sent == [("GET", PATH), ("PATCH", PATH), ("PATCH", f"{PATH}/status")]
    resumption.bring_up(api, kept)
    assert sent[3:] == [("GET", PATH)]
