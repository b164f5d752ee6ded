"""`expsdk compare`: what differs between trials, or between experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from expsdk.cli.columns import as_number, as_value
from expsdk.cli.completion import complete_name
from expsdk.cli.output import Column, Format, Output, Row, print_rows, say
from expsdk.cli.place import Place, placed
from expsdk.cli.target import find_target

if TYPE_CHECKING:
    from expsdk.analysis.comparison import Difference

app = typer.Typer()


@app.command()
@placed
def compare(
    place: Place,
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME", help="Two or more experiments, or two or more trials.", autocompletion=complete_name
        ),
    ],
    output: Output = Format.TABLE,
) -> None:
    """Show what differs between experiments, or between trials of any: parameters, code, packages, settings, outcome.

    \b
    expsdk compare digits-0003 digits-0017
    expsdk compare digits digits-wide
    expsdk compare digits-0003 digits-wide-0003 -o json
    """
    given = list(dict.fromkeys(names))
    if len(given) < 2:
        raise typer.BadParameter("two or more are compared, and this is one; name another", param_hint="NAME")
    differences = _compare(place, given)
    rows: list[Row] = [
        {"name": f"{each.group}.{each.name}", **dict(zip(given, each.values, strict=True))} for each in differences
    ]
    columns = [
        Column("what", lambda row: str(row["name"])),
        *(_column_of(name) for name in given),
    ]
    print_rows(rows, ["name", *given], columns, output)
    if not rows and output.is_table:
        say(f"nothing differs between {' and '.join(given)}")


def _compare(place: Place, names: list[str]) -> list[Difference]:
    from expsdk.analysis.comparison import compare_experiments, compare_trials

    records = place.records()
    targets = [find_target(records, name) for name in names]
    if all(number is None for _, number in targets):
        return compare_experiments([place.results(experiment) for experiment, _ in targets])
    if all(number is not None for _, number in targets):
        results = {experiment: place.results(experiment) for experiment, _ in targets}
        return compare_trials([results[experiment][name] for name, (experiment, _) in zip(names, targets, strict=True)])
    kinds = ", ".join(
        f"{name} is {'an experiment' if number is None else 'a trial'}"
        for name, (_, number) in zip(names, targets, strict=True)
    )
    raise typer.BadParameter(
        f"experiments are compared with experiments, and trials with trials: {kinds}", param_hint="NAME"
    )


def _column_of(name: str) -> Column:
    def cell(row: Row) -> str:
        value: Any = row[name]
        if isinstance(value, float):
            return as_number(value)
        return value if isinstance(value, str) else as_value(value)

    return Column(name, cell)
