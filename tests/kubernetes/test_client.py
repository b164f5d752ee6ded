"""The client with real pods: any program's trials are launched, recorded, watched, waited for, stopped and deleted."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from expsdk import Client, Results, experiment, log_metric
from expsdk.backends.kubernetes.lease import HeldLease
from expsdk.client import attending, new_experiment
from expsdk.cluster.api import Api
from expsdk.errors import (
    BackendError,
    Conflict,
    ExperimentExists,
    ExperimentNotFound,
    Forbidden,
    Invalid,
    OptionError,
    TrialNotFound,
    WaitTimeout,
)
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import Result, ResultStatus, new_result

if TYPE_CHECKING:
    from real_cluster import Kubectl
    from typing_extensions import Self

Document = dict[str, Any]

IMAGE = "python:3.11-slim"
BASE_IMAGE = os.environ.get("EXPSDK_TESTS_BASE_IMAGE", "expsdk-base:test")
COORDINATOR_IMAGE = os.environ.get("EXPSDK_TESTS_COORDINATOR_IMAGE", "expsdk:test")
WITHIN_S = 60.0
LONG = "trap 'exit 1' TERM; sleep 100 & wait"

EXPERIMENT = """
apiVersion: expsdk.dev/v1alpha1
kind: Experiment
metadata:
  name: by-hand
spec:
  objectives: [{metric: val_loss, direction: minimize}]
  space:
    lr: {type: loguniform, low: 0.001, high: 1}
  jobTemplate:
    spec:
      template:
        spec:
          containers:
            - name: anything
              image: IMAGE
              command: [sh, -euc, 'PROGRAM']
              args: [$(EXPSDK_PARAM_LR)]
"""


@pytest.fixture
def client(ready: Kubectl) -> Iterator[Client]:
    with Client(namespace=ready.namespace, start_patience_s=3) as client:
        yield client


def program(script: str, *, name: str = "any", image: str = IMAGE) -> Experiment:
    """Return an experiment of a shell's script."""
    record = new_experiment(name, image=image, command=["sh", "-euc", script], objective="loss")
    return with_pod(record, terminationGracePeriodSeconds=10)


def with_pod(record: Experiment, **fields: Any) -> Experiment:
    """Return the experiment with more fields of its trials' pods."""
    assert record.spec.job_template
    pod = {**record.spec.job_template["spec"]["template"]["spec"], **fields}
    spec = record.spec.model_copy(update={"job_template": {"spec": {"template": {"spec": pod}}}})
    return record.model_copy(update={"spec": spec})


def paused(name: str = "paused") -> Experiment:
    """Return an experiment whose Jobs have no pods."""
    record = program("true", name=name)
    assert record.spec.job_template
    template = {"spec": {**record.spec.job_template["spec"], "parallelism": 0}}
    return record.model_copy(update={"spec": record.spec.model_copy(update={"job_template": template})})


def apply(kubectl: Kubectl, script: str, *, image: str) -> None:
    kubectl("apply", "--filename", "-", stdin=EXPERIMENT.replace("IMAGE", image).replace("PROGRAM", script))


def names_of(kubectl: Kubectl, kinds: str = "experiments,results,jobs,pods") -> list[str]:
    return kubectl("get", kinds, "--output", "name").stdout.split()


class TestAnyProgram:
    def test_what_kubectl_applied_is_recorded_from_outside(self, ready: Kubectl, client: Client) -> None:
        apply(ready, "sleep 1; echo lr is $EXPSDK_PARAM_LR, $0", image=IMAGE)
        assert [each.metadata.name for each in client.experiments.list()] == ["by-hand"]

        first = client.launch("by-hand", {"lr": 0.5})
        second = client.launch("by-hand", {"lr": 1.0})
        assert (first.metadata.name, second.metadata.name) == ("by-hand-0000", "by-hand-0001")
        assert second.spec.parameters == {"lr": 1.0}
        assert isinstance(second.spec.parameters["lr"], float)
        assert first.spec.seed != second.spec.seed
        client.record(first, {"val_loss": 0.7})
        client.record(first, {"val_loss": 0.3}, epoch=4)

        seen = [(each.metadata.name, each.status.phase) for each in client.watch("by-hand", until_over=True)]
        assert seen.index((first.metadata.name, "Running")) < seen.index((first.metadata.name, "Succeeded"))
        assert seen.index((second.metadata.name, "Running")) < seen.index((second.metadata.name, "Failed"))
        ended, lacking = client.wait("by-hand")
        assert ended.status.history["val_loss"].epochs == (0, 4)
        assert ended.status.objectives == {"val_loss": 0.3}
        assert lacking.status.environment.keys() == {"pod", "podName", "node", "image"}
        assert lacking.status.start_time
        assert (lacking.status.reason, "Client.record" in lacking.status.message) == ("NoObjective", True)
        assert list(client.logs(second)) == ["lr is 1.0, 1.0\n"]
        assert client.record(second, {"val_loss": 0.1}).status.phase == "Succeeded"

        found = client.results("by-hand")
        assert (found.best.name, found.counts) == ("by-hand-0001", {"Succeeded": 2})
        status = client.experiments.get("by-hand").status
        assert (status.phase, status.counts) == ("Succeeded", {"Succeeded": 1, "Failed": 1})
        assert status.best
        assert (status.best.trial, status.best.value) == ("by-hand-0000", 0.3)
        jobs = client.jobs("by-hand")
        assert [job["metadata"]["name"] for job in jobs] == ["by-hand-0000", "by-hand-0001"]

    def test_it_records_its_losses_from_inside(self, ready: Kubectl, client: Client) -> None:
        log = "python -m expsdk_runtime log val_loss=0.3 epoch=4; python -m expsdk_runtime log val_loss=$0"
        apply(ready, log, image=BASE_IMAGE)
        trial = client.launch("by-hand", {"lr": 0.25})
        (ended,) = client.wait("by-hand", trial, timeout_s=WITHIN_S)
        assert (ended.status.phase, ended.status.message) == ("Succeeded", "")
        assert ended.status.history["val_loss"].epochs == (4, 5)
        assert ended.status.history["val_loss"].values == (0.3, 0.25)
        assert ended.status.start_time

    def test_deleting_the_experiment_leaves_nothing(self, ready: Kubectl, client: Client) -> None:
        client.experiments.create(program(LONG))
        client.launch("any", {})
        client.launch("any", {"x": 1})
        deadline = time.monotonic() + WITHIN_S
        while len(names_of(ready, "pods")) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        client.experiments.delete("any")
        assert names_of(ready) == []
        with pytest.raises(ExperimentNotFound, match="no experiment 'any' is in namespace"):
            client.experiments.delete("any")

    def test_an_optimizer_in_a_pod_launches_others(self, ready: Kubectl, client: Client) -> None:
        client.experiments.create(program("python -m expsdk_runtime log loss=$EXPSDK_PARAM_X", image=BASE_IMAGE))
        optimizer = textwrap.dedent(
            """
            from expsdk import Client
            with Client() as client:
                launched = [client.launch("any", {"x": x}) for x in (3, 1, 2)]
                client.record(launched[0], {"noted": 1})
                client.wait("any", timeout_s=50)
                print("best", client.results("any").best.parameters, client.namespace)
            """
        )
        container = {"name": "optimizer", "image": COORDINATOR_IMAGE, "command": ["python", "-c", optimizer]}
        spec = {"serviceAccountName": "expsdk-coordinator", "restartPolicy": "Never", "containers": [container]}
        ready.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "optimizer"}, "spec": spec})
        ready.wait("pod", "optimizer", lambda pod: pod["status"]["phase"] in {"Succeeded", "Failed"})
        assert ready("logs", "optimizer").stdout == f"best {{'x': 1}} {ready.namespace}\n"


class TestExperiments:
    def test_they_are_created_read_changed_and_deleted(self, ready: Kubectl, client: Client) -> None:
        record = paused()
        record = record.model_copy(
            update={
                "spec": record.spec.model_copy(update={"space": {"x": {"type": "uniform", "low": 0.0, "high": 1.0}}}),
                "status": record.status.model_copy(update={"message": "from elsewhere"}),
            }
        )
        kept = client.experiments.create(record)
        assert kept == client.experiments.get("paused")
        assert (kept.spec, kept.status) == (record.spec, record.status)
        assert isinstance(kept.spec.space["x"]["high"], float)

        spec = kept.spec.model_copy(update={"trials": 7, "space": {"y": {"type": "constant", "value": 1}}})
        metadata = kept.metadata.model_copy(update={"labels": {"team": "one"}})
        status = kept.status.model_copy(update={"phase": "Running", "message": ""})
        changed = client.experiments.update(
            kept.model_copy(update={"spec": spec, "metadata": metadata, "status": status})
        )
        assert (changed.spec, changed.status, changed.metadata.labels) == (spec, status, {"team": "one"})
        assert client.experiments.update(changed) == changed
        assert client.experiments.list() == [changed]
        with pytest.raises(Conflict):
            client.experiments.update(kept)

        client.experiments.delete(changed)
        assert client.experiments.list() == []
        with pytest.raises(ExperimentNotFound, match="create it instead"):
            client.experiments.update(changed)
        assert names_of(ready) == []

    def test_a_mapping_as_yaml_has_it_is_good(self, client: Client) -> None:
        assert client.experiments.create(paused().to_document()).metadata.uid

    def test_what_no_trial_could_run_is_refused_before_it_is_created(self, ready: Kubectl, client: Client) -> None:
        def with_template(template: Document) -> Document:
            return {**paused().to_document(), "spec": {**paused().to_document()["spec"], "jobTemplate": template}}

        with pytest.raises(OptionError, match=r"spec\.jobTemplate\.spec\.template is a mapping"):
            client.experiments.create(with_template({"spec": {}}))
        with pytest.raises(Invalid, match=r"refuses the first Job \(nothing was created\): .*image"):
            client.experiments.create(
                with_template({"spec": {"template": {"spec": {"containers": [{"name": "no-image"}]}}}})
            )
        pod = {"containers": [{"name": "a", "image": IMAGE}], "serviceAccountName": "nobody"}
        with pytest.raises(BackendError, match="ServiceAccount 'nobody'"):
            client.experiments.create(with_template({"spec": {"template": {"spec": pod}}}))
        assert names_of(ready, "experiments") == []

        client.experiments.create(paused())
        with pytest.raises(ExperimentExists, match="'paused' is kept in namespace"):
            client.experiments.create(paused())


class TestResults:
    def test_they_are_created_read_changed_and_deleted(self, ready: Kubectl, client: Client) -> None:
        client.experiments.create(paused())
        status = ResultStatus(phase="Succeeded", objectives={"loss": float("inf")})
        imported = new_result("paused", number=5, parameters={"x": 1.0}, seed=1).model_copy(update={"status": status})
        kept = client.results.create(imported)
        assert (kept.spec, kept.status) == (imported.spec, status)
        launched = client.launch("paused", {"x": 2.0})
        assert launched.metadata.name == "paused-0006"
        assert client.results.list("paused") == client.results.list() == [kept, launched]
        assert client.results.get("paused-0005") == kept

        spec = launched.spec.model_copy(update={"stop": "pruned"})
        status = launched.status.model_copy(update={"message": "changed"})
        changed = client.results.update(launched.model_copy(update={"spec": spec, "status": status}))
        assert (changed.spec, changed.status) == (spec, status)
        with pytest.raises(Conflict):
            client.results.update(launched)
        with pytest.raises(Conflict, match="paused-0005"):
            client.results.create(imported)
        metadata = imported.metadata.model_copy(update={"name": "other"})
        with pytest.raises(OptionError, match="'paused-0005', not 'other'"):
            client.results.create(imported.model_copy(update={"metadata": metadata}))

        client.results.delete(changed)
        assert names_of(ready, "results,jobs") == ["result.expsdk.dev/paused-0005"]
        for verb in (client.results.get, client.results.delete, client.stop):
            with pytest.raises(TrialNotFound, match="no trial 'paused-0006' is in namespace"):
                verb("paused-0006")
        with pytest.raises(TrialNotFound):
            client.results.update(changed)
        with pytest.raises(TrialNotFound):
            client.record("paused-0006", {"loss": 1})

    def test_of_an_experiment_that_is_not_there(self, client: Client) -> None:
        for verb in (client.results.list, client.results, client.jobs, client.watch, client.wait):
            with pytest.raises(ExperimentNotFound, match=r"no experiment 'none' is in namespace .* \(there: none\)"):
                verb("none")
        with pytest.raises(ExperimentNotFound):
            client.launch("none", {})


class TestLaunching:
    def test_two_programs_launch_at_once(self, ready: Kubectl, client: Client) -> None:
        client.experiments.create(paused())
        code = textwrap.dedent(
            """
            import sys
            from concurrent.futures import ThreadPoolExecutor
            from expsdk import Client
            with Client(namespace=sys.argv[1]) as client, ThreadPoolExecutor(4) as pool:
                launched = pool.map(lambda x: client.launch("paused", {"by": sys.argv[2], "x": x}), range(12))
                print(*(result.metadata.name for result in launched))
            """
        )
        both = [
            subprocess.Popen([sys.executable, "-c", code, ready.namespace, each], stdout=subprocess.PIPE, text=True)
            for each in "ab"
        ]
        printed = [process.communicate(timeout=WITHIN_S)[0].split() for process in both]
        assert [process.returncode for process in both] == [0, 0]
        assert sorted(printed[0] + printed[1]) == [f"paused-{number:04d}" for number in range(24)]

        samples = {result.metadata.name: result.spec.parameters for result in client.results.list("paused")}
        assert {name: samples[name]["by"] for name in printed[0]} == dict.fromkeys(printed[0], "a")
        assert sorted((each["by"], each["x"]) for each in samples.values()) == [
            (by, x) for by in "ab" for x in range(12)
        ]
        for job in client.jobs("paused"):
            told = json.loads(job["metadata"]["annotations"]["expsdk.dev/parameters"])
            assert told == samples[job["metadata"]["name"]]

    def test_a_number_that_is_asked_for_is_taken_or_refused(self, ready: Kubectl, client: Client) -> None:
        record = client.experiments.create(paused())
        launched = client.launch(record, {"x": 1}, number=41, seed=7)
        assert (launched.metadata.name, launched.spec.seed) == ("paused-0041", 7)
        with pytest.raises(Conflict, match="paused-0041 is there already; leave number= out"):
            client.launch(record, {"x": 2}, number=41)
        assert client.launch(record, {"x": 2}).metadata.name == "paused-0042"
        assert client.results.get("paused-0041").spec.parameters == {"x": 1}
        assert len(names_of(ready, "jobs")) == 2

    def test_the_job_of_another_is_not_adopted(self, ready: Kubectl, client: Client) -> None:
        record = client.experiments.create(paused())
        (template,) = [client.launch(record, {})]
        (job,) = client.jobs(record)
        pod = {"restartPolicy": "Never", "containers": job["spec"]["template"]["spec"]["containers"]}
        spec = {"parallelism": 0, "template": {"spec": pod}}
        ready.create({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "paused-0001"}, "spec": spec})
        with pytest.raises(Conflict):
            client.launch(record, {"x": 1}, number=1)
        assert client.launch(record, {"x": 1}).metadata.name == "paused-0002"
        assert names_of(ready, "results") == ["result.expsdk.dev/paused-0000", "result.expsdk.dev/paused-0002"]
        assert template.metadata.name == "paused-0000"

    def test_where_the_job_is_refused_no_result_stays(self, ready: Kubectl, client: Client) -> None:
        record = client.experiments.create(paused())
        ready(
            "patch",
            "experiment",
            "paused",
            "--type=merge",
            "-p",
            '{"spec":{"jobTemplate":{"spec":{"backoffLimit":-1}}}}',
        )
        with pytest.raises(Invalid, match=r"nothing was launched: .*backoffLimit"):
            client.launch("paused", {})
        ready("patch", "experiment", "paused", "--type=merge", "-p", '{"spec":{"jobTemplate":null}}')
        with pytest.raises(OptionError, match=r"spec\.jobTemplate, and paused has none"):
            client.launch("paused", {})
        with pytest.raises(OptionError, match="JSON has lists, no sets"):
            client.launch("paused", {"x": {1}})
        with pytest.raises(OptionError, match="number is a whole number"):
            client.launch("paused", {}, number=-1)
        assert names_of(ready, "results,jobs") == []
        assert client.launch(record, {}).metadata.name == "paused-0000"

    def test_the_numbers_of_a_sweep_that_runs_are_its_own(self, client: Client, ready: Kubectl) -> None:
        record = paused()
        payload = {"digest": "sha256:" + "0" * 64, "file": "x", "sizeBytes": 1, "python": "3.11", "format": 1}
        document = {**record.to_document(), "spec": {**record.to_document()["spec"], "payload": payload}}
        kept = client.experiments.create(document)
        with closing(Api.connect(namespace=ready.namespace)) as api:
            lease = HeldLease(api, kept, lost=print)
            try:
                with pytest.raises(BackendError, match="a sweep drives 'paused' now"):
                    client.launch(kept, {})
                with pytest.raises(BackendError, match="drives 'paused' now"):
                    client.experiments.delete(kept)
            finally:
                lease.release()
        assert client.launch(kept, {}).metadata.name == "paused-0000"


class TestEnds:
    def test_a_job_that_fails_without_a_word_is_told_in_words(self, client: Client) -> None:
        client.experiments.create(program("echo it is not there >&2; exit 3"))
        trial = client.launch("any", {})
        (ended,) = client.wait("any", trial, timeout_s=WITHIN_S)
        assert (ended.status.phase, ended.status.reason) == ("Failed", "UserError")
        assert "exit code 3" in ended.status.message
        assert ended.status.completion_time

    def test_a_job_that_is_deleted_is_a_trial_that_is_lost(self, ready: Kubectl, client: Client) -> None:
        record = program("sleep 100")  # which as a container's first process hears of no SIGTERM
        record = record.model_copy(update={"spec": record.spec.model_copy(update={"grace_seconds": 0})})
        client.experiments.create(record)
        trial = client.launch("any", {})
        for result in client.watch("any"):
            if result.status.phase == "Running":
                ready("delete", "job", trial.metadata.name, "--wait=false")
            elif result.status.phase == "Failed":
                assert "its Job was deleted" in result.status.message
                break

    def test_a_trial_whose_job_never_came_is_lost(
        self, ready: Kubectl, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(attending, "JOB_WITHIN_S", 1.0)  # or the test would take half a minute
        client.experiments.create(paused())
        trial = client.launch("paused", {})
        ready("delete", "job", trial.metadata.name)
        (ended,) = client.wait("paused", timeout_s=WITHIN_S)
        assert (ended.status.phase, ended.status.reason) == ("Failed", "Lost")

    def test_an_image_that_is_not_there_is_shown_and_then_given_up(self, client: Client) -> None:
        client.experiments.create(program("true", image="nowhere.invalid/no-image:1"))
        client.launch("any", {})
        seen = [(each.status.phase, each.status.reason) for each in client.watch("any", until_over=True)]
        assert ("Pending", "ImagePullError") in seen
        assert seen[-1] == ("Failed", "ImagePullError")
        (ended,) = client.results.list("any")
        assert "it waited 3 s" in ended.status.message

    def test_a_trial_is_stopped_and_keeps_what_it_printed(self, ready: Kubectl, client: Client) -> None:
        client.experiments.create(program("echo begun; trap 'echo asked; exit 0' TERM; sleep 100 & wait"))
        trial = client.launch("any", {})
        stopped = None
        for result in client.watch("any", until_over=True):
            if result.status.phase == "Running" and stopped is None:
                client.record(trial, {"loss": 0.5})
                stopped = client.stop(trial, "pruned")
        assert stopped
        assert (stopped.status.phase, stopped.spec.stop, stopped.status.objectives) == (
            "Pruned",
            "pruned",
            {"loss": 0.5},
        )
        ready.wait("job", trial.metadata.name, lambda job: job["status"].get("failed"))
        assert list(client.logs(trial)) == ["begun\n", "asked\n"]
        assert client.results.get(trial).status.phase == "Pruned"
        assert client.stop(trial).status.phase == "Pruned"
        with pytest.raises(OptionError, match="what has ended takes no more values"):
            client.record(trial, {"loss": 1})
        with pytest.raises(OptionError, match="a trial is stopped as 'pruned' or 'cancelled', not 'gently'"):
            client.stop(trial, "gently")

    def test_a_trial_that_has_not_begun_is_cancelled(self, ready: Kubectl, client: Client) -> None:
        client.experiments.create(paused())
        trial = client.launch("paused", {})
        assert client.stop(trial).status.phase == "Cancelled"
        assert names_of(ready, "jobs") == []
        assert [each.status.phase for each in client.wait("paused")] == ["Cancelled"]


class TestSweeps:
    def test_a_trial_of_a_sweep_is_watched_and_stopped(self, ready: Kubectl, client: Client) -> None:
        def run() -> Results:
            options = {"namespace": ready.namespace, "image": IMAGE, "report_interval_s": 0.3}
            sweep = make_slow().sweep(name="slow", sampler="grid", seed=1, parallelism=2)
            return sweep.run(backend="kubernetes", progress=False, **options)

        with ThreadPoolExecutor(1) as pool:
            swept = pool.submit(run)
            wait_for(lambda: swept.done() or client.experiments.list())
            stopped = set()
            for result in client.watch("slow"):
                if result.status.history and result.metadata.name not in stopped:
                    stopped.add(result.metadata.name)
                    assert client.stop(result, "pruned").spec.stop == "pruned"
                    with pytest.raises(BackendError, match="a sweep drives 'slow' now"):
                        client.launch("slow", {"number": 1})
                    with pytest.raises(Conflict, match="stop the trial instead"):
                        client.results.delete(result)
                if len(stopped) == 2:
                    break
            assert swept.result(WITHIN_S).counts == {"Pruned": 2}
        assert {each.status.message for each in client.wait("slow")} == {"stopped early"}


def make_slow() -> Any:
    """Return an experiment that travels by value: this module's imports are not in its pods."""

    @experiment(space={"number": [1, 2]}, objective="loss")
    def slow(number: int, epochs: int = 400) -> None:
        import time

        for epoch in range(epochs):
            log_metric("loss", number / (epoch + 1), epoch=epoch)
            time.sleep(0.1)

    return slow


class TestWaiting:
    def test_it_ends_in_time_or_says_who_has_not_ended(self, client: Client) -> None:
        client.experiments.create(program(LONG))
        assert client.wait("any") == []
        trials = [client.launch("any", {}) for _ in range(2)]
        client.record(trials[0], {"loss": 1}, phase="Succeeded")
        assert [each.metadata.name for each in client.wait("any", "any-0000", timeout_s=WITHIN_S)] == ["any-0000"]
        with pytest.raises(WaitTimeout, match=r"within 1.5 s, and any-0001 did not"):
            client.wait("any", timeout_s=1.5)
        with pytest.raises(TimeoutError):
            client.wait("any", trials[1], timeout_s=0.1)
        with pytest.raises(TrialNotFound, match="any-0007"):
            client.wait("any", trials[0], "any-0007")

    def test_what_is_deleted_meanwhile_is_said(self, ready: Kubectl, client: Client) -> None:
        record = client.experiments.create(paused())
        trials = [client.launch(record, {}) for _ in range(2)]
        with ThreadPoolExecutor(2) as pool:
            one = pool.submit(client.wait, record, trials[0])
            everything = pool.submit(lambda: list(client.watch(record)))
            time.sleep(1)
            client.results.delete(trials[0])
            with pytest.raises(TrialNotFound):
                one.result(WITHIN_S)
            client.experiments.delete(record)
            with pytest.raises(ExperimentNotFound, match="'paused' was deleted while it was watched"):
                everything.result(WITHIN_S)
        assert names_of(ready) == []

    def test_values_that_many_record_at_once_all_stay(self, client: Client) -> None:
        record = client.experiments.create(paused())
        trial = client.launch(record, {})
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: client.record(trial, {"loss": n, f"own-{n}": n}, epoch=n), range(20)))
        status = client.results.get(trial).status
        assert status.history["loss"].epochs == tuple(range(20))
        assert len(status.metrics) == 21


class TestWatching:
    def test_it_goes_on_when_connections_are_cut(self, ready: Kubectl, client: Client, tmp_path: Path) -> None:
        record = client.experiments.create(paused())
        with Wire(tmp_path, ready) as wire, Client(namespace=ready.namespace, kubeconfig=wire.kubeconfig) as other:
            seen: list[Result] = []
            watcher = threading.Thread(target=lambda: seen.extend(other.watch(record, until_over=True)), daemon=True)
            trials = [client.launch(record, {"x": x}) for x in range(2)]
            watcher.start()
            wait_for(lambda: len(seen) or wire.count >= 3)
            for number in range(6):
                wire.cut()
                client.record(trials[0], {"loss": number})
                time.sleep(0.3)
            trials.append(client.launch(record, {"x": 2}))
            for trial in trials:
                wire.cut()
                client.record(trial, {"loss": 9}, phase="Succeeded")
            watcher.join(WITHIN_S)
            assert not watcher.is_alive()
        assert wire.cuts >= 3
        last = {each.metadata.name: each.status for each in seen}
        assert {name: status.phase for name, status in last.items()} == dict.fromkeys(
            [trial.metadata.name for trial in trials], "Succeeded"
        )
        assert last["paused-0000"].history["loss"].epochs == tuple(range(7))
        versions = [(each.metadata.name, each.metadata.resource_version) for each in seen]
        assert len(versions) == len(set(versions)), "each change is told once"

    def test_it_goes_on_from_a_list_that_is_too_old(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        # The server itself answers 410; for it to forget a version by itself takes five minutes.
        watch, expired = Api.watch, []

        def watch_from_long_ago(api: Api, kind: Any, **options: Any) -> Any:
            if len(expired) < 3:
                expired.append(kind)
                options["version"] = "1"
            return watch(api, kind, **options)

        record = client.experiments.create(paused())
        trial = client.launch(record, {})
        monkeypatch.setattr(Api, "watch", watch_from_long_ago)
        stream = client.watch(record)
        assert next(stream).status.phase == "Pending"
        client.record(trial, {"loss": 1}, phase="Succeeded")
        assert next(stream).status.phase == "Succeeded"
        assert len(expired) == 3
        stream.close()  # type: ignore[attr-defined]
        assert not [each for each in threading.enumerate() if each.name.startswith("expsdk-follows")]

    def test_who_may_only_read_can_watch(
        self, ready: Kubectl, client: Client, account: Callable[[str, str], Path]
    ) -> None:
        record = client.experiments.create(paused())
        client.launch(record, {})
        ready("create", "serviceaccount", "reader")
        verbs = ["--verb=get", "--verb=list", "--verb=watch"]
        ready("create", "role", "reader", *verbs, "--resource=experiments.expsdk.dev,results.expsdk.dev")
        ready("create", "rolebinding", "reader", "--role=reader", f"--serviceaccount={ready.namespace}:reader")
        with Client(kubeconfig=str(account(ready.namespace, "reader"))) as reader:
            assert next(iter(reader.watch(record, settle=False))).metadata.name == "paused-0000"
            assert len(reader.results(record)) == 1
            with pytest.raises(Forbidden, match=r"may not (list|watch) (jobs|pods)"):
                reader.wait(record, timeout_s=WITHIN_S)
            with pytest.raises(Forbidden, match="may not create Result"):
                reader.launch(record, {})


class Wire:
    """A wire to the API server that can be cut: what is sent goes through a port of this machine."""

    def __init__(self, directory: Path, kubectl: Kubectl) -> None:
        document = json.loads(kubectl("config", "view", "--raw", "--minify", "--flatten", "--output", "json").stdout)
        server = document["clusters"][0]["cluster"]
        there = urlsplit(server["server"])
        self._address = (there.hostname, there.port or 443)
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        server |= {"server": f"https://127.0.0.1:{port}", "tls-server-name": there.hostname}
        self.kubeconfig = str(directory / "wire.kubeconfig")
        Path(self.kubeconfig).write_text(json.dumps(document))
        self.count = self.cuts = 0
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Close all connections that are open."""
        for each in list(self._open):
            self._open.discard(each)
            self.cuts += 1
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        with near, socket.create_connection(self._address) as far:
            self.count += 1
            self._open |= {near, far}
            back = threading.Thread(target=self._carry, args=(far, near), daemon=True)
            back.start()
            self._carry(near, far)
            back.join()
            self._open -= {near, far}

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65_536):
                other.sendall(data)
        for each in (one, other):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def wait_for(is_so: Callable[[], Any]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)
