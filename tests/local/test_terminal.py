"""What a person sees of a real sweep on a real terminal, by a terminal emulator at its other end."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pexpect
import pyte
import pytest

TRAIN = """
    import sys
    import threading
    import time
    from pathlib import Path

    from expsdk import experiment, log_metric

    @experiment(space={"x": list(range(12)), "name": ["字" * 60]}, objective="loss")
    def train(x, name):
        print("\\x1b[2J a trial prints")
        if x == 1:
            raise ValueError("one is no width \\x1b[31m")
        for epoch in range(5):
            log_metric("loss", x + 1 / (epoch + 1), epoch=epoch)
        while x > 5 and not Path("go").exists():
            time.sleep(0.02)
            log_metric("loss", x + 0.1, epoch=6)

    def chat():
        number = 0
        while not Path("go").exists():
            print("line", number)
            number += 1
            time.sleep(0.1)

    if __name__ == "__main__":
        if "chatty" in sys.argv:
            threading.Thread(target=chat, daemon=True).start()
        backend = "debug" if "debug" in sys.argv else "local"
        results = train.sweep(trials=12, sampler="grid", parallelism=2, name="seen").run(backend)
        print("returned", results.counts)
"""
# The emulator cuts lines when it is made narrower, as xterm does.
CUTS = {"XTERM_VERSION": "XTerm(390)", "TERM": "xterm", "COLUMNS": ""}
COUNTS = "{'Succeeded': 11, 'Failed': 1}"


class Seen:
    """A program's terminal, as a person sees it."""

    def __init__(self, child: Any, width: int, height: int) -> None:
        self.child = child
        self.pictures = 0
        self._screen = pyte.HistoryScreen(width, height, history=10_000)
        self._emulator = pyte.Stream(self._screen)

    def lines(self) -> list[str]:
        with suppress(pexpect.TIMEOUT, pexpect.EOF):
            while True:
                written = self.child.read_nonblocking(65536, timeout=0)
                self.pictures += written.count("\x1b[?2026l")
                self._emulator.feed(written)
        return [line.rstrip() for line in self._screen.display]

    def text(self) -> str:
        return "\n".join(self.lines())

    def all(self) -> list[str]:
        """Return what is seen, after what has gone off the top."""
        lines = self.lines()
        columns = range(self._screen.columns)
        gone = ["".join(row[column].data for column in columns).rstrip() for row in self._screen.history.top]
        return [*gone, *filter(None, lines)]

    def resize(self, width: int, height: int) -> None:
        self.lines()
        self._screen.resize(height, width)
        self.child.setwinsize(height, width)


@pytest.fixture
def begin(workshop: Any, terminal: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Seen]:
    """Return a function that starts the sweep on a terminal of some size."""
    for name in ("NO_COLOR", "CI"):
        monkeypatch.delenv(name, raising=False)

    def begin(*arguments: str, width: int = 80, height: int = 24, **environment: str) -> Seen:
        workshop.write("train.py", TRAIN)
        child = terminal("train.py", *arguments, dimensions=(height, width), **{**CUTS, **environment})
        return Seen(child, width, height)

    return begin


def has_returned(seen: Seen) -> bool:
    return "}" in seen.text().partition("returned {")[2]


def end(seen: Seen, workshop: Any, wait_until: Callable[..., Any]) -> str:
    """Let the sweep come to its end and return what is seen then."""
    (workshop.directory / "go").touch()
    wait_until(lambda: has_returned(seen))
    return seen.text()


def is_waiting(seen: Seen) -> bool:
    """Whether half of the trials have ended and two run."""
    text = seen.text()
    return "6/12 50%" in text and "2 running" in text


def test_the_picture_has_all_that_a_person_asks(workshop: Any, begin: Any, wait_until: Callable[..., Any]) -> None:
    seen = begin()
    wait_until(lambda: is_waiting(seen) and re.search(r"^0006 +6 ", seen.text(), re.MULTILINE))
    lines = seen.lines()
    text = "\n".join(lines)
    assert "2 running  5 succeeded  1 failed  4 to come" in text
    assert text.count("best ") == text.count("running  epoch") == text.count("waiting  for") == 1
    assert "1        UserError: ValueError: one is no width  [31m  0001" in text
    assert "4        their turn: 2 at a time" in text
    best = next(line for line in lines if line.startswith("0000"))
    assert best.split()[:4] == ["0000", "4", "0.2", "█▃▂▁▁"]
    assert "a trial prints" not in text
    text = end(seen, workshop, wait_until)
    assert "expsdk: seen: 11 succeeded, 1 failed" in text
    assert 'expsdk: look again: expsdk show seen, or expsdk.results("seen")' in text
    assert "epoch" not in text  # the picture is gone
    assert f"returned {COUNTS}" in text


@pytest.mark.parametrize(("width", "height"), [(200, 50), (40, 12), (20, 4)])
def test_it_fits_every_terminal(
    workshop: Any, begin: Any, wait_until: Callable[..., Any], width: int, height: int
) -> None:
    seen = begin(width=width, height=height)
    wait_until(lambda: "6/12" in seen.text())
    assert seen.text().count("6/12") == 1
    text = end(seen, workshop, wait_until)
    assert "6/12" not in text


def test_another_size_leaves_one_picture(workshop: Any, begin: Any, wait_until: Callable[..., Any]) -> None:
    seen = begin()
    wait_until(lambda: is_waiting(seen))
    for width, height in ((60, 24), (120, 30), (50, 20), (80, 24)):
        seen.resize(width, height)
        drawn = seen.pictures
        wait_until(lambda drawn=drawn: seen.text().count("6/12") == 1 and seen.pictures > drawn + 1)
        assert all(len(line) <= width for line in seen.lines())
    end(seen, workshop, wait_until)


def test_what_the_script_prints_meanwhile_goes_above(workshop: Any, begin: Any, wait_until: Callable[..., Any]) -> None:
    seen = begin("chatty")
    wait_until(lambda: "line 12" in "\n".join(seen.all()))
    wait_until(lambda: seen.text().count("6/12") == 1)
    end(seen, workshop, wait_until)
    printed = [line for line in seen.all() if line.startswith("line ")]
    assert printed == [f"line {number}" for number in range(len(printed))]
    assert not any("6/12" in line for line in seen.all())


@pytest.mark.parametrize(
    "environment", [{"NO_COLOR": "1"}, {"CI": "true"}, {"TERM": "dumb"}, {"EXPSDK_PROGRESS": "plain"}]
)
def test_where_no_picture_is_wanted_there_are_lines(
    workshop: Any, begin: Any, wait_until: Callable[..., Any], environment: dict[str, str]
) -> None:
    (workshop.directory / "go").touch()
    seen = begin(width=200, height=50, **environment)
    wait_until(lambda: has_returned(seen))
    lines = [line for line in seen.lines() if line]
    assert lines[0].startswith("expsdk: seen: 12 trials, 2 at a time, sampler grid, seed ")
    assert sum(line.startswith("expsdk: [") for line in lines) == 12
    assert "the best so far" in seen.text()


def test_quiet_is_quiet(workshop: Any, begin: Any, wait_until: Callable[..., Any]) -> None:
    (workshop.directory / "go").touch()
    seen = begin(EXPSDK_PROGRESS="quiet")
    wait_until(lambda: has_returned(seen))
    assert [line for line in seen.lines() if line] == [f"returned {COUNTS}"]


def test_a_display_that_there_is_not_is_refused(begin: Any, wait_until: Callable[..., Any]) -> None:
    seen = begin(width=200, EXPSDK_PROGRESS="loud")
    wait_until(lambda: "not 'loud'" in seen.text())
    assert "EXPSDK_PROGRESS is one of live, plain, quiet, not 'loud'; write one of them" in seen.text()


def test_trials_of_this_very_process_print_between_lines(
    workshop: Any, begin: Any, wait_until: Callable[..., Any]
) -> None:
    (workshop.directory / "go").touch()
    seen = begin("debug", width=200, height=50, EXPSDK_PROGRESS="live")
    wait_until(lambda: has_returned(seen))
    assert "expsdk: [12/12] seen-0011  succeeded" in seen.text()
    assert seen.pictures == 0


def test_ctrl_c_says_what_it_does(workshop: Any, begin: Any, wait_until: Callable[..., Any]) -> None:
    seen = begin()
    wait_until(lambda: is_waiting(seen))
    assert "Ctrl-C: launch no more, ask what runs to stop, keep results; twice: kill it" in seen.text()
    seen.child.sendintr()
    wait_until(lambda: has_returned(seen))
    text = seen.text().replace("\n", "")  # the terminal has broken long lines
    assert "(interrupted: finished trials are kept)" in text
    assert "expsdk: go on: expsdk resume seen, or" in text
    assert "^C" not in text


def test_who_looks_on_sees_the_same(workshop: Any, begin: Any, terminal: Any, wait_until: Callable[..., Any]) -> None:
    driver = begin()
    wait_until(lambda: is_waiting(driver))
    watch = "import expsdk; print('left', len(expsdk.attach('seen').watch()))"
    onlooker = Seen(terminal("-c", watch, dimensions=(24, 80), **CUTS), 80, 24)
    wait_until(lambda: is_waiting(onlooker))
    text = onlooker.text()
    assert "1        UserError: ValueError: one is no width  [31m  0001" in text  # though it had ended before
    assert any(line.startswith("0000") and "█" in line for line in onlooker.lines())
    assert "Ctrl-C: look on no more; the sweep goes on" in text
    onlooker.child.sendintr()
    wait_until(lambda: "left 8" in onlooker.text())
    assert "it goes on; look on again: expsdk watch seen, or" in onlooker.text()
    end(driver, workshop, wait_until)


def test_output_that_goes_to_a_file_goes_there(workshop: Any, begin: Any, terminal: Any) -> None:
    (workshop.directory / "go").touch()
    workshop.write("train.py", TRAIN)
    divert = "import runpy, sys; sys.stdout = open('out', 'w'); runpy.run_path('train.py', run_name='__main__')"
    child = terminal("-c", divert, dimensions=(24, 80), **CUTS)
    child.expect("look again")
    child.expect(pexpect.EOF)
    assert (workshop.directory / "out").read_text() == f"returned {COUNTS}\n"


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_a_terminal_that_breaks_lines_anew_keeps_one_picture(
    workshop: Any, wait_until: Callable[..., Any], tmp_path: Path
) -> None:
    workshop.write("train.py", TRAIN)
    environment = {**workshop.environment(), "TMUX_TMPDIR": str(tmp_path)}
    for name in ("NO_COLOR", "CI", "COLUMNS", "TMUX"):
        environment.pop(name, None)

    def tmux(*arguments: str) -> str:
        command = ["tmux", "-f", os.devnull, "-L", "expsdk-test", *arguments]
        return subprocess.run(command, env=environment, cwd=workshop.directory, capture_output=True, text=True).stdout

    def seen() -> str:
        return tmux("capture-pane", "-p", "-t", "it", "-S", "-500")

    tmux("new-session", "-d", "-s", "it", "-x", "100", "-y", "45", f"{sys.executable} train.py chatty; sleep 60")
    try:
        wait_until(lambda: "6/12 50%" in seen())
        for width, height in (("70", "45"), ("110", "45"), ("80", "45"), ("100", "45")):
            tmux("resize-window", "-t", "it", "-x", width, "-y", height)
            time.sleep(0.6)  # two pictures: there is nothing else to wait for
            wait_until(lambda: seen().count("6/12") == 1)
        (workshop.directory / "go").touch()
        wait_until(lambda: "returned" in seen())
        lines = seen().splitlines()
        printed = [line for line in lines if line.startswith("line ")]
        assert printed == [f"line {number}" for number in range(len(printed))]
        assert not any("6/12" in line for line in lines)
    finally:
        tmux("kill-server")
