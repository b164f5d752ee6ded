"""The options that say where experiments are, as verbs take them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from expsdk.cli.place import Place, as_flags, find_place, placed


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer(rich_markup_mode=None)

    @app.command()
    @placed
    def verb(place: Place, name: Annotated[str, typer.Argument()], top: int = 3) -> None:
        """Do it."""
        typer.echo(f"{name} {top} {place.backend} {sorted(place.options().items())}")

    return app


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("BACKEND", "NAMESPACE", "CONTEXT", "ROOT"):
        monkeypatch.delenv(f"EXPSDK_{name}", raising=False)


def test_a_verb_takes_its_place_and_its_own(app: typer.Typer) -> None:
    done = CliRunner().invoke(app, ["exp", "--top", "5", "-n", "ml", "-c", "big"])
    assert done.output == "exp 5 kubernetes [('context', 'big'), ('namespace', 'ml')]\n"
    assert CliRunner().invoke(app, ["exp"]).output == "exp 3 local []\n"


def test_contradictions_are_a_wrong_command_line(app: typer.Typer) -> None:
    done = CliRunner().invoke(app, ["exp", "-b", "local", "-n", "ml"])
    assert done.exit_code == 2
    assert "--namespace is for the backend kubernetes" in done.output


def test_help_has_them_all(app: typer.Typer) -> None:
    done = CliRunner().invoke(app, ["--help"])
    assert all(f"--{name}" in done.output for name in ("backend", "root", "namespace", "context", "kubeconfig", "top"))
    assert "--place" not in done.output


def test_a_kubeconfig_of_the_environment_is_left_to_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "a:b")
    assert find_place(namespace="ml").options() == {"namespace": "ml"}
    assert find_place(kubeconfig="c").options() == {"kubeconfig": "c"}


def test_a_remedy_names_flags() -> None:
    message = "give the directory with root=, or name one with kubeconfig= and context=; with root='x' it was tried"
    assert as_flags(message) == (
        "give the directory with --root, or name one with --kubeconfig and --context; with root='x' it was tried"
    )
