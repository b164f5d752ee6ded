"""What people see while a sweep runs: lines where output is kept, a picture on a terminal."""

from __future__ import annotations

import io
import os
import re
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from expsdk.sweep.progress import LineProgress, LiveProgress, as_duration, ending_line, make_progress, running_line
from rich.console import Console
from simulation.documents import make_experiment, make_result
from simulation.memory import MemoryRecords

from expsdk.analysis.open import read_results
from expsdk.analysis.results import Results
from expsdk.resources.experiment import PrunerChoice
from expsdk.sweep.budget import Budget
from expsdk.sweep.limits import Limits
from expsdk.sweep.observer import Observer, Silence, Standing
from expsdk.sweep.record import with_progress
from expsdk_runtime.contract import Phase

ONCE = "interrupted: no more trials are launched and the running ones are asked to stop; Ctrl-C again kills them"
TWICE = "interrupted again: the running trials are killed"
TRACEBACK = """Traceback (most recent call last):
  File "train.py", line 7, in train
    raise ValueError(text)
ValueError: [red]the first line :smile:
  an indented one
the last line"""


def console(*, terminal: bool = False) -> Console:
    return Console(
        file=io.StringIO(), width=80, height=40, force_terminal=terminal, color_system=None, legacy_windows=False
    )


def written(console: Console) -> str:
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def lines(act: Callable[[LineProgress], object]) -> list[str]:
    """Return what is printed."""
    shown = console()
    act(LineProgress(shown))
    return written(shown).splitlines()


def picture(act: Callable[[LiveProgress], object], **given: Any) -> list[str]:
    """Return the lines of the picture."""
    progress = LiveProgress(console(terminal=True))
    progress.started(make_experiment(**given), location=".expsdk/train-mlp", notice="")
    progress.close()  # ends the thread that draws
    act(progress)
    shown = console(terminal=True)
    shown.print(progress._picture())
    return [line.rstrip() for line in written(shown).splitlines()]


def results(*documents: dict[str, Any], **given: Any) -> Results:
    experiment = make_experiment(**given)
    records = MemoryRecords()
    records.kept["train-mlp"] = [experiment]
    records.documents["train-mlp"] = dict(enumerate(documents))
    return read_results(records, "train-mlp")


class TestLines:
    def test_the_first_says_what_starts_and_where_it_is_kept(self) -> None:
        experiment = make_experiment(limits=Limits(trials=50, parallelism=4), sampler="tpe")
        assert lines(lambda it: it.started(experiment, location=".expsdk/train-mlp", notice="")) == [
            "expsdk: train-mlp: 50 trials, 4 at a time, sampler tpe, seed 7, kept in .expsdk/train-mlp"
        ]

    def test_one_trial_is_one_and_a_notice_has_its_own_line(self) -> None:
        experiment = make_experiment(limits=Limits(trials=1))
        assert lines(lambda it: it.started(experiment, location="here", notice="forking is not safe on darwin")) == [
            "expsdk: train-mlp: 1 trial, 1 at a time, sampler random, seed 7, kept in here",
            "expsdk: forking is not safe on darwin",
        ]

    def test_a_sweep_that_goes_on_counts_what_ended_before_but_for_what_is_run_again(self) -> None:
        found = Standing({Phase.SUCCEEDED: 3, Phase.FAILED: 1, Phase.CANCELLED: 2})
        experiment = with_progress(make_experiment(), found, active_s=0.0)

        def act(it: LineProgress) -> None:
            it.started(experiment, location="here", notice="")
            it.refresh(Standing({Phase.SUCCEEDED: 3, Phase.FAILED: 1, Phase.RUNNING: 2}))
            it.changed(make_result(4), alive=False)

        assert lines(act)[1:] == [
            "expsdk: until now: 3 succeeded, 1 failed, 2 cancelled",
            "expsdk: [5/10] train-mlp-0004  succeeded  x=0.5",
        ]

    def test_a_pruner_is_named(self) -> None:
        experiment = make_experiment()
        spec = experiment.spec.model_copy(update={"pruner": PrunerChoice(name="median")})
        experiment = experiment.model_copy(update={"spec": spec})
        (line,) = lines(lambda it: it.started(experiment, location="here", notice=""))
        assert "sampler random, pruner median, seed 7" in line

    def test_what_trials_wait_for_is_told_once_for_all_of_them(self) -> None:
        def act(it: LineProgress) -> None:
            for number, message in ((0, "no node"), (1, "no node"), (2, "no GPU"), (2, "no GPU")):
                waiting = make_result(number, Phase.PENDING, reason="Unschedulable", message=message)
                it.changed(waiting, alive=True)

        assert lines(act) == [
            "expsdk: train-mlp-0000  waits: Unschedulable: no node  x=0",
            "expsdk: train-mlp-0002  waits: Unschedulable: no GPU  x=0.25",
        ]

    def test_trouble_is_told_and_its_end(self) -> None:
        assert lines(lambda it: (it.troubled("the API server is away"), it.troubled(""))) == [
            "expsdk: the API server is away",
            "expsdk: the trials are heard again",
        ]

    def test_a_sweep_without_a_number_of_trials_says_what_ends_it(self) -> None:
        experiment = make_experiment(limits=Limits(timeout_s=60))
        (line,) = lines(lambda it: it.started(experiment, location="here", notice=""))
        assert "trials until the samples or the time run out, 1 at a time" in line

    def test_every_trial_has_a_line_when_it_ends(self) -> None:
        def act(it: LineProgress) -> None:
            it.started(make_experiment(limits=Limits(trials=2)), location="here", notice="")
            it.changed(make_result(0, Phase.RUNNING, loss=2.0), alive=True)
            it.changed(make_result(0, Phase.SUCCEEDED, loss=0.123456789), alive=True)
            it.changed(make_result(0, Phase.SUCCEEDED, loss=0.123456789), alive=False)
            it.changed(make_result(1, Phase.PRUNED, loss=float("nan"), size=1e9), alive=False)

        assert lines(act)[1:] == [
            "expsdk: [1/2] train-mlp-0000  succeeded  loss=0.123457  x=0",
            "expsdk: [2/2] train-mlp-0001  pruned  loss=nan size=1e+09  x=0.125",
        ]

    def test_without_a_number_of_trials_they_are_counted(self) -> None:
        def act(it: LineProgress) -> None:
            it.started(make_experiment(limits=Limits(timeout_s=60)), location="here", notice="")
            for number in range(1200):
                it.changed(make_result(number), alive=False)

        shown = lines(act)
        assert len(shown) == 1201
        assert shown[-1] == "expsdk: [1200] train-mlp-1199  succeeded  x=149.9"

    def test_a_long_line_stays_one_line(self) -> None:
        parameters = {f"parameter_{number}": "x" * 20 for number in range(9)}
        shown = lines(lambda it: it.changed(make_result(0, parameters=parameters), alive=False))
        assert len(shown) == 1
        assert len(shown[0]) > 120
        assert shown[0].endswith("…")

    def test_an_error_is_told_in_one_line_whatever_is_in_it(self) -> None:
        document = make_result(0, Phase.FAILED, reason="UserError", message=TRACEBACK, parameters={"[b]": "[/b]"})
        assert lines(lambda it: it.changed(document, alive=False)) == [
            "expsdk: [1] train-mlp-0000  failed  UserError: ValueError: [red]the first line :smile:  [b]=[/b]"
        ]

    def test_escape_sequences_and_line_breaks_are_not_passed_on(self) -> None:
        document = make_result(0, Phase.FAILED, reason="UserError", message="RuntimeError: \x1b[31mred\x07\x9b2J")
        document["status"]["objectives"] = {"loss\nlike\u2028this": 1.0}
        assert lines(lambda it: it.changed(document, alive=False)) == [
            "expsdk: [1] train-mlp-0000  failed  loss like this=1  UserError: RuntimeError:  [31mred  2J  x=0"
        ]

    def test_a_failure_without_a_message_is_told(self) -> None:
        document = make_result(0, Phase.FAILED, reason="Lost")
        assert lines(lambda it: it.changed(document, alive=False)) == ["expsdk: [1] train-mlp-0000  failed  Lost  x=0"]

    def test_a_crash_is_told_without_its_log(self) -> None:
        message = "the process ended with exit code 3; the end of its log:\nTraceback\n  File x\nKeyError: 'in the log'"
        assert ending_line(make_result(0, Phase.FAILED, reason="Crashed", message=message)) == (
            "train-mlp-0000  failed  Crashed: the process ended with exit code 3  x=0"
        )

    def test_ctrl_c_is_answered(self) -> None:
        assert lines(lambda it: [it.interrupted(times) for times in (1, 2, 3)]) == [
            f"expsdk: {ONCE}",
            f"expsdk: {TWICE}",
            f"expsdk: {TWICE}",
        ]

    def test_refreshing_and_closing_print_nothing(self) -> None:
        assert lines(lambda it: (it.refresh(Standing({Phase.RUNNING: 1})), it.close())) == []


class TestClosingLines:
    def closing(self, *documents: dict[str, Any], **given: Any) -> list[str]:
        given = {"phase": Phase.SUCCEEDED, **given}
        return lines(lambda it: it.finished(results(*documents, **given)))

    def test_they_count_the_trials_and_say_how_to_look_again(self) -> None:
        shown = self.closing(make_result(0), make_result(1), message="2 succeeded")
        assert shown == [
            "expsdk: train-mlp: 2 succeeded",
            'expsdk: look again: expsdk.results("train-mlp")',
        ]

    def test_they_name_the_first_failure_and_its_log(self) -> None:
        failure = make_result(1, Phase.FAILED, reason="UserError", message=TRACEBACK)
        shown = self.closing(make_result(0), failure, failure)
        assert shown[0] == "expsdk: train-mlp: 1 succeeded, 2 failed"
        assert shown[1] == (
            "expsdk: train-mlp-0001 failed: UserError: ValueError: [red]the first line :smile:;"
            " its log: /logs/train-mlp-0001.txt"
        )

    def test_a_failure_without_a_message_has_a_line_too(self) -> None:
        shown = self.closing(make_result(0, Phase.FAILED, reason="Lost"))
        assert shown[1] == "expsdk: train-mlp-0000 failed: Lost; its log: /logs/train-mlp-0000.txt"

    @pytest.mark.parametrize(
        ("phase", "message"),
        [
            (Phase.FAILED, "max_failures=0, and 1 trial has failed"),
            (Phase.CANCELLED, "interrupted: finished trials are kept"),
            (Phase.SUCCEEDED, "the time is over: timeout_s=60"),
        ],
    )
    def test_they_say_what_ended_the_sweep_early(self, phase: str, message: str) -> None:
        shown = self.closing(make_result(0), phase=phase, message=message)
        assert shown[0] == f"expsdk: train-mlp: 1 succeeded ({message})"

    def test_a_sweep_without_trials_says_so(self) -> None:
        assert self.closing(phase=Phase.CANCELLED, message="interrupted: finished trials are kept")[0] == (
            "expsdk: train-mlp: no trial (interrupted: finished trials are kept)"
        )


class TestPicture:
    def test_at_first_there_is_nothing_to_tell(self) -> None:
        bar, best = picture(lambda it: None)
        assert re.fullmatch(r" {24} 0/10  \d+ s", bar)
        assert best == "best: none yet"

    def test_it_has_a_bar_with_counts_the_best_trial_and_running_ones(self) -> None:
        def act(it: LiveProgress) -> None:
            it.changed(make_result(5, Phase.RUNNING, loss=0.5), alive=True)
            it.changed(make_result(6, Phase.PENDING), alive=True)
            it.changed(make_result(4), alive=False)
            it.refresh(Standing({Phase.RUNNING: 2, Phase.SUCCEEDED: 4, Phase.PRUNED: 1}, (3, 0.123456789)))

        bar, counts, best, *running = picture(act)
        assert re.fullmatch(r"━{12} {12} 5/10  \d+ s of about \d+ s", bar)
        assert counts == "2 running  4 succeeded  1 pruned"
        assert best == "best: loss=0.123457 in train-mlp-0003"
        assert running == ["  train-mlp-0005  epoch 0  loss=0.5  x=0.625", "  train-mlp-0006  x=0.75"]

    def test_the_rest_of_the_time_is_guessed_from_what_was_spent(self) -> None:
        def act(it: LiveProgress) -> None:
            it._began = time.monotonic() - 3600
            it.refresh(Standing({Phase.SUCCEEDED: 4}))

        assert picture(act)[0].endswith("4/10  1 h 0 min of about 2 h 30 min")

    def test_trials_that_ended_before_took_none_of_this_time(self) -> None:
        def act(it: LiveProgress) -> None:
            it._experiment = with_progress(make_experiment(), Standing({Phase.SUCCEEDED: 4}), active_s=0.0)
            it._began = time.monotonic() - 3600
            it.refresh(Standing({Phase.SUCCEEDED: 6}))

        assert picture(act)[0].endswith("6/10  1 h 0 min of about 3 h 0 min")

    def test_without_a_number_of_trials_nothing_is_guessed(self) -> None:
        bar = picture(lambda it: it.refresh(Standing({Phase.SUCCEEDED: 4})), limits=Limits(timeout_s=60))[0]
        assert re.fullmatch(r"━{24} 4  \d+ s", bar)

    def test_several_objectives_have_no_best_trial(self) -> None:
        shown = picture(lambda it: None, objectives={"loss": "minimize", "size": "maximize"})
        assert len(shown) == 1

    def test_a_few_of_many_running_trials_are_shown_each_on_one_line(self) -> None:
        def act(it: LiveProgress) -> None:
            for number in range(3000):
                it.changed(make_result(number, Phase.RUNNING, parameters={"[red]": "y" * 200}), alive=True)

        shown = picture(act)
        assert len(shown) == 2 + 8 + 1
        assert all(len(line) <= 80 for line in shown)
        assert shown[2].startswith("  train-mlp-0000  [red]=yyy")
        assert shown[2].endswith("y…")
        assert shown[-1] == "  and 2992 more"

    def test_thousands_of_trials_of_every_phase_fit_a_narrow_terminal(self) -> None:
        counts = dict.fromkeys(Phase.ALL, 12345)
        shown = picture(lambda it: it.refresh(Standing(counts)), limits=Limits(trials=100_000))
        assert all(len(line) <= 80 for line in shown)
        assert len(shown) == 4
        assert "49380/100000" in shown[0]
        counted = "12345 pending 12345 running 12345 succeeded 12345 failed 12345 pruned 12345 cancelled"
        assert " ".join(shown[1:3]).split() == counted.split()

    def test_the_last_failure_is_told_in_one_line(self) -> None:
        def act(it: LiveProgress) -> None:
            for number, message in ((1, "no"), (2, TRACEBACK)):
                it.changed(make_result(number, Phase.RUNNING), alive=True)
                it.changed(make_result(number, Phase.FAILED, reason="UserError", message=message), alive=False)

        assert picture(act)[2:] == ["last failure: train-mlp-0002  UserError: ValueError: [red]the first line :smile:"]

    def test_a_failure_that_is_not_over_yet_is_not_the_last(self) -> None:
        failure = make_result(1, Phase.FAILED, reason="UserError", message=TRACEBACK)
        assert picture(lambda it: it.changed(failure, alive=True))[2:] == ["  train-mlp-0001  x=0.125"]

    def test_what_is_used_up_of_a_budget_is_shown(self) -> None:
        limits = Limits(trials=10, budget=Budget("gpu", 8.0))
        shown = picture(lambda it: it.refresh(Standing({}, None, 1.23456)), limits=limits)
        assert shown[-1] == "used up: 1.23 of 8 gpu-hours"
        assert not any("used up" in line for line in picture(lambda it: it.refresh(Standing({}, None, 1.2))))

    def test_trouble_is_shown_until_it_is_over(self) -> None:
        assert picture(lambda it: it.troubled("the API server is away"))[-1] == "the API server is away"
        assert "away" not in picture(lambda it: (it.troubled("away"), it.troubled("")))[-1]

    def test_ctrl_c_is_answered_below(self) -> None:
        assert " ".join(picture(lambda it: it.interrupted(1))[2:]) == ONCE
        assert picture(lambda it: (it.interrupted(1), it.interrupted(2)))[2:] == [TWICE]

    def test_lines_before_and_after_the_picture_stay(self) -> None:
        shown = console(terminal=True)
        progress = LiveProgress(shown)
        progress.started(make_experiment(), location="[here]", notice=":warning: [red]")
        progress.close()
        progress.finished(results(make_result(0), phase=Phase.SUCCEEDED, message="1 succeeded"))
        text = written(shown)
        assert "expsdk: train-mlp: 10 trials, 1 at a time, sampler random, seed 7, kept in [here]\n" in text
        assert "expsdk: :warning: [red]\n" in text
        assert text.endswith('expsdk: train-mlp: 1 succeeded\nexpsdk: look again: expsdk.results("train-mlp")\n')

    def test_there_is_none_before_the_sweep_starts(self) -> None:
        shown = console(terminal=True)
        progress = LiveProgress(shown)
        shown.print(progress._picture())
        progress.close()
        assert written(shown).strip() == ""


class TestChoice:
    def test_output_that_is_no_terminal_gets_lines(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stderr", io.StringIO())
        for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
            monkeypatch.delenv(name, raising=False)
        assert isinstance(make_progress(), LineProgress)

    def test_a_terminal_gets_a_picture_but_for_ci_and_where_none_is_wanted(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.delenv("CI", raising=False)
        assert isinstance(make_progress(), LiveProgress)
        assert isinstance(make_progress(live=False), LineProgress)
        monkeypatch.setenv("CI", "true")
        assert isinstance(make_progress(), LineProgress)

    def test_a_sweep_goes_on_when_nobody_reads_its_lines_any_more(self, monkeypatch: pytest.MonkeyPatch) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        broken = os.fdopen(writer, "w", buffering=1)
        monkeypatch.setattr(sys, "stderr", broken)
        progress = make_progress(live=False)
        progress.interrupted(1)
        progress.interrupted(2)
        monkeypatch.undo()
        with pytest.raises(BrokenPipeError):  # what was printed waits still
            broken.close()

    def test_who_wants_nothing_is_shown_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        silence: Observer = Silence()
        silence.started(make_experiment(), location="here", notice="")
        silence.changed(make_result(0), alive=False)
        silence.refresh(Standing({}))
        silence.interrupted(1)
        silence.close()
        silence.finished(results())
        assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 0 min"),
        (7500, "2 h 5 min"),
        (360_000, "100 h 0 min"),
    ],
)
def test_durations_are_told_as_people_do(seconds: float, words: str) -> None:
    assert as_duration(seconds) == words


def test_a_trial_that_has_logged_nothing_has_a_short_line() -> None:
    document = make_result(0, Phase.PENDING)
    assert running_line(document) == "train-mlp-0000  x=0"
    document["spec"]["summary"] = ""
    assert running_line(document) == "train-mlp-0000"
