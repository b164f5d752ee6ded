"""What people see while a sweep runs where its output is kept: lines."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console
from simulation.documents import make_experiment, make_result
from simulation.memory import MemoryRecords

from expsdk.analysis.again import Again
from expsdk.analysis.open import read_results
from expsdk.analysis.results import Results
from expsdk.resources.experiment import Experiment, PrunerChoice
from expsdk.sweep.display.closing import closing_lines
from expsdk.sweep.display.lines import LineProgress, StandardError
from expsdk.sweep.display.words import as_duration, ending_line
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


class Told(LineProgress):
    """Begins as every sweep here does."""

    def begin(self, experiment: Experiment | None = None, *, location: str = "here", notice: str = "") -> None:
        experiment = experiment or make_experiment()
        self.started(experiment, location=location, notice=notice, again=Again("train-mlp"))


def lines(act: Callable[[Told], object]) -> list[str]:
    """Return what is printed."""
    shown = console()
    act(Told(shown))
    return written(shown).splitlines()


def results(*documents: dict[str, Any], **given: Any) -> Results:
    experiment = make_experiment(**given)
    records = MemoryRecords()
    records.kept["train-mlp"] = [experiment]
    records.documents["train-mlp"] = dict(enumerate(documents))
    return read_results(records, "train-mlp")


class TestLines:
    def test_the_first_says_what_starts_and_where_it_is_kept(self) -> None:
        experiment = make_experiment(limits=Limits(trials=50, parallelism=4), sampler="tpe")
        assert lines(lambda it: it.begin(experiment, location=".expsdk/train-mlp", notice="")) == [
            "expsdk: train-mlp: 50 trials, 4 at a time, sampler tpe, seed 7, kept in .expsdk/train-mlp"
        ]

    def test_one_trial_is_one_and_a_notice_has_its_own_line(self) -> None:
        experiment = make_experiment(limits=Limits(trials=1))
        assert lines(lambda it: it.begin(experiment, location="here", notice="forking is not safe on darwin")) == [
            "expsdk: train-mlp: 1 trial, 1 at a time, sampler random, seed 7, kept in here",
            "expsdk: forking is not safe on darwin",
        ]

    def test_a_sweep_that_goes_on_counts_what_ended_before_but_for_what_is_run_again(self) -> None:
        found = Standing({Phase.SUCCEEDED: 3, Phase.FAILED: 1, Phase.CANCELLED: 2})
        experiment = with_progress(make_experiment(), found, active_s=0.0)

        def act(it: Told) -> None:
            it.begin(experiment, location="here", notice="")
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
        (line,) = lines(lambda it: it.begin(experiment, location="here", notice=""))
        assert "sampler random, pruner median, seed 7" in line

    def test_what_trials_wait_for_is_told_once_for_all_of_them(self) -> None:
        def act(it: Told) -> None:
            for number, message in ((0, "no node"), (1, "no node"), (2, "no GPU"), (2, "no GPU")):
                waiting = make_result(number, Phase.PENDING, reason="Unschedulable", message=message)
                it.changed(waiting, alive=True)

        assert lines(act) == [
            "expsdk: train-mlp-0000  waits for a node: no node  x=0",
            "expsdk: train-mlp-0002  waits for a node: no GPU  x=0.25",
        ]

    def test_trouble_is_told_and_its_end(self) -> None:
        assert lines(lambda it: (it.troubled("the API server is away"), it.troubled(""))) == [
            "expsdk: the API server is away",
            "expsdk: the trials are heard again",
        ]

    def test_a_sweep_without_a_number_of_trials_says_what_ends_it(self) -> None:
        experiment = make_experiment(limits=Limits(timeout_s=60))
        (line,) = lines(lambda it: it.begin(experiment, location="here", notice=""))
        assert "trials until the samples or the time run out, 1 at a time" in line

    def test_every_trial_has_a_line_when_it_ends(self) -> None:
        def act(it: Told) -> None:
            it.begin(make_experiment(limits=Limits(trials=2)), location="here", notice="")
            it.changed(make_result(0, Phase.RUNNING, loss=2.0), alive=True)
            it.changed(make_result(0, Phase.SUCCEEDED, loss=0.123456789), alive=True)
            it.changed(make_result(0, Phase.SUCCEEDED, loss=0.123456789), alive=False)
            it.changed(make_result(1, Phase.PRUNED, loss=float("nan"), size=1e9), alive=False)

        assert lines(act)[1:] == [
            "expsdk: [1/2] train-mlp-0000  succeeded  loss=0.123457  x=0  the best so far",
            "expsdk: [2/2] train-mlp-0001  pruned  loss=nan size=1e+09  x=0.125",
        ]

    def test_without_a_number_of_trials_they_are_counted(self) -> None:
        def act(it: Told) -> None:
            it.begin(make_experiment(limits=Limits(timeout_s=60)), location="here", notice="")
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
        begin = make_experiment()
        return lines(lambda it: (it.begin(begin), it.finished(results(*documents, **given))))[1:]

    def test_they_count_the_trials_and_say_how_to_look_again(self) -> None:
        shown = self.closing(make_result(0), make_result(1), message="2 succeeded")
        assert shown == [
            "expsdk: train-mlp: 2 succeeded",
            "expsdk: kept in memory/train-mlp",
            'expsdk: look again: expsdk show train-mlp, or expsdk.results("train-mlp")',
        ]

    def test_they_name_the_best_with_all_its_parameters(self) -> None:
        parameters = {f"parameter_{number}": "x" * 20 for number in range(9)}
        shown = self.closing(make_result(0, loss=2.0), make_result(1, loss=0.123456789, parameters=parameters))
        sample = " ".join(f"{name}={value}" for name, value in parameters.items())
        assert shown[1] == f"expsdk: best: train-mlp-0001  loss=0.123457  {sample}"

    def test_with_several_objectives_they_name_those_that_no_other_beats(self) -> None:
        documents = [
            make_result(0, loss=2.0, size=1.0),
            make_result(1, loss=1.0, size=2.0),
            make_result(2, loss=3.0, size=3.0),
        ]
        shown = self.closing(*documents, objectives={"loss": "minimize", "size": "minimize"})
        assert shown[1] == "expsdk: best: 2 trials that no other beats: train-mlp-0000 train-mlp-0001"

    def test_a_sweep_that_goes_on_elsewhere_can_be_looked_on_again(self) -> None:
        again = Again("train-mlp", {"backend": "kubernetes", "namespace": "ml"})
        shown = [line for line, _ in closing_lines(results(make_result(0, Phase.RUNNING), phase=Phase.RUNNING), again)]
        flags, options = "--backend kubernetes --namespace ml", 'backend="kubernetes", namespace="ml"'
        watched = f'expsdk watch train-mlp {flags}, or expsdk.attach("train-mlp", {options}).watch()'
        assert shown[-2:] == [
            f"it goes on; look on again: {watched}",
            f'look again: expsdk show train-mlp {flags}, or expsdk.results("train-mlp", {options})',
        ]

    def test_the_failures_are_told_by_reason(self) -> None:
        kinds = [("UserError", "ValueError: 1"), ("UserError", "ValueError: 2"), ("Timeout", "too long"), ("Lost", "")]
        kinds += [("OutOfMemory", "no room"), ("Crashed", "gone"), ("Evicted", "away")]
        shown = self.closing(
            *(make_result(n, Phase.FAILED, reason=reason, message=message) for n, (reason, message) in enumerate(kinds))
        )
        assert [line.partition(";")[0] for line in shown[1:6]] == [
            "expsdk: 2 failed: UserError: ValueError: 2",
            "expsdk: 1 failed: Timeout: too long",
            "expsdk: 1 failed: Lost",
            "expsdk: 1 failed: OutOfMemory: no room",
            "expsdk: 2 failed for other reasons",
        ]

    def test_they_name_a_failure_and_its_log(self) -> None:
        failure = make_result(1, Phase.FAILED, reason="UserError", message=TRACEBACK)
        other = make_result(0, Phase.FAILED, reason="UserError", message="ValueError: no")
        shown = self.closing(other, failure, make_result(2))
        assert shown[0] == "expsdk: train-mlp: 1 succeeded, 2 failed"
        assert shown[1] == (
            "expsdk: 2 failed: UserError: ValueError: [red]the first line :smile:;"
            " log of train-mlp-0001: /logs/train-mlp-0001.txt"
        )

    def test_a_failure_without_a_message_has_a_line_too(self) -> None:
        shown = self.closing(make_result(0, Phase.FAILED, reason="Lost"))
        assert shown[1] == "expsdk: 1 failed: Lost; log of train-mlp-0000: /logs/train-mlp-0000.txt"

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


class TestOutput:
    def test_a_sweep_goes_on_when_nobody_reads_its_lines_any_more(self, monkeypatch: pytest.MonkeyPatch) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        broken = os.fdopen(writer, "w", buffering=1)
        monkeypatch.setattr(sys, "stderr", broken)
        progress = LineProgress(StandardError())
        progress.interrupted(1)
        progress.interrupted(2)
        monkeypatch.undo()
        with pytest.raises(BrokenPipeError):  # what was printed waits still
            broken.close()

    def test_who_wants_nothing_is_shown_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        silence: Observer = Silence()
        silence.started(make_experiment(), location="here", notice="", again=Again("train-mlp"))
        silence.found(make_result(0))
        silence.launched(make_result(0, Phase.PENDING))
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
        (300_000, "83 h 20 min"),
        (360_000, "4 d 4 h"),
    ],
)
def test_durations_are_told_as_people_do(seconds: float, words: str) -> None:
    assert as_duration(seconds) == words
