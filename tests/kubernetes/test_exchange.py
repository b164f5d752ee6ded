"""Experiments that move between this machine and a real cluster, and between namespaces."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import expsdk
from expsdk import Results, experiment, log_metric
from expsdk.backends.registry import open_records
from expsdk.errors import ExchangeError
from expsdk.exchange import export_experiment, import_experiment, read_export
from expsdk.resources.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from real_cluster import Kubectl

IMAGE = "python:3.11-slim"
TIMEOUT_S = 60.0


def make_train() -> Any:
    """Return an experiment that travels by value: this module's imports are not in its pods."""

    @experiment(space={"number": [1, 2, 3, 4], "rate": 1.0}, objective="loss")
    def train(number: int, rate: float) -> None:
        print("says", number)
        for epoch in range(5):
            log_metric("loss", math.nan if number == 3 else number * rate / (epoch + 1), epoch=epoch)
            log_metric("inf", -math.inf, epoch=epoch)
        if number == 2:
            raise ValueError("two is no number")

    return train


def on_cluster(ready: Kubectl, name: str) -> Results:
    found: Results = (
        make_train()
        .sweep(sampler="grid", parallelism=4, seed=1, name=name)
        .run(backend="kubernetes", progress=False, namespace=ready.namespace, image=IMAGE, report_interval_s=0.5)
    )
    return found


def results_of(records: Any, name: str) -> list[Any]:
    """Return Results without what each place has of its own."""
    found = []
    for document in records.results(name):
        result = Result.model_validate(document)
        found.append((result.metadata.name, result.spec, result.status.model_dump_json()))
    return found


def test_from_a_cluster_to_this_machine_and_back(ready: Kubectl, tmp_path: Path) -> None:
    """The way back is to another name, as the first still is there."""
    on_cluster(ready, "moved")
    cluster = open_records("kubernetes", namespace=ready.namespace)
    here = open_records("local", root=str(tmp_path / "here"))
    exported = export_experiment(cluster, "moved", tmp_path / "out", outputs=True)
    assert (exported.trials, exported.outputs, exported.notices) == (4, 4, ())
    assert import_experiment(here, read_export(tmp_path / "out")) == []
    assert results_of(here, "moved") != []
    there, local = (
        [(name, spec, status) for name, spec, status in results_of(records, "moved")] for records in (cluster, here)
    )
    assert [(name, spec) for name, spec, _ in local] == [(name, spec) for name, spec, _ in there]
    assert list(here.logs("moved-0000")) == ["says 1\n"]
    assert expsdk.results("moved", root=str(tmp_path / "here")).counts == {"Succeeded": 3, "Failed": 1}

    export_experiment(here, "moved", tmp_path / "again")
    notices = import_experiment(cluster, read_export(tmp_path / "again"), name="back")
    assert notices == []
    back = [(spec.number, spec.parameters, status) for _, spec, status in results_of(cluster, "back")]
    assert back == [(spec.number, spec.parameters, status) for _, spec, status in local]
    kept = ready.get("experiment", "back")
    assert kept["status"]["phase"] == "Succeeded"
    assert kept["status"]["best"]["trial"] == "back-0000"
    assert ready.get("result", "back-0001")["status"]["reason"] == "UserError"
    ready("delete", "experiment", "back", "--wait=true")
    ready.wait_for_text("get", "results", holds="moved-0003")
    deadline = time.monotonic() + TIMEOUT_S  # what an experiment owned goes a moment after it
    while "back-" in (left := ready("get", "results,configmaps").stdout):
        assert time.monotonic() < deadline, left
        time.sleep(0.2)


def test_a_sweep_that_began_here_goes_on_in_a_cluster(
    ready: Kubectl, tmp_path: Path, run_script: Callable[[str], Path]
) -> None:
    directory = run_script(
        """
        from expsdk import experiment

        @experiment(space={"number": [1, 2, 3, 4]}, objective="loss")
        def train(number):
            return float(number)

        if __name__ == "__main__":
            train.sweep(trials=2, sampler="grid", seed=1, name="begun").run(progress=False)
        """
    )
    out = tmp_path / "out"
    export_experiment(open_records("local", root=str(directory / ".expsdk")), "begun", out)
    text = (out / "experiment.json").read_text()
    assert '"trials": 2' in text
    records = open_records("kubernetes", namespace=ready.namespace)
    import_experiment(records, read_export(out))
    with pytest.raises(ExchangeError, match=r"'begun' is in experiment begun in namespace .* already"):
        import_experiment(records, read_export(out))
    patch = '{"spec": {"trials": 4}}'
    ready("patch", "experiment", "begun", "--type=merge", "--patch", patch)
    found = expsdk.attach("begun", backend="kubernetes", namespace=ready.namespace).run(progress=False)
    assert found.counts == {"Succeeded": 4}
    assert [trial.environment.get("image", "") for trial in found] == ["", "", IMAGE, IMAGE]


LASTING = """
import sys

from expsdk import experiment, log_metric

@experiment(space={"number": [1, 2]}, objective="loss")
def train(number):
    import os
    import time

    log_metric("loss", float(number))
    while number == 2 and "KUBERNETES_SERVICE_HOST" in os.environ:
        time.sleep(0.1)

if __name__ == "__main__":
    sweep = train.sweep(sampler="grid", parallelism=2, seed=1, name="runs")
    sweep.run(backend="kubernetes", namespace=sys.argv[1], image="python:3.11-slim", report_interval_s=0.5)
"""


def test_what_runs_in_a_cluster_is_taken_along_as_interrupted_and_goes_on_here(ready: Kubectl, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(LASTING)
    command = [sys.executable, "train.py", ready.namespace]
    driver = subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        ready.wait("result", "runs-0000", lambda document: document.get("status", {}).get("phase") == "Succeeded")
        ready.wait("result", "runs-0001", lambda document: document.get("status", {}).get("objectives"))
        cluster = open_records("kubernetes", namespace=ready.namespace)
        exported = export_experiment(cluster, "runs", tmp_path / "out")
    finally:
        driver.kill()
        driver.wait()
    assert exported.notices == ("the sweep runs still: what is exported is how it stands now",)
    here = str(tmp_path / "here")
    notices = import_experiment(open_records("local", root=here), read_export(tmp_path / "out"))
    assert "1 of its trials had not ended: they are interrupted, and run again when it goes on" in notices
    found = expsdk.attach("runs", root=here).run(progress=False)
    assert found.counts == {"Succeeded": 2}
    assert [trial.attempt for trial in found] == [1, 2]


def test_the_command_says_where_it_went(ready: Kubectl, tmp_path: Path) -> None:
    on_cluster(ready, "told")
    place = ["--backend", "kubernetes", "--namespace", ready.namespace]

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "expsdk", *arguments, *place]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    assert run("export", "told", "out").startswith("told: 4 trials, ")
    said = run("import", "out", "--name", "told-again")
    assert said.startswith(f"told-again: 4 trials, kept in experiment told-again in namespace {ready.namespace} of ")
