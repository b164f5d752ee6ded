"""What of a log tells most of how a process ended, and how its end is put in words."""

from __future__ import annotations

import json
import signal

import pytest

from expsdk.backends.verdict import Sentence, describe_exit, judge, last_words
from expsdk_runtime.contract import MESSAGE_LIMIT_BYTES

RUNNING = {"phase": "Running", "reason": "", "message": "", "completionTime": None}
CRASH = """epoch 1
Fatal Python error: Segmentation fault

Thread 0x00007fe5666c56c0 (most recent call first):
  File "selectors.py", line 468 in select

Current thread 0x00007fe5673e1b80 (most recent call first):
  File "train.py", line 9 in the_users_own
{frames}
Extension modules: {modules} (total: 300)
"""


def test_the_last_lines_of_a_log() -> None:
    text = "\n".join(f"line {number}" for number in range(100))
    assert last_words(text).splitlines() == [f"line {number}" for number in range(80, 100)]
    assert last_words("") == ""
    assert last_words("\n\none\n\n") == "one"


def test_of_a_crash_the_thread_that_crashed_is_shown_from_the_top() -> None:
    frames = "\n".join(f'  File "deep.py", line {number} in below' for number in range(99))
    words = last_words(CRASH.format(frames=frames, modules=", ".join(f"library.module_{n}" for n in range(300))))
    assert words.splitlines()[:3] == [
        "Fatal Python error: Segmentation fault",
        "Current thread 0x00007fe5673e1b80 (most recent call first):",
        '  File "train.py", line 9 in the_users_own',
    ]
    assert "Extension modules" not in words
    assert "selectors.py" not in words


@pytest.mark.parametrize("text", ["\ufffd" * 50_000, "x" * 50_000, '"\x00' * 50_000, "\n".join(["ü" * 500] * 100)])
def test_whatever_was_printed_the_words_fit_a_message(text: str) -> None:
    assert 0 < len(json.dumps(last_words(text))) <= MESSAGE_LIMIT_BYTES


@pytest.mark.parametrize(
    ("exit_code", "words"),
    [
        (0, "with exit code 0"),
        (3, "with exit code 3"),
        (-signal.SIGSEGV, "by SIGSEGV (Segmentation fault)"),
        (-signal.SIGABRT, "by SIGABRT (Aborted)"),
        (-signal.SIGKILL, "by SIGKILL (Killed; the system does this when memory runs out)"),
        (-(signal.SIGRTMIN + 3), f"by signal {signal.SIGRTMIN + 3} (Real-time signal 3)"),
    ],
)
def test_how_a_process_ended(exit_code: int, words: str) -> None:
    assert describe_exit(exit_code) == words


@pytest.mark.parametrize(
    ("said", "sentence", "ending"),
    [
        ({}, None, ("Failed", "Crashed", "the process ended with exit code 1 before the function returned")),
        ({}, Sentence("Timeout", "too long"), ("Failed", "Timeout", "too long")),
        ({}, Sentence("Interrupted", "over"), ("Cancelled", "Interrupted", "over")),
        ({"phase": "Succeeded"}, None, ("Succeeded", "", "")),
        ({"phase": "Succeeded"}, Sentence("Timeout", "too long"), ("Succeeded", "", "")),
        ({"phase": "Failed", "reason": "UserError"}, Sentence("Timeout", "too long"), ("Failed", "UserError", "")),
        (
            {"phase": "Failed", "reason": "Preempted"},
            Sentence("Timeout", "too long"),
            ("Failed", "Timeout", "too long"),
        ),
        ({"phase": "Failed", "reason": "Preempted"}, None, ("Failed", "Preempted", "")),
    ],
)
def test_what_the_process_and_the_coordinator_say_is_weighed(
    said: dict[str, str], sentence: Sentence | None, ending: tuple[str, str, str]
) -> None:
    status = judge({**RUNNING, **said}, 1, sentence, "")
    assert (status["phase"], status["reason"], status["message"]) == ending
