"""What the command's verbs take for an experiment of 5,000 trials: whole processes, their CPU time."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from large import EPOCHS, NAME, TRIALS, write_large_experiment
from report import Figure, report

ROUNDS = 3
BUDGET_S = 2.0
EXPERIMENTS = 300
VERBS = {
    f"expsdk list, {EXPERIMENTS} more experiments": ("list",),
    "expsdk results --where": ("results", NAME, "--where", 'lr < 0.01 and phase == "Failed"'),
    "expsdk results --sort --top": ("results", NAME, "--sort", "-val_loss", "--top", "20"),
    "expsdk results -o csv": ("results", NAME, "-o", "csv"),
    "expsdk show NAME": ("show", NAME),
    "expsdk show TRIAL": ("show", f"{NAME}-0042"),
    "expsdk best": ("best", NAME),
}


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        write_large_experiment(root)
        for number in range(EXPERIMENTS):
            write_large_experiment(root, name=f"small-{number}", trials=1, epochs=1)
        floor = _least_s([sys.executable, "-c", "pass"])
        command = [sys.executable, "-m", "expsdk"]
        return report(
            f"the command line, {TRIALS} local trials of {EPOCHS} epochs (CPU time of a process, least of {ROUNDS})",
            [
                Figure("python -c pass", floor, "s"),
                *(
                    Figure(name, _least_s([*command, *verb, "--root", scratch]), "s", BUDGET_S)
                    for name, verb in VERBS.items()
                ),
            ],
        )


def _least_s(command: list[str]) -> float:
    took = []
    for _ in range(ROUNDS):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{command} ended with {process.returncode}")
        took.append(usage.ru_utime + usage.ru_stime)
    return min(took)


if __name__ == "__main__":
    sys.exit(main())
