"""The picture of a sweep: what a person reads in it, at every size, whatever trials are called and say."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, Group
from simulation.documents import make_experiment, make_result

from expsdk.resources.experiment import Experiment
from expsdk.sweep.budget import Budget
from expsdk.sweep.display.board import Board
from expsdk.sweep.display.glyphs import ASCII, UNICODE, Glyphs
from expsdk.sweep.display.picture import draw
from expsdk.sweep.limits import Limits
from expsdk.sweep.observer import Standing
from expsdk.sweep.record import with_progress
from expsdk_runtime.contract import Phase

SIZES = [(80, 24), (200, 50), (120, 30), (60, 15), (40, 10), (30, 8), (20, 5), (10, 3), (5, 2), (1, 1)]
TRACEBACK = 'Traceback (most recent call last):\n  File "train.py", line 7, in train\nValueError: no such width'
NASTY = "\x1b[2J\x1b[31m宽字符\u202e\r\n\t" + "x" * 200

Act = Callable[[Board], object]


def board(
    act: Act = lambda it: None, *, experiment: Experiment | None = None, looking_on: bool = False, **given: Any
) -> Board:
    made = Board(experiment or make_experiment(**given), location=".expsdk/train-mlp", looking_on=looking_on, at=0.0)
    act(made)
    return made


def shown(
    it: Board, *, width: int = 80, height: int = 24, at: float = 60.0, glyphs: Glyphs = UNICODE, colours: bool = False
) -> list[str]:
    """Return the lines that a console records."""
    lines = draw(it.view(at=at, rows=3 * height), width=width, height=height, glyphs=glyphs)
    console = Console(
        file=io.StringIO(), record=True, width=width, height=height, force_terminal=True, color_system="standard"
    )
    console.print(Group(*lines))
    return [line.rstrip() for line in console.export_text(styles=colours).splitlines()]


def running(number: int, *values: float, **given: Any) -> dict[str, Any]:
    """Return a trial that has logged so many values."""
    document = make_result(number, Phase.RUNNING, **given)
    if values:
        epochs = list(range(len(values)))
        document["status"]["history"] = {"loss": {"stride": 1, "points": [epochs, list(values)]}}
        document["status"].update(objectives={"loss": values[-1]}, epoch=len(values) - 1)
    return document


def busy(it: Board, trials: int = 60) -> None:
    """Tell of a sweep in which everything happens."""
    for number in range(trials):
        if number % 5 == 0:
            it.changed(running(number, 3.0, 2.0, 1.0 + number / 100), alive=True)
        elif number % 5 == 1:
            reason, message = ("Unschedulable", "0/3 nodes are available") if number % 2 else ("ImagePullError", "no")
            it.changed(make_result(number, Phase.PENDING, reason=reason, message=message), alive=True)
        elif number % 5 == 2:
            it.changed(make_result(number, Phase.FAILED, reason="UserError", message=TRACEBACK), alive=False)
        else:
            it.changed(make_result(number, loss=1.0 + number), alive=False)
    it.refresh(Standing({Phase.SUCCEEDED: 2 * trials // 5, Phase.FAILED: trials // 5}), at=30.0)


class TestWhatIsRead:
    def test_at_first_there_is_nothing_to_tell(self) -> None:
        name, bar, counts, *_, hint = shown(board())
        assert name == "train-mlp  1 at a time, sampler random, seed 7  kept in .expsdk/train-mlp"
        assert bar.endswith("0/10 0% · 1 min 0 s spent")
        assert counts == "10 to come"
        assert hint == "Ctrl-C: launch no more, ask what runs to stop, keep results; twice: kill it"

    def test_times_and_rate_are_those_of_this_time(self) -> None:
        experiment = with_progress(make_experiment(), Standing({Phase.SUCCEEDED: 4}), active_s=600.0)
        it = board(lambda it: it.refresh(Standing({Phase.SUCCEEDED: 6}), at=50.0), experiment=experiment)
        assert shown(it)[1].endswith("6/10 60% · about 2 min 0 s left · 11 min 0 s spent · 2 trials/min")

    def test_what_is_left_is_guessed_from_before_where_nothing_has_ended_yet(self) -> None:
        experiment = with_progress(make_experiment(), Standing({Phase.SUCCEEDED: 4}), active_s=240.0)
        assert "about 6 min 0 s left" in shown(board(experiment=experiment))[1]

    def test_the_best_is_told_with_its_parameters_and_its_curve(self) -> None:
        best = make_result(7, loss=0.25, parameters={"lr": 0.02797, "opt": "adam"})
        best["status"]["history"]["loss"]["points"] = [[0, 1, 2, 3], [4.0, 3.0, 2.0, 1.0]]

        def act(it: Board) -> None:
            for document in (make_result(1, loss=0.5), best, make_result(8, loss=0.75), make_result(9, loss=math.nan)):
                it.changed(document, alive=False)

        lines = shown(board(act))
        header = lines.index(next(line for line in lines if line.startswith("best")))
        assert lines[header].split() == ["best", "epoch", "loss", "↓", "curve", "lr", "opt", "x"]
        assert lines[header + 1].split() == ["0007", "0", "0.25", "█▆▃▁", "0.02797", "adam"]
        assert lines[header + 2].split()[0] == "0001"

    def test_what_is_to_be_maximised_is_best_when_it_is_large(self) -> None:
        def act(it: Board) -> None:
            for number in (1, 3, 2):
                it.changed(make_result(number, accuracy=number / 10), alive=False)

        lines = shown(board(act, objectives={"accuracy": "maximize"}))
        place = next(index for index, line in enumerate(lines) if line.startswith("best"))
        assert "accuracy ↑" in lines[place]
        assert [line.split()[0] for line in lines[place + 1 : place + 4]] == ["0003", "0002", "0001"]

    def test_of_several_objectives_the_best_by_each_is_told(self) -> None:
        def act(it: Board) -> None:
            for number, (loss, size) in enumerate(((2.0, 1.0), (1.0, 2.0), (3.0, 3.0))):
                it.changed(make_result(number, loss=loss, size=size), alive=False)

        lines = shown(board(act, objectives={"loss": "minimize", "size": "minimize"}))
        place = next(index for index, line in enumerate(lines) if line.startswith("best"))
        assert "loss ↓" in lines[place]
        assert "size ↓" in lines[place]
        assert [line.split()[:4] for line in lines[place + 1 : place + 3]] == [
            ["0001", "0", "1", "2"],
            ["0000", "0", "2", "1"],
        ]

    def test_who_violates_constraints_is_not_the_best_also_where_that_is_told_later(self) -> None:
        good, bad = make_result(1, loss=0.5), make_result(2, loss=0.1)
        it = board(lambda it: [it.changed(document, alive=False) for document in (good, bad)])
        assert it.view(at=1.0, rows=5).best[0].number == 2
        bad["spec"]["constraints"] = [0.5]
        it.found(bad)
        assert [row.number for row in it.view(at=1.0, rows=5).best] == [1]

    def test_many_parameters_of_the_best_are_told_below_it(self) -> None:
        parameters = {f"parameter_{number}": number / 7 for number in range(40)}
        it = board(lambda it: it.changed(make_result(7, loss=0.25, parameters=parameters), alive=False))
        lines = shown(it)
        place = next(index for index, line in enumerate(lines) if line.startswith("0007"))
        assert lines[place + 1].split()[:2] == ["parameter_0=0", "parameter_1=0.1429"]
        assert lines[place + 3].endswith("more")

    def test_running_trials_have_epoch_value_and_curve(self) -> None:
        it = board(lambda it: it.changed(running(5, 4.0, 2.0, 0.5), alive=True))
        lines = shown(it)
        place = next(index for index, line in enumerate(lines) if line.startswith("running"))
        assert lines[place + 1].split() == ["0005", "2", "0.5", "█▄▁", "0.625"]

    def test_of_what_many_wait_for_is_told_once(self) -> None:
        def act(it: Board) -> None:
            for number in range(12):
                message = f'pods "train-mlp-{number:04d}-x7k2p" is forbidden: exceeded quota'
                it.changed(make_result(number, Phase.PENDING, reason="QuotaExceeded", message=message), alive=True)
            it.changed(make_result(12, Phase.PENDING), alive=True)
            it.changed(make_result(13, Phase.FAILED, reason="Preempted", message="the node went"), alive=True)

        text = "\n".join(shown(board(act, limits=Limits(trials=20, parallelism=14))))
        assert '12       quota: pods "…" is forbidden: exceeded quota  0000 0001' in text
        assert "1        to start  0012" in text
        assert "1        another attempt: Preempted: the node went  0013" in text
        assert "6        their turn: 14 at a time" in text

    def test_failures_are_told_by_kind_with_the_line_of_the_traceback_that_tells_most(self) -> None:
        def act(it: Board) -> None:
            for number in range(3):
                it.changed(make_result(number, Phase.FAILED, reason="UserError", message=TRACEBACK), alive=False)
            it.changed(make_result(3, Phase.FAILED, reason="OutOfMemory", message="took 2 GiB"), alive=False)
            it.changed(make_result(4, Phase.FAILED, reason="UserError", message="KeyError: 4"), alive=True)

        text = "\n".join(shown(board(act)))
        assert "3        UserError: ValueError: no such width  0002" in text
        assert "1        OutOfMemory: took 2 GiB  0003" in text
        assert "KeyError" not in text  # it may be tried again

    def test_thousands_of_different_failures_are_counted_by_reason(self) -> None:
        def act(it: Board) -> None:
            for number in range(5000):
                document = make_result(number, Phase.FAILED, reason="UserError", message=f"Error{number}: no")
                it.changed(document, alive=False)

        failures = board(act).view(at=1.0, rows=100).failures
        assert sum(group.count for group in failures) == 5000
        assert len(failures) <= 13

    def test_limits_alarm_and_what_ctrl_c_did_are_told(self) -> None:
        def act(it: Board) -> None:
            it.refresh(Standing({}, None, 1.23456), at=1.0)
            it.troubled("the API server is away")
            it.interrupted(1)

        limits = Limits(trials=10, budget=Budget("gpu", 8.0), timeout_s=600, target=0.125)
        lines = shown(board(act, limits=limits))
        assert "used up: 1.23 of 8 gpu-hours, ends in 9 min 0 s at the latest, target 0.125" in lines
        text = " ".join(lines)
        assert "the API server is away interrupted: no more trials are launched and the running ones" in text
        assert "Ctrl-C again kills them" in text

    def test_who_looks_on_is_told_what_ctrl_c_does_there(self) -> None:
        assert shown(board(looking_on=True))[-1] == "Ctrl-C: look on no more; the sweep goes on"

    def test_phases_are_told_apart_by_colour_too(self) -> None:
        text = "\n".join(shown(board(busy, limits=Limits(trials=100)), colours=True))
        assert "\x1b[32m24 succeeded" in text
        assert "\x1b[31m12 failed" in text

    def test_a_wide_terminal_shows_more(self) -> None:
        it = board(busy, limits=Limits(trials=100, parallelism=24))
        narrow, wide = shown(it), shown(it, width=200, height=50)
        assert len(wide) > len(narrow)
        assert any(line.split()[:2] == ["0059", "succeeded"] for line in wide)
        assert not any("succeeded" in line.split()[1:2] and line[:4].isdigit() for line in narrow)

    def test_hundreds_of_running_trials_stand_side_by_side_on_a_wide_terminal(self) -> None:
        it = board(lambda it: [it.changed(running(n, 2.0, 1.0), alive=True) for n in range(300)])
        wide = shown(it, width=200, height=50)
        assert any(("0000" in line and "0040" in line) or line.count("█▁") > 1 for line in wide)
        assert any(line.endswith("more") for line in wide)

    def test_ascii_has_only_ascii(self) -> None:
        text = "\n".join(shown(board(busy, limits=Limits(trials=100)), glyphs=ASCII))
        assert text.isascii()
        assert "loss min" in text


class TestSizes:
    @pytest.mark.parametrize(("width", "height"), SIZES)
    @pytest.mark.parametrize("trials", [0, 60, 3000])
    def test_every_picture_fits(self, width: int, height: int, trials: int) -> None:
        it = board(lambda it: busy(it, trials), limits=Limits(trials=5000, parallelism=900))
        lines = draw(it.view(at=60.0, rows=3 * height), width=width, height=height, glyphs=UNICODE)
        assert 1 <= len(lines) <= height
        assert all(line.cell_len <= width for line in lines)
        if width >= 20:
            assert f"{36 * trials // 60}/5000" in "\n".join(line.plain for line in lines)

    @pytest.mark.parametrize(("width", "height"), SIZES)
    def test_whatever_trials_are_called_and_say(self, width: int, height: int) -> None:
        def act(it: Board) -> None:
            for number in range(9):
                parameters = {NASTY: NASTY, "宽" * 30: ["字"] * 30, "z": None}
                it.changed(running(number, 1e308, -1e308, math.inf, parameters=parameters), alive=True)
                it.changed(make_result(9 + number, Phase.PENDING, reason=NASTY, message=NASTY), alive=True)
                document = make_result(20 + number, Phase.FAILED, reason=NASTY, message=NASTY, parameters=parameters)
                it.changed(document, alive=False)
            it.troubled(NASTY)
            it.interrupted(2)

        it = board(act, objectives={"loss": "maximize", NASTY: "minimize"})
        lines = draw(it.view(at=60.0, rows=3 * height), width=width, height=height, glyphs=UNICODE)
        assert len(lines) <= height
        for line in lines:
            assert line.cell_len <= width
            assert line.plain.isprintable()

    @given(width=st.integers(1, 250), height=st.integers(1, 70), trials=st.integers(0, 90))
    def test_of_any_size_it_fits(self, width: int, height: int, trials: int) -> None:
        it = board(lambda it: busy(it, trials), limits=Limits(trials=100))
        lines = draw(it.view(at=60.0, rows=3 * height), width=width, height=height, glyphs=UNICODE)
        assert len(lines) <= height
        assert all(cell_len(line.plain) <= width for line in lines)
