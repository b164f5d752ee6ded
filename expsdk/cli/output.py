"""What verbs print on standard output: records as a table that fits the terminal, or in a form for programs.

A verb that lists prints rows: `json` and `yaml` are a list of flat objects, `csv` has the same fields as columns, and
`name` is one name a line. A verb that shows one thing prints its whole document as `json` and `yaml`. Messages are no
data, and go to standard error.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

import typer

__all__ = [
    "Column",
    "Format",
    "Output",
    "Row",
    "print_document",
    "print_lines",
    "print_rows",
    "say",
    "style_of",
    "styled",
]

Row = Mapping[str, Any]
_GAP = "  "
_NARROWEST = 8
_FAINT = "faint"
_STYLES: dict[str, dict[str, Any]] = {
    _FAINT: {"dim": True},
    "bold": {"bold": True},
    "Succeeded": {"fg": "green"},
    "Running": {"fg": "cyan"},
    "Failed": {"fg": "red"},
    "Interrupted": {"fg": "red"},
    "Pruned": {"fg": "yellow"},
    "Cancelled": {"fg": "yellow"},
    "ok": {"fg": "green"},
    "warn": {"fg": "yellow"},
    "fail": {"fg": "red"},
}


class Format(str, Enum):
    """How records are printed."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"
    NAME = "name"

    @property
    def is_table(self) -> bool:
        """Whether it is for people."""
        return self in (Format.TABLE, Format.WIDE)


Output = Annotated[
    Format,
    typer.Option(
        "--output",
        "-o",
        metavar="|".join(Format),
        show_default=False,
        help="A table for people, or a form for programs; by default table.",
    ),
]


@dataclass(frozen=True)
class Column:
    """A column of a table for people.

    Attributes:
        title: Its heading.
        cell: What it shows of a row.
        is_wide: Whether it is there with `-o wide` only.
        is_number: Whether it stands on the right, and is never cut.
        style: The name of a row's style in it, "" for none: a phase, "faint", "bold", "ok", "warn" or "fail".
    """

    title: str
    cell: Callable[[Row], str]
    is_wide: bool = False
    is_number: bool = False
    style: Callable[[Row], str] | None = None


def print_rows(rows: Sequence[Row], fields: Sequence[str], columns: Sequence[Column], output: Format) -> None:
    """Print rows.

    Args:
        rows: For each its fields, as plain values and moments; "name" is among them.
        fields: Their names, in the order of `csv`; a row may lack some.
        columns: What people see of them.
        output: In which form.
    """
    if output.is_table:
        _print_table(rows, [column for column in columns if output is Format.WIDE or not column.is_wide], output)
    elif output is Format.NAME:
        _write(f"{row['name']}\n" for row in rows)
    elif output is Format.CSV:
        from expsdk.analysis.rows import csv_of

        _write([csv_of(rows, fields)])
    else:
        from expsdk.analysis.rows import plain

        _print_data([{field: plain(row.get(field)) for field in fields} for row in rows], output)


def print_document(document: Row, output: Format, *, name: str, row: Callable[[], Row], fields: Sequence[str]) -> None:
    """Print one thing in a form for programs.

    Args:
        document: Its document.
        output: In which form.
        name: Its name.
        row: Makes the row that a list would have for it.
        fields: The names of that row's fields.
    """
    if output in (Format.NAME, Format.CSV):
        print_rows([{"name": name} if output is Format.NAME else row()], fields, (), output)
    else:
        _print_data(document, output)


def print_lines(lines: Iterable[str]) -> None:
    """Print lines for people, each when it comes."""
    _write((f"{line}\n" for line in lines), at_once=True)


def say(message: str) -> None:
    """Print a message, on standard error."""
    typer.echo(f"expsdk: {message}", err=True)


def styled(text: str, style: str) -> str:
    """Return the text in a style, see `Column`; as it is where nobody sees colours, or NO_COLOR is set."""
    known = _STYLES.get(style)
    return typer.style(text, **known) if text and known and _has_colours() else text


def style_of(field: str) -> Callable[[Row], str]:
    """Return a column's style by the value of a field, such as the phase."""
    return lambda row: str(row[field])


def terminal_width() -> int | None:
    """Return how many characters a line of standard output has, or None where it is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _print_data(data: Any, output: Format) -> None:
    if output is Format.JSON:
        _write([json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False), "\n"])
        return
    import yaml

    dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # the one in C is not everywhere
    text: str = yaml.dump(data, Dumper=dumper, sort_keys=False, allow_unicode=True, width=120)
    _write([text])


def _print_table(rows: Sequence[Row], columns: Sequence[Column], output: Format) -> None:
    from expsdk.resources.words import printable

    if not rows:
        return
    cells = [[printable(column.cell(row)) for column in columns] for row in rows]
    widths = [
        max(_cell_width(column.title), *(_cell_width(line[place]) for line in cells))
        for place, column in enumerate(columns)
    ]
    room = None if output is Format.WIDE else terminal_width()
    shown, widths = _fit([column.is_number for column in columns], widths, room)
    head = _line([columns[place].title for place in shown], shown, columns, widths, [_FAINT] * len(shown))
    lines = [head]
    for row, line in zip(rows, cells, strict=True):
        styles = [style(row) if (style := columns[place].style) else "" for place in shown]
        lines.append(_line([line[place] for place in shown], shown, columns, widths, styles))
    print_lines(lines)
    left_out = [column.title for place, column in enumerate(columns) if place not in shown]
    if left_out:
        say(f"no room for {', '.join(left_out)}; see them with -o wide")


def _fit(numbers: Sequence[bool], widths: Sequence[int], room: int | None) -> tuple[list[int], list[int]]:
    """Return which columns are shown, and all widths: texts are cut first, the widest most; then columns go.

    Args:
        numbers: Which columns hold numbers.
        widths: How wide each would be.
        room: The width of a line, or None for as much as they need.
    """
    shown, widths = list(range(len(widths))), list(widths)
    while room is not None and len(shown) > 1:
        excess = sum(widths[place] for place in shown) + len(_GAP) * (len(shown) - 1) - room
        if excess <= 0:
            break
        cut = [place for place in shown if not numbers[place] and widths[place] > _NARROWEST and place != shown[0]]
        widest = max(cut, key=lambda place: widths[place], default=None)
        if widest is None:
            shown.pop()
        else:
            widths[widest] -= 1
    return shown, widths


def _line(
    texts: Sequence[str], shown: Sequence[int], columns: Sequence[Column], widths: Sequence[int], styles: Sequence[str]
) -> str:
    parts = []
    for text, place, style in zip(texts, shown, styles, strict=True):
        width = widths[place]
        cut = text if _cell_width(text) <= width else _cut(text, width)
        padding = " " * (width - _cell_width(cut))
        is_last = place == shown[-1] and not columns[place].is_number
        coloured = styled(cut, style)
        if columns[place].is_number:
            parts.append(padding + coloured)
        else:
            parts.append(coloured if is_last else coloured + padding)
    return _GAP.join(parts).rstrip()


def _cell_width(text: str) -> int:
    """Return how many places a text takes on a terminal: characters of East Asia take two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _cut(text: str, width: int) -> str:
    """Return as much of a text as fits, with an ellipsis."""
    if text.isascii():
        return text[: width - 1] + "…"
    from rich.cells import set_cell_size

    return set_cell_size(text, width - 1).rstrip() + "…"


def _has_colours() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _write(parts: Iterable[str], *, at_once: bool = False) -> None:
    """Write to standard output; what goes wrong while the parts are made is left to whoever makes them."""
    for part in parts:
        with _written():
            sys.stdout.write(part)
            if at_once:
                sys.stdout.flush()
    with _written():
        sys.stdout.flush()


@contextmanager
def _written() -> Iterator[None]:
    """A pipe that nobody reads any more ends the process quietly, as other commands do; a full disk is told."""
    try:
        yield
    except OSError as error:
        # What is left to write would be tried once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise typer.Exit(0) from None
        say(f"standard output cannot be written: {error.strerror}; free some space, or write it elsewhere")
        raise typer.Exit(1) from None
