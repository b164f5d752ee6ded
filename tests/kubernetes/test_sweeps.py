"""Sweeps with real pods: what goes wrong on a cluster is named in words, nothing is lost and nothing is left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from expsdk import Results, experiment, log_metric, loguniform, results
from expsdk.backends.kubernetes.resources import Resources
from expsdk.backends.kubernetes.volumes import Volume
from expsdk.errors import BackendError, ExperimentNotFound, Forbidden, QuotaExceeded, Unreachable
from expsdk.resources.names import trial_name

if TYPE_CHECKING:
    from real_cluster import Kubectl
    from typing_extensions import Self

Document = dict[str, Any]

IMAGE = "python:3.11-slim"
TRAINING_IMAGE = os.environ.get("EXPSDK_TESTS_IMAGE", "expsdk-scikit-learn:test")
WITHIN_S = 60.0


class Sweeping:
    """A sweep in a thread of its own, so that the test can do things to it meanwhile."""

    def __init__(self, sweep: Any, **options: Any) -> None:
        self._results: Results | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(sweep, options), daemon=True)
        self._thread.start()

    def _run(self, sweep: Any, options: dict[str, Any]) -> None:
        try:
            self._results = sweep.run(backend="kubernetes", progress=False, **options)
        except BaseException as error:
            self._error = error

    def results(self) -> Results:
        self._thread.join(WITHIN_S * 1.5)
        assert not self._thread.is_alive(), "the sweep does not end"
        if self._error is not None:
            raise self._error
        assert self._results is not None
        return self._results


def make_quick() -> Any:
    """Return an experiment that travels by value: this module's imports are not in its pods."""

    @experiment(space={"number": [1, 2, 3]}, objective="loss")
    def quick(number: int) -> float:
        log_metric("loss", float(number))
        return float(number)

    return quick


def make_slow() -> Any:
    """Return an experiment whose trials take most of a minute, unless they are stopped."""

    @experiment(space={"number": [1, 2, 3, 4]}, objective="loss")
    def slow(number: int, epochs: int = 400) -> None:
        import time

        for epoch in range(epochs):
            log_metric("loss", 1 / (epoch + 1), epoch=epoch)
            time.sleep(0.1)

    return slow


quick, slow = make_quick(), make_slow()


def run(train: Any, kubectl: Kubectl, *, name: str, sweep: dict[str, Any] | None = None, **options: Any) -> Results:
    made = train.sweep(**{"sampler": "grid", "seed": 1, "name": name, **(sweep or {})})
    found: Results = made.run(
        backend="kubernetes",
        progress=False,
        namespace=kubectl.namespace,
        **{"image": IMAGE, "report_interval_s": 0.3, **options},
    )
    return found


def has_begun(result: Document) -> bool:
    return bool((result.get("status") or {}).get("metrics"))


def pod_of(kubectl: Kubectl, trial: str) -> str:
    return kubectl("get", "pods", "--selector", f"job-name={trial}", "--output", "name").stdout.split()[-1]


def everything_of(kubectl: Kubectl, name: str) -> str:
    kinds = "experiments,results,jobs,pods,configmaps,leases"
    return kubectl("get", kinds, "--selector", f"expsdk.dev/experiment={name}", "--output", "name").stdout


def test_kubectl_shows_a_sweep_and_deleting_its_experiment_leaves_nothing(ready: Kubectl) -> None:
    found = run(quick, ready, name="shown", sweep={"parallelism": 3})
    assert found.counts == {"Succeeded": 3}
    assert found.best.parameters == {"number": 1}
    (row,) = ready.table("experiments", "shown")
    assert (row["PHASE"], row["ENDED"], row["RUNNING"]) == ("Succeeded", "3", "")
    rows = ready.table("results")
    assert [(row["NAME"], row["PHASE"], row["PARAMETERS"]) for row in rows] == [
        (f"shown-{number:04}", "Succeeded", f"number={number + 1}") for number in range(3)
    ]
    again = results("shown", backend="kubernetes", namespace=ready.namespace)
    assert again.to_json() == found.to_json()
    ready("delete", "experiment", "shown")
    deadline = time.monotonic() + WITHIN_S
    while left := everything_of(ready, "shown"):
        assert time.monotonic() < deadline, left
        time.sleep(0.5)


def test_logs_are_followed_while_it_runs_and_kept_after_its_success(ready: Kubectl) -> None:
    @experiment(space={"number": [1]}, objective="loss")
    def talks(number: int) -> float:
        import time

        for line in range(10):
            print("line", line, flush=True)
            time.sleep(0.1)
        return 1.0

    from expsdk.backends.kubernetes.records import KubernetesRecords

    sweeping = Sweeping(talks.sweep(sampler="grid", name="talks"), namespace=ready.namespace, image=IMAGE)
    ready.wait_for_text("get", "pods", "--output", "jsonpath={.items[*].status.phase}", holds="Running")
    records = KubernetesRecords(namespace=ready.namespace)
    followed = list(records.logs("talks-0000", follow=True))
    assert sweeping.results().counts == {"Succeeded": 1}
    assert followed == list(records.logs("talks-0000")) == [f"line {line}\n" for line in range(10)]
    records.close()


def test_an_image_that_is_not_there(ready: Kubectl) -> None:
    sweeping = Sweeping(
        quick.sweep(sampler="grid", name="imageless", parallelism=3),
        namespace=ready.namespace,
        image="localhost/no-such-image:1",
        start_patience_s=6,
    )
    live = ready.wait("result", "imageless-0000", lambda it: (it.get("status") or {}).get("reason"))["status"]
    assert (live["phase"], live["reason"]) == ("Pending", "ImagePullError")
    found = sweeping.results()
    assert {(trial.phase, trial.reason) for trial in found} == {("Failed", "ImagePullError")}
    assert "localhost/no-such-image:1" in found[0].error
    assert "waited 6 s" in found[0].error
    assert everything_of(ready, "imageless").count("job") == 0


def test_resources_that_no_node_has(ready: Kubectl) -> None:
    sweeping = Sweeping(
        quick.sweep(sampler="grid", name="huge"),
        namespace=ready.namespace,
        image=IMAGE,
        resources=Resources(cpu=4000),
        schedule_patience_s=3,
    )
    found = sweeping.results()
    assert {(trial.phase, trial.reason) for trial in found} == {("Failed", "Unschedulable")}
    assert "nodes are available" in found[0].error
    assert "Insufficient cpu" in found[0].error


def test_memory_that_runs_out(ready: Kubectl) -> None:
    @experiment(space={"number": [1]}, objective="loss")
    def greedy(number: int) -> float:
        log_metric("loss", 1.0)
        held = [bytearray(16_000_000) for _ in range(100)]
        return float(len(held))

    trial = run(greedy, ready, name="greedy", resources=Resources(memory="96Mi"))[0]
    assert (trial.phase, trial.reason) == ("Failed", "OutOfMemory")
    assert "96Mi" in trial.error


def test_an_error_of_the_users(ready: Kubectl) -> None:
    @experiment(space={"number": [1, 2]}, objective="loss")
    def fails(number: int) -> float:
        if number == 2:
            raise ValueError("two is no number")
        return 1.0

    found = run(fails, ready, name="fails", sweep={"parallelism": 2})
    assert found.counts == {"Succeeded": 1, "Failed": 1}
    assert found[1].reason == "UserError"
    assert found[1].error.endswith("ValueError: two is no number")
    assert 'raise ValueError("two is no number")' in found[1].error


def test_a_trial_that_takes_too_long_is_ended_by_its_node(ready: Kubectl) -> None:
    found = run(slow, ready, name="long", sweep={"trials": 1, "trial_timeout_s": 4, "grace_s": 3.0})
    (trial,) = found
    assert (trial.phase, trial.reason) == ("Failed", "Timeout")
    assert "longer than the 4 s" in trial.error
    assert trial.values["loss"] < 1
    assert ready("logs", "job/long-0000", ok=False).returncode == 0


def test_a_job_that_is_deleted_under_its_trial(ready: Kubectl) -> None:
    sweeping = Sweeping(
        slow.sweep(sampler="grid", trials=1, name="bereft", grace_s=2.0),
        namespace=ready.namespace,
        image=IMAGE,
        report_interval_s=0.3,
    )
    ready.wait("result", "bereft-0000", has_begun)
    ready("delete", "job", "bereft-0000", "--wait=false")
    (trial,) = sweeping.results()
    assert (trial.phase, trial.reason) in {("Failed", "Preempted"), ("Failed", "Lost")}
    assert "SIGTERM" in trial.error or "Job was deleted" in trial.error


def test_a_pod_that_is_deleted_is_followed_by_another_attempt(ready: Kubectl, shared_directory: Path) -> None:
    @experiment(space={"number": [1]}, objective="loss")
    def resumes(number: int) -> None:
        import time

        from expsdk import checkpoint_dir

        state = checkpoint_dir() / "epoch"
        begin = int(state.read_text()) if state.exists() else 0
        for epoch in range(begin, 30):
            log_metric("loss", 100.0 - epoch, epoch=epoch)
            state.write_text(str(epoch + 1))
            time.sleep(0.1 if begin else 0.4)

    sweeping = Sweeping(
        resumes.sweep(sampler="grid", name="resumes", grace_s=5.0),
        namespace=ready.namespace,
        image=IMAGE,
        report_interval_s=0.3,
        output=Volume(host_path=str(shared_directory)),
    )
    ready.wait("result", "resumes-0000", lambda it: has_begun(it) and it["status"]["epoch"] > 2)
    ready("delete", pod_of(ready, "resumes-0000"), "--wait=false")
    (trial,) = sweeping.results()
    assert (trial.phase, trial.attempt) == ("Succeeded", 2), trial.error
    assert list(trial.history["loss"].epochs) == list(range(30))


def test_an_experiment_that_is_deleted_while_it_runs(ready: Kubectl) -> None:
    sweeping = Sweeping(
        slow.sweep(sampler="grid", parallelism=2, name="doomed", grace_s=1.0),
        namespace=ready.namespace,
        image=IMAGE,
        report_interval_s=0.3,
    )
    ready.wait("result", "doomed-0001", has_begun)
    ready("delete", "experiment", "doomed")
    with pytest.raises(ExperimentNotFound, match=r"'doomed' was deleted while its sweep ran"):
        sweeping.results()
    deadline = time.monotonic() + WITHIN_S
    while left := everything_of(ready, "doomed"):
        assert time.monotonic() < deadline, left
        time.sleep(0.5)


def test_a_result_that_is_edited_by_hand_stops_its_trial(ready: Kubectl) -> None:
    sweeping = Sweeping(
        slow.sweep(sampler="grid", trials=1, name="edited"),
        namespace=ready.namespace,
        image=IMAGE,
        report_interval_s=0.3,
    )
    ready.wait("result", "edited-0000", has_begun)
    changes = {"metadata": {"labels": {"mine": "yes"}}, "spec": {"stop": "pruned", "parameters": {"number": 99}}}
    ready("patch", "result", "edited-0000", "--type=merge", "--patch", json.dumps(changes))
    (trial,) = sweeping.results()
    assert trial.phase == "Pruned"
    assert trial.values["loss"] < 1
    document = ready.get("result", "edited-0000")
    assert document["metadata"]["labels"]["mine"] == "yes"


def test_a_result_that_is_deleted_by_hand_comes_back(ready: Kubectl) -> None:
    sweeping = Sweeping(
        slow.sweep(sampler="grid", trials=1, name="stubborn", grace_s=2.0),
        namespace=ready.namespace,
        image=IMAGE,
        report_interval_s=0.3,
    )
    ready.wait("result", "stubborn-0000", has_begun)
    ready("delete", "result", "stubborn-0000")
    ready.wait("result", "stubborn-0000", has_begun)
    ready("patch", "result", "stubborn-0000", "--type=merge", "--patch", '{"spec": {"stop": "cancelled"}}')
    (trial,) = sweeping.results()
    assert trial.phase == "Cancelled"
    assert trial.parameters == {"number": 1}


def test_a_tampered_payload_never_executes(ready: Kubectl) -> None:
    @experiment(space={"number": [1, 2]}, objective="loss")
    def trusting(number: int) -> None:
        import time

        log_metric("loss", 1.0)
        time.sleep(6 if number == 1 else 0)

    sweeping = Sweeping(
        trusting.sweep(sampler="grid", trials=2, name="trusting"),  # else what failed is tried once more
        namespace=ready.namespace,
        image=IMAGE,
        report_interval_s=0.3,
    )
    ready.wait("result", "trusting-0000", has_begun)
    selector = "app.kubernetes.io/component=payload"
    (document,) = json.loads(ready("get", "configmaps", "--selector", selector, "--output", "json").stdout)["items"]
    refused = ready("patch", "configmap", document["metadata"]["name"], "--patch", '{"data": {"x": "y"}}', ok=False)
    assert "immutable" in refused.stderr
    ready("delete", "configmap", document["metadata"]["name"])
    content = bytearray(document["binaryData"]["chunk"].encode())
    content[1000] = ord("A") if content[1000] != ord("A") else ord("B")
    document["binaryData"]["chunk"] = content.decode()
    document["metadata"] = {key: document["metadata"][key] for key in ("name", "labels", "ownerReferences")}
    ready.create(document)
    found = sweeping.results()
    assert [(trial.phase, trial.reason) for trial in found] == [("Succeeded", ""), ("Failed", "PayloadInvalid")]
    assert "sha256" in found[1].error.lower()
    assert found[1].values == {}


def test_a_payload_of_five_mebibytes_travels_in_chunks(ready: Kubectl, run_script: Callable[..., Path]) -> None:
    directory = run_script(
        f"""
        import hashlib, os
        from pathlib import Path
        from expsdk import experiment

        @experiment(space={{"number": [1]}}, objective="loss", include=["large.bin"])
        def train(number):
            content = Path(__file__).with_name("large.bin").read_bytes()
            return {{"loss": 1.0, "bytes": len(content), "sum": int(hashlib.sha256(content).hexdigest()[:8], 16)}}

        if __name__ == "__main__":
            content = os.urandom(5 * 1024 * 1024)
            Path("large.bin").write_bytes(content)
            found = train.sweep(sampler="grid", name="large").run(
                backend="kubernetes", namespace={ready.namespace!r}, image={IMAGE!r}
            )
            assert found.counts == {{"Succeeded": 1}}, found[0].error
            wanted = int(hashlib.sha256(content).hexdigest()[:8], 16)
            assert found[0].metrics["sum"]["last"] == wanted
        """
    )
    assert (directory / "large.bin").stat().st_size == 5 * 1024 * 1024
    names = ready("get", "configmaps", "--selector", "app.kubernetes.io/component=payload", "--output", "name")
    assert len(names.stdout.split()) > 5


def test_quota_is_waited_for(ready: Kubectl) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": {"pods": "1"}}}
    ready.create(quota)
    ready.wait("resourcequota", "few", lambda it: it.get("status", {}).get("hard"))
    sweeping = Sweeping(
        slow.sweep(sampler="grid", trials=2, parallelism=2, name="crowded", timeout_s=45, grace_s=3.0),
        namespace=ready.namespace,
        image=IMAGE,
        report_interval_s=0.3,
    )
    waiting = ready.wait_for_text(
        "get", "results", "--output", "jsonpath={.items[*].status.reason}", holds="QuotaExceeded"
    )
    assert waiting
    ready("patch", "resourcequota", "few", "--type=merge", "--patch", '{"spec": {"hard": {"pods": "5"}}}')
    for number in range(2):
        ready.wait("result", f"crowded-{number:04}", has_begun)
        ready("patch", "result", f"crowded-{number:04}", "--type=merge", "--patch", '{"spec": {"stop": "pruned"}}')
    assert sweeping.results().counts == {"Pruned": 2}


def test_quota_that_leaves_no_room_at_all_is_told_before_anything_is_created(ready: Kubectl) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    ready.create(quota)
    ready.wait("resourcequota", "none", lambda it: it.get("status", {}).get("hard"))
    with pytest.raises(QuotaExceeded, match=r"first pod does not fit .* exceeded quota: none"):
        run(quick, ready, name="roomless")
    assert everything_of(ready, "roomless") == ""
    assert ready("get", "experiments").stdout == ""


def test_a_user_without_rights_is_told_which_and_how_they_are_granted(ready: Kubectl, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(as_account(ready, "newcomer")))
    with pytest.raises(Forbidden) as caught:
        run(quick, ready, name="forbidden", kubeconfig=str(kubeconfig))
    message = str(caught.value)
    assert "create experiments" in message
    assert "patch results/status" in message
    assert f"--clusterrole=expsdk-user --user=NAME --namespace={ready.namespace}" in message
    assert ready("get", "experiments").stdout == ""
    account = f"{ready.namespace}:newcomer"
    ready("create", "rolebinding", "newcomer", "--clusterrole=expsdk-user", f"--serviceaccount={account}")
    assert run(quick, ready, name="granted", kubeconfig=str(kubeconfig)).counts == {"Succeeded": 3}


def test_a_namespace_that_is_not_there(ready: Kubectl) -> None:
    with pytest.raises(BackendError, match="there is none of the name 'nowhere-at-all'; create it"):
        quick.sweep(sampler="grid", name="x").run(backend="kubernetes", namespace="nowhere-at-all")


def test_a_namespace_without_the_trials_account(installed: Kubectl, kubectl: Kubectl) -> None:
    with pytest.raises(BackendError, match=f"run `expsdk install --namespace {kubectl.namespace}`"):
        run(quick, kubectl, name="accountless")


def test_thirty_trials_of_a_real_training(ready: Kubectl) -> None:
    @experiment(space={"alpha": loguniform(1e-6, 1e-1), "eta0": loguniform(1e-3, 1)}, objective="error")
    def digits(alpha: float, eta0: float, epochs: int = 5) -> None:
        from sklearn.datasets import load_digits
        from sklearn.linear_model import SGDClassifier
        from sklearn.model_selection import train_test_split

        images, labels = load_digits(return_X_y=True)
        x, x_test, y, y_test = train_test_split(images / 16, labels, random_state=0)
        model = SGDClassifier(alpha=alpha, eta0=eta0, learning_rate="adaptive", random_state=0)
        for epoch in range(epochs):
            model.partial_fit(x, y, classes=range(10))
            log_metric("error", 1 - model.score(x_test, y_test), epoch=epoch)

    found = run(
        digits,
        ready,
        name="digits",
        image=TRAINING_IMAGE,
        sweep={"sampler": "tpe", "trials": 30, "parallelism": 4},
        resources=Resources(cpu="100m", memory="512Mi"),
    )
    assert found.counts == {"Succeeded": 30}, [trial.error for trial in found if trial.error][:1]
    assert found.best.values["error"] < 0.1
    assert all(len(trial.history["error"]) == 5 for trial in found)
    assert len({trial.environment["podName"] for trial in found}) == 30


def test_packages_are_installed_first_and_a_failure_is_readable(ready: Kubectl, shared_directory: Path) -> None:
    @experiment(space={"number": [1]}, objective="loss")
    def needs(number: int) -> float:
        import tiny_wheel  # type: ignore[import-not-found]

        return float(tiny_wheel.VALUE)

    make_wheel(shared_directory)
    options = {
        "env": {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels"},
        "volumes": [Volume(host_path=str(shared_directory), mount_path="/wheels", read_only=True)],
    }
    found = run(needs, ready, name="packed", packages=("tiny-wheel==1.0",), **options)
    assert [trial.values for trial in found] == [{"loss": 42.0}], found[0].error
    failed = run(needs, ready, name="unpacked", packages=("no-such-package==9",), **options)[0]
    assert (failed.phase, failed.reason) == ("Failed", "PackagesFailed")
    assert "no-such-package" in failed.error


def test_environment_secrets_and_the_template_reach_the_pod(ready: Kubectl) -> None:
    ready("create", "secret", "generic", "keys", "--from-literal=API_KEY=hidden")

    @experiment(space={"lr": [0.5], "name": ["$(HOME) ü"]}, objective="loss")
    def sees(lr: float, name: str) -> float:
        import os
        import socket

        wanted = {"API_KEY": "hidden", "MODE": "$(HOME)", "EXPSDK_PARAM_LR": "0.5", "EXPSDK_PARAM_NAME": "$(HOME) ü"}
        seen = {key: os.environ.get(key) for key in wanted}
        if seen != wanted or socket.gethostname() != "by-template" or name != "$(HOME) ü":
            raise ValueError(seen, socket.gethostname(), name)
        if os.getuid() == 0 or os.access("/usr", os.W_OK):
            raise PermissionError("it may do more than it should")
        return lr

    template = {"spec": {"hostname": "by-template", "containers": [{"name": "trial", "workingDir": "/tmp"}]}}
    found = run(sees, ready, name="sees", env={"MODE": "$(HOME)"}, secrets=["keys"], pod_template=template)
    assert found.counts == {"Succeeded": 1}, found[0].error


def test_ctrl_c_stops_what_runs_and_keeps_what_there_is(ready: Kubectl, tmp_path: Path) -> None:
    process = start_script(tmp_path, ready, "interrupted")
    ready.wait("result", "interrupted-0001", has_begun)
    process.send_signal(signal.SIGINT)
    printed, complaints = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 0, complaints
    assert "{'Cancelled': 2}" in printed
    assert "interrupted: no more trials are launched" in complaints


def test_trials_outlive_the_coordinator_that_is_killed(ready: Kubectl, tmp_path: Path) -> None:
    process = start_script(tmp_path, ready, "orphaned", epochs=40)
    ready.wait("result", "orphaned-0001", has_begun)
    process.kill()
    process.communicate()
    for number in range(2):
        ended = ready.wait("result", f"orphaned-{number:04}", lambda it: it["status"]["phase"] == "Succeeded")
        assert ended["status"]["epoch"] == 39
    assert "orphaned-0002" not in ready("get", "jobs").stdout


def test_a_network_that_goes_and_comes_back(ready: Kubectl, tmp_path: Path) -> None:
    server = server_of(ready)
    host, port = re.match(r"https://([^:]+):(\d+)", server).groups()  # type: ignore[union-attr]
    with Cable(host, int(port)) as cable:
        kubeconfig = tmp_path / "kubeconfig"
        config = yaml.safe_load(ready("config", "view", "--minify", "--flatten", "--raw").stdout)
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{cable.port}"
        kubeconfig.write_text(yaml.safe_dump(config))
        sweeping = Sweeping(
            slow.sweep(sampler="grid", trials=2, parallelism=2, name="cut", trial_timeout_s=20),
            namespace=ready.namespace,
            image=IMAGE,
            report_interval_s=0.3,
            kubeconfig=str(kubeconfig),
        )
        ready.wait("result", "cut-0001", has_begun)
        cable.cut()
        time.sleep(4)
        for number in range(2):
            ready(
                "patch", "result", trial_name("cut", number), "--type=merge", "--patch", '{"spec": {"stop": "pruned"}}'
            )
            ready.wait("result", trial_name("cut", number), lambda it: it["status"]["phase"] == "Pruned")
        cable.mend()
        assert sweeping.results().counts == {"Pruned": 2}


def test_a_server_that_is_not_there(ready: Kubectl, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    config = yaml.safe_load(ready("config", "view", "--minify", "--flatten", "--raw").stdout)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{free.getsockname()[1]}"
        kubeconfig.write_text(yaml.safe_dump(config))
        with pytest.raises(Unreachable, match=r"an API server answers within seconds, and https://127\.0\.0\.1"):
            run(quick, ready, name="away", kubeconfig=str(kubeconfig))


def as_account(kubectl: Kubectl, name: str) -> Document:
    """Return a kubeconfig with which one acts as a new ServiceAccount."""
    kubectl("create", "serviceaccount", name)
    metadata = {"name": name, "annotations": {"kubernetes.io/service-account.name": name}}
    token_type = "kubernetes.io/service-account-token"
    kubectl.create({"apiVersion": "v1", "kind": "Secret", "type": token_type, "metadata": metadata})
    kubectl.wait("secret", name, lambda it: (it.get("data") or {}).get("token"))
    token = kubectl("get", "secret", name, "--output", "go-template={{.data.token | base64decode}}").stdout
    config: Document = yaml.safe_load(kubectl("config", "view", "--minify", "--flatten", "--raw").stdout)
    config["users"][0]["user"] = {"token": token}
    return config


def server_of(kubectl: Kubectl) -> str:
    config = yaml.safe_load(kubectl("config", "view", "--minify", "--raw").stdout)
    return str(config["clusters"][0]["cluster"]["server"])


def make_wheel(directory: Path) -> None:
    """Write a wheel with one module of one line."""
    import zipfile

    info = "tiny_wheel-1.0.dist-info"
    with zipfile.ZipFile(directory / "tiny_wheel-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_wheel.py", "VALUE = 42\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-wheel\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", f"tiny_wheel.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


def start_script(directory: Path, kubectl: Kubectl, name: str, epochs: int = 400) -> subprocess.Popen[str]:
    """Start a user's script that sweeps, two trials at a time."""
    text = f"""
        import time
        from expsdk import experiment, log_metric

        @experiment(space={{"number": [1, 2, 3, 4]}}, objective="loss")
        def train(number, epochs={epochs}):
            for epoch in range(epochs):
                log_metric("loss", 1 / (epoch + 1), epoch=epoch)
                time.sleep(0.1)

        if __name__ == "__main__":
            sweep = train.sweep(sampler="grid", parallelism=2, name={name!r}, grace_s=8.0)
            found = sweep.run(
                backend="kubernetes", namespace={kubectl.namespace!r}, image={IMAGE!r}, report_interval_s=0.3
            )
            print(found.counts)
    """
    (directory / "train.py").write_text(textwrap.dedent(text))
    command = [sys.executable, "train.py"]
    return subprocess.Popen(
        command, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


class Cable:
    """The way to the API server, which can be cut and mended: connections through it hang, then break."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._is_cut = threading.Event()
        self._ends: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._listener.close()

    def cut(self) -> None:
        self._is_cut.set()
        ends, self._ends = self._ends, []
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def mend(self) -> None:
        self._is_cut.clear()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._is_cut.is_set():
                near.close()
                continue
            far = socket.create_connection(self._target)
            self._ends += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=(one, other), daemon=True).start()


def _pump(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while chunk := one.recv(65_536):
            other.sendall(chunk)
    with suppress(OSError):
        other.shutdown(socket.SHUT_WR)
