"""The command line where experiments are in a cluster: its verbs as real processes, with real pods."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from real_cluster import Kubectl

Document = dict[str, Any]

IMAGE = "python:3.11-slim"
WITHIN_S = 60.0
TRAIN = """
import os, time
from expsdk import experiment, log_metric

@experiment(space={"x": [0, 1, 2]}, objective="loss")
def train(x, epochs=3, pause_s=0.0):
    print("x is", x)
    for epoch in range(epochs):
        log_metric("loss", float(x), epoch=epoch)
        time.sleep(pause_s)
    if x == 2:
        raise ValueError("two is no x")
"""
LONG = ("--set", "epochs=2000", "--set", "pause_s=0.1")


class Shell:
    """`expsdk` in a directory with a script, in one namespace."""

    def __init__(self, directory: Path, kubectl: Kubectl) -> None:
        self.directory = directory
        self.kubectl = kubectl
        self.started: list[subprocess.Popen[str]] = []
        (directory / "train.py").write_text(textwrap.dedent(TRAIN))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("EXPSDK_")}
        self.environment = {**kept, "EXPSDK_BACKEND": "kubernetes", "EXPSDK_NAMESPACE": kubectl.namespace}

    def __call__(self, *arguments: str, code: int = 0, **environment: str) -> str:
        """Run a verb to its end and return what it printed; on its errors, what it said."""
        process = self.start(*arguments, **environment)
        output, errors = process.communicate(timeout=2 * WITHIN_S)
        assert process.returncode == code, (output, errors)
        assert "Traceback" not in errors, errors
        return output if code == 0 else errors

    def failing(self, *arguments: str) -> str:
        """Run a verb that tells on its output of what is amiss, and ends with 1."""
        process = self.start(*arguments)
        output, errors = process.communicate(timeout=WITHIN_S)
        assert (process.returncode, errors) == (1, "")
        return output

    def away(self) -> str:
        """Return the path of a kubeconfig whose server does not answer."""
        viewed = self.kubectl("config", "view", "--raw", "--minify", "--flatten", "--output", "json").stdout
        document = json.loads(viewed)
        document["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
        path = self.directory / "away"
        path.write_text(json.dumps(document))
        return str(path)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "expsdk", *arguments],
            cwd=self.directory,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def run(self, name: str, *arguments: str) -> subprocess.Popen[str]:
        return self.start("run", "train.py", "--name", name, "--sampler", "grid", "--image", IMAGE, "-q", *arguments)

    def wait_until_running(self, trial: str) -> None:
        self.kubectl.wait("result", trial, lambda result: result["status"].get("phase") == "Running")


@pytest.fixture
def shell(ready: Kubectl, tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path, ready)
    yield shell
    for process in shell.started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_a_sweep_is_run_taken_elsewhere_replayed_and_deleted(shell: Shell) -> None:
    ran = shell(
        "run", "train.py", "--name", "fit", "--sampler", "grid", "-p", "3", "--image", IMAGE, "-q", "-o", "json"
    )
    assert json.loads(ran)["best"][0]["parameters"] == {"x": 0}
    shell("replay", "fit-0001")
    shell("export", "fit", "out")
    shell("import", "out", "--name", "copy")
    shell("import", "out", "--backend", "local", EXPSDK_NAMESPACE="", EXPSDK_BACKEND="")
    names = shell.kubectl("get", "results", "--output", "name").stdout.split()
    assert len(names) == 6
    assert "'fit-7'" in shell("delete", "fit-7", "--yes", code=1)
    shell("delete", "fit", "copy", "--yes")
    assert shell.kubectl("get", "experiments,results,jobs,pods", "--output", "name").stdout == ""


def test_what_another_process_drives_is_stopped_and_goes_on(shell: Shell) -> None:
    driver = shell.run("fit", "-p", "2", *LONG)
    for number in range(2):
        shell.wait_until_running(f"fit-{number:04d}")
    watching, reading = shell.start("watch", "fit"), shell.start("logs", "fit-0001", "--follow")
    shell("stop", "fit-0001")
    assert (reading.communicate(timeout=WITHIN_S)[0].splitlines()[0], reading.returncode) == ("x is 1", 0)
    assert shell.kubectl.get("result", "fit-0001")["status"]["phase"] == "Cancelled"
    shell.wait_until_running("fit-0002")
    shell("stop", "fit")
    assert driver.wait(WITHIN_S) in (1, 130)
    assert shell.kubectl.get("experiment", "fit")["status"]["phase"] == "Cancelled"
    assert "fit-0001" in watching.communicate(timeout=WITHIN_S)[1]
    assert watching.returncode == 3  # it was cancelled
    taking_up = shell.start("resume", "fit", "-q")
    shell.kubectl("wait", "--for=condition=Running", "experiment/fit", "--timeout=50s")
    shell.wait_until_running("fit-0000")
    taking_up.send_signal(signal.SIGINT)
    assert taking_up.wait(WITHIN_S) == 130


def test_what_is_kept_is_read(shell: Shell) -> None:
    shell("run", "train.py", "--name", "fit", "--sampler", "grid", "-p", "3", "--image", IMAGE, "-q")
    (row,) = json.loads(shell("list", "-o", "json"))
    assert (row["name"], row["phase"], row["failed"]) == ("fit", "Succeeded", 1)
    shown = shell("show", "fit")
    for words in ("2 succeeded, 1 failed", f"experiment fit in namespace {shell.kubectl.namespace}", "two is no x"):
        assert words in shown
    assert IMAGE in shell("show", "fit-0001")
    assert shell("results", "fit", "--where", 'phase == "Failed"', "-o", "name") == "fit-0002\n"
    assert shell("best", "fit", "-o", "name") == "fit-0000\n"
    assert "host" in shell("compare", "fit-0000", "fit-0001")
    assert shell("logs", "fit-0001") == "x is 1\n"
    assert "'fit-0001' has one pod here" in shell("logs", "fit-0001", "--previous", code=1)
    shell("watch", "fit")
    pytest.importorskip("tensorboardX")
    assert "fit: 3 trials in" in shell("tensorboard", "fit", "--no-server", "--logdir", "runs")
    assert len(list((shell.directory / "runs").rglob("*tfevents*"))) >= 3


def test_the_doctor_tells_what_is_in_force_and_what_is_missing(
    shell: Shell, account: Callable[[str, str], Path]
) -> None:
    found = shell("doctor")
    for words in (f"{shell.kubectl.namespace} (EXPSDK_NAMESPACE)", "you may run sweeps here", "Kubernetes v"):
        assert words in found
    shell.kubectl("create", "serviceaccount", "bob")
    found = shell.failing("doctor", "--kubeconfig", str(account(shell.kubectl.namespace, "bob")))
    assert "you may not create experiments" in found
    found = shell.failing("doctor", "--kubeconfig", shell.away())
    assert "https://127.0.0.1:9" in found


def test_the_first_page_of_the_dashboard_is_served(shell: Shell) -> None:
    shell("run", "train.py", "--name", "fit", "--set", "x=1", "--image", IMAGE, "-q")
    serving = shell.start("dashboard", "--port", "0")
    assert serving.stderr is not None
    told = serving.stderr.readline()
    address = re.search(r"http://127\.0\.0\.1:\d+/", told)
    assert address is not None, told
    with urllib.request.urlopen(address[0], timeout=WITHIN_S) as answer:
        assert "<title>expsdk</title>" in answer.read().decode()
    with urllib.request.urlopen(f"{address[0]}live/experiments", timeout=WITHIN_S) as answer:
        while b"fit" not in (line := answer.readline()):
            assert line, "the stream has ended without the experiment"
    serving.send_signal(signal.SIGINT)
    assert serving.wait(WITHIN_S) in (0, 130)


class TestRefusals:
    def test_a_server_that_is_away(self, shell: Shell) -> None:
        said = shell("delete", "fit", "--yes", "--kubeconfig", shell.away(), code=1)
        assert "https://127.0.0.1:9" in said
        assert len(said.splitlines()) == 1

    @pytest.mark.parametrize(
        "verb", [("stop", "fit"), ("delete", "fit", "--yes"), ("resume", "fit"), ("export", "fit", "out")]
    )
    def test_a_name_that_is_not_there(self, shell: Shell, verb: tuple[str, ...]) -> None:
        said = shell(*verb, code=1)
        assert "no experiment 'fit'" in said
        assert len(said.splitlines()) == 1

    def test_who_has_no_rights(self, shell: Shell, account: Callable[[str, str], Path]) -> None:
        shell.kubectl("create", "serviceaccount", "bob")
        path = str(account(shell.kubectl.namespace, "bob"))
        for verb in (("stop", "fit"), ("run", "train.py", "--name", "fit", "--image", IMAGE, "-q")):
            said = shell(*verb, "--kubeconfig", path, code=1)
            assert "kubectl create rolebinding expsdk-user --clusterrole=expsdk-user" in said
            assert len(said.splitlines()) == 1
