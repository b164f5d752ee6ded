"""Trials of a real cluster again, on this machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from expsdk import experiment, log_metric

if TYPE_CHECKING:
    from real_cluster import Kubectl

IMAGE = "python:3.11-slim"


def replay(ready: Kubectl, directory: Path, trial: str, *flags: str) -> subprocess.CompletedProcess[str]:
    place = ["--backend", "kubernetes", "--namespace", ready.namespace]
    command = [sys.executable, "-m", "expsdk", "replay", trial, *place, *flags]
    return subprocess.run(
        command, cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
    )


def test_a_trial_of_a_pod_goes_the_same_here_and_what_differs_is_told(ready: Kubectl, tmp_path: Path) -> None:
    """Its variables, for one; and NumPy, which is here and not in its image."""

    @experiment(space={"number": [1, 2]}, objective="loss")
    def train(number: int) -> None:
        import random

        try:
            import numpy as np

            np.zeros(1)
        except ImportError:
            pass
        for epoch in range(3):
            log_metric("loss", number + random.random(), epoch=epoch)
        if number == 2:
            raise ValueError("two is no number")

    train.sweep(sampler="grid", seed=1, name="far").run(
        backend="kubernetes",
        progress=False,
        namespace=ready.namespace,
        image=IMAGE,
        report_interval_s=0.5,
        env={"DATA": "/data"},
    )
    before = ready.get("result", "far-0000")["metadata"]["resourceVersion"]
    done = replay(ready, tmp_path, "far-0000")
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "note: numpy " in done.stdout
    assert " now, and none is recorded\n" in done.stdout
    assert "note: its Job had variables that are not set here: DATA\n" in done.stdout
    assert "loss: the same at 3 epochs\nit went as it is recorded\n" in done.stdout
    assert ready.get("result", "far-0000")["metadata"]["resourceVersion"] == before
    done = replay(ready, tmp_path, "far-0001")
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "ValueError: two is no number" in done.stderr


def test_what_is_not_there_is_told(ready: Kubectl, tmp_path: Path) -> None:
    done = replay(ready, tmp_path, "nowhere-0000")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"no experiment 'nowhere' is in namespace '{ready.namespace}' (there: none)" in done.stderr


def test_the_provenance_of_a_trial_of_a_pod(ready: Kubectl) -> None:
    """Measured in the pod where it is of the pod, told by the experiment where it is the same for all."""

    @experiment(space={"number": [1]}, objective="loss")
    def train(number: int) -> float:
        import pip

        return float(number + len(pip.__name__) - 3)

    (trial,) = train.sweep(sampler="grid", seed=1, name="told").run(
        backend="kubernetes", progress=False, namespace=ready.namespace, image=IMAGE
    )
    found = trial.provenance
    assert found["image"] == IMAGE
    assert {"node", "pod", "python", "payload_digest", "user", "created", "seed"} <= found.keys()
    assert "pip" in trial.packages
    document = ready.get("result", "told-0000")
    assert document["spec"]["provenance"]["user"]
    assert "pip==" in document["status"]["environment"]["packages"]
