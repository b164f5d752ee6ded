"""`expsdk dashboard`: what it says, what it refuses, how it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from simulation.documents import make_experiment

from expsdk.backends.local.store import FileStore

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (
            ["train-mpl"],
            1,
            r"expsdk: no experiment 'train-mpl' is kept in .* \(there: train-mlp\); did you mean 'train-mlp'\?",
        ),
        (
            ["--host", "0.0.0.0"],
            1,
            r"expsdk: the dashboard has no password, so it serves on this machine alone, .*; leave the host out.*",
        ),
        (
            ["--port", "70000"],
            1,
            "expsdk: a port is a number from 0 to 65535, not 70000; write --port 0 for a free one",
        ),
        (["--port", "x"], 2, r"(?s).*Invalid value for '--port' / '-p': .*"),
        (["--prot", "1"], 2, r"(?s).*No such option: --prot.*"),
    ],
)
def test_what_cannot_be_is_told(expsdk: Run, tmp_path: Path, arguments: list[str], status: int, words: str) -> None:
    FileStore(root=tmp_path / ".expsdk").create(make_experiment()).close()
    done = expsdk("dashboard", *arguments)
    assert done.returncode == status
    assert re.fullmatch(words, done.stderr.strip()), done.stderr


def test_a_taken_port_is_told(expsdk: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = expsdk("dashboard", "--port", str(port))
    assert done.returncode == 1
    assert done.stderr == (
        f"expsdk: a server needs a port of its own, and {port} is taken; give another --port, or 0 for a free one\n"
    )


def test_no_cluster_is_told(expsdk: Run) -> None:
    done = expsdk("dashboard", "--backend", "kubernetes")
    assert done.returncode == 1
    assert done.stderr.startswith("expsdk: a kubeconfig names the cluster, and there is none at ~/.kube/config; ")


@pytest.mark.parametrize("over_ssh", [False, True])
def test_it_says_where_it_is_and_ends_with_ctrl_c(tmp_path: Path, environment: dict[str, str], over_ssh: bool) -> None:
    FileStore(root=tmp_path / ".expsdk").create(make_experiment()).close()
    there = {"SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"} if over_ssh else {}
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "expsdk", "dashboard", "train-mlp", "--port", "0"],
        cwd=tmp_path,
        env={**{name: value for name, value in environment.items() if name != "SSH_CONNECTION"}, **there},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        found = re.fullmatch(r"expsdk: the dashboard is at (http://127\.0\.0\.1:(\d+)/)#/train-mlp\n", first)
        assert found, first
        with urllib.request.urlopen(f"{found[1]}live/experiment?name=train-mlp") as stream:  # somebody looks meanwhile
            assert stream.readline() == b"retry: 1000\n"
            os.kill(process.pid, signal.SIGINT)
            rest = process.stderr.read()
        assert process.wait(timeout=20) == 130
    tunnel = f"expsdk: from your own machine: ssh -L {found[2]}:127.0.0.1:{found[2]} THIS-MACHINE\n" if over_ssh else ""
    assert rest == f"{tunnel}expsdk: Ctrl-C ends it; experiments go on\n"
