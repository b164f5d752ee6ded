"""`expsdk doctor`: which settings are in force and from where, and whether all is in order here and in the cluster."""

from __future__ import annotations

from typing import Annotated

import typer

from expsdk.cli.output import Column, Format, Output, print_rows, style_of
from expsdk.cli.place import Place, placed

app = typer.Typer()


@app.command()
@placed
def doctor(
    place: Place,
    with_cluster: Annotated[
        bool | None,
        typer.Option(
            "--cluster/--no-cluster", help="Look at the cluster too; by default where a kubeconfig names one."
        ),
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Tell which settings are in force and from where, and whether all is in order; changes nothing.

    It looks at Python, packages, git and the disk here, and in the cluster at connection, version, definitions,
    permissions, accounts and images. It ends with 1 where something fails.

    \b
    expsdk doctor
    expsdk doctor --namespace ml
    expsdk doctor -o json
    """
    from expsdk.cli.findings import here, in_cluster, settings

    findings = [*settings(place), *here(place)]
    findings += list(in_cluster(place, forced=place.backend == "kubernetes", wanted=with_cluster))
    rows = [{"name": each.name, "state": each.state, "found": each.found, "remedy": each.remedy} for each in findings]
    print_rows(rows, ["name", "state", "found", "remedy"], _COLUMNS, Format.WIDE if output is Format.TABLE else output)
    if any(each.state == "fail" for each in findings):
        raise typer.Exit(1)


_COLUMNS = (
    Column("", lambda row: str(row["state"]), style=style_of("state")),
    Column("what", lambda row: str(row["name"])),
    Column("found", lambda row: str(row["found"]) + (f"; {row['remedy']}" if row["remedy"] else "")),
)
