"""How numbers of things and errors read in one line.

Standard library only.
"""

from __future__ import annotations


def count_of(number: int, noun: str) -> str:
    """Return how many there are: "1 trial", "2 trials"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def in_one_line(error: str) -> str:
    """Return what went wrong in one line: the exception that a traceback tells of, or how a process ended.

    A traceback's last line would not do: many exceptions have messages of several lines.
    """
    told = error.partition("; the end of its log:")[0]
    lines = [line.removeprefix("  | ") for line in told.splitlines()]  # the margin of an exception group
    frames = [place for place, line in enumerate(lines) if line.startswith("  File ")]
    after = [line for line in lines[frames[-1] if frames else 0 :] if line.strip()]
    exceptions = [line for line in after if not line[0].isspace()]
    return printable((exceptions or after[-1:] or [""])[0].strip())


def printable(text: str) -> str:
    """Return the text with a space for whatever would end the line, move the cursor or colour what follows."""
    return "".join(character if character.isprintable() else " " for character in text)
