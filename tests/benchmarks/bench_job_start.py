"""A job's start: from nothing to the user's function in a bare interpreter, and the whole of a no-op trial."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from processes import median_times_ms
from report import Figure, report

RUNS = 30
BUDGET_MS = 60.0
SCRIPT = """
from expsdk import experiment, uniform

@experiment(space={"x": uniform(0, 1)}, objective="loss")
def train(x):
    import os
    os._exit(0)  # the function has begun, which is all that is measured
"""


def main() -> int:
    with tempfile.TemporaryDirectory() as directory:
        script = Path(directory, "job.py")
        script.write_text(SCRIPT)
        sys.path.insert(0, directory)
        import job  # type: ignore[import-not-found]  # the script above

        payload = str(job.train.pack().write(Path(directory)))
        bare, start = median_times_ms(
            [[sys.executable, "-I", "-c", "pass"], [sys.executable, "-I", payload, "--parameters", '{"x": 0.5}']],
            runs=RUNS,
        )
    return report(
        f"job start ({RUNS} processes each, medians)",
        [
            Figure("python -I -c pass", bare, "ms"),
            Figure("python -I payload.pyz to the user's function, over that", start - bare, "ms", BUDGET_MS),
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
