"""A terminal as a person sees it: a picture at its end, lines above it, and other sizes meanwhile."""

from __future__ import annotations

import fcntl
import logging
import os
import pty
import struct
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import pyte
import pytest

from expsdk.sweep.display.screen import Screen, reflows
from expsdk.sweep.display.streams import Above, Diversion


class Terminal:
    """A terminal with an emulator at its other end.

    Attributes:
        stream: What programs write to.
    """

    def __init__(self, width: int, height: int) -> None:
        self._master, slave = pty.openpty()
        self.stream: TextIO = os.fdopen(slave, "w", buffering=1)
        self._screen = pyte.HistoryScreen(width, height, history=1000)
        self._emulator = pyte.ByteStream(self._screen)
        self.resize(width, height)

    def resize(self, width: int, height: int) -> None:
        fcntl.ioctl(self.stream.fileno(), termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self._screen.resize(height, width)

    def read(self) -> bytes:
        """Have the emulator show what was written, and return it."""
        os.set_blocking(self._master, False)
        written = b""
        try:
            while chunk := os.read(self._master, 65536):
                written += chunk
        except BlockingIOError:
            pass
        self._emulator.feed(written)
        return written

    def lines(self) -> list[str]:
        """Return what is seen, without the blank lines at its end."""
        self.read()
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip().split("\n")

    def above(self) -> list[str]:
        """Return what has gone off the top."""
        self.read()
        rows = self._screen.history.top
        return ["".join(row[column].data for column in range(self._screen.columns)).rstrip() for row in rows]

    def close(self) -> None:
        self.stream.close()
        os.close(self._master)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal(40, 10)
    yield made
    made.close()


@pytest.fixture
def screen(terminal: Terminal) -> Screen:
    return Screen(terminal.stream, {"TERM": "xterm", "XTERM_VERSION": "pyte cuts lines as xterm does"})


def draw(screen: Screen, *lines: str) -> None:
    screen.draw(lines, [len(line) for line in lines])


def test_a_picture_is_drawn_over_the_former_one(terminal: Terminal, screen: Screen) -> None:
    screen.say("before")
    draw(screen, "one", "two", "three")
    draw(screen, "uno", "due")
    assert terminal.lines() == ["before", "uno", "due"]


def test_nothing_is_erased_before_it_is_drawn_anew(terminal: Terminal, screen: Screen) -> None:
    draw(screen, "one", "two")
    terminal.read()
    draw(screen, "uno", "due")
    written = terminal.read()
    assert written.index(b"uno") < written.index(b"\x1b[K")
    assert written.index(b"due") < written.index(b"\x1b[J")
    assert b"\x1b[2J" not in written
    assert b"\x1b[2K" not in written
    assert written.endswith(b"\x1b[?7h\x1b[?25h\x1b[?2026l")  # whatever ends the process, the terminal works


def test_lines_go_above_it_and_stay(terminal: Terminal, screen: Screen) -> None:
    for number in range(30):
        draw(screen, f"picture {number}", "-" * 39, "end")
        screen.say(f"line {number}\n")
    assert terminal.lines() == [*(f"line {n}" for n in range(24, 30)), "picture 29", "-" * 39, "end"]
    assert terminal.above() == [f"line {n}" for n in range(24)]


def test_a_long_line_above_it_wraps(terminal: Terminal, screen: Screen) -> None:
    draw(screen, "picture")
    screen.say("x" * 90)
    assert terminal.lines() == ["x" * 40, "x" * 40, "x" * 10, "picture"]


def test_what_colours_the_text_above_does_not_colour_the_picture(terminal: Terminal, screen: Screen) -> None:
    draw(screen, "picture")
    screen.say("\x1b[31mred")
    terminal.read()
    assert terminal._screen.buffer[0][0].fg == "red"
    assert terminal._screen.buffer[1][0].fg == "default"


def test_a_line_that_is_wider_than_we_think_is_cut(terminal: Terminal, screen: Screen) -> None:
    screen.draw(["x" * 60, "end"], [39, 3])
    draw(screen, "again", "end")
    assert terminal.lines() == ["again", "end"]


def test_a_picture_as_high_as_the_terminal_leaves_nothing_behind(terminal: Terminal, screen: Screen) -> None:
    for turn in range(5):
        draw(screen, *(f"{turn} {n}" for n in range(9)))
        screen.say(f"said {turn}")
    assert terminal.lines() == [f"4 {n}" for n in range(9)]
    assert terminal.above() == [f"said {turn}" for turn in range(5)]


@pytest.mark.parametrize("width", [20, 80])
def test_another_width_leaves_nothing_behind(terminal: Terminal, screen: Screen, width: int) -> None:
    screen.say("before")
    draw(screen, "a" * 39, "b" * 39)
    terminal.read()
    terminal.resize(width, 10)
    assert screen.size() == (width, 10)
    draw(screen, "c" * (width - 1), "d")
    assert terminal.lines() == ["before", "c" * (width - 1), "d"]


def test_where_lines_are_broken_anew_those_rows_are_counted(terminal: Terminal) -> None:
    screen = Screen(terminal.stream, {"TERM": "xterm"})
    draw(screen, "a" * 39, "b" * 39, "c")
    terminal.read()
    terminal.resize(20, 10)
    draw(screen, "new")
    assert b"\x1b[5A" in terminal.read()  # two rows, two rows, one


def test_erased_it_leaves_the_lines_above(terminal: Terminal, screen: Screen) -> None:
    screen.say("before")
    draw(screen, "one", "two")
    screen.erase()
    screen.say("after")
    assert terminal.lines() == ["before", "after"]


def test_a_terminal_that_is_gone_is_written_to_no_more(terminal: Terminal, screen: Screen) -> None:
    terminal.stream.close()
    draw(screen, "one")
    screen.say("two")
    assert screen.is_gone
    assert screen.size()[0] > 0


@pytest.mark.parametrize(
    ("environment", "does"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "xterm", "XTERM_VERSION": "XTerm(390)"}, False),
        ({"TERM": "linux"}, False),
        ({"TERM": "screen-256color"}, False),
        ({"TERM": "screen-256color", "TMUX": "/tmp/tmux-0/default,1,0"}, True),
    ],
)
def test_which_terminals_break_lines_anew(environment: dict[str, str], does: bool) -> None:
    assert reflows(environment) == does


@contextmanager
def diverted(terminal: Terminal) -> Iterator[tuple[Diversion, list[str]]]:
    """Divert what is printed on a terminal that both standard streams are; pytest sets its own before each test."""
    heard: list[str] = []
    former = sys.stdout, sys.stderr
    sys.stdout = sys.stderr = terminal.stream
    diversion = Diversion(terminal.stream, heard.append)
    diversion.begin()
    try:
        yield diversion, heard
    finally:
        diversion.end()
        sys.stdout, sys.stderr = former


class TestDiversion:
    def test_whole_lines_are_handed_on(self, terminal: Terminal) -> None:
        with diverted(terminal) as (_, heard):
            print("one")
            print("two", end="")
            print(" three", file=sys.stdout)
            print("four\nfive", file=sys.stderr)
        assert heard == ["one\n", "two three\n", "four\n", "five\n"]

    def test_what_has_no_end_is_returned_in_the_end(self, terminal: Terminal) -> None:
        with diverted(terminal) as (diversion, heard):
            print("half", end="")
            assert isinstance(sys.stdout, Above)
            assert sys.stdout.isatty()
            assert diversion.end() == "half"
            assert heard == []
            assert sys.stdout is terminal.stream

    def test_a_progress_bar_is_one_line(self, terminal: Terminal) -> None:
        with diverted(terminal) as (_, heard):
            for share in range(0, 101, 10):
                print(f"\r{share} %", end="")
            print()
        assert heard == ["100 %\n"]

    def test_a_handler_that_was_there_before_is_diverted_and_put_back(
        self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stderr", terminal.stream)
        heard: list[str] = []
        handler = logging.StreamHandler(sys.stderr)
        logger = logging.getLogger("expsdk.tests.display")
        logger.addHandler(handler)
        try:
            diversion = Diversion(terminal.stream, heard.append)
            diversion.begin()
            logger.warning("logged")
            diversion.end()
            assert heard == ["logged\n"]
            assert handler.stream is terminal.stream
        finally:
            logger.removeHandler(handler)

    def test_what_goes_to_a_file_is_left_alone(
        self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: object
    ) -> None:
        with open(f"{tmp_path}/out", "w") as file:  # noqa: PTH123
            monkeypatch.setattr(sys, "stdout", file)
            diversion = Diversion(terminal.stream, lambda _: None)
            diversion.begin()
            assert sys.stdout is file
            diversion.end()

    def test_a_forked_process_writes_to_the_terminal_itself(self, terminal: Terminal) -> None:
        with diverted(terminal) as (_, heard):
            process = os.fork()
            if process == 0:
                try:
                    print("from the child", flush=True)
                finally:
                    os._exit(0)
            os.waitpid(process, 0)
        assert heard == []
        assert terminal.lines() == ["from the child"]
