"""A sweep that was interrupted or killed goes on: what has ended is kept, what ran goes on from its checkpoints."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import expsdk

TRAIN = """
    import os
    import sys
    import time

    from expsdk import checkpoint_dir, experiment, integer, log_metric, output_dir, uniform

    @experiment(space={"x": uniform(0, 1)}, objective="loss")
    def train(x, epochs=5):
        state = checkpoint_dir() / "epoch"
        first = int(state.read_text()) if state.exists() else 0
        with open(output_dir() / "begun", "a") as begun:
            begun.write(f"{first} ")
        for epoch in range(first, epochs):
            log_metric("launcher", os.getppid(), epoch=epoch)
            log_metric("loss", x + epoch, epoch=epoch)
            state.write_text(str(epoch + 1))
            while epoch == 2 and x > 0.5 and "GO" not in os.environ:
                log_metric("waits", 1.0, epoch=epoch)
                time.sleep(0.01)

    def make(trials=6, **settings):
        return train.sweep(trials=trials, parallelism=2, seed=7, name="taken-up", grace_s=5.0, **settings)

    if __name__ == "__main__":
        print(make().run(resume=True).counts)
"""
"""With this seed the first four samples are above 0.5, so two trials wait at once, and the last two are below."""


@pytest.fixture
def begun(workshop: Any, wait_for_trials: Callable[..., expsdk.Results], wait_until: Callable[..., Any]) -> Any:
    """A sweep of which two trials wait, each at epoch 2."""
    workshop.write("train.py", TRAIN)
    with workshop.start("train.py") as process:
        wait_for_trials("taken-up", 2)
        wait_until(lambda: all("waits" in trial.metrics for trial in workshop.results("taken-up")))
        yield process


def go_on(workshop: Any, *arguments: str, **options: Any) -> Any:
    done = workshop.run(*(arguments or ("train.py",)), env={"GO": "1"}, **options)
    assert done.returncode == 0, done.stderr
    return done


def check_that_it_went_on(workshop: Any, *, trials: int = 6, attempts: int = 2) -> None:
    """See that two trials have another attempt, from epoch 3 on, with all that was logged before, and no other has."""
    results = sorted(workshop.results("taken-up"), key=lambda trial: trial.number)
    assert [trial.phase for trial in results] == ["Succeeded"] * trials
    assert [trial.attempt for trial in results] == [attempts] * 2 + [1] * (trials - 2)
    begun = [(Path(trial.output_dir) / "begun").read_text() for trial in results]
    assert begun == ["0 3 "] * 2 + ["0 "] * (trials - 2)
    for trial in results:
        x = trial.parameters["x"]
        assert list(trial.history["loss"]) == [(epoch, x + epoch) for epoch in range(5)]
        assert trial.values == {"loss": x + 4}


def test_after_ctrl_c(workshop: Any, begun: Any) -> None:
    begun.send_signal(signal.SIGINT)
    output, errors = begun.communicate(timeout=30)
    assert (begun.returncode, output) == (0, "{'Cancelled': 2}\n"), errors
    assert (
        'go on: expsdk resume taken-up, or sweep(name="taken-up", …).run(resume=True), or'
        ' expsdk.attach("taken-up").run()'
    ) in errors
    done = go_on(workshop)
    assert done.stdout == "{'Succeeded': 6}\n"
    assert "until now: 2 cancelled" in done.stderr
    assert re.search(r"\[1/6\] .*\[6/6\]", done.stderr, re.DOTALL), "what was interrupted is counted once"
    check_that_it_went_on(workshop)


def test_after_ctrl_c_twice(workshop: Any, begun: Any) -> None:
    begun.send_signal(signal.SIGINT)
    begun.send_signal(signal.SIGINT)
    begun.communicate(timeout=30)
    go_on(workshop)
    check_that_it_went_on(workshop)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP], ids=lambda each: each.name)
def test_after_a_coordinators_end(workshop: Any, begun: Any, number: signal.Signals) -> None:
    begun.send_signal(number)
    done = go_on(workshop)  # at once: it waits for what the other one has left running
    assert "until now: 2 running" in done.stderr
    check_that_it_went_on(workshop)


def test_after_the_end_of_the_launcher_and_the_coordinator(workshop: Any, begun: Any) -> None:
    launcher = int(workshop.results("taken-up")[0].metrics["launcher"]["last"])
    begun.send_signal(signal.SIGSTOP)
    os.kill(launcher, signal.SIGKILL)
    begun.send_signal(signal.SIGKILL)
    go_on(workshop)
    check_that_it_went_on(workshop)


def test_without_its_script_and_from_elsewhere(workshop: Any, begun: Any, tmp_path_factory: Any) -> None:
    begun.kill()
    begun.communicate()
    code = f"import expsdk; print(expsdk.attach('taken-up', root={str(workshop.directory / '.expsdk')!r}).run().counts)"
    (workshop.directory / "train.py").unlink()
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    done = go_on(workshop, "-c", code, cwd=elsewhere)
    assert done.stdout == "{'Succeeded': 6}\n", done.stderr
    assert list(elsewhere.iterdir()) == []
    check_that_it_went_on(workshop)


def test_a_trial_that_had_begun_before_it_was_heard_goes_on_with_what_it_has_logged(workshop: Any, begun: Any) -> None:
    """As it stands where the coordinator is killed before it has heard the trial's first report."""
    begun.send_signal(signal.SIGKILL)
    begun.communicate()
    for path in (workshop.directory / ".expsdk" / "taken-up" / "results").iterdir():
        document = json.loads(path.read_text())
        document["status"] |= {"phase": "Pending", "metrics": {}, "history": {}}
        path.write_text(json.dumps(document))
    go_on(workshop)
    check_that_it_went_on(workshop)


OWN = """
    import time

    from expsdk import experiment, log_metric, uniform

    class Halving:
        \"\"\"A sampler of the user's own: half of what it has heard last.\"\"\"

        name = "halving"

        def __init__(self):
            self.last = 1.0

        def ask(self, number):
            return {"x": self.last / 2}

        def tell(self, outcome):
            if outcome.phase == "Succeeded":
                self.last = outcome.parameters["x"]

    def is_hopeless(report):
        return report.number % 2 == 1 and report.epoch >= 1

    @experiment(space={"x": uniform(0, 1)}, objective="loss")
    def train(x):
        for epoch in range(3):
            log_metric("loss", x, epoch=epoch)
            log_metric("size", 10 * x, epoch=epoch)
            time.sleep(0.05 if epoch < 1 else 0.3)

    if __name__ == "__main__":
        limit = 2.0
        train.sweep(
            trials=6, sampler=Halving(), pruner=is_hopeless, constraints=lambda metrics: metrics["size"] - limit,
            name="own", seed=7,
        ).run()
"""


def test_a_sampler_a_pruner_and_constraints_of_the_users_own_are_kept_with_it(
    workshop: Any, wait_until: Callable[..., Any]
) -> None:
    """Each goes on: samples are halves of halves, every second trial is pruned, and the first two are infeasible."""
    workshop.write("train.py", OWN)
    with workshop.start("train.py") as process:
        wait_until(lambda: process.stderr.readline() and process.stderr.readline())
        process.kill()
    (workshop.directory / "train.py").unlink()
    done = workshop.run("-c", "import expsdk; print(expsdk.attach('own').run().best.number)")
    assert done.stdout == "4\n", done.stderr
    results = sorted(workshop.results("own"), key=lambda trial: trial.number)
    assert [trial.phase for trial in results] == ["Succeeded", "Pruned"] * 3
    assert [trial.parameters["x"] for trial in results] == [0.5, 0.25, 0.25, 0.125, 0.125, 0.0625]
    assert [trial.constraints for trial in results[::2]] == [(3.0,), (0.5,), (-0.75,)]


CHANGES = """
    from expsdk import experiment, uniform

    @experiment(space={"x": uniform(*HIGH)}, objective="loss")
    def train(x):
        return x + SHIFT

    if __name__ == "__main__":
        train.sweep(name=NAME, seed=7, MORE).run(resume=RESUME)
"""


def changed(workshop: Any, **changes: str) -> Any:
    """Run the script with some of it changed."""
    usual = {"name": "'changed'", "high": "(0, 1)", "shift": "0", "more": "trials=2", "resume": "True"}
    text = CHANGES
    for what, value in {**usual, **changes}.items():
        text = text.replace(what.upper(), value)
    workshop.write("train.py", text)
    return workshop.run("train.py")


def test_what_may_change_in_a_script_and_what_may_not(workshop: Any) -> None:
    begins = (
        "a sweep goes on as it began, with trials= raised or other limits at most, and of 'changed' something else has"
    )
    assert changed(workshop).returncode == 0

    def refusal(**changes: str) -> str:
        done = changed(workshop, **changes)
        assert done.returncode == 1
        return str(done.stderr.splitlines()[-1].removeprefix("expsdk.errors."))

    undo = "undo that, or give another name= for a new sweep"
    assert refusal(more="trials=1") == f"SweepError: {begins} changed: trials was 2, and is now 1; {undo}"
    space = "parameter x was Uniform(low=0.0, high=1.0, step=None), and is now Uniform(low=0.0, high={}, step=None)"
    assert refusal(high="(0, 0.5)", more="trials=2, sampler='tpe'") == (
        f"SweepError: {begins} changed: {space.format(0.5)}; sampler was name=random, and is now name=tpe; {undo}"
    )
    assert refusal(high="(0, 2)") == (
        f"SweepError: {begins} changed: {space.format(2.0)}; undo that, give another name= for a new sweep, or, for a"
        " larger space, write resume='extend'"
    )
    assert refusal(high="(0.5, 2)", resume="'extend'").endswith(f"; {undo}")
    assert refusal(resume="'yes'") == (
        "SweepError: resume is True, to go on with an experiment of this name, or 'extend', to do so in a larger space,"
        " not 'yes'; write one of them"
    )
    assert refusal(resume="True, detach=True") == (
        "SweepError: a sweep is left to a coordinator in the cluster when it begins, and 'changed' has begun already;"
        " leave detach= out to go on with it from here"
    )
    assert refusal(resume="False").endswith("; give another name=, or go on with that one: run(resume=True)")
    assert len(workshop.results("changed")) == 2

    raised = changed(workshop, more="trials=4, parallelism=2, max_failures=3")
    assert (raised.returncode, len(workshop.results("changed"))) == (0, 4), raised.stderr
    extended = changed(workshop, high="(0, 9)", more="trials=12", resume="'extend'")
    assert extended.returncode == 0, extended.stderr
    assert max(trial.parameters["x"] for trial in workshop.results("changed")) > 1

    other_code = changed(workshop, high="(0, 9)", shift="100", more="trials=13")
    words = "the code has changed since the sweep began, and its trials go on with the code that it began with"
    assert words in other_code.stderr
    results = workshop.results("changed")
    assert len(results) == 13
    assert all(trial.values == {"loss": trial.parameters["x"]} for trial in results)


def test_without_a_name_there_is_nothing_to_go_on_with(workshop: Any) -> None:
    done = changed(workshop, name="None")
    assert done.stderr.splitlines()[-1] == (
        "expsdk.errors.SweepError: resume goes on with an experiment by its name, and this sweep has none; give"
        " sweep(name=…)"
    )


def test_a_name_that_is_not_there_is_told_with_those_that_are(workshop: Any) -> None:
    assert changed(workshop).returncode == 0
    done = workshop.run("-c", "import expsdk; expsdk.attach('change')")
    assert re.search(
        r"no experiment 'change' is kept in .*\.expsdk \(there: changed\); did you mean 'changed'\?", done.stderr
    )


MENDED = """
    from expsdk import experiment, uniform

    @experiment(space={"x": uniform(0, 1)}, objective="loss")
    def train(x):
        return x

    if __name__ == "__main__":
        sweep = train.sweep(trials=4, constraints=lambda metrics: metrics["NAME"] - 2, name="mended", seed=7)
        sweep.run(resume=True)
"""


def test_what_was_wrong_with_an_adviser_is_mended_in_the_script_and_stays_mended(workshop: Any) -> None:
    workshop.write("train.py", MENDED.replace("NAME", "size"))
    assert "constraints, given the metrics of trial 0, raised KeyError: 'size'" in workshop.run("train.py").stderr
    workshop.write("train.py", MENDED.replace("NAME", "loss"))
    done = workshop.run("train.py")
    assert done.returncode == 0, done.stderr
    done = workshop.run("-c", "import expsdk; print(expsdk.attach('mended').run().counts)")
    assert done.stdout == "{'Succeeded': 4}\n", done.stderr
    assert [trial.constraints is not None for trial in workshop.results("mended")] == [True] * 4
