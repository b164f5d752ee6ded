"""Taking up what another coordinator has left, on a real cluster: nothing is lost, nothing runs twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from expsdk import results
from expsdk.backends.base import Update
from expsdk.backends.kubernetes.backend import KubernetesBackend
from expsdk.backends.kubernetes.records import KubernetesRecords
from expsdk.errors import BackendError, ExperimentNotFound
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import new_result
from expsdk.samplers.derive import derive_trial_seed

if TYPE_CHECKING:
    from real_cluster import Kubectl

Document = dict[str, Any]

IMAGE = "python:3.11-slim"
WITHIN_S = 90.0
SCRIPT = """
from expsdk import experiment, log_metric

@experiment(space={{"number": [1, 2, 3, 4]}}, objective="loss")
def train(number):
    import time
    for epoch in range({epochs}):
        log_metric("loss", 1 / (epoch + number), epoch=epoch)
        time.sleep(0.1)

if __name__ == "__main__":
    train.sweep(sampler="grid", name={name!r}, parallelism=2, grace_s=3.0).run(
        backend="kubernetes", namespace={namespace!r}, image={image!r}, report_interval_s=0.3, progress=False
    )
"""


@contextmanager
def driven(directory: Path, kubectl: Kubectl, *, name: str, epochs: int) -> Iterator[subprocess.Popen[bytes]]:
    """A process that drives a sweep until it is killed."""
    text = SCRIPT.format(name=name, namespace=kubectl.namespace, image=IMAGE, epochs=epochs)
    (directory / "train.py").write_text(textwrap.dedent(text))
    with subprocess.Popen([sys.executable, "train.py"], cwd=directory, stdin=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def has_begun(result: Document) -> bool:
    return bool((result.get("status") or {}).get("metrics"))


def abandoned(directory: Path, kubectl: Kubectl, *, name: str, epochs: int) -> Experiment:
    """An experiment with two trials that run, whose coordinator was killed with SIGKILL."""
    with driven(directory, kubectl, name=name, epochs=epochs) as process:
        for number in range(2):
            kubectl.wait("result", f"{name}-{number:04}", has_begun)
        process.send_signal(signal.SIGKILL)
    return read(kubectl, name)


def read(kubectl: Kubectl, name: str) -> Experiment:
    with closing(KubernetesRecords(namespace=kubectl.namespace)) as records:
        return records.experiment(name)


@pytest.fixture
def backend(ready: Kubectl) -> Iterator[KubernetesBackend]:
    with closing(KubernetesBackend(namespace=ready.namespace)) as backend:
        yield backend


def told(backend: KubernetesBackend, until: Callable[[dict[int, Update]], Any]) -> dict[int, Update]:
    """Return the last that a backend told of each trial once it has told what it is waited for."""
    last: dict[int, Update] = {}
    give_up_at = time.monotonic() + WITHIN_S
    while not until(last):
        assert time.monotonic() < give_up_at, last
        last |= {update.number: update for update in backend.wait(1.0)}
    return last


def launch(backend: KubernetesBackend, experiment: Experiment, number: int, *, attempt: int = 1) -> None:
    seed = derive_trial_seed(experiment.spec.seed, number)
    result = new_result(experiment.metadata.name, number=number, parameters={"number": number + 1}, seed=seed)
    backend.launch(result, attempt=attempt)


def test_a_sweep_whose_coordinator_was_killed_is_taken_up_and_its_trials_go_on(
    ready: Kubectl, tmp_path: Path, backend: KubernetesBackend
) -> None:
    experiment = abandoned(tmp_path, ready, name="orphaned", epochs=300)
    uids = {n: ready.get("job", f"orphaned-{n:04}")["metadata"]["uid"] for n in range(2)}
    # Between the Result and the Job, another might have died: its trial is told as one without a Job.
    begun = ready.get("result", "orphaned-0001")
    lost = {
        **begun,
        "metadata": {key: begun["metadata"][key] for key in ("labels", "annotations", "ownerReferences")},
        "spec": {**begun["spec"], "number": 2, "parameters": {"number": 3}},
    }
    lost["metadata"] |= {"name": "orphaned-0002", "annotations": {"expsdk.dev/parameters": '{"number": 3}'}}
    lost["metadata"]["labels"] = {**lost["metadata"]["labels"], "expsdk.dev/number": "2"}
    del lost["status"]
    ready.create(lost)
    spec = experiment.spec.model_copy(update={"trials": 3, "parallelism": 3, "trial_timeout_seconds": 500.0})
    found = backend.resume(experiment.model_copy(update={"spec": spec}), None)
    assert [(update.number, update.alive) for update in found] == [(0, True), (1, True), (2, False)]
    assert {update.document["status"]["phase"] for update in found[:2]} == {"Running"}
    assert found[2].document["status"]["phase"] == "Pending"
    kept = ready.get("experiment", "orphaned")["spec"]
    assert (kept["trials"], kept["parallelism"], kept["trialTimeoutSeconds"]) == (3, 3, 500)
    assert backend.records.is_driven("orphaned")
    assert backend.records.payload(experiment)[:2] == b"PK"
    launch(backend, experiment, 2)
    ready.wait("result", "orphaned-0002", has_begun)
    for number in range(3):
        backend.ask_stop(number, "pruned")
    last = told(backend, lambda last: len(last) == 3 and not any(update.alive for update in last.values()))
    assert {update.document["status"]["phase"] for update in last.values()} == {"Pruned"}
    assert {n: ready.get("job", f"orphaned-{n:04}")["metadata"]["uid"] for n in range(2)} == uids
    assert [trial.parameters for trial in results("orphaned", backend="kubernetes", namespace=ready.namespace)] == [
        {"number": number} for number in (1, 2, 3)
    ]


def test_what_ended_and_what_was_lost_while_nobody_drove(
    ready: Kubectl, tmp_path: Path, backend: KubernetesBackend
) -> None:
    experiment = abandoned(tmp_path, ready, name="unwatched", epochs=60)
    ready("delete", "job", "unwatched-0000", "--wait=false")
    ready.wait("result", "unwatched-0001", lambda it: it["status"]["phase"] == "Succeeded")
    found = {update.number: update for update in backend.resume(experiment, None)}
    assert not found[0].alive
    assert found[1].document["status"]["phase"] in {"Succeeded", "Running"}  # its Job may not know yet
    if found[1].alive:
        assert told(backend, lambda last: 1 in last and not last[1].alive)[1].document["status"]["phase"] == "Succeeded"
    epoch = ready.get("result", "unwatched-0000")["status"]["epoch"]
    launch(backend, experiment, 0, attempt=2)
    last = told(backend, lambda last: 0 in last and not last[0].alive)[0].document
    assert (last["status"]["phase"], last["status"]["attempt"]) == ("Succeeded", 2)
    assert last["status"]["epoch"] == 59 > epoch
    # Another sample by the same name is no sample to adopt.
    backend.launch(new_result("unwatched", number=1, parameters={"number": 99}, seed=1), attempt=1)
    with pytest.raises(BackendError, match=r'unwatched-0001 has \{"number": 2\}, not \{"number": 99\}'):
        told(backend, lambda last: False)


def test_a_lost_payload_is_created_again_where_it_is_at_hand(
    ready: Kubectl, tmp_path: Path, backend: KubernetesBackend
) -> None:
    experiment = abandoned(tmp_path, ready, name="bare", epochs=600)
    content = backend.records.payload(experiment)
    ready("delete", "configmaps", "--selector", "app.kubernetes.io/component=payload")
    with pytest.raises(
        BackendError, match=r"the payload of 'bare' is kept in ConfigMaps, and bare-payload-\w+-0 is not"
    ):
        backend.records.payload(experiment)
    with pytest.raises(BackendError, match="take the experiment up from the script"):
        backend.resume(experiment, None)
    assert not backend.records.is_driven("bare")

    from expsdk.packaging.payload import Payload

    packed = Payload(content, experiment.spec.payload.digest, {}, tmp_path, print)  # type: ignore[union-attr]
    with closing(KubernetesBackend(namespace=ready.namespace)) as other:
        other.resume(experiment, packed)
        assert other.records.payload(experiment) == content


def test_an_experiment_that_is_not_there(ready: Kubectl, backend: KubernetesBackend) -> None:
    experiment = Experiment.model_validate(
        {"metadata": {"name": "nowhere"}, "spec": {"objectives": [{"metric": "loss", "direction": "minimize"}]}}
    )
    with pytest.raises(ExperimentNotFound, match=r"no experiment 'nowhere' is in namespace .* \(there: none\)"):
        backend.resume(experiment, None)


def test_of_two_that_take_up_an_experiment_at_once_one_does(
    ready: Kubectl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = abandoned(tmp_path, ready, name="contested", epochs=600)
    outcomes: list[BaseException | list[Update]] = []
    backends = [KubernetesBackend(namespace=ready.namespace) for _ in range(2)]

    def take(backend: KubernetesBackend) -> None:
        try:
            outcomes.append(backend.resume(experiment, None))
        except BackendError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=take, args=(backend,)) for backend in backends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (refused,) = [outcome for outcome in outcomes if isinstance(outcome, BackendError)]
    assert "drives 'contested' now" in str(refused)
    assert len(outcomes) == 2
    for backend in backends:
        backend.close()


def test_a_coordinator_whose_lease_was_taken_stops_driving_and_leaves_its_trials_alone(
    ready: Kubectl, tmp_path: Path, backend: KubernetesBackend
) -> None:
    experiment = abandoned(tmp_path, ready, name="ousted", epochs=600)
    backend.resume(experiment, None)
    there = ready.get("lease", "ousted")
    ready(
        "patch",
        "lease",
        "ousted",
        "--type=merge",
        "--patch",
        json.dumps({"spec": {"holderIdentity": "another-laptop"}}),
    )
    with pytest.raises(BackendError, match="another-laptop drives 'ousted' now; its trials go on"):
        told(backend, lambda last: False)
    ended = experiment.status.model_copy(update={"phase": "Failed", "message": "the coordinator ended"})
    with pytest.raises(BackendError, match="another-laptop"):
        backend.keep(experiment.model_copy(update={"status": ended}))
    backend.close()
    after = ready.get("lease", "ousted")
    assert after["spec"]["holderIdentity"] == "another-laptop"
    assert there["spec"]["holderIdentity"] != "another-laptop"
    assert ready.get("experiment", "ousted")["status"]["phase"] == "Running"
    assert {ready.get("result", f"ousted-{n:04}")["status"]["phase"] for n in range(2)} == {"Running"}
