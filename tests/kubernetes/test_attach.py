"""Sweeps of a laptop that ends: their scripts go on with them, and so does whoever knows their names."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import expsdk
from expsdk import Results, experiment, log_metric

if TYPE_CHECKING:
    from real_cluster import Kubectl

Document = dict[str, Any]

IMAGE = "python:3.11-slim"
WITHIN_S = 60.0
SCRIPT = """
import sys
import time

from expsdk import experiment, integer, log_metric

class Stairs:
    def ask(self, number):
        return {"step": number}

    def tell(self, outcome):
        pass

def is_hopeless(report):
    return report.value > 90 and report.epoch > 1

@experiment(space={"step": integer(0, 9)}, objective="loss")
def climb(step):
    for epoch in range({0: 1, 1: 50, 2: 80, 3: 600}.get(step, 2)):
        log_metric("loss", 99 if step == 3 else 9 - step, epoch=epoch)
        log_metric("size", step, epoch=epoch)
        time.sleep(0.1)

if __name__ == "__main__":
    sweep = climb.sweep(sampler=Stairs(), pruner=is_hopeless, constraints=lambda metrics: metrics["size"] - 3.5,
                        trials=5, parallelism=3, retries=1, grace_s=4.0, name="stairs")
    found = sweep.run(backend="kubernetes", namespace=sys.argv[1], image="python:3.11-slim", report_interval_s=0.3,
                      resume="resume" in sys.argv, progress="quiet" not in sys.argv)
    print(found.counts)
"""


def make_quick() -> Any:
    """Return an experiment that travels by value: this module's imports are not in its pods."""

    @experiment(space={"number": [1, 2]}, objective="loss")
    def quick(number: int) -> None:
        log_metric("loss", float(number), epoch=0)

    return quick


@contextmanager
def running(command: Sequence[str], directory: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """A process of a user's, which is killed if it still runs at the end."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=directory, text=True, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def script(directory: Path, kubectl: Kubectl, *words: str) -> Iterator[subprocess.Popen[str]]:
    """The user's script, in a directory."""
    (directory / "train.py").write_text(textwrap.dedent(SCRIPT))
    with running([sys.executable, "train.py", kubectl.namespace, *words], directory) as process:
        yield process


@contextmanager
def looking_on(kubectl: Kubectl, name: str) -> Iterator[subprocess.Popen[str]]:
    """A process that watches a sweep which another one drives."""
    place = f"backend='kubernetes', namespace={kubectl.namespace!r}"
    with running(
        [sys.executable, "-c", f"import expsdk; print(expsdk.attach({name!r}, {place}).watch().counts)"]
    ) as it:
        yield it


def wait_until(kubectl: Kubectl, trial: str, phase: str) -> None:
    kubectl.wait("result", trial, lambda it: (it.get("status") or {}).get("phase") == phase)


def pods_of(kubectl: Kubectl, name: str) -> dict[int, list[str]]:
    """Return the uids of the pods that each trial has had, by its number."""
    selector = f"expsdk.dev/experiment={name},app.kubernetes.io/component=trial"
    found: dict[int, list[str]] = {}
    for pod in json.loads(kubectl("get", "pods", "--selector", selector, "--output", "json").stdout)["items"]:
        found.setdefault(int(pod["metadata"]["labels"]["expsdk.dev/number"]), []).append(pod["metadata"]["uid"])
    return found


def test_a_sweep_whose_laptop_died_is_gone_on_with_by_its_name_alone(
    ready: Kubectl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with script(tmp_path, ready) as process:
        wait_until(ready, "stairs-0000", "Succeeded")
        for number in (1, 2):
            wait_until(ready, f"stairs-{number:04}", "Running")
        process.send_signal(signal.SIGKILL)
    before = pods_of(ready, "stairs")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    sweep = expsdk.attach("stairs", backend="kubernetes", namespace=ready.namespace)
    assert (sweep.experiment.status.phase, sweep.is_driven) == ("Running", True)  # until its Lease lapses
    with ThreadPoolExecutor(1) as pool:
        going_on = pool.submit(sweep.run, progress=False)
        wait_until(ready, "stairs-0003", "Running")
        ready("delete", "job", "stairs-0001", "--wait=false")
        found = going_on.result(WITHIN_S)
    assert [each.phase for each in found] == ["Succeeded", "Succeeded", "Succeeded", "Pruned", "Succeeded"]
    assert [each.parameters for each in found] == [{"step": step} for step in range(5)]
    assert [each.attempt for each in found] == [1, 2, 1, 1, 1]
    assert [each.constraints for each in found] == [(-3.5,), (-2.5,), (-1.5,), (), (0.5,)]
    assert found.best.number == 2
    after = pods_of(ready, "stairs")
    assert [after[number] for number in (0, 2)] == [before[number] for number in (0, 2)]
    assert [len(after[number]) for number in range(5)] == [1] * 5
    assert before[1] != after[1]
    assert (sweep.experiment.status.phase, sweep.is_driven) == ("Succeeded", False)


def test_a_sweep_that_was_interrupted_is_gone_on_with_by_its_script_and_looked_on(
    ready: Kubectl, tmp_path: Path
) -> None:
    with script(tmp_path, ready) as process:
        wait_until(ready, "stairs-0000", "Succeeded")
        for number in (1, 2):
            wait_until(ready, f"stairs-{number:04}", "Running")
        process.send_signal(signal.SIGINT)
        printed, complaints = process.communicate(timeout=WITHIN_S)
        assert process.returncode == 0, complaints
        assert "'Succeeded': 1" in printed
        assert "'Cancelled'" in printed
    before = pods_of(ready, "stairs")
    with script(tmp_path, ready, "resume") as again, looking_on(ready, "stairs") as onlooker:
        assert onlooker.stderr
        assert "stairs" in onlooker.stderr.readline()
        for number in (1, 2):
            wait_until(ready, f"stairs-{number:04}", "Running")
        onlooker.send_signal(signal.SIGINT)
        seen, words = onlooker.communicate(timeout=WITHIN_S)
        assert onlooker.returncode == 0, words
        assert "nobody looks on here any more; the sweep goes on" in words
        assert "'Running'" in seen
        ready("delete", "pod", "--selector", "job-name=stairs-0002", "--wait=false")
        printed, complaints = again.communicate(timeout=WITHIN_S)
        assert again.returncode == 0, complaints
        assert printed == "{'Succeeded': 4, 'Pruned': 1}\n"
        assert "stairs-0000" not in complaints
    found = expsdk.results("stairs", backend="kubernetes", namespace=ready.namespace)
    assert [each.attempt for each in found][:2] == [1, 2]
    assert pods_of(ready, "stairs")[0] == before[0]


def test_a_trial_that_was_run_before_is_not_run_again(ready: Kubectl) -> None:
    def run(name: str) -> Results:
        found: Results = (
            make_quick()
            .sweep(sampler="grid", seed=3, cache=True, parallelism=2, name=name)
            .run(backend="kubernetes", namespace=ready.namespace, image=IMAGE, progress=False)
        )
        return found

    assert [each.reused_from for each in run("first")] == ["", ""]
    found = run("second")
    assert [each.reused_from for each in found] == ["first-0000", "first-0001"]
    assert [(each.phase, each.values) for each in found] == [("Succeeded", {"loss": 1.0}), ("Succeeded", {"loss": 2.0})]
    assert list(found[1].history["loss"].values) == [2.0]
    assert pods_of(ready, "second") == {}
