"""How a job's process starts: from an assignment on a socket, or from a person's command line."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from expsdk_runtime import log_metric
from expsdk_runtime.bootstrap import run_attached
from expsdk_runtime.contract import PAYLOAD_FORMAT, Assignment

RUNTIME = Path(sys.modules["expsdk_runtime"].__path__[0])


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.settimeout(20)
    with ours, theirs:
        yield ours, theirs


def last_status(ends: tuple[socket.socket, socket.socket]) -> dict[str, Any]:
    ends[1].close()
    received = b""
    while chunk := ends[0].recv(65536):
        received += chunk
    status: dict[str, Any] = json.loads(received.splitlines()[-1])
    return status


@pytest.mark.parametrize("cuts", [[], [1], [40], [40, 41, 90], [-1]], ids=str)
def test_an_assignment_may_arrive_in_pieces(
    make_assignment: Callable[..., Assignment], ends: tuple[socket.socket, socket.socket], cuts: list[int]
) -> None:
    line = make_assignment(parameters={"lr": 0.5, "text": "x" * 100_000}).to_json().encode() + b"\n"

    def send() -> None:
        for begin, end in zip([0, *cuts], [*cuts, None], strict=True):
            ends[0].sendall(line[begin:end])

    sender = threading.Thread(target=send)
    sender.start()
    assert run_attached(lambda: lambda lr, text: lr, ends[1], project_dir="", digest="") == 0
    sender.join()
    assert last_status(ends)["objectives"] == {"loss": 0.5}


def test_a_stop_that_arrives_with_the_assignment_is_heard(
    make_assignment: Callable[..., Assignment], ends: tuple[socket.socket, socket.socket]
) -> None:
    def train() -> None:
        for _ in range(2000):
            log_metric("loss", 0.5)
            threading.Event().wait(0.01)

    ends[0].sendall(make_assignment().to_json().encode() + b'\n{"stop":"pru')
    ends[0].sendall(b'ned"}\n')
    assert run_attached(lambda: train, ends[1], project_dir="", digest="") == 0
    assert last_status(ends)["phase"] == "Pruned"


def test_what_loading_raises_is_the_trials_failure(
    make_assignment: Callable[..., Assignment], ends: tuple[socket.socket, socket.socket]
) -> None:
    def load() -> Callable[..., object]:
        raise ImportError("no such library")

    ends[0].sendall(make_assignment().to_json().encode() + b"\n")
    assert run_attached(load, ends[1], project_dir="", digest="") == 1
    status = last_status(ends)
    assert (status["phase"], status["reason"]) == ("Failed", "UserError")
    assert status["message"].endswith("ImportError: no such library")


@pytest.fixture
def payload(tmp_path: Path) -> Callable[[str], Path]:
    """Write the smallest payload there can be: a manifest, the runtime, and a module beside it."""

    def write(module: str) -> Path:
        (tmp_path / "trainer.py").write_text(module)
        manifest = {
            "format": PAYLOAD_FORMAT,
            "name": "train",
            "python": f"{sys.version_info.major}.{sys.version_info.minor}",
            "entry": {"module": "trainer", "qualname": "train"},
            "paths": [str(tmp_path)],
            "imports": [],
            "autolog": False,
            "objectives": [["loss", "minimize"]],
            "parameters": {"required": ["lr"], "optional": ["epochs"], "open": False},
            "files": [],
            "sources": {},
        }
        path = tmp_path / "payload.pyz"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("manifest.json", json.dumps(manifest))
            archive.write(RUNTIME / "entry.py", "__main__.py")
            for file in RUNTIME.glob("*.py"):
                archive.write(file, f"expsdk_runtime/{file.name}")
        return path

    return write


LOGGING = """
from expsdk_runtime import log_metric
def train(lr, epochs=3):
    for epoch in range(epochs):
        log_metric("loss", lr / (epoch + 1), epoch=epoch)
"""


def call(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-S", str(path), *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def test_by_hand_a_trial_prints_its_metrics_and_its_end_as_json(payload: Callable[[str], Path]) -> None:
    done = call(payload(LOGGING), "--parameters", '{"lr": 1, "epochs": 2}')
    assert (done.returncode, done.stderr) == (0, "")
    first, second, end = map(json.loads, done.stdout.splitlines())
    assert (first["metric"], first["value"], first["epoch"]) == ("loss", 1.0, 0)
    assert (second["value"], second["epoch"]) == (0.5, 1)
    assert end == {"phase": "Succeeded", "objectives": {"loss": 0.5}}


def test_by_hand_a_failure_is_said_at_the_end(payload: Callable[[str], Path]) -> None:
    done = call(payload("def train(lr): raise ValueError('bad\\udce9')"), "--parameters", '{"lr": 1}')
    assert done.returncode == 1
    assert json.loads(done.stdout) == {"phase": "Failed", "reason": "UserError"}
    assert done.stderr.splitlines()[-2:] == ["ValueError: bad\\udce9", "expsdk: failed: ValueError: bad\\udce9"]


def test_by_hand_nobody_need_read_what_is_printed(payload: Callable[[str], Path]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(payload(LOGGING)), "--parameters", '{"lr": 1, "epochs": 20000}'],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stdout, process.stderr:
        assert process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read().decode()
        process.wait(15)
    assert "Traceback" not in errors
    assert "expsdk: metrics are no longer written to standard output: [Errno 32] Broken pipe" in errors


def test_by_hand_the_seed_decides_random_numbers(payload: Callable[[str], Path]) -> None:
    path = payload("import random\ndef train(lr): return random.random()")
    ends = [call(path, "--parameters", '{"lr": 1}', "--seed", seed).stdout.splitlines()[-1] for seed in ("3", "3", "4")]
    assert ends[0] == ends[1] != ends[2]
