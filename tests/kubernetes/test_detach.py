"""A sweep that is handed to the cluster: what is kept for its coordinator there, and what watching it shows."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from expsdk import experiment, log_metric
from expsdk.backends.kubernetes.backend import KubernetesBackend
from expsdk.backends.kubernetes.records import KubernetesRecords
from expsdk.backends.kubernetes.resources import Resources
from expsdk.cluster.api import Api
from expsdk.cluster.kinds import SERVICE_ACCOUNTS
from expsdk.errors import BackendError, ClusterError, ExperimentExists, ExperimentNotFound, QuotaExceeded
from expsdk.packaging.payload import Payload, pack_function
from expsdk.resources.experiment import Experiment, PayloadReference
from expsdk.resources.result import new_result
from expsdk_runtime.contract import PAYLOAD_FORMAT

if TYPE_CHECKING:
    from real_cluster import Kubectl

IMAGE = "python:3.11-slim"
COORDINATOR_IMAGE = IMAGE
NOWHERE = Resources(cpu="900")  # no node has that: nothing is driven here, and what never began goes at once
COMPONENT = "app.kubernetes.io/component"


def make_train() -> Any:
    @experiment(space={"number": [1, 2]}, objective="loss")
    def train(number: int) -> None:
        log_metric("loss", float(number))

    return train


def reference(payload: Payload) -> PayloadReference:
    return PayloadReference(
        digest=payload.digest,
        file=payload.file_name,
        size_bytes=len(payload.content),
        python=payload.manifest["python"],
        format=PAYLOAD_FORMAT,
    )


def planned(name: str) -> tuple[Experiment, Payload, Payload]:
    """An experiment with its payload and a packed plan."""

    def plan() -> str:
        return "a sampler of the user's own"

    payload, packed_plan = make_train().pack(), pack_function(plan, name="plan")
    document = {"metadata": {"name": name}, "spec": {"objectives": [{"metric": "loss", "direction": "minimize"}]}}
    record = Experiment.model_validate(document)
    spec = record.spec.model_copy(update={"payload": reference(payload), "plan": reference(packed_plan), "trials": 2})
    return record.model_copy(update={"spec": spec}), payload, packed_plan


@pytest.fixture
def backend(ready: Kubectl) -> Iterator[KubernetesBackend]:
    with closing(KubernetesBackend(namespace=ready.namespace, image=IMAGE)) as backend:
        yield backend


def everything_of(kubectl: Kubectl, name: str) -> str:
    kinds = "experiments,results,jobs,pods,configmaps,leases"
    return kubectl("get", kinds, "--selector", f"expsdk.dev/experiment={name}", "--output", "name").stdout


def test_all_that_its_coordinator_needs_is_kept(ready: Kubectl, backend: KubernetesBackend) -> None:
    record, payload, plan = planned("away")
    backend.detach(record, payload, plan, image=COORDINATOR_IMAGE, env={"TEAM": "$(vision)"}, resources=NOWHERE)
    job = ready.get("job", "away-coordinator")
    kept = ready.get("experiment", "away")
    assert [each["uid"] for each in job["metadata"]["ownerReferences"]] == [kept["metadata"]["uid"]]
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == COORDINATOR_IMAGE
    assert container["args"] == ["coordinate", "away", "--namespace", ready.namespace]
    assert {"name": "TEAM", "value": "$$(vision)"} in container["env"]
    assert (pod["serviceAccountName"], pod["restartPolicy"]) == ("expsdk-coordinator", "Never")
    there = backend.records.experiment("away")
    assert backend.records.payload(there) == payload.content
    assert backend.records.payload(there, plan=True) == plan.content
    assert not backend.records.is_driven("away")
    with closing(KubernetesBackend(namespace=ready.namespace)) as other:
        assert other.resume(there, None) == []  # as the coordinator does
    with pytest.raises(ExperimentExists):
        backend.detach(record, payload, plan, image=COORDINATOR_IMAGE, resources=NOWHERE)
    backend.records.delete("away")
    assert everything_of(ready, "away") == ""


def test_what_was_changed_is_not_read(ready: Kubectl, backend: KubernetesBackend) -> None:
    record, payload, plan = planned("tampered")
    backend.detach(record, payload, plan, image=COORDINATOR_IMAGE, resources=NOWHERE)
    listed = json.loads(ready("get", "configmaps", "--selector", f"{COMPONENT}=plan", "--output", "json").stdout)
    (document,) = listed["items"]
    ready("delete", "configmap", document["metadata"]["name"])
    document["metadata"] = {key: document["metadata"][key] for key in ("name", "labels", "ownerReferences")}
    document["binaryData"]["chunk"] = "AAAA" + document["binaryData"]["chunk"][4:]
    ready.create(document)
    with pytest.raises(BackendError, match="packed plan of 'tampered' was changed since it was kept"):
        backend.records.payload(backend.records.experiment("tampered"), plan=True)


def test_on_failure_nothing_stays(ready: Kubectl, backend: KubernetesBackend) -> None:
    record, payload, plan = planned("hindered")
    with pytest.raises(ClusterError, match="the server refuses the coordinator's Job"):
        backend.detach(record, payload, plan, image=COORDINATOR_IMAGE, env={"": "no name"})
    assert ready("get", "experiments", "--output=name").stdout == ""
    # The quota tells only once the experiment is there, since what is rehearsed is not counted.
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}}
    ready.create({**quota, "spec": {"hard": {"count/configmaps": "0"}}})
    ready.wait("resourcequota", "few", lambda it: "count/configmaps" in (it.get("status") or {}).get("hard", {}))
    with pytest.raises(QuotaExceeded, match="few"):
        backend.detach(record, payload, plan, image=COORDINATOR_IMAGE, resources=NOWHERE)
    ready("wait", "--for=delete", "experiment/hindered", "--timeout=50s", ok=False)
    assert ready("get", "experiments,jobs", "--output=name").stdout == ""
    api = Api.connect(namespace=ready.namespace)
    api.delete(SERVICE_ACCOUNTS, "expsdk-coordinator")
    api.close()
    record, payload, plan = planned("homeless")
    with pytest.raises(BackendError, match="a coordinator in the cluster runs as ServiceAccount 'expsdk-coordinator'"):
        backend.detach(record, payload, plan, image=COORDINATOR_IMAGE, resources=NOWHERE)
    assert everything_of(ready, "homeless") == ""


def test_watching_from_outside(ready: Kubectl, backend: KubernetesBackend) -> None:
    record, payload, plan = planned("watched")
    backend.detach(record, payload, plan, image=COORDINATOR_IMAGE, resources=NOWHERE)
    with closing(KubernetesRecords(namespace=ready.namespace)) as records, pytest.raises(ExperimentNotFound):
        records.follow("nowhere")
    there = backend.records.experiment("watched")
    with closing(KubernetesBackend(namespace=ready.namespace)) as driver:
        driver.resume(there, None)
        with (
            closing(KubernetesRecords(namespace=ready.namespace)) as records,
            closing(records.follow("watched")) as told,
        ):
            assert next(told) is None
            result = new_result("watched", number=0, parameters={"number": 1.0}, seed=1)
            driver.record(result, {"phase": "Succeeded", "objectives": {"loss": 1.0}, "reusedFrom": "older-0000"})
            driver.note(0, {"constraints": [0.5]})
            found = next(each for each in told if each is not None and each["spec"].get("constraints"))
            assert found["status"]["phase"] == "Succeeded"
            assert isinstance(found["spec"]["parameters"]["number"], float)
            update = next(update for _ in range(100) for update in driver.wait(1.0))
            assert (update.number, update.alive, update.document["status"]["reusedFrom"]) == (0, False, "older-0000")
            ended = there.model_copy(update={"status": there.status.model_copy(update={"phase": "Succeeded"})})
            driver.note(0, {"constraints": [-1.0]})
            driver.keep(ended)  # what was noted is written by then
            assert ready.get("result", "watched-0000")["spec"]["constraints"] == [-1]
            ready("delete", "experiment", "watched", "--wait=false")
            with pytest.raises(ExperimentNotFound, match="'watched' was deleted while it was watched"):
                deque(islice(told, 60), maxlen=0)
