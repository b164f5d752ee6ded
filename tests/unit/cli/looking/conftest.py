"""Real sweeps that were run once, and one whose process was killed."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]
SCRIPT = """
    import os, time
    from expsdk import choice, experiment, integer, log_metric, loguniform

    branches = choice({"sgd": {"momentum": [0.1, 0.9]}, "adam": {}})

    @experiment(space={"lr": loguniform(1e-4, 1e-1), "depth": integer(2, 4), "opt": branches}, objective="loss")
    def train(lr, depth, opt, momentum=None):
        print(f"training with depth {depth}")
        for epoch in range(4):
            log_metric("loss", lr + depth + 1 / (epoch + 1), epoch=epoch)
            log_metric("acc/top1", epoch / 4, epoch=epoch)
        if depth == 2:
            raise ValueError("two is no depth")
        if "KILLED" in os.environ:
            time.sleep(60)

    @experiment(space={"width": [1]}, objective="loss")
    def fail(width):
        raise ValueError("never")

    if __name__ == "__main__":
        if "KILLED" in os.environ:
            train.sweep(trials=3, name="killed", seed=3).run(progress=False)
        train.sweep(trials=12, parallelism=2, seed=7, name="digits").run(progress=False)
        train.sweep(trials=3, seed=8, name="digits-2024").run(progress=False)
        fail.sweep(trials=1, name="hopeless").run(progress=False)
"""


@pytest.fixture(scope="session")
def sweeps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with experiments: digits, digits-2024, hopeless, and killed, whose process was."""
    directory = tmp_path_factory.mktemp("sweeps")
    script = directory / "train.py"
    script.write_text(textwrap.dedent(SCRIPT))
    subprocess.run([sys.executable, script], cwd=directory, check=True, timeout=100)
    with subprocess.Popen([sys.executable, script], cwd=directory, env={**os.environ, "KILLED": "1"}) as killed:
        results = directory / ".expsdk" / "killed" / "results"
        while not any("startTime" in path.read_text() for path in results.glob("*.json")):
            time.sleep(0.05)
        killed.kill()
    return directory


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """No kubeconfig, a home of its own, and the command on PATH."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("EXPSDK_", "KUBE"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**kept, "HOME": str(tmp_path_factory.mktemp("home")), "PATH": path, "COLUMNS": "100"}


@pytest.fixture
def expsdk(sweeps: Path, environment: dict[str, str], run_command: Run) -> Run:
    """Runs the command where these sweeps are."""

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return run_command(*arguments, directory=sweeps, environment={**environment, **more})

    return run
