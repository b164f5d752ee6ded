"""`expsdk list`: all experiments, from their own records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from expsdk.cli.columns import as_age, as_number
from expsdk.cli.completion import complete_phase
from expsdk.cli.output import Column, Format, Output, Row, print_rows, say, style_of
from expsdk.cli.place import Place, placed

app = typer.Typer()


@app.command("list")
@placed
def list_experiments(
    place: Place,
    phase: Annotated[
        list[str] | None,
        typer.Option(
            "--phase",
            "-p",
            metavar="PHASE",
            help="Only those of this phase; may be repeated.",
            autocompletion=complete_phase,
        ),
    ] = None,
    condition: Annotated[
        str | None,
        typer.Option("--where", metavar="CONDITION", help='Only those for which it is true, such as "failed > 0".'),
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """List the experiments that are kept, newest first.

    A sweep that is not over, and that nobody drives any more, is Interrupted: its process was killed, or the machine.

    \b
    expsdk list
    expsdk list --phase Running --phase Interrupted
    expsdk list --where "failed > 0 and best < 0.1"
    expsdk list --phase Failed -o name | xargs -n1 expsdk show
    """
    from expsdk.analysis.overview import OVERVIEW_FIELDS, PHASES, overviews
    from expsdk.analysis.where import matching
    from expsdk.resources.words import count_of

    rows = overviews(place.records())
    kept = len(rows)
    wanted = _phases(phase or (), PHASES)
    rows = [row for row in rows if not wanted or row["phase"] in wanted]
    if condition is not None:
        rows = [rows[at] for at in matching(condition, rows, phases=PHASES)]
    print_rows(rows, OVERVIEW_FIELDS, _columns(rows), output)
    if not rows and output.is_table:
        none = f"none is such a one, of {count_of(kept, 'experiment')} that there are"
        say(none if kept else f"no experiment is kept here{_elsewhere(place)}")


def _phases(given: Sequence[str], known: Sequence[str]) -> set[str]:
    """Return phases as they are written; raises `typer.BadParameter`."""
    from expsdk.spelling import suggest

    by_word = {phase.lower(): phase for phase in known}
    for each in given:
        if each.lower() not in by_word:
            raise typer.BadParameter(
                f"a phase is one of {', '.join(known)}, not {each!r}; {suggest(each.capitalize(), known)}",
                param_hint="--phase",
            )
    return {by_word[each.lower()] for each in given}


def _elsewhere(place: Place) -> str:
    """Return where was looked, and where else one can look."""
    if place.backend != "local":
        return f" (namespace {place.records().address()['namespace']}); others: --namespace"
    from expsdk.backends.local.store import FileStore

    return f" ({FileStore(**place.options()).root}); another directory: --root, a cluster: --backend kubernetes"


def _columns(rows: Sequence[Row]) -> list[Column]:
    has_best = any(row["best"] is not None for row in rows)
    return [
        Column("name", lambda row: str(row["name"])),
        Column("phase", lambda row: str(row["phase"]), style=style_of("phase")),
        Column("trials", _trials, is_number=True),
        Column("running", lambda row: _count(row["running"]), is_number=True),
        Column("failed", lambda row: _count(row["failed"]), is_number=True),
        *([Column("best", lambda row: as_number(row["best"]), is_number=True)] if has_best else []),
        Column("objective", lambda row: str(row["objective"])),
        Column("age", lambda row: as_age(row["created"]), is_number=True),
        Column("best trial", lambda row: row["best_trial"] or "", is_wide=True),
        Column("direction", lambda row: str(row["direction"]), is_wide=True),
        Column("succeeded", lambda row: _count(row["succeeded"]), is_number=True, is_wide=True),
        Column("pruned", lambda row: _count(row["pruned"]), is_number=True, is_wide=True),
        Column("cancelled", lambda row: _count(row["cancelled"]), is_number=True, is_wide=True),
        Column("pending", lambda row: _count(row["pending"]), is_number=True, is_wide=True),
        Column("driven", lambda row: {True: "yes", False: "no"}.get(row["driven"], "?"), is_wide=True),
        Column("sampler", lambda row: str(row["sampler"]), is_wide=True),
        Column("function", lambda row: str(row["function"]), is_wide=True),
    ]


def _trials(row: Row) -> str:
    """Return how many trials have ended, of how many."""
    ended = sum(row[phase] for phase in ("succeeded", "failed", "pruned", "cancelled"))
    return f"{ended}/{row['trials']}" if row["trials"] else str(ended)


def _count(number: Any) -> str:
    return str(number) if number else "-"
