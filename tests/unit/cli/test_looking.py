"""The verbs that look: list, show, results, best, compare, logs and watch, as processes, on a real sweep."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
import yaml

Run = Callable[..., "subprocess.CompletedProcess[str]"]
SCRIPT = """
from expsdk import choice, experiment, integer, log_metric, loguniform, uniform


@experiment(
    space={
        "lr": loguniform(1e-4, 1e-1),
        "depth": integer(2, 5),
        "opt": choice({"sgd": {"momentum": uniform(0, 1)}, "adam": {}}),
    },
    objective="val/loss",
)
def train(lr, depth, opt, momentum=0.0):
    for epoch in range(6):
        print("epoch", epoch)
        log_metric("val/loss", depth * (1 - lr) ** epoch, epoch=epoch)
    if depth == 5:
        raise ValueError("five is no depth")


@experiment(space={"x": [1, 2]}, objective=["a", "b"], direction=["minimize", "maximize"])
def both(x):
    return {"a": x, "b": x}


@experiment(space={"x": [1, 2]}, objective="a")
def broken(x):
    raise RuntimeError("not today")


if __name__ == "__main__":
    train.sweep(trials=16, parallelism=2, seed=7, name="seen").run(progress=False)
    both.sweep(sampler="grid", name="two-ways").run(progress=False)
    broken.sweep(sampler="grid", name="broken", max_failures=1).run(progress=False)
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three experiments: one with failures among its trials, one with two objectives, one that failed altogether."""
    place = tmp_path_factory.mktemp("looking")
    (place / "train.py").write_text(SCRIPT)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("EXPSDK_")}
    subprocess.run([sys.executable, "train.py"], cwd=place, env=environment, check=True, timeout=100)
    return place / ".expsdk"


@pytest.fixture
def look(expsdk: Run, root: Path) -> Run:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return expsdk(*arguments, "--root", str(root))

    return run


def names(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


class TestList:
    def test_all_newest_first(self, look: Run) -> None:
        assert names(look("list", "-o", "name")) == ["broken", "two-ways", "seen"]

    def test_a_table_tells_phase_counts_best_and_age(self, look: Run) -> None:
        head, *lines = names(look("list"))
        assert head.split() == ["NAME", "PHASE", "TRIALS", "RUNNING", "FAILED", "BEST", "OBJECTIVE", "AGE"]
        seen = lines[-1].split()
        assert seen[:4] == ["seen", "Succeeded", "16/16", "-"]
        assert int(seen[4]) > 0
        assert seen[6] == "val/loss"

    def test_by_phase_and_by_condition(self, look: Run) -> None:
        assert names(look("list", "--phase", "failed", "-o", "name")) == ["broken"]
        assert names(look("list", "--where", "failed > 0 and succeeded > 0", "-o", "name")) == ["seen"]
        done = look("list", "--phase", "Running")
        assert (done.stdout, done.stderr) == ("", "expsdk: none of 3 experiments is such a one\n")

    def test_forms_for_programs_have_the_same_fields(self, look: Run) -> None:
        rows = json.loads(look("list", "-o", "json").stdout)
        assert [row["name"] for row in rows] == ["broken", "two-ways", "seen"]
        assert yaml.safe_load(look("list", "-o", "yaml").stdout) == rows
        sheet = list(csv.DictReader(StringIO(look("list", "-o", "csv").stdout)))
        assert [list(row) for row in sheet] == [list(row) for row in rows]

    def test_nothing_is_kept(self, expsdk: Run, tmp_path: Path) -> None:
        done = expsdk("list")
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr == (
            f"expsdk: no experiment is kept here ({tmp_path / '.expsdk'}); another directory: --root, a cluster:"
            " --backend kubernetes\n"
        )

    def test_a_phase_that_is_none(self, look: Run) -> None:
        done = look("list", "--phase", "runing")
        assert done.returncode == 2
        assert "not 'runing'; did you mean 'Running'?" in " ".join(done.stderr.split())


class TestShow:
    def test_an_experiment(self, look: Run) -> None:
        done = look("show", "seen")
        assert done.returncode == 0
        for words in (
            "seen  Succeeded  ",
            "objective  minimize val/loss",
            "lr               loguniform(0.0001, 0.1)",
            "sgd: momentum  uniform(0.0, 1.0)",
            "UserError: ValueError: five is no depth",
            "\nbest\n  seen-00",
            "█",
            "user            ",
            "its trials: expsdk results seen --root ",
        ):
            assert words in done.stdout

    def test_one_that_has_failed_ends_with_3(self, look: Run) -> None:
        done = look("show", "broken")
        assert done.returncode == 3
        assert "2 trials: UserError: RuntimeError: not today" in done.stdout

    def test_one_with_two_objectives(self, look: Run) -> None:
        assert "2 trials that no other beats: two-ways-0000 two-ways-0001" in look("show", "two-ways").stdout

    def test_a_trial(self, look: Run) -> None:
        done = look("show", "seen-0003")
        assert done.returncode in (0, 3)
        for words in ("seen-0003  ", "val/loss  ", "end of its log\n", "  epoch 5", "payload digest  sha256:"):
            assert words in done.stdout

    def test_a_trial_that_failed_shows_the_traceback(self, look: Run) -> None:
        failed = names(look("results", "seen", "--where", 'phase == "Failed"', "-o", "name"))[0]
        done = look("show", failed)
        assert done.returncode == 3
        assert f"{failed}  Failed (UserError)" in done.stdout
        assert 'raise ValueError("five is no depth")' in done.stdout

    def test_documents_for_programs(self, look: Run) -> None:
        experiment = json.loads(look("show", "seen", "-o", "json").stdout)
        assert (experiment["kind"], experiment["metadata"]["name"]) == ("Experiment", "seen")
        trial = yaml.safe_load(look("show", "seen-0003", "-o", "yaml").stdout)
        assert (trial["kind"], trial["spec"]["number"]) == ("Result", 3)

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("sen", "no experiment 'sen' is kept in"),
            (
                "seen-0099",
                "seen has 16 trials, and no 'seen-0099'; they are called seen-0000 to seen-0015; did you mean",
            ),
            ("sen-0003", "no experiment 'sen' is kept in"),
        ],
    )
    def test_what_is_not_there(self, look: Run, name: str, words: str) -> None:
        done = look("show", name)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("expsdk: ")
        assert words in done.stderr


class TestResults:
    def test_by_number_with_all_parameters(self, look: Run) -> None:
        head, *lines = names(look("results", "seen"))
        assert head.split() == ["TRIAL", "PHASE", "VAL/LOSS", "LR", "DEPTH", "OPT", "MOMENTUM", "EPOCH", "TOOK"]
        assert [line.split()[0] for line in lines] == [f"{number:04d}" for number in range(16)]

    def test_filtered_sorted_and_cut(self, look: Run) -> None:
        done = look("results", "seen", "--where", "depth <= 3 and not momentum > 0.5", "--sort", "-lr", "-o", "json")
        rows = json.loads(done.stdout)
        rates = [row["parameters.lr"] for row in rows]
        assert rates == sorted(rates, reverse=True)
        assert rates
        assert all(row["parameters.depth"] <= 3 for row in rows)
        assert len(names(look("results", "seen", "--top", "3", "-o", "name"))) == 3
        assert look("results", "seen", "--top", "3").stderr == "expsdk: 3 of 16 trials\n"

    def test_a_sheet_has_the_same_columns_whatever_is_chosen(self, look: Run) -> None:
        whole = look("results", "seen", "-o", "csv").stdout.splitlines()
        none = look("results", "seen", "--where", "depth > 99", "-o", "csv").stdout.splitlines()
        assert none == whole[:1]
        assert len(whole) == 17

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("--where", "dept > 3"), "not 'dept'; did you mean 'depth'?"),
            (("--where", "depth = 3"), "equality is '=='"),
            (("--sort", "deph"), "not 'deph'; did you mean 'depth'?"),
        ],
    )
    def test_what_is_wrong_is_told(self, look: Run, arguments: tuple[str, ...], words: str) -> None:
        done = look("results", "seen", *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert words in done.stderr

    def test_a_pipe_that_nobody_reads_is_no_trouble(self, root: Path, environment: dict[str, str]) -> None:
        command = f"{sys.executable} -W error -m expsdk results seen --root {root} -o json | head -n 1"
        done = subprocess.run(
            ["/bin/bash", "-c", f"set -o pipefail; {command}"],
            env={**environment, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "[\n", "")


class TestBest:
    def test_the_best(self, look: Run) -> None:
        (best,) = names(look("best", "seen", "-o", "name"))
        assert best == names(look("results", "seen", "--top", "1", "-o", "name"))[0]

    def test_the_front_of_two_objectives(self, look: Run) -> None:
        assert names(look("best", "two-ways", "-o", "name")) == ["two-ways-0000", "two-ways-0001"]

    def test_none(self, look: Run) -> None:
        done = look("best", "broken")
        assert (done.returncode, done.stdout) == (3, "")
        assert "not today" in done.stderr


class TestCompare:
    def test_trials(self, look: Run) -> None:
        rows = {row["name"]: row for row in json.loads(look("compare", "seen-0001", "seen-0002", "-o", "json").stdout)}
        assert set(rows["parameters.lr"]) == {"name", "seen-0001", "seen-0002"}
        assert "code.payload_digest" not in rows

    def test_experiments(self, look: Run) -> None:
        done = look("compare", "seen", "two-ways")
        assert done.returncode == 0
        assert done.stdout.splitlines()[0].split() == ["WHAT", "SEEN", "TWO-WAYS"]
        assert "\nspace.lr" in done.stdout

    def test_the_same_differs_in_nothing(self, look: Run) -> None:
        done = look("compare", "seen", "seen")
        assert done.returncode == 2
        assert "two or more are compared, and this is one; name another" in " ".join(done.stderr.split())

    def test_a_trial_and_an_experiment(self, look: Run) -> None:
        done = look("compare", "seen", "seen-0001")
        assert done.returncode == 2
        assert "seen is an experiment, seen-0001 is a trial" in " ".join(done.stderr.split())


class TestLogsAndWatch:
    def test_what_a_trial_printed(self, look: Run) -> None:
        assert names(look("logs", "seen-0001"))[:6] == [f"epoch {epoch}" for epoch in range(6)]
        assert names(look("logs", "seen-0001", "--follow"))[:6] == [f"epoch {epoch}" for epoch in range(6)]

    def test_an_experiment_has_no_log(self, look: Run) -> None:
        done = look("logs", "seen")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            "expsdk: a trial is named, and 'seen' is an experiment; take one of its trials, such as seen-0000\n"
        )

    def test_no_attempt_before_the_last(self, look: Run) -> None:
        done = look("logs", "seen-0001", "--previous")
        assert (done.returncode, done.stdout) == (1, "")
        assert "an earlier" in done.stderr

    def test_a_sweep_that_is_over_is_told_at_once(self, look: Run) -> None:
        done = look("watch", "seen")
        assert (done.returncode, done.stdout) == (0, "")
        assert "expsdk: best: seen-00" in done.stderr
        assert look("watch", "broken").returncode == 3


class TestCompletion:
    @pytest.mark.parametrize(
        ("line", "offered"),
        [
            ("expsdk sho", ["show"]),
            ("expsdk show se", ["seen", *(f"seen-{number:04d}" for number in range(16))]),
            ("expsdk best ", ["broken", "seen", "two-ways"]),
            ("expsdk logs seen-001", [f"seen-{number:04d}" for number in range(10, 16)]),
            ("expsdk list --phase F", ["Failed"]),
            ("expsdk list -o j", ["json"]),
            ("expsdk list --backend k", ["kubernetes"]),
        ],
    )
    def test_bash_is_offered(self, root: Path, environment: dict[str, str], line: str, offered: list[str]) -> None:
        words = line.split(" ")
        done = subprocess.run(
            [Path(sys.executable).with_name("expsdk")],
            env={
                **environment,
                "EXPSDK_ROOT": str(root),
                "_EXPSDK_COMPLETE": "complete_bash",
                "COMP_WORDS": line,
                "COMP_CWORD": str(len(words) - 1),
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert sorted(done.stdout.split()) == sorted(offered), done.stderr
