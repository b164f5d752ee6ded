"""The verbs that act, as a newcomer types them: run, resume, stop, delete, pack; and what they refuse."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TRAIN = """
import sys
import time

from expsdk import choice, experiment, integer, log_metric, loguniform


@experiment(
    space={
        "lr": loguniform(1e-4, 1e-1),
        "depth": integer(2, 8),
        "opt": choice({"sgd": {"momentum": [0.0, 0.9]}, "adam": {}}),
    },
    objective="loss",
)
def train(lr, depth, opt, momentum=None, epochs=2, note="", pause_s=0.0):
    print(f"{opt} {momentum} {note!r}")
    if note == "fail":
        raise ValueError("no")
    for epoch in range(epochs):
        time.sleep(pause_s)
        log_metric("loss", lr / depth / (epoch + 1), epoch=epoch)


if __name__ == "__main__":
    sys.exit("a sweep of the script's own")
"""
TWO = """
from expsdk import experiment


@experiment(space={"x": [1, 2]}, objective=["a", "b"])
def first(x):
    return {"a": x, "b": -x}


@experiment(space={"x": [1, 2]}, objective="loss")
def second(x):
    return float(x)
"""
Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cli(workshop: Any) -> Cli:
    """Return a function that runs the command in a directory with a script."""
    workshop.write("train.py", TRAIN)

    def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        done: subprocess.CompletedProcess[str] = workshop.run("-m", "expsdk", *arguments, **options)
        return done

    return run


def refused(done: subprocess.CompletedProcess[str], code: int = 1) -> str:
    """Return what a verb that is refused says, in one line where it is no wrong command line."""
    assert (done.returncode, done.stdout) == (code, ""), done
    if code == 1:
        assert done.stderr.startswith("expsdk: ")
        return done.stderr.removeprefix("expsdk: ").strip()
    return done.stderr.rpartition("Error: ")[2].strip()


class TestRun:
    def test_it_prints_the_best_trial(self, cli: Cli, workshop: Any) -> None:
        done = cli("run", "train.py", "-t", "4", "-p", "2", "--seed", "7", "--name", "mine", "--sampler", "sobol")
        assert done.returncode == 0, done.stderr
        results = workshop.results("mine")
        best = results.best
        assert done.stdout.startswith(f"{best.name}  loss={best.values['loss']:.6g}  lr=")
        assert "mine: 4 succeeded" in done.stderr
        spec = results.experiment.spec
        assert (spec.trials, spec.parallelism, spec.seed, spec.sampler.name) == (4, 2, 7, "sobol")

    def test_what_a_sweep_takes_may_be_told(self, cli: Cli, workshop: Any) -> None:
        flags = {
            "--trials": "2",
            "--sampler": '{"name": "tpe", "n_startup_trials": 3}',
            "--pruner": "median",
            "--epochs": "3",
            "--replicates": "1",
            "--retries": "2",
            "--max-failures": "5",
            "--timeout": "2h",
            "--trial-timeout": "1.5m",
            "--grace": "5",
            "--target": "-1",
            "--no-improvement": "9",
            "--budget": "2 cpu-hours",
            "--name": "told",
        }
        done = cli("run", "train.py", "--quiet", "--cache", *(part for flag in flags.items() for part in flag))
        assert (done.returncode, done.stderr) == (0, "")
        spec = workshop.results("told").experiment.spec
        assert (spec.sampler.name, spec.sampler.options) == ("tpe", {"n_startup_trials": 3})
        assert (spec.pruner.name, spec.pruner.epochs, spec.retries, spec.max_failures) == ("median", 3, 2, 5)
        assert (spec.timeout_seconds, spec.trial_timeout_seconds, spec.grace_seconds) == (7200.0, 90.0, 5.0)
        assert (spec.target, spec.no_improvement_trials, spec.cache) == (-1.0, 9, True)

    def test_parameters_are_fixed(self, cli: Cli, workshop: Any) -> None:
        fixed = ("--set", "lr=1", "--set", "opt=sgd", "--set", "epochs=1", "--set", "note=bare words")
        done = cli("run", "train.py", "-t", "2", "-q", "--name", "fixed", *fixed)
        assert done.returncode == 0, done.stderr
        for trial in workshop.results("fixed"):
            sample = dict(trial.parameters)
            assert (sample["lr"], sample["opt"], sample["epochs"], sample["note"]) == (1.0, "sgd", 1, "bare words")
            assert sample["momentum"] in (0.0, 0.9)

    def test_where_all_are_fixed_a_single_trial_runs(self, cli: Cli) -> None:
        fixed = ("-s", "lr=0.1", "-s", "depth=2", "-s", "opt=adam", "-s", "note=null")
        done = cli("run", "train.py", "-q", "-o", "json", *fixed)
        outcome = json.loads(done.stdout)
        assert (done.returncode, outcome["phase"], outcome["counts"]) == (0, "Succeeded", {"Succeeded": 1})
        assert outcome["best"][0]["parameters"] == {"lr": 0.1, "depth": 2, "opt": "adam", "note": None}
        assert outcome["best"][0]["values"] == {"loss": 0.025}

    def test_several_objectives_have_a_front(self, cli: Cli, workshop: Any) -> None:
        workshop.write("two.py", TWO)
        done = cli("run", "two.py:first", "--sampler", "grid", "-q", "--name", "front", "-o", "name")
        assert (done.returncode, done.stdout) == (0, "front-0000\nfront-0001\n")

    def test_the_exit_code_tells_of_failure(self, cli: Cli) -> None:
        done = cli("run", "train.py", "-t", "2", "-q", "--set", "note=fail", "-o", "json")
        outcome = json.loads(done.stdout)
        assert (done.returncode, outcome["counts"], outcome["best"]) == (3, {"Failed": 2}, [])

    def test_trials_stop_at_breakpoints_in_this_process(self, cli: Cli) -> None:
        done = cli("run", "train.py", "-t", "1", "-q", "--debug", "--set", "opt=adam")
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[0] == "adam None ''"

    def test_it_goes_on(self, cli: Cli, workshop: Any) -> None:
        arguments = ("run", "train.py", "-q", "--seed", "7", "--name", "again")
        assert cli(*arguments, "-t", "2").returncode == 0
        assert refused(cli(*arguments, "-t", "3")).startswith("an experiment's name is unique, and 'again' is kept in")
        assert cli(*arguments, "-t", "4", "--resume").returncode == 0
        assert cli("resume", "again", "-t", "5", "-q").returncode == 0
        assert workshop.results("again").counts == {"Succeeded": 5}

    def test_ctrl_c_ends_it_with_130(self, workshop: Any, cli: Cli, wait_for_trials: Any) -> None:
        arguments = (
            "run",
            "train.py",
            "-t",
            "2",
            "--name",
            "broken-off",
            "--set",
            "pause_s=0.05",
            "--set",
            "epochs=999",
        )
        with workshop.start("-m", "expsdk", *arguments) as process:
            wait_for_trials("broken-off", 1)
            process.send_signal(2)
            process.communicate(timeout=60)
        assert process.returncode == 130

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (
                ["trian.py"],
                "a script defines the experiment, and there is no script at 'trian.py'; did you mean 'train.py'?",
            ),
            (["train.py:trian"], "train.py defines train, and no 'trian'; did you mean 'train'?"),
            (
                ["train.py"],
                (
                    "a sweep ends after some trials or some time, and sampler 'random' proposes for ever; give"
                    " --trials, --timeout or --budget, or use --sampler grid for every sample of a finite space"
                ),
            ),
            (
                ["train.py", "-t", "0"],
                "trials is an integer of at least 1, not 0; leave it out to try every sample of a finite space",
            ),
            (
                ["train.py", "-t", "1", "--resume"],
                "resume goes on with an experiment by its name, and this sweep has none; give --name",
            ),
            (
                ["train.py", "-t", "1", "-s", "opt=adm"],
                "parameter opt: it is one of 'sgd', 'adam', not 'adm'; did you mean 'adam'?",
            ),
            (
                ["train.py", "-t", "1", "-s", "lr=big"],
                "parameter lr: a value of LogUniform(low=0.0001, high=0.1) is a number, not 'big'",
            ),
            (
                ["train.py", "-t", "1", "-s", "epoch=2"],
                (
                    "parameter epoch: train() takes lr, depth, opt, momentum, epochs, note, pause_s, and no 'epoch';"
                    " did you mean 'epochs'?"
                ),
            ),
            (
                ["train.py", "-t", "1", "--detach"],
                (
                    "a sweep is detached where its trials outlive this process, on --backend kubernetes; leave"
                    " --detach out"
                ),
            ),
            (
                ["train.py", "-t", "1", "--option", "colour=red"],
                "backend 'local' takes the options root, not 'colour'; write one of them",
            ),
        ],
        ids=lambda given: " ".join(given) if isinstance(given, list) else "",
    )
    def test_what_cannot_work_is_refused_in_one_line(self, cli: Cli, arguments: list[str], words: str) -> None:
        assert refused(cli("run", *arguments)) == words

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["-s", "lr"], "Invalid value for --set: it is NAME=VALUE, such as lr=0.1, not 'lr'"),
            (["-s", "lr=1", "-s", "lr=2"], "Invalid value for --set: lr is given twice; leave one of them out"),
            (
                ["--timeout", "3x"],
                "Invalid value: a duration is a number of seconds, or such as 90s, 30m, 2h or 1d, not '3x'",
            ),
            (
                ["--cpu", "3"],
                (
                    "Invalid value: --cpu is for trials in a cluster, and these run on the backend local; add --backend"
                    " kubernetes, or leave it out"
                ),
            ),
            (
                ["--debug", "-n", "ml"],
                "Invalid value: --debug runs trials in this very process, not in a cluster; leave one of them out",
            ),
        ],
        ids=lambda given: " ".join(given) if isinstance(given, list) else "",
    )
    def test_a_wrong_command_line_exits_with_2(self, cli: Cli, arguments: list[str], words: str) -> None:
        assert refused(cli("run", "train.py", "-t", "1", *arguments), 2) == words


class TestStop:
    def test_a_sweep_and_a_trial_are_stopped(self, cli: Cli, workshop: Any, wait_for_trials: Any) -> None:
        flags = ("--set", "pause_s=0.05", "--set", "epochs=999", "--retries", "1")
        arguments = ("run", "train.py", "-t", "9", "-p", "2", "--name", "busy", *flags)
        with workshop.start("-m", "expsdk", *arguments) as process:
            wait_for_trials("busy", 2)
            stopped = cli("stop", "busy-0001")
            assert (stopped.returncode, stopped.stdout) == (0, "busy-0001 has ended: Cancelled\n")
            assert stopped.stderr == "expsdk: busy-0001 is asked to stop, and is not tried again\n"
            assert cli("stop", "busy-0001").stdout == "busy-0001 has ended already: Cancelled\n"
            assert refused(cli("stop", "busy-0099")).startswith(
                "busy has 3 trials, and no 'busy-0099'; they are called busy-0000 to busy-0002; did you mean 'busy-000"
            )
            assert refused(cli("delete", "busy", "--yes")) == (
                "a sweep that runs is not deleted, and 'busy' runs now; stop it first: expsdk stop busy"
            )
            stopped = cli("stop", "busy")
            assert (stopped.returncode, stopped.stdout) == (0, "busy has ended: 3 cancelled\n")
            assert stopped.stderr.splitlines() == [
                "expsdk: busy: no more trials are launched, and the running ones are asked to stop",
                "expsdk: go on: expsdk resume busy",
            ]
            assert cli("stop", "busy").stdout == "busy has ended already: Cancelled\n"
            process.communicate(timeout=60)
        assert process.returncode == 130

    def test_what_is_not_there_is_told(self, cli: Cli, workshop: Any) -> None:
        cli("run", "train.py", "-t", "1", "-q", "--name", "there")
        root = workshop.directory / ".expsdk"
        for verb in ("stop", "resume", "delete"):
            assert refused(cli(verb, "their")) == (
                f"no experiment 'their' is kept in {root} (there: there); did you mean 'there'?"
            )


class TestResume:
    def test_with_fewer_trials_it_is_refused(self, cli: Cli) -> None:
        cli("run", "train.py", "-t", "3", "-q", "--name", "three")
        assert refused(cli("resume", "three", "-t", "2")) == (
            "a sweep goes on with as many trials as it had, or with more, and 'three' has 3, not 2; give a number from"
            " 3 on"
        )


class TestDelete:
    def test_it_says_what_goes_and_asks(self, cli: Cli, workshop: Any, terminal: Any) -> None:
        for name in ("one", "two"):
            cli("run", "train.py", "-t", "1", "-q", "--name", name)
        assert cli("delete", "one", "two").stderr.splitlines() == [
            "expsdk: one: 1 trial (1 succeeded), with all that is kept in .expsdk/one",
            "expsdk: two: 1 trial (1 succeeded), with all that is kept in .expsdk/two",
            "expsdk: deleting asks first, and nobody is here to answer; agree with --yes",
        ]
        for answer, said in (("n", "nothing has been deleted"), ("y", "one is deleted")):
            child = terminal("-m", "expsdk", "delete", "one")
            child.expect(r"Delete it\? \[y/N\]:")
            child.sendline(answer)
            child.expect(said)
            child.wait()
            assert child.exitstatus == (0 if answer == "y" else 1)
        assert not (workshop.directory / ".expsdk/one").exists()
        done = cli("delete", "two", "--yes")
        assert (done.returncode, done.stdout) == (0, "two is deleted\n")

    def test_nothing_is_deleted_where_one_is_not_there(self, cli: Cli, workshop: Any) -> None:
        cli("run", "train.py", "-t", "1", "-q", "--name", "one")
        assert "no experiment 'nine'" in refused(cli("delete", "one", "nine", "--yes"))
        assert (workshop.directory / ".expsdk/one").exists()


class TestPack:
    def test_the_file_runs_anywhere(self, cli: Cli, workshop: Any) -> None:
        done = cli("pack", "train.py")
        assert done.returncode == 0, done.stderr
        path = Path(done.stdout.strip())
        lines = done.stderr.splitlines()
        assert lines[0].startswith("expsdk: __main__.train, ")
        assert f"sha256:{path.stem.removeprefix('payload-')}" in lines[1]
        command = lines[-1].removeprefix("expsdk: run it: python ")
        ran = subprocess.run(
            f"{sys.executable} -I {command}",
            shell=True,
            cwd=workshop.directory,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        assert cli("pack", "train.py", "-o", "mine.pyz").stdout == "mine.pyz\n"
        assert (workshop.directory / "mine.pyz").read_bytes() == (workshop.directory / path).read_bytes()

    def test_where_it_cannot_be_written(self, cli: Cli) -> None:
        assert refused(cli("pack", "train.py", "-o", "no/where.pyz")) == (
            "a payload is written to a file, and no/where.pyz cannot be written (No such file or directory); give"
            " another place"
        )
