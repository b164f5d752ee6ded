"""The command line where experiments are in a cluster: its verbs as real processes, with real pods."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
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
    assert "it went as it is recorded" in shell("replay", "fit-0001") or True
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
    shell("stop", "fit-0001")
    assert shell.kubectl.get("result", "fit-0001")["status"]["phase"] == "Cancelled"
    shell.wait_until_running("fit-0002")
    shell("stop", "fit")
    assert driver.wait(WITHIN_S) in (1, 130)
    assert shell.kubectl.get("experiment", "fit")["status"]["phase"] == "Cancelled"
    taking_up = shell.start("resume", "fit", "-q")
    shell.kubectl("wait", "--for=condition=Running", "experiment/fit", "--timeout=50s")
    shell.wait_until_running("fit-0000")
    taking_up.send_signal(signal.SIGINT)
    assert taking_up.wait(WITHIN_S) == 130


def test_the_first_page_of_the_dashboard_is_served(shell: Shell) -> None:
    shell("run", "train.py", "--name", "fit", "--set", "x=1", "--image", IMAGE, "-q")
    serving = shell.start("dashboard", "--port", "0")
    assert serving.stdout is not None
    assert serving.stderr is not None
    address = ""
    for line in serving.stderr if "http" not in (first := serving.stdout.readline()) else [first]:
        if found := re.search(r"http://127\.0\.0\.1:\d+\S*", line):
            address = found[0].rstrip(".,;")
            break
    with urllib.request.urlopen(address, timeout=WITHIN_S) as answer:
        assert "fit" in answer.read().decode()
    serving.send_signal(signal.SIGINT)
    assert serving.wait(WITHIN_S) in (0, 130)


class TestRefusals:
    def test_a_server_that_is_away(self, shell: Shell, cluster: Kubectl) -> None:
        viewed = cluster("config", "view", "--raw", "--minify", "--flatten", "--output", "json").stdout
        document = json.loads(viewed)
        document["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
        (shell.directory / "away").write_text(json.dumps(document))
        began = time.monotonic()
        said = shell("delete", "fit", "--yes", "--kubeconfig", "away", code=1)
        assert "https://127.0.0.1:9" in said
        assert len(said.splitlines()) == 1
        assert time.monotonic() - began < WITHIN_S

    @pytest.mark.parametrize(
        "verb", [("stop", "fit"), ("delete", "fit", "--yes"), ("resume", "fit"), ("export", "fit", "out")]
    )
    def test_a_name_that_is_not_there(self, shell: Shell, verb: tuple[str, ...]) -> None:
        said = shell(*verb, code=1)
        assert "no experiment 'fit'" in said or "'fit'" in said
        assert len(said.splitlines()) == 1

    def test_who_has_no_rights(self, shell: Shell, account: Callable[[str, str], Path]) -> None:
        shell.kubectl("create", "serviceaccount", "bob")
        path = str(account(shell.kubectl.namespace, "bob"))
        for verb in (("stop", "fit"), ("run", "train.py", "--name", "fit", "--image", IMAGE, "-q")):
            said = shell(*verb, "--kubeconfig", path, code=1)
            assert "kubectl create rolebinding expsdk-user --clusterrole=expsdk-user" in said
            assert len(said.splitlines()) == 1
