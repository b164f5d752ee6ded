"""The proof: a sweep whose coordinator is killed again and again comes to what an uninterrupted one comes to."""

from __future__ import annotations

import json
import random
import signal
import subprocess
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import expsdk
from expsdk.errors import ExperimentNotFound

KILLS = 20
TRIALS = 40

TRAIN = """
    import json
    import os
    import sys
    import time

    from expsdk import checkpoint_dir, current_trial, experiment, integer, log_metric, output_dir, uniform

    def note(what, **more):
        # One write of one line: whatever kills this process, the file has it whole or not at all.
        line = json.dumps({"what": what, "at": time.monotonic(), "pid": os.getpid(), **more}) + "\\n"
        with open(output_dir() / "notes", "a") as notes:
            notes.write(line)

    @experiment(space={"x": uniform(-1, 1), "n": integer(1, 9)}, objective="loss")
    def train(x, n, epochs=8):
        state = checkpoint_dir() / "state.json"
        epoch, loss = json.loads(state.read_text()) if state.exists() else (0, 10.0)
        note("begins", epoch=epoch, attempt=current_trial().attempt)
        try:
            while epoch < epochs:
                time.sleep(0.05)
                loss = loss * 0.7 + x * x * n
                log_metric("loss", loss, epoch=epoch)
                epoch += 1
                partial = state.with_suffix(".partial")
                partial.write_text(json.dumps([epoch, loss]))
                partial.replace(state)
                note("works")
        finally:
            note("ends", epoch=epoch)

    if __name__ == "__main__":
        name, root = sys.argv[1:]
        sweep = train.sweep(trials=40, parallelism=3, sampler="random", seed=7, name=name)
        results = sweep.run(resume=True, root=root)
        print(results.counts)
"""


def told(results: expsdk.Results) -> list[Any]:
    """Return all that a sweep has found out, but for when, how often and where."""
    return [
        (trial.number, trial.parameters, trial.seed, trial.phase, trial.reason, trial.values, trial.history["loss"])
        for trial in sorted(results, key=lambda trial: trial.number)
    ]


def found(workshop: Any, root: Path) -> Sequence[expsdk.TrialRecord]:
    """Return the trials that are there, if the experiment is."""
    try:
        results: expsdk.Results = workshop.results("killed", root)
    except ExperimentNotFound:
        return ()
    return results


def notes_of(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "notes").read_text().splitlines()]


def test_twenty_kills_change_nothing(workshop: Any, wait_until: Callable[..., Any]) -> None:
    workshop.write("train.py", TRAIN)
    chance = random.Random(5)
    root = workshop.directory / "kills"
    kills = 0
    done_by: dict[str, int] = {}  # the attempts at those trials whose Results said at some time that they had ended
    while True:
        with workshop.start("train.py", "killed", "kills", stdout=subprocess.DEVNULL) as coordinator:
            if kills < KILLS:
                if chance.random() < 0.7:  # the others may die before they have begun
                    wait_until(lambda: coordinator.stderr.readline(), what="it says that it has begun")
                try:
                    coordinator.wait(chance.uniform(0.0, 0.5))
                except subprocess.TimeoutExpired:
                    coordinator.send_signal(signal.SIGKILL)
                    coordinator.wait()
                    kills += 1
                    done_by |= {
                        trial.name: trial.attempt for trial in found(workshop, root) if trial.phase == "Succeeded"
                    }
                    continue
            errors = coordinator.stderr.read()
        break
    assert kills == KILLS, f"the sweep was over after {kills} kills"
    assert coordinator.returncode == 0, errors
    done = workshop.run("train.py", "whole", "kills")
    assert done.returncode == 0, done.stderr

    killed, whole = workshop.results("killed", root), workshop.results("whole", root)
    assert killed.counts == whole.counts == {"Succeeded": TRIALS}
    assert killed.experiment.status.phase == "Succeeded"
    assert killed.experiment.status.counts == {"Succeeded": TRIALS}
    assert told(killed) == told(whole)
    assert killed.best.number == whole.best.number
    assert max(trial.attempt for trial in killed) > 1
    assert len(done_by) >= TRIALS / 4
    assert {name: killed[name].attempt for name in done_by} == done_by, "a trial that has ended is not run again"
    for trial in killed:
        check_that_attempts_follow_each_other(notes_of(Path(trial.output_dir)), trial.attempt)


def check_that_attempts_follow_each_other(notes: list[dict[str, Any]], attempts: int) -> None:
    """See that no process of a trial has worked on after another one has begun."""
    assert [note["what"] for note in notes].count("ends") >= 1
    assert notes[-1]["what"] == "ends"
    assert notes[-1]["epoch"] == 8
    processes = defaultdict(list)
    for note in notes:
        processes[note["pid"]].append(note)
    spans = [(each[0]["at"], each[-1]["at"]) for each in processes.values()]
    assert all(ended <= began for (_, ended), (began, _) in zip(spans, sorted(spans)[1:], strict=False))
    begun = [note for note in notes if note["what"] == "begins"]
    # One that was killed before its first word was recorded is the same attempt once more.
    assert [note["attempt"] for note in begun] == sorted(note["attempt"] for note in begun)
    assert begun[-1]["attempt"] == attempts
    assert [note["epoch"] for note in begun] == sorted(note["epoch"] for note in begun)
