"""Coordinators that die, and more than one at once: a sweep's Results are those of one that was left alone."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from real_cluster import NODE_IS_HERE

import expsdk
from expsdk import Client, Results, experiment, log_metric, uniform

if TYPE_CHECKING:
    from real_cluster import Kubectl

    from expsdk.sweep.attach import AttachedSweep

Document = dict[str, Any]

IMAGE = "python:3.11-slim"
COORDINATOR_IMAGE = os.environ.get("EXPSDK_TESTS_COORDINATOR_IMAGE", "expsdk:test")
WITHIN_S = 90.0
KILLS = 10
BY_SIGNAL = frozenset({2, 6})
"""Which of the kills end the process alone: its pod stays, and tells so. Of the others, there is nothing left."""
TRIALS = 24


def make_bowl() -> Any:
    """Return an experiment that travels by value: this module's imports are not in its pods."""

    @experiment(space={"x": uniform(-1, 1)}, objective="loss")
    def bowl(x: float) -> float:
        import os
        import time

        for epoch in range(int(float(os.environ.get("PAUSE_S", "0")) * 10)):
            log_metric("epoch", epoch, epoch=epoch)
            time.sleep(0.1)
        return x * x

    return bowl


def sweep_of(bowl: Any, name: str, trials: int) -> Any:
    return bowl.sweep(sampler="random", trials=trials, parallelism=2, seed=11, name=name, retries=2)


def detached(sweep: Any, kubectl: Kubectl, *, pause_s: float) -> AttachedSweep:
    found: AttachedSweep = sweep.run(
        backend="kubernetes",
        namespace=kubectl.namespace,
        image=IMAGE,
        report_interval_s=0.3,
        env={"PAUSE_S": str(pause_s)},
        detach={"image": COORDINATOR_IMAGE},
    )
    return found


def told(found: Results) -> list[tuple[object, ...]]:
    """Return what an uninterrupted sweep has in common with any other."""
    return [(each.number, dict(each.parameters), each.seed, each.phase, dict(each.values)) for each in found]


def coordinators(kubectl: Kubectl, name: str) -> list[Document]:
    """Return the pods in which a coordinator of a detached sweep runs now."""
    selector = f"expsdk.dev/experiment={name},app.kubernetes.io/component=coordinator"
    listed = json.loads(kubectl("get", "pods", "--selector", selector, "--output", "json").stdout)["items"]
    return [pod for pod in listed if pod["status"].get("phase") == "Running"]


def next_coordinator(kubectl: Kubectl, name: str, known: set[str]) -> Document:
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        for pod in coordinators(kubectl, name):
            if pod["metadata"]["uid"] not in known:
                return pod
        time.sleep(0.2)
    pytest.fail(f"no other coordinator of {name} came in {WITHIN_S:.0f} s")


def kill(kubectl: Kubectl, pod: Document, *, by_signal: bool) -> None:
    """End a coordinator without a word: its process, or its pod with it."""
    if by_signal and os.environ.get(NODE_IS_HERE):
        for process in processes_of(pod["metadata"]["uid"]):
            os.kill(process, signal.SIGKILL)
        return
    kubectl("delete", "pod", pod["metadata"]["name"], "--grace-period=0", "--force", "--wait=false", ok=False)


def processes_of(uid: str) -> list[int]:
    """Return the processes of a pod's coordinator: within their container, nothing can kill the first of them."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            cgroup, command = (directory / "cgroup").read_text(), (directory / "cmdline").read_bytes()
        except OSError:
            continue
        if uid in cgroup.replace("_", "-") and b"coordinate" in command.split(b"\0"):
            found.append(int(directory.name))
    return found


def pods_by_trial(kubectl: Kubectl, name: str) -> dict[str, int]:
    selector = f"expsdk.dev/experiment={name},app.kubernetes.io/component=trial"
    listed = json.loads(kubectl("get", "pods", "--selector", selector, "--output", "json").stdout)["items"]
    names = [pod["metadata"]["labels"]["job-name"] for pod in listed]
    return {each: names.count(each) for each in names}


@pytest.mark.timeout(400)
def test_a_detached_sweep_whose_coordinator_is_killed_ten_times_ends_as_if_it_had_lived(
    ready: Kubectl, tmp_path: Path
) -> None:
    bowl = make_bowl()
    expected = told(sweep_of(bowl, "bowl", TRIALS).run(backend="debug", root=str(tmp_path), progress=False))
    sweep = detached(sweep_of(bowl, "bowl", TRIALS), ready, pause_s=1)
    moments = random.Random(4)
    known: set[str] = set()
    for count in range(KILLS):
        pod = next_coordinator(ready, "bowl", known)
        known.add(pod["metadata"]["uid"])
        time.sleep(moments.uniform(0, 6))
        assert sweep.experiment.status.phase == "Running"
        kill(ready, pod, by_signal=count in BY_SIGNAL)
    found = sweep.watch(progress=False)
    assert told(found) == expected
    assert {each.attempt for each in found} == {1}
    assert pods_by_trial(ready, "bowl") == {each.name: 1 for each in found}


@contextmanager
def coordinating(kubectl: Kubectl, name: str) -> Iterator[subprocess.Popen[str]]:
    """A process of this machine that drives a sweep by its name, as whoever finds it idle may start one."""
    command = [sys.executable, "-m", "expsdk", "coordinate", name, "--namespace", kubectl.namespace]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_of_all_that_start_to_drive_a_sweep_one_does_and_the_others_say_so(ready: Kubectl, tmp_path: Path) -> None:
    bowl = make_bowl()
    expected = told(sweep_of(bowl, "shared", 4).run(backend="debug", root=str(tmp_path), progress=False))
    sweep = detached(sweep_of(bowl, "shared", 4), ready, pause_s=6)
    ready.wait("result", "shared-0001", lambda it: (it.get("status") or {}).get("phase") == "Running")
    (pod,) = coordinators(ready, "shared")
    with coordinating(ready, "shared") as beside:
        _, complaint = beside.communicate(timeout=WITHIN_S)
        assert beside.returncode == 1
        assert f"the pod {pod['metadata']['name']} drives 'shared' now" in complaint
    ready("delete", "job", "shared-coordinator", "--wait=false")
    with coordinating(ready, "shared") as one, coordinating(ready, "shared") as other:
        complaints = {each.communicate(timeout=WITHIN_S)[1]: each for each in (one, other)}
        (driver,) = [each.pid for each in complaints.values() if each.returncode == 0]
        (refusal,) = [complaint for complaint, each in complaints.items() if each.returncode]
        assert f"process {driver} on {socket.gethostname()} drives 'shared' now" in refusal
    found = sweep.results()
    assert told(found) == expected
    assert {each.attempt for each in found} == {1}
    assert pods_by_trial(ready, "shared") == {each.name: 1 for each in found}


def test_a_detached_sweep_is_stopped_from_outside_and_goes_on_later(ready: Kubectl) -> None:
    sweep = detached(sweep_of(make_bowl(), "halted", 3), ready, pause_s=60)
    for number in range(2):
        ready.wait("result", f"halted-{number:04}", lambda it: (it.get("status") or {}).get("phase") == "Running")
    stopped = sweep.stop(progress=False)
    assert [(each.phase, each.reason) for each in stopped] == [("Cancelled", "Interrupted")] * 2
    assert (sweep.experiment.status.phase, sweep.is_driven) == ("Cancelled", False)
    assert ready("get", "jobs", "--selector", "app.kubernetes.io/component=coordinator", "--output=name").stdout == ""
    assert sweep.stop(progress=False).counts == stopped.counts  # there is nothing to stop
    options = {"namespace": ready.namespace, "image": IMAGE, "env": {"PAUSE_S": "0"}}  # of trials from now on
    found = expsdk.attach("halted", backend="kubernetes", **options).run(progress=False)
    assert [(each.phase, each.attempt) for each in found] == [("Succeeded", 2), ("Succeeded", 2), ("Succeeded", 1)]


def test_deleting_a_detached_sweep_ends_its_coordinator_first(ready: Kubectl) -> None:
    detached(sweep_of(make_bowl(), "deleted", 3), ready, pause_s=60)
    ready.wait("result", "deleted-0001", lambda it: (it.get("status") or {}).get("phase") == "Running")
    with Client(namespace=ready.namespace) as client:
        client.experiments.delete("deleted")
    everything = ("get", "experiments,results,jobs,pods,configmaps,leases")
    assert ready(*everything, "--selector", "expsdk.dev/experiment=deleted", "--output=name").stdout == ""


def test_a_sampler_that_fails_ends_the_sweep_and_its_coordinators_job(ready: Kubectl) -> None:
    class Fails:
        def ask(self, number: int) -> dict[str, float]:
            raise ArithmeticError("no sample is left")

        def tell(self, outcome: object) -> None: ...

    sweep = detached(make_bowl().sweep(sampler=Fails(), trials=2, name="failing"), ready, pause_s=0)
    assert len(sweep.watch(progress=False)) == 0
    ready.wait("job", "failing-coordinator", lambda it: it["status"].get("succeeded"))
    status = sweep.experiment.status
    assert (status.phase, "ArithmeticError: no sample is left" in status.message) == ("Failed", True)
