"""A picture of one moment of a sweep, for a terminal of any size: pure, so that it is the same wherever it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len
from rich.text import Text

from expsdk.sweep.display.cells import cut, wrapped
from expsdk.sweep.display.glyphs import Glyphs
from expsdk.sweep.display.groups import Group
from expsdk.sweep.display.layout import share_lines
from expsdk.sweep.display.table import GAP, STYLES, Columns, columns_for, header_line, parameter_words, row_line
from expsdk.sweep.display.view import View
from expsdk.sweep.display.words import as_duration
from expsdk_runtime.contract import Phase

BAR_CELLS = 40
LEAST_BAR_CELLS = 6
NAME_FROM_LINES = 10
SPACED_FROM_LINES = 34
BLOCKS_APART = 4
ALL = 10_000
ENDED_CELLS = 7
"""How much wider the first column is where it says how trials ended."""

# Whose turn it is when lines are shared out: what runs and what is best first, then what went wrong, then more of all.
CLAIMS = (
    *(("running", 1), ("best", 1), ("failed", 1), ("waiting", 1)),
    *(("best", 3), ("running", 4), ("failed", 3), ("waiting", 3)),
    *(("running", 8), ("best", 4), ("failed", 6), ("waiting", 6)),
    *(("best", 7), ("running", ALL), ("ended", 8)),
    *(("best", ALL), ("failed", ALL), ("waiting", ALL), ("ended", ALL)),
)
ORDER = ("best", "running", "waiting", "failed", "ended")


def draw(view: View, *, width: int, height: int, glyphs: Glyphs) -> list[Text]:
    """Return the lines of a picture that is at most so wide and so high."""
    if width < 1 or height < 1:
        return []
    head = [_progress_line(view, width, glyphs), *_count_lines(view, width, glyphs)]
    if height >= NAME_FROM_LINES:
        head.insert(0, _name_line(view, width, glyphs))
    if view.limits:
        head.append(Text(cut(view.limits, width, ellipsis=glyphs.ellipsis), style="dim"))
    foot = _foot(view, width, height, glyphs)
    room = height - len(head) - len(foot)
    if room < 0:
        urgent = foot if view.alarm or view.heard else []
        return [*head[: max(1, height - len(urgent))], *urgent][:height]
    return [*head, *_sections(view, width, room, glyphs), *foot]


def _name_line(view: View, width: int, glyphs: Glyphs) -> Text:
    name = cut(view.name, width, ellipsis=glyphs.ellipsis)
    line = Text(name, style="bold")
    facts = f"  {view.how}  kept in {view.location}"
    line.append(cut(facts, width - cell_len(name), ellipsis=glyphs.ellipsis), style="not bold dim")
    return line


def _progress_line(view: View, width: int, glyphs: Glyphs) -> Text:
    """Return the bar and the times."""
    done, total = view.done, view.total
    counted = f"{done}/{total} {int(100 * min(1.0, done / total))}%" if total else f"{done} ended"
    spent = f"{as_duration(view.spent_s)} spent"
    rate = f"{view.per_minute:.3g} trials/min" if view.per_minute else ""
    left = f"about {as_duration(view.left_s)} left" if view.left_s is not None and view.to_come != 0 else ""
    if view.left_s is not None and view.to_come == 0 and view.running + view.waiting:
        left = "the last ones"
    facts = [counted]
    for fact in (left, spent, rate):
        longer = f" {glyphs.dot} ".join((*facts, fact))
        if fact and cell_len(longer) <= width:
            facts.append(fact)
    words = f" {glyphs.dot} ".join(facts)
    room = min(BAR_CELLS, width - cell_len(words) - GAP)
    line = Text()
    if total and room >= LEAST_BAR_CELLS:
        line = _bar(view, total, room, glyphs)
        line.append(" " * GAP)
    line.append(cut(counted, width), style="bold")
    line.append(words[len(counted) :])
    return line


def _bar(view: View, total: int, width: int, glyphs: Glyphs) -> Text:
    """Return a bar whose parts are the phases."""
    line, filled, reached = Text(), 0, 0
    parts = [*((count, STYLES[phase]) for phase, count in view.counts.items()), (view.running, "dim cyan")]
    for count, style in parts:
        reached += count
        until = min(width, width * reached // max(total, 1))
        line.append(glyphs.bar * max(0, until - filled), style=style)
        filled = max(filled, until)
    line.append(glyphs.rest * (width - filled), style="dim")
    return line


def _count_lines(view: View, width: int, glyphs: Glyphs) -> list[Text]:
    """Return the counts by phase, in two lines at most."""
    counts = [(view.running, "running", STYLES[Phase.RUNNING]), (view.waiting, "waiting", STYLES[Phase.PENDING])]
    counts += [(count, phase.lower(), STYLES[phase]) for phase, count in view.counts.items()]
    counts.append((view.to_come or 0, "to come", "dim"))
    lines = [Text()]
    for count, word, style in counts:
        if not count:
            continue
        words = f"{count} {word}"
        if lines[-1].cell_len + GAP + cell_len(words) > width and lines[-1].cell_len:
            lines.append(Text())
        gap = " " * GAP if lines[-1].cell_len else ""
        lines[-1].append(gap).append(cut(words, width, ellipsis=glyphs.ellipsis), style=style)
    return [line for line in lines[:2] if line.cell_len]


def _foot(view: View, width: int, height: int, glyphs: Glyphs) -> list[Text]:
    """Return what is wrong, and what Ctrl-C does or has done."""
    limit = 1 if height < NAME_FROM_LINES else 3
    said = [
        Text(line, style=style)
        for words, style in ((view.alarm, "red"), (view.heard, "yellow"))
        for line in wrapped(words.split(), width, limit, ellipsis=glyphs.ellipsis)
    ]
    return said if view.heard else [*said, Text(cut(view.hint, width, ellipsis=glyphs.ellipsis), style="dim")]


def _sections(view: View, width: int, room: int, glyphs: Glyphs) -> list[Text]:
    """Return the sections in so many lines."""
    spaced = room >= SPACED_FROM_LINES
    room -= len(ORDER) if spaced else 0
    rows = [*view.best, *view.trials]
    label = max(map(len, ORDER)) + (ENDED_CELLS if spaced and view.ended else 0)
    columns = columns_for(rows, view.objectives, label=label, width=width, glyphs=glyphs)
    blocks = _blocks(columns, width, view.running)
    waits = _waits(view)
    best = _best_lines(view, columns, width)
    wanted = {
        "best": max(1, len(best)),
        "running": -(-view.running // blocks),
        "waiting": len(waits),
        "failed": len(view.failures),
        "ended": len(view.ended) if spaced else 0,
    }
    given = share_lines(room, wanted, CLAIMS)
    drawn: dict[str, Callable[[int], list[Text]]] = {
        "best": lambda lines: _best(view, best[:lines], columns),
        "running": lambda lines: _running(view, lines, columns, blocks),
        "waiting": lambda lines: _groups("waiting", "for", waits, lines, width, columns.label, glyphs),
        "failed": lambda lines: _groups("failed", "why", view.failures, lines, width, columns.label, glyphs),
        "ended": lambda lines: [
            header_line("ended", columns),
            *(row_line(row, columns, with_phase=True) for row in view.ended[:lines]),
        ],
    }
    shown: list[Text] = []
    for section in ORDER:
        if section in given:
            shown += [Text()] if spaced else []
            shown += drawn[section](given[section])
    return [_cropped(line, width) for line in shown]


def _best(view: View, lines: list[Text], columns: Columns) -> list[Text]:
    return [header_line("best", columns), *lines] if view.best else [Text("best", style="bold"), Text("none yet")]


def _best_lines(view: View, columns: Columns, width: int) -> list[Text]:
    """Return the best trials; the first one's parameters are all told, below it where there is no room beside it."""
    lines: list[Text] = []
    for place, row in enumerate(view.best):
        is_first = place == 0 or len(view.objectives) > 1
        below: list[str] = []
        if is_first and not _tells_all(columns, " ".join(parameter_words(row))):
            room = max(1, width - columns.label - GAP)
            below = wrapped(parameter_words(row), room, 3, ellipsis=columns.glyphs.ellipsis)
        line = row_line(row, columns, with_parameters=not (below and columns.rest))
        line.stylize("bold" if is_first else "")
        lines.append(line)
        lines += [Text(" " * (columns.label + GAP) + words, style="green") for words in below]
    return lines


def _tells_all(columns: Columns, words: str) -> bool:
    return columns.tells_all or (columns.rest > 0 and cell_len(words) <= columns.rest)


def _blocks(columns: Columns, width: int, trials: int) -> int:
    """Return how many tables of running trials stand side by side."""
    if columns.rest or trials <= 8:
        return 1
    return max(1, (width + BLOCKS_APART) // (columns.width + BLOCKS_APART))


def _running(view: View, lines: int, columns: Columns, blocks: int) -> list[Text]:
    """Return the trials that run, the oldest first."""
    whole = view.running <= lines * blocks
    places = lines if whole else max(1, lines - 1)
    shown = view.trials[: places * blocks]
    parts = [shown[place * places : (place + 1) * places] for place in range(blocks)]
    parts = [part for part in parts if part]
    headers = [header_line("" if place else "running", columns) for place in range(len(parts))]
    out = [_beside(headers or [header_line("running", columns)], columns.width)]
    out += [
        _beside([row_line(part[place], columns) for part in parts if place < len(part)], columns.width)
        for place in range(max(map(len, parts), default=0))
    ]
    if not whole and lines > 1:
        out.append(_more(view.running - len(shown), columns.glyphs))
    return out


def _beside(lines: Sequence[Text], width: int) -> Text:
    """Return lines of at most so many cells side by side."""
    whole = Text()
    for place, line in enumerate(lines):
        whole.append(" " * (place * (width + BLOCKS_APART) - whole.cell_len)).append_text(line)
    return whole


def _waits(view: View) -> list[Group]:
    """Return what trials wait for, those that are yet to be launched last."""
    waits = list(view.waits)
    if view.to_come and view.running + view.waiting:
        waits.append(Group(view.to_come, f"their turn: {view.parallelism} at a time"))
    return waits


def _groups(
    title: str, of: str, groups: Sequence[Group], lines: int, width: int, label: int, glyphs: Glyphs
) -> list[Text]:
    """Return groups of trials in a line each."""
    style = STYLES[Phase.FAILED] if title == "failed" else STYLES[Phase.PENDING]
    head = Text.assemble((title.ljust(label), "bold"), (" " * GAP + of, "dim"))
    places = lines if len(groups) <= lines else max(1, lines - 1)
    out = [head]
    for group in groups[:places]:
        room = max(0, width - label - GAP)
        labels = f"{' ' * GAP}{' '.join(group.labels)}" if group.labels else ""
        labels += f" {glyphs.ellipsis}" if 1 < len(group.labels) < group.count else ""
        words = cut(group.words, room, ellipsis=glyphs.ellipsis)
        line = Text.assemble((str(group.count).ljust(label + GAP), style), (words, style))
        line.append(cut(labels, room - cell_len(words), ellipsis=glyphs.ellipsis), style="dim")
        out.append(line)
    if places < min(lines, len(groups)):
        out.append(_more(sum(group.count for group in groups[places:]), glyphs))
    return out


def _more(count: int, glyphs: Glyphs) -> Text:
    return Text(f"{glyphs.ellipsis} and {count} more", style="dim")


def _cropped(line: Text, width: int) -> Text:
    """Return a line without blanks at its end: a terminal that is made narrower would break them, too."""
    line.rstrip()
    if line.cell_len > width:
        line.truncate(width)
    return line
