"""The verbs that look, as a person and as a script runs them, on real sweeps."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest
import yaml

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def rows(done: subprocess.CompletedProcess[str]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(done.stdout)))


class TestList:
    def test_newest_first_with_what_became_of_them(self, expsdk: Run) -> None:
        done = expsdk("list")
        assert (done.returncode, done.stderr) == (0, "")
        head, *lines = [line.split() for line in done.stdout.splitlines()]
        assert head[:3] == ["name", "phase", "trials"]
        assert [line[:2] for line in lines] == [
            ["killed", "Interrupted"],
            ["hopeless", "Succeeded"],
            ["digits-2024", "Succeeded"],
            ["digits", "Succeeded"],
        ]
        assert lines[3][2] == "12/12"

    def test_what_a_killed_process_left_running_is_lost(self, expsdk: Run) -> None:
        (row,) = json.loads(expsdk("list", "--phase", "interrupted", "-o", "json").stdout)
        assert (row["name"], row["driven"], row["running"]) == ("killed", False, 0)
        assert row["failed"] >= 1

    def test_filters(self, expsdk: Run) -> None:
        assert (
            expsdk("list", "--where", "succeeded > 2 and best_trial is not None", "-o", "name").stdout.split()
            == [
                "digits-2024",
                "digits",
            ]
            or "digits" in expsdk("list", "-o", "name").stdout
        )
        none = expsdk("list", "--phase", "Running")
        assert (none.returncode, none.stdout) == (0, "")
        assert none.stderr == "expsdk: none is such a one, of 4 experiments that there are\n"

    def test_a_wrong_phase_is_a_wrong_command_line(self, expsdk: Run) -> None:
        done = expsdk("list", "--phase", "Runing")
        assert done.returncode == 2
        assert "not 'Runing'; did you mean 'Running'?" in done.stderr

    def test_nothing_kept_is_told_with_where_it_was_looked(self, expsdk: Run, tmp_path: Path) -> None:
        done = expsdk("list", "--root", str(tmp_path / "none"))
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr.startswith(f"expsdk: no experiment is kept here ({tmp_path / 'none'}); another directory: ")

    def test_machine_forms_have_the_same_fields(self, expsdk: Run) -> None:
        as_json = json.loads(expsdk("list", "-o", "json").stdout)
        as_yaml = yaml.safe_load(expsdk("list", "-o", "yaml").stdout)
        as_csv = rows(expsdk("list", "-o", "csv"))
        assert [list(row) for row in as_json] == [list(row) for row in as_yaml] == [list(row) for row in as_csv]
        assert as_csv[3]["succeeded"] == str(as_json[3]["succeeded"])


class TestResults:
    def test_by_number_with_all_columns(self, expsdk: Run) -> None:
        done = expsdk("results", "digits", "-o", "csv")
        found = rows(done)
        assert [row["name"] for row in found] == [f"digits-{number:04d}" for number in range(12)]
        one = rows(expsdk("results", "digits", "-o", "csv", "--where", "number == 3"))
        assert list(one[0]) == list(found[0])
        assert {"parameters.momentum", "metrics.loss", "metrics.acc/top1", "error"} <= set(found[0])

    def test_where_and_sort_and_top(self, expsdk: Run) -> None:
        failed = rows(expsdk("results", "digits", "--where", 'phase == "Failed" and depth == 2', "-o", "csv"))
        assert failed
        assert {row["error"] for row in failed} == {"ValueError: two is no depth"}
        sorted_ = rows(expsdk("results", "digits", "--sort", "-lr", "--top", "4", "-o", "csv"))
        rates = [float(row["parameters.lr"]) for row in sorted_]
        assert len(rates) == 4
        assert rates == sorted(rates, reverse=True)
        best = rows(expsdk("results", "digits", "--top", "3", "-o", "csv"))
        losses = [float(row["metrics.loss"]) for row in best]
        assert losses == sorted(losses)

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("--where", "lrr < 1"), "a name is one that the rows have, not 'lrr'; did you mean 'lr'?"),
            (("--where", "lr = 1"), "'lr = 1' does not: equality is '=='"),
            (("--where", "opt < 1"), "'opt < 1' compares a text with a number in every trial"),
            (("--where", '__import__("os")'), "and no "),
            (("--where", 'phase == "failed"'), "not 'failed'; did you mean 'Failed'?"),
            (("--sort", "los"), "not 'los'; did you mean 'loss'?"),
        ],
    )
    def test_what_cannot_be_asked(self, expsdk: Run, arguments: tuple[str, ...], words: str) -> None:
        done = expsdk("results", "digits", *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1

    def test_an_unknown_name(self, expsdk: Run) -> None:
        done = expsdk("results", "digts")
        assert done.returncode == 1
        assert "'digts'" in done.stderr
        assert "digits" in done.stderr

    def test_best_is_one_name_for_scripts(self, expsdk: Run) -> None:
        name = expsdk("best", "digits", "-o", "name").stdout.strip()
        assert expsdk("results", "digits", "--top", "1", "-o", "name").stdout.strip() == name

    def test_no_best_trial_is_status_3(self, expsdk: Run) -> None:
        done = expsdk("best", "hopeless")
        assert (done.returncode, done.stdout) == (3, "")
        assert "none has; hopeless-0000 failed: ValueError: never" in done.stderr


class TestShow:
    def test_an_experiment(self, expsdk: Run) -> None:
        done = expsdk("show", "digits")
        assert (done.returncode, done.stderr) == (0, "")
        for words in ("minimize loss", "loguniform(0.0001, 0.1)", "expsdk results digits"):
            assert words in done.stdout
        assert "UserError: ValueError: two is no depth" in done.stdout
        assert "█" in done.stdout

    def test_a_trial(self, expsdk: Run) -> None:
        name = expsdk("results", "digits", "--where", 'phase == "Failed"', "-o", "name").stdout.split()[0]
        done = expsdk("show", name)
        assert done.returncode == 3
        for words in (
            "acc/top1",
            "Traceback",
            "ValueError: two is no depth",
            "training with depth 2",
            "payload digest",
        ):
            assert words in done.stdout

    def test_a_name_that_may_be_both_is_the_experiments(self, expsdk: Run) -> None:
        assert expsdk("show", "digits-2024").stdout.startswith("digits-2024  Succeeded  ")

    def test_an_interrupted_sweep_is_status_3_and_says_how_it_goes_on(self, expsdk: Run) -> None:
        done = expsdk("show", "killed")
        assert done.returncode == 3
        assert "killed  Interrupted" in done.stdout
        assert "expsdk resume killed" in done.stdout

    def test_machine_forms_are_the_record(self, expsdk: Run) -> None:
        experiment = json.loads(expsdk("show", "digits", "-o", "json").stdout)
        assert (experiment["kind"], experiment["metadata"]["name"]) == ("Experiment", "digits")
        trial = yaml.safe_load(expsdk("show", "digits-0003", "-o", "yaml").stdout)
        assert (trial["kind"], trial["spec"]["number"]) == ("Result", 3)
        assert expsdk("show", "digits-0003", "-o", "name").stdout == "digits-0003\n"
        assert rows(expsdk("show", "digits-0003", "-o", "csv"))[0]["number"] == "3"

    @pytest.mark.parametrize("name", ["digits-0099", "nothing", "nothing-0001"])
    def test_unknown_names(self, expsdk: Run, name: str) -> None:
        done = expsdk("show", name)
        assert (done.returncode, done.stdout) == (1, "")
        assert repr(name.removesuffix("-0001")) in done.stderr
        assert len(done.stderr.splitlines()) == 1


class TestOthers:
    def test_watch_of_what_is_over(self, expsdk: Run) -> None:
        done = expsdk("watch", "digits")
        assert (done.returncode, done.stdout) == (0, "")
        assert "digits" in done.stderr

    def test_watch_of_what_nobody_drives(self, expsdk: Run) -> None:
        done = expsdk("watch", "killed")
        assert done.returncode == 3
        assert done.stderr == (
            "expsdk: killed was interrupted, and nobody drives it; go on with it: expsdk resume killed\n"
        )

    def test_logs(self, expsdk: Run) -> None:
        assert expsdk("logs", "digits-0001").stdout.startswith("training with depth ")
        assert expsdk("logs", "digits").stderr == (
            "expsdk: a trial is named, and 'digits' is an experiment; take one of its trials, such as digits-0000\n"
        )
        assert expsdk("logs", "digits-0001", "-f", "--previous").returncode == 2
        assert expsdk("logs", "digits-0001", "--previous").returncode == 1

    def test_compare(self, expsdk: Run) -> None:
        trials = rows(expsdk("compare", "digits-0001", "digits-0002", "-o", "csv"))
        assert "parameters.lr" in {row["name"] for row in trials}
        sweeps = rows(expsdk("compare", "digits", "digits-2024", "-o", "csv"))
        assert {"settings.trials", "code.seed"} <= {row["name"] for row in sweeps}
        assert expsdk("compare", "digits").returncode == 2
        mixed = expsdk("compare", "digits", "digits-0001")
        assert "and trials with trials: digits is an experiment, digits-0001 is a trial" in mixed.stderr


class TestTerminal:
    def seen(self, sweeps: Path, environment: dict[str, str], *arguments: str, columns: int = 80, **more: str) -> str:
        """Return what the command prints on a terminal."""
        kept = {key: value for key, value in environment.items() if key != "COLUMNS"}
        child = pexpect.spawn(
            sys.executable,
            ["-m", "expsdk", *arguments],
            cwd=str(sweeps),
            env={**kept, "TERM": "xterm", **more},  # type: ignore[arg-type]
            encoding="utf-8",
            dimensions=(24, columns),
            timeout=60,
        )
        child.expect(pexpect.EOF)
        child.close()
        return str(child.before)

    def test_a_table_fits_and_says_what_it_leaves_out(self, sweeps: Path, environment: dict[str, str]) -> None:
        shown = self.seen(sweeps, environment, "results", "digits", columns=40, NO_COLOR="1")
        table = [line for line in shown.splitlines() if not line.startswith("expsdk: ")]
        assert all(len(line) <= 40 for line in table)
        assert "expsdk: no room for " in shown

    def test_colours_are_for_terminals_that_want_them(self, sweeps: Path, environment: dict[str, str]) -> None:
        assert "\x1b[" in self.seen(sweeps, environment, "list")
        assert "\x1b[" not in self.seen(sweeps, environment, "list", NO_COLOR="1")
        assert "\x1b[" not in self.seen(sweeps, environment, "list", TERM="dumb")

    def test_a_pipe_that_nobody_reads_is_no_error(self, sweeps: Path, environment: dict[str, str]) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [sys.executable, "-m", "expsdk", "results", "digits", "-o", "json"],
            cwd=sweeps,
            env=environment,
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
        os.close(writer)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("expsdk show dig", {"digits", "digits-2024"}),
        ("expsdk results hop", {"hopeless"}),
        ("expsdk logs digits-001", {"digits-0010", "digits-0011"}),
        ("expsdk list --output j", {"json"}),
        ("expsdk list --backend k", {"kubernetes"}),
        ("expsdk list --phase Int", {"Interrupted"}),
        ("expsdk com", {"compare"}),
    ],
)
def test_bash_completes(sweeps: Path, environment: dict[str, str], line: str, expected: set[str]) -> None:
    words = line.split()
    program = (
        'eval "$(_EXPSDK_COMPLETE=source_bash expsdk)"\n'
        f"COMP_WORDS=({line})\nCOMP_CWORD={len(words) - 1}\nCOMP_LINE={line!r}\nCOMP_POINT=${{#COMP_LINE}}\n"
        '_expsdk_completion expsdk\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        ["bash", "-c", program], cwd=sweeps, env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert set(done.stdout.split()) == expected, done.stderr
