"""Packages installed at a trial's start, from a directory of wheels: by pip, by uv, or not at all."""

from __future__ import annotations

import json
import signal
import sys
import textwrap
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

StartPod = Callable[..., Any]
Pack = Callable[..., bytes]

TRAIN = """
import subprocess, sys
from expsdk import experiment, uniform
@experiment(space={"lr": uniform(0, 1)}, objective="loss")
def train(lr):
    import tinywheel
    seen = subprocess.run([sys.executable, "-c", "import tinywheel"]).returncode
    return tinywheel.LOSS if seen == 0 else 9.0
"""


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A directory that has one package."""
    directory = tmp_path / "wheels"
    directory.mkdir()
    metadata = "Metadata-Version: 2.1\nName: tinywheel\nVersion: 1.0\n"
    wheel = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = {"tinywheel.py": "LOSS = 0.125\n", "METADATA": metadata, "WHEEL": wheel, "RECORD": ""}
    with zipfile.ZipFile(directory / "tinywheel-1.0-py3-none-any.whl", "w") as archive:
        for name, text in files.items():
            archive.writestr(name if name.endswith(".py") else f"tinywheel-1.0.dist-info/{name}", text)
    return directory


@pytest.fixture
def start(server: Any, pack: Pack, start_pod: StartPod, wheels: Path) -> StartPod:
    """Start a pod whose function needs the package."""

    def start_it(*packages: str, **changes: Any) -> Any:
        pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels, "PIP_NO_DEPENDENCIES": "1"}
        return start_pod(server, pack(TRAIN), EXPSDK_PACKAGES=json.dumps(packages), **{**pip, **changes})

    return start_it


def test_they_are_there_for_the_function_and_for_what_it_starts(server: Any, start: StartPod) -> None:
    pod = start("tinywheel==1.0")
    assert pod.end() == 0, pod.stderr
    assert server.status["objectives"] == {"loss": 0.125}
    first, *others = server.statuses
    assert (first["phase"], first["message"], first["environment"]["pod"]) == (
        "Pending",
        "installing packages",
        "pod-1",
    )
    assert others[-1]["message"] == ""
    assert (pod.scratch / "packages/tinywheel.py").exists()


def test_what_cannot_be_installed_is_said_with_the_installers_words(server: Any, start: StartPod) -> None:
    pod = start("nowhere-to-be-found==1")
    assert (pod.end(), pod.stdout) == (69, "")
    for told in (server.status, pod.termination):
        assert (told["phase"], told["reason"]) == ("Failed", "PackagesFailed")
        assert told["message"].startswith("packages=['nowhere-to-be-found==1'] could not be installed: pip ends with 1")
        assert "No matching distribution found for nowhere-to-be-found==1" in told["message"]
    assert "Traceback" not in pod.stderr


def test_a_requirement_is_no_option(server: Any, start: StartPod) -> None:
    pod = start("--version")
    assert pod.end() == 69
    assert "--version" in server.status["message"]


def test_an_image_without_pip_is_told_so(server: Any, start: StartPod, tmp_path: Path) -> None:
    (tmp_path / "library/pip").mkdir(parents=True)
    (tmp_path / "library/pip/__init__.py").touch()
    (tmp_path / "library/pip/__main__.py").write_text("raise SystemExit('x: No module named pip')")
    pod = start("tinywheel", PYTHONPATH=tmp_path / "library")
    assert pod.end() == 69
    assert "the image has neither uv nor pip" in server.status["message"]


def test_uv_is_asked_where_it_is_there(server: Any, start: StartPod, tmp_path: Path) -> None:
    uv = tmp_path / "bin/uv"
    uv.parent.mkdir()
    # It stands in for uv, which need not be on the machine that runs the tests: it notes what it is asked.
    uv.write_text(
        textwrap.dedent(
            f"""\
            #!{sys.executable}
            import pathlib, sys
            target = pathlib.Path(sys.argv[sys.argv.index("--target") + 1])
            (target / "tinywheel.py").write_text("LOSS = 0.25")
            print("asked for", *sys.argv[1:])
            """
        )
    )
    uv.chmod(0o755)
    pod = start("tinywheel==1.0", PATH=f"{uv.parent}:/usr/bin:/bin")
    assert pod.end() == 0, pod.stderr
    assert server.status["objectives"] == {"loss": 0.25}
    assert "asked for pip install --python" in pod.stderr
    assert "-- tinywheel==1.0" in pod.stderr


def test_sigterm_ends_the_installation(server: Any, start: StartPod, tmp_path: Path) -> None:
    uv = tmp_path / "bin/uv"
    uv.parent.mkdir()
    uv.write_text("#!/bin/sh\necho begun\nexec sleep 60\n")
    uv.chmod(0o755)
    pod = start("tinywheel==1.0", PATH=f"{uv.parent}:/usr/bin:/bin")
    wait_until(lambda: server.statuses)
    time.sleep(0.2)
    pod.process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert pod.end() == 75
    assert time.monotonic() - began < 20
    assert (server.status["phase"], server.status["reason"]) == ("Failed", "Preempted")


def test_a_container_that_starts_again_finds_them(server: Any, start: StartPod) -> None:
    assert start("tinywheel==1.0").end() == 0
    server.result = {**server.result, "status": {}}
    pod = start("tinywheel==1.0", PIP_FIND_LINKS="/none")
    assert pod.end() == 0, pod.stderr


def wait_until(condition: Callable[[], object]) -> None:
    give_up_at = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up_at, "it never came about"
        time.sleep(0.01)
