"""The display of a sweep of 5,000 trials, 500 at a time: what an event costs, what a picture costs, what is kept."""

from __future__ import annotations

import io
import sys
import time
import tracemalloc
from pathlib import Path

from report import Figure, report
from rich.console import Console

from expsdk.sweep.display.board import Board
from expsdk.sweep.display.glyphs import UNICODE
from expsdk.sweep.display.picture import draw
from expsdk.sweep.limits import Limits
from expsdk.sweep.observer import Standing
from expsdk_runtime.contract import Phase

TRIALS = 5_000
FEW_TRIALS = 1_000
RUNNING = 500
ROUNDS = 5
PICTURES = 20
BUDGET_EVENT_US = 50.0
BUDGET_RATIO = 1.5
BUDGET_PICTURE_MS = 40.0
BUDGET_BYTES = 256.0


def main() -> int:
    few, many = (min(event_us(trials) for _ in range(ROUNDS)) for trials in (FEW_TRIALS, TRIALS))
    narrow, wide = (picture_ms(width, height) for width, height in ((80, 24), (200, 50)))
    return report(
        f"display ({RUNNING} trials at a time)",
        [
            Figure(f"an event, {FEW_TRIALS} trials", few, "us", BUDGET_EVENT_US),
            Figure(f"an event, {TRIALS} trials", many, "us", BUDGET_EVENT_US),
            Figure(f"an event, {TRIALS} trials over {FEW_TRIALS}", many / few, "x", BUDGET_RATIO),
            Figure(f"a picture at 80x24, {TRIALS} trials", narrow, "ms", BUDGET_PICTURE_MS),
            Figure(f"a picture at 200x50, {TRIALS} trials", wide, "ms", BUDGET_PICTURE_MS),
            Figure("memory that a finished trial leaves behind", left_behind_bytes(), "B", BUDGET_BYTES),
        ],
    )


def play(trials: int, *, keep_running: bool = False) -> tuple[Board, int]:
    """Return a board that was told of a sweep: each trial waits, runs for three epochs and ends; and how often."""
    from simulation.documents import make_experiment, make_result

    board = Board(make_experiment(limits=Limits(trials=trials)), location="here", looking_on=False, at=0.0)
    events = 0
    for number in range(trials):
        board.changed(make_result(number, Phase.PENDING), alive=True)
        for epoch in range(3):
            board.changed(make_result(number, Phase.RUNNING, loss=float(number % 97 + epoch)), alive=True)
        ended = number - RUNNING
        if ended >= 0:
            phase = Phase.FAILED if ended % 10 == 0 else Phase.SUCCEEDED
            document = make_result(ended, phase, message=f"Error{ended}: no", loss=float(ended * 37 % 1009))
            board.changed(document, alive=False)
        board.refresh(Standing({Phase.SUCCEEDED: max(0, ended)}), at=float(number))
        events += 6
    return board, events


def event_us(trials: int) -> float:
    """Return the microseconds of an event, with those that its document takes to be made."""
    began = time.thread_time()
    _, events = play(trials)
    return (time.thread_time() - began) / events * 1e6


def picture_ms(width: int, height: int) -> float:
    """Return the milliseconds from what is known to the text that is written."""
    board, _ = play(TRIALS)
    console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=width)
    took = []
    for turn in range(PICTURES):
        began = time.thread_time()
        view = board.view(at=TRIALS + turn, rows=height * max(1, width // 50))
        lines = draw(view, width=width - 1, height=height - 1, glyphs=UNICODE)
        with console.capture():
            for line in lines:
                console.print(line, soft_wrap=True)
        took.append(time.thread_time() - began)
    return min(took) * 1e3


def left_behind_bytes() -> float:
    tracemalloc.start()
    try:
        sizes = []
        for trials in (FEW_TRIALS, TRIALS):
            before = tracemalloc.get_traced_memory()[0]
            board, _ = play(trials)
            sizes.append(tracemalloc.get_traced_memory()[0] - before)
            del board
    finally:
        tracemalloc.stop()
    return (sizes[1] - sizes[0]) / (TRIALS - FEW_TRIALS)


if __name__ == "__main__":
    sys.path.insert(1, str(Path(__file__).parents[1]))
    sys.exit(main())
