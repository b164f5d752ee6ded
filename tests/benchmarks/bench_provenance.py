"""Where trials come from: what it costs a launch, in a repository of 20,000 files, and a job, beside their floors."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from processes import median_times_ms
from report import Figure, report

from expsdk.packaging.provenance import provenance_of

RUNS = 15
DIRECTORIES, FILES = 100, 200
LAUNCH_BUDGET_MS = 150.0
JOB_BUDGET_MS = 80.0
VERSIONS = (
    "from expsdk_runtime.installed import versions_of; assert versions_of(['numpy', 'sklearn', 'yaml', 'absent'])"
)


def repository(directory: Path) -> Path:
    """Return a git repository of many files, one of which is changed."""
    for number in range(DIRECTORIES):
        part = directory / f"part{number}"
        part.mkdir()
        for file in range(FILES):
            (part / f"module{file}.py").write_text(f"x = {file}\n")
    for arguments in (["init", "-q"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "x"]):
        subprocess.run(["git", *arguments], cwd=directory, check=True)
    (directory / "part0/module0.py").write_text("x = 'changed'\n")
    return directory


def median_ms(measured: Callable[[], object]) -> float:
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        measured()
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        directory = repository(Path(name))
        floor = median_ms(lambda: subprocess.run(["git", "status", "--porcelain"], cwd=directory, capture_output=True))
        launch = median_ms(lambda: provenance_of(directory, files=["part0/module0.py"]))
    bare, job = median_times_ms([[sys.executable, "-c", "pass"], [sys.executable, "-c", VERSIONS]], runs=RUNS)
    return report(
        f"provenance ({RUNS} runs each, medians)",
        [
            Figure("git status in a repository of 20,000 files", floor, "ms"),
            Figure("commit, changes and their digest there, at a launch", launch, "ms", LAUNCH_BUDGET_MS),
            Figure("python -c pass", bare, "ms"),
            Figure("versions of four packages over that, in a background", job - bare, "ms", JOB_BUDGET_MS),
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
