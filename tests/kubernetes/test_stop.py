"""Stopping on a real cluster what another process drives: a sweep, one of its trials; and following a trial's log."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from expsdk import Client, attach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from real_cluster import Kubectl

TRAIN = """
import sys
import time

from expsdk import experiment, log_metric


@experiment(space={"number": [1, 2, 3, 4]}, objective="loss")
def train(number, is_deaf=False, epochs=600):
    import time

    print(f"trial {number} begins", flush=True)
    while is_deaf and number == 1:
        try:
            time.sleep(60)
        except BaseException:
            pass
    for epoch in range(epochs if number < 3 else 3):
        log_metric("loss", float(number), epoch=epoch)
        time.sleep(0.1)


if __name__ == "__main__":
    namespace, name, grace_s = sys.argv[1:]
    sweep = train.sweep(sampler="grid", name=name, parallelism=2, retries=2, grace_s=float(grace_s))
    found = sweep.run("kubernetes", namespace=namespace, report_interval_s=0.5, progress=False)
    print(found.experiment.status.phase, found.counts)
"""


class Driver:
    """A process that drives a sweep, as somebody's laptop does."""

    def __init__(self, directory: Path, namespace: str, name: str, *, grace_s: float, script: str) -> None:
        (directory / "train.py").write_text(textwrap.dedent(script))
        self.process = subprocess.Popen(
            [sys.executable, "train.py", namespace, name, str(grace_s)],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self) -> str:
        """Return what it has printed when it has ended, which it does well."""
        output, errors = self.process.communicate(timeout=180)
        assert (self.process.returncode, errors) == (0, "")
        return str(output).strip()


@pytest.fixture
def drive(ready: Kubectl, tmp_path: Path) -> Iterator[Callable[..., Driver]]:
    started: list[Driver] = []

    def start(name: str, *, grace_s: float = 30.0, script: str = TRAIN) -> Driver:
        started.append(Driver(tmp_path, ready.namespace, name, grace_s=grace_s, script=script))
        return started[-1]

    yield start
    for driver in started:
        if driver.process.poll() is None:
            driver.process.kill()
            driver.process.communicate()


def wait_until_reported(ready: Kubectl, *trials: str) -> None:
    for trial in trials:
        ready.wait("result", trial, lambda document: (document.get("status") or {}).get("metrics"))


def cli(ready: Kubectl, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "expsdk", *arguments, "--namespace", ready.namespace]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180, check=False)


def test_a_sweep_that_a_process_elsewhere_drives_is_stopped(ready: Kubectl, drive: Any) -> None:
    driver = drive("away")
    wait_until_reported(ready, "away-0000", "away-0001")
    stopped = cli(ready, "stop", "away")
    assert (stopped.returncode, stopped.stdout) == (0, "away has ended: 2 cancelled\n"), stopped.stderr
    assert driver.end() == "Cancelled {'Cancelled': 2}"
    assert cli(ready, "stop", "away").stdout == "away has ended already: Cancelled\n"
    results = attach("away", backend="kubernetes", namespace=ready.namespace).results()
    assert {trial.reason for trial in results} == {"Interrupted"}


def test_stopping_once_more_kills_what_does_not_listen(ready: Kubectl, drive: Any) -> None:
    driver = drive("twice", grace_s=3600.0, script=TRAIN.replace("is_deaf=False", "is_deaf=True"))
    wait_until_reported(ready, "twice-0001")
    assert cli(ready, "stop", "twice", "--no-wait").stdout == "twice is asked to stop\n"
    ready.wait("result", "twice-0001", lambda document: document["status"].get("phase") == "Cancelled")
    assert cli(ready, "stop", "twice").stdout == "twice has ended: 2 cancelled\n"
    assert driver.end() == "Cancelled {'Cancelled': 2}"


def test_one_trial_is_stopped_for_good_and_the_sweep_goes_on(ready: Kubectl, drive: Any) -> None:
    driver = drive("single")
    wait_until_reported(ready, "single-0000", "single-0001")
    stopped = cli(ready, "stop", "single-0000")
    assert (stopped.returncode, stopped.stdout) == (0, "single-0000 has ended: Cancelled\n"), stopped.stderr
    with Client(namespace=ready.namespace) as client:  # which any program may write
        client.stop("single-0001")
    assert driver.end() == "Succeeded {'Succeeded': 2, 'Cancelled': 2}"
    results = attach("single", backend="kubernetes", namespace=ready.namespace).results()
    assert [trial.attempt for trial in results] == [1, 1, 1, 1]


def test_a_trial_that_does_not_listen_is_ended_after_its_grace_and_not_tried_again(ready: Kubectl, drive: Any) -> None:
    driver = drive("deaf", grace_s=3.0, script=TRAIN.replace("is_deaf=False", "is_deaf=True"))
    ready.wait("result", "deaf-0000", lambda document: (document.get("status") or {}).get("phase") == "Running")
    assert cli(ready, "stop", "deaf-0000").stdout == "deaf-0000 has ended: Cancelled\n"
    assert cli(ready, "stop", "deaf-0001").stdout == "deaf-0001 has ended: Cancelled\n"
    assert driver.end() == "Succeeded {'Succeeded': 2, 'Cancelled': 2}"
    results = attach("deaf", backend="kubernetes", namespace=ready.namespace).results()
    assert [trial.attempt for trial in results] == [1, 1, 1, 1]


def test_a_stopped_sweep_goes_on_and_does_not_stop_at_once(ready: Kubectl, drive: Any) -> None:
    driver = drive("again", script=TRAIN.replace("epochs=600", "epochs=30"))
    wait_until_reported(ready, "again-0000")
    cli(ready, "stop", "again")
    driver.end()
    resumed = cli(ready, "resume", "again", "--quiet", "-o", "name")
    assert (resumed.returncode, resumed.stdout) == (0, "again-0000\n"), resumed.stderr


def test_a_log_is_followed_from_before_its_pod_begins_to_the_trials_end(ready: Kubectl, drive: Any) -> None:
    driver = drive("talks", script=TRAIN.replace("epochs=600", "epochs=30"))
    ready.wait("result", "talks-0000", lambda document: True)
    records = attach("talks", backend="kubernetes", namespace=ready.namespace)._records
    lines: list[str] = []
    following = threading.Thread(target=lambda: lines.extend(records.logs("talks-0000", follow=True)))
    following.start()
    driver.end()
    following.join(60)
    assert not following.is_alive()
    assert lines == ["trial 1 begins\n"]
