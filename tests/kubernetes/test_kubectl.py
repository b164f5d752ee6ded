"""What a person sees of a sweep through kubectl alone: conditions to wait for, Events, a description to read."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

from expsdk import experiment, log_metric  # and nothing that a trial's image has not

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from real_cluster import Kubectl

Document = dict[str, Any]

IMAGE = "python:3.11-slim"
WITHIN_S = 60.0

INTERRUPTED = """
import sys, time
from expsdk import current_trial, experiment, log_metric

@experiment(space={"x": [0, 1]}, objective="loss")
def train(x):
    for epoch in range(3 if current_trial().attempt > 1 else 600):
        log_metric("loss", x, epoch=epoch)
        time.sleep(0.1)

if __name__ == "__main__":
    train.sweep(sampler="grid", parallelism=2, name="again").run(
        backend="kubernetes", namespace=sys.argv[1], image="python:3.11-slim", resume=True
    )
"""


@experiment(space={"x": [0, 1, 2, 3]}, objective="loss")
def failing_once(x: int) -> None:
    for epoch in range(60):
        log_metric("loss", 4.0 - x + 1 / (epoch + 1), epoch=epoch)
    if x == 1:
        raise ValueError("one is no x")


def is_met(kubectl: Kubectl, name: str, condition: str, *, within_s: int = 50) -> bool:
    waited = kubectl("wait", f"--for=condition={condition}", f"experiment/{name}", f"--timeout={within_s}s", ok=False)
    return waited.returncode == 0


def events_of(kubectl: Kubectl, name: str) -> dict[str, Document]:
    chosen = f"involvedObject.kind=Experiment,involvedObject.name={name}"
    items = json.loads(kubectl("get", "events", "--field-selector", chosen, "--output", "json").stdout)["items"]
    return {each["reason"]: each for each in items}


def conditions_of(kubectl: Kubectl, name: str) -> dict[str, tuple[str, str]]:
    conditions = kubectl.get("experiment", name)["status"]["conditions"]
    return {each["type"]: (each["status"], each["reason"]) for each in conditions}


def test_a_sweep_is_told_of_and_described(ready: Kubectl) -> None:
    sweep = failing_once.sweep(sampler="grid", parallelism=2, name="once")
    sweep.run(backend="kubernetes", namespace=ready.namespace, image=IMAGE, progress=False)

    assert is_met(ready, "once", "Complete", within_s=5)
    assert not is_met(ready, "once", "Failed", within_s=1)
    events = events_of(ready, "once")
    assert (events["Launched"]["count"], events["Launched"]["message"]) == (4, "launched 4 trials (0000 to 0003)")
    failure = events["TrialFailed"]
    assert (failure["type"], failure["message"]) == ("Warning", "once-0001 failed (UserError): ValueError: one is no x")
    assert "is the best so far: once-0003 with x=3" in events["NewBest"]["message"]
    assert events["Finished"]["message"] == "3 succeeded, 1 failed"

    described = ready("describe", "experiment", "once").stdout
    end = described[described.index("\nEvents:") :]
    for words in ("launched 4 trials", "once-0001 failed (UserError)", "once-0003 with x=3", "3 succeeded, 1 failed"):
        assert words in end
    described = ready("describe", "result", "once-0003").stdout
    assert len(described.splitlines()) < 100, described  # its 60 epochs are no 120 lines
    (row,) = ready.table("experiment", "once")
    assert (row["ENDED"], row["FAILED"]) == ("4", "1")


def test_a_sweep_that_is_interrupted_is_complete_once_it_has_gone_on_to_its_end(ready: Kubectl, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(textwrap.dedent(INTERRUPTED))
    command = [sys.executable, str(script), ready.namespace]

    first = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for number in range(2):
        ready.wait("result", f"again-{number:04d}", lambda result: result["status"]["phase"] == "Running")
    assert is_met(ready, "again", "Running")
    first.send_signal(signal.SIGINT)
    assert is_met(ready, "again", "Running=false")
    assert first.wait(WITHIN_S) == 0
    assert conditions_of(ready, "again") == dict.fromkeys(("Running", "Complete", "Failed"), ("False", "Interrupted"))
    assert not is_met(ready, "again", "Complete", within_s=1)
    assert events_of(ready, "again")["Interrupted"]["message"] == "interrupted: finished trials are kept"

    second = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert is_met(ready, "again", "Running")
    assert conditions_of(ready, "again")["Running"] == ("True", "Resumed")
    assert is_met(ready, "again", "Complete")
    assert second.wait(WITHIN_S) == 0
    assert events_of(ready, "again")["LaunchedAgain"]["count"] == 2


def test_where_a_role_is_older_than_events_a_sweep_does_without(
    ready: Kubectl, account: Callable[[str, str], Path]
) -> None:
    rules = [rule for rule in ready.get("clusterrole", "expsdk-user")["rules"] if "events" not in rule["resources"]]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "older"}, "rules": rules}
    ready.create(role)
    ready("create", "serviceaccount", "anna")
    ready("create", "rolebinding", "anna", "--role=older", f"--serviceaccount={ready.namespace}:anna")
    options = {"kubeconfig": str(account(ready.namespace, "anna")), "namespace": ready.namespace, "image": IMAGE}
    results = failing_once.sweep(sampler="grid", parallelism=4, name="quiet").run(
        backend="kubernetes", progress=False, **options
    )
    assert results.counts == {"Succeeded": 3, "Failed": 1}
    assert is_met(ready, "quiet", "Complete", within_s=5)
    assert events_of(ready, "quiet") == {}


def test_a_program_of_ones_own_is_told_of_too(ready: Kubectl) -> None:
    from expsdk import Client
    from expsdk.client import new_experiment

    script = 'test "$EXPSDK_PARAM_X" != 1'
    with Client(namespace=ready.namespace) as client:
        record = client.experiments.create(
            new_experiment("own", image=IMAGE, command=["sh", "-euc", script], objective="loss")
        )
        trials = [client.launch(record, {"x": x}) for x in range(2)]
        client.record(trials[0], {"loss": 0.5})
        client.wait(record)
    assert is_met(ready, "own", "Complete", within_s=5)
    events = events_of(ready, "own")
    assert events["Launched"]["message"] == "launched 2 trials (0000 to 0001)"
    assert events["TrialFailed"]["message"].startswith(
        "own-0001 failed (UserError): the process ended with exit code 1"
    )
    assert events["NewBest"]["message"].startswith("loss=0.5 is the best so far: own-0000")
    assert events["Finished"]["message"] == "1 succeeded, 1 failed"
    assert ready.table("experiment", "own")[0]["BEST"] == "loss=0.5"
