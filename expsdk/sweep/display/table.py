"""Trials as lines of one table, whose columns all sections of a picture share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from expsdk.resources.result import format_value
from expsdk.sweep.display.cells import cut, padded
from expsdk.sweep.display.glyphs import Glyphs, sparkline
from expsdk.sweep.display.layout import share_cells
from expsdk.sweep.display.row import Row
from expsdk.sweep.display.words import as_duration
from expsdk_runtime.contract import Phase, decode_number

GAP = 2
VALUE_CELLS = 10
METRIC_CELLS = 16
CURVE_CELLS = (10, 16, 32)
"""How wide a curve is on a narrow terminal, on one of 100 cells, and on one of 160."""
EPOCH_CELLS = 5
TIME_CELLS = 12
PARAMETER_CELLS = 16
NAME_CELLS = 5
"""How much of a parameter's name is shown at least where it has a column."""
TIME_FROM_CELLS = 100
FEWEST_CELLS = 34
"""Narrower than that a table has no curve."""
STYLES = {
    Phase.PENDING: "magenta",
    Phase.RUNNING: "cyan",
    Phase.SUCCEEDED: "green",
    Phase.FAILED: "red",
    Phase.PRUNED: "yellow",
    Phase.CANCELLED: "yellow",
}


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table, with their widths.

    Attributes:
        label: Width of the first.
        epoch: Width of the epoch.
        values: Width of each objective.
        headers: What stands above each objective.
        curve: Width of the curve, or 0.
        time: Width of the time, or 0.
        parameters: Name and width of each parameter that has a column of its own; empty where they share one.
        rest: Width of what they share, or 0.
        apart: How far parameters are apart.
        glyphs: The signs.
    """

    label: int
    epoch: int
    values: tuple[int, ...]
    headers: tuple[str, ...]
    curve: int
    time: int
    parameters: tuple[tuple[str, int], ...]
    rest: int
    apart: int
    glyphs: Glyphs

    @property
    def tells_all(self) -> bool:
        """Whether each parameter's name is shown whole, and its value, too."""
        return not self.rest and all(width >= cell_len(name) for name, width in self.parameters)

    @property
    def width(self) -> int:
        """How wide a line is at most."""
        own = [self.epoch, *self.values, self.curve, self.time, self.rest]
        named = sum(width + self.apart for _, width in self.parameters) + GAP - self.apart if self.parameters else 0
        return self.label + sum(width + GAP for width in own if width) + named


def columns_for(
    rows: Sequence[Row], objectives: Sequence[tuple[str, str]], *, label: int, width: int, glyphs: Glyphs
) -> Columns:
    """Return columns for these trials on a terminal that is so wide.

    Args:
        rows: The trials that are shown.
        objectives: Metric and direction of each objective.
        label: How wide the first column has to be.
        width: How wide the terminal is.
        glyphs: The signs.
    """
    label = max([label, *(len(row.label) for row in rows)])
    epoch = max([EPOCH_CELLS, *(len(str(row.epoch)) for row in rows if row.epoch is not None)])
    headers = [f"{metric} {glyphs.directions[direction]}" for metric, direction in objectives]
    values = [min(METRIC_CELLS, max(VALUE_CELLS, cell_len(header))) for header in headers]
    curve = CURVE_CELLS[(width >= TIME_FROM_CELLS) + (width >= 160)] if width >= FEWEST_CELLS else 0
    curve = curve if any(len(row.curve) > 1 for row in rows) else 0
    time = TIME_CELLS if width >= TIME_FROM_CELLS else 0
    apart = GAP if width >= TIME_FROM_CELLS else 1
    taken = label + sum(each + GAP for each in (epoch, curve, time) if each)
    while len(values) > 1 and taken + sum(values) + GAP * len(values) > width:
        values.pop()
    room = width - taken - sum(values) - GAP * len(values)
    names = list(dict.fromkeys(name for row in rows for name in row.parameters))
    least, wanted = [], []
    for name in names:
        shown = max(min(PARAMETER_CELLS, cell_len(_value(row, name))) for row in rows)
        least.append(max(shown, min(NAME_CELLS, cell_len(name))))
        wanted.append(max(shown, min(PARAMETER_CELLS, cell_len(name))))
    widths = share_cells(room - GAP + apart - apart * len(names), wanted, least)
    return Columns(
        label=label,
        epoch=epoch,
        values=tuple(values),
        headers=tuple(headers[: len(values)]),
        curve=curve,
        time=time,
        parameters=() if widths is None else tuple(zip(names, widths, strict=True)),
        rest=max(0, room - GAP) if widths is None else 0,
        apart=apart,
        glyphs=glyphs,
    )


def header_line(title: str, columns: Columns) -> Text:
    """Return the line above a section of trials: its title, then what the columns are."""
    line = Text(padded(title, columns.label), style="bold")
    own = [("epoch", columns.epoch), *zip(columns.headers, columns.values, strict=True), ("curve", columns.curve)]
    own += [("time", columns.time), ("parameters", columns.rest)]
    words = [" " * GAP + padded(name, width, ellipsis=columns.glyphs.ellipsis) for name, width in own if width]
    named = [padded(name, width, ellipsis=columns.glyphs.ellipsis) for name, width in columns.parameters]
    words += [" " * GAP + (" " * columns.apart).join(named)] if named else []
    return line.append("".join(words), style="not bold dim")


def row_line(row: Row, columns: Columns, *, with_parameters: bool = True, with_phase: bool = False) -> Text:
    """Return a trial's line."""
    style = STYLES.get(row.phase, "")
    gap = " " * GAP
    line = Text(padded(f"{row.label} {row.phase.lower()}" if with_phase else row.label, columns.label), style=style)
    line.append(gap + padded("" if row.epoch is None else str(row.epoch), columns.epoch), style="default")
    for value, width in zip(row.values, columns.values, strict=False):
        shown = "" if value is None else f"{value:.5g}"
        line.append(gap + padded(shown, width), style="default" if row.phase == Phase.RUNNING else style)
    if columns.curve:
        points = [decode_number(point) for point in row.curve]
        curve = sparkline(points, columns.curve, columns.glyphs.levels)
        line.append(gap + padded(curve, columns.curve), style=style)
    if columns.time:
        line.append(gap + padded(as_duration(row.seconds) if row.seconds else "", columns.time), style="dim")
    if with_parameters:
        ellipsis = columns.glyphs.ellipsis
        values = [padded(_value(row, name), width, ellipsis=ellipsis) for name, width in columns.parameters]
        line.append(gap + (" " * columns.apart).join(values) if values else "", style="default")
        if columns.rest:
            line.append(gap + cut(" ".join(parameter_words(row)), columns.rest, ellipsis=ellipsis), style="dim")
    return line


def parameter_words(row: Row) -> list[str]:
    """Return a trial's sample: "lr=0.02797", "hidden=30"."""
    return [f"{name}={format_value(value)}" for name, value in row.parameters.items()]


def _value(row: Row, name: str) -> str:
    return format_value(row.parameters[name]) if name in row.parameters else ""
