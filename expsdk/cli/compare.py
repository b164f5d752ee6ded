"""`expsdk compare`: what differs between trials, or between sweeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from expsdk.cli.columns import as_number
from expsdk.cli.completion import complete_name
from expsdk.cli.output import Column, Format, Output, Row, print_rows, say
from expsdk.cli.place import Place, placed
from expsdk.cli.target import find_target
from expsdk.errors import ResultsError

app = typer.Typer()


@app.command()
@placed
def compare(
    place: Place,
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME NAME…", help="Two or more trials, or experiments.", autocompletion=complete_name),
    ],
    output: Output = Format.TABLE,
) -> None:
    """Show what differs between trials, or between sweeps; what is the same in all is left out.

    That is parameters, space, settings, code (commit, changes, payload), packages, place and outcome.

    \b
    expsdk compare digits-0003 digits-0017
    expsdk compare digits digits-larger
    expsdk compare digits-0003 digits-0017 -o csv
    """
    from expsdk.analysis.comparison import compare_experiments, compare_trials
    from expsdk.resources.names import trial_name

    if len(names) < 2:
        raise typer.BadParameter(f"two or more are compared, not {len(names)}; name another one")
    records = place.records()
    found = [find_target(records, name) for name in names]
    kept = {experiment: place.results(experiment) for experiment, _ in found}
    trials = [kept[experiment][trial_name(experiment, number)] for experiment, number in found if number is not None]
    if trials and len(trials) < len(names):
        raise ResultsError("trials are compared with trials, and experiments with experiments; name one kind only")
    differences = (
        compare_trials(trials) if trials else compare_experiments([kept[experiment] for experiment, _ in found])
    )
    rows = [
        {"name": f"{each.group}.{each.name}", "group": each.group, **dict(zip(names, each.values, strict=True))}
        for each in differences
    ]
    print_rows(rows, ["name", "group", *dict.fromkeys(names)], _columns(names), output)
    if not rows:
        say("nothing that is recorded differs")


def _columns(names: Sequence[str]) -> list[Column]:
    return [
        Column("what", lambda row: str(row["group"]), style=lambda _: "faint"),
        Column("name", lambda row: str(row["name"]).partition(".")[2]),
        *(Column(name, _reader(name)) for name in names),
    ]


def _reader(name: str) -> Callable[[Row], str]:
    from expsdk.analysis.rows import json_cell

    def read(row: Row) -> str:
        value = row[name]
        if isinstance(value, float):
            return as_number(value)
        return value if isinstance(value, str) else json_cell(value)

    return read
