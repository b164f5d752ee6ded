"""What these tests share: a user's script with a real library, run as a sweep by a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

import expsdk

SCRIPTS = Path(__file__).parent / "scripts"
TIMEOUT_S = 110.0
PACKAGES = {
    "tensorboardx": ["tensorboardX"],
    "torch_tensorboard": ["torch", "tensorboard"],
    "keras": ["keras", "torch"],
    "lightning": ["lightning"],
    "transformers": ["transformers", "accelerate"],
    "xgboost": ["xgboost"],
    "lightgbm": ["lightgbm"],
}


@dataclass(frozen=True)
class Outcome:
    """What a script's sweep has come to.

    Attributes:
        results: Its results.
        output: What the script printed, on both streams.
        directory: Where it ran.
    """

    results: expsdk.Results
    output: str
    directory: Path

    @property
    def trial(self) -> expsdk.TrialRecord:
        """The first trial."""
        return self.results[0]

    @property
    def points(self) -> dict[str, list[int]]:
        """The epochs that the first trial has values for, by metric."""
        return {name: list(history.epochs) for name, history in self.trial.history.items()}

    @property
    def log(self) -> str:
        """What the trials printed."""
        return "".join(Path(trial.log_path).read_text() for trial in self.results if trial.log_path) + self.output


@pytest.fixture
def sweep(tmp_path: Path) -> Callable[..., Outcome]:
    """Return a function that runs the script of a library, or a changed one, as a sweep of two trials."""

    def run(library: str, change: Callable[[str], str] = lambda text: text, **environment: str) -> Outcome:
        for package in PACKAGES[library]:
            if find_spec(package) is None:
                pytest.skip(f"{package} is not installed: pip install 'expsdk[autolog-tests]'")
        script = f"train_{library}.py"
        shutil.copy(SCRIPTS / "sweeping.py", tmp_path)
        (tmp_path / script).write_text(change((SCRIPTS / script).read_text()))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("EXPSDK_")}
        done = subprocess.run(
            [sys.executable, script],
            cwd=tmp_path,
            env={**kept, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", **environment},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        output = done.stdout + done.stderr
        assert done.returncode == 0, output
        return Outcome(expsdk.results("autolog", root=tmp_path / ".expsdk"), output, tmp_path)

    return run
