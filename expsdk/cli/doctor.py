"""`expsdk doctor`: what is in force and from where, and whether all is there that sweeps need."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING

import typer

from expsdk.cli.output import Format, Output, print_lines, print_rows, styled, terminal_width
from expsdk.cli.place import Place, placed

if TYPE_CHECKING:
    from expsdk.diagnosis import Finding

app = typer.Typer()

FIELDS = ("check", "state", "message", "remedy")
WIDEST_CHECK = 11
NARROWEST = 20


@app.command()
@placed
def doctor(place: Place, output: Output = Format.TABLE) -> None:
    """Check that all is there that sweeps need.

    It tells what is in force and from where, looks at all of it, and changes nothing.

    That is: this machine, the directory of local experiments, and a cluster if one is named: connection, definitions,
    permissions, accounts, image, nodes. What the backend in force lacks fails, what the other one lacks is a warning.
    It ends with 1 where something fails.

    \b
    expsdk doctor
    expsdk doctor --backend kubernetes --namespace ml
    expsdk doctor -o json | jq -r '.[] | select(.state != "ok") | .remedy'
    """
    from expsdk.diagnosis import State, examine

    examined = examine(place.backend, local=place.options("local"), cluster=place.options("kubernetes"))
    findings: list[Finding] = []
    for finding in chain(_in_force(place), examined):
        findings.append(finding)
        if output.is_table:  # each as soon as it is there: a server may take its time
            print_lines(_lines(finding, is_wide=output is Format.WIDE))
    if output.is_table:
        print_lines(["", _summary([finding.state for finding in findings])])
    else:
        print_rows([_row(finding) for finding in findings], FIELDS, (), output)
    if any(finding.state is State.FAIL for finding in findings):
        raise typer.Exit(1)


def _in_force(place: Place) -> Iterator[Finding]:
    """Yield every setting with its source."""
    from expsdk.backends.local.store import FileStore
    from expsdk.cluster.connection import searched
    from expsdk.diagnosis import Finding, State

    otherwise = {
        "root": str(FileStore(**place.options("local")).root),
        "namespace": "the context's, or the pod's",
        "context": "the kubeconfig's current one",
        "kubeconfig": searched(),
    }
    for name, setting in place.settings.items():
        value = setting.value if setting.value is not None else otherwise[name]
        yield Finding(name, State.OK, f"{value} ({setting.source})")


def _lines(finding: Finding, *, is_wide: bool) -> list[str]:
    """Return a finding for people: whole, in as many lines as that takes, for a remedy that is cut helps nobody."""
    from expsdk.resources.words import printable

    text = printable("; ".join(filter(None, (finding.message, finding.remedy))))
    state = styled(finding.state.value, finding.state.value) + " " * (4 - len(finding.state.value))
    head = f"{state}  {finding.check:<{WIDEST_CHECK}}  "
    indent = " " * (4 + 2 + WIDEST_CHECK + 2)
    width = terminal_width()
    if is_wide or width is None:
        return [head + text]
    room = max(NARROWEST, width - len(indent))
    first, *others = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
    return [head + first, *(indent + line for line in others)]


def _summary(states: Sequence[str]) -> str:
    failing, warning = states.count("fail"), states.count("warn")
    told = [f"{failing} of {len(states)} checks failed"] if failing else []
    told += [f"{warning} {'warning' if warning == 1 else 'warnings'}"] if warning else []
    return ", ".join(told) or "all is well"


def _row(finding: Finding) -> dict[str, str]:
    """Return a finding as `print_rows` takes it."""
    fields = {"check": finding.check, "state": finding.state.value}
    return {"name": finding.check, **fields, "message": finding.message, "remedy": finding.remedy}
