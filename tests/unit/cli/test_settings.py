"""Which setting is in force, and where it is from."""

from __future__ import annotations

from pathlib import Path

import pytest

from expsdk.cli.settings import NAMES, Setting, read_project, resolve
from expsdk.errors import OptionError

NOWHERE = dict.fromkeys(NAMES)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory below one with settings."""
    (tmp_path / "pyproject.toml").write_text(
        '[tool.expsdk]\nbackend = "kubernetes"\nnamespace = "ml"\nroot = "runs"\n[tool.other]\nx = 1\n'
    )
    below = tmp_path / "src" / "package"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    return below


def test_flags_go_before_the_environment_and_that_before_the_project(project: Path) -> None:
    environment = {"EXPSDK_NAMESPACE": "lab", "EXPSDK_CONTEXT": "big"}
    found = resolve({**NOWHERE, "context": "small"}, environment=environment, directory=project)
    assert found == {
        "backend": Setting("kubernetes", "--context"),
        "root": Setting(str(project.parents[1] / "runs"), "[tool.expsdk] in ../../pyproject.toml"),
        "namespace": Setting("lab", "EXPSDK_NAMESPACE"),
        "context": Setting("small", "--context"),
        "kubeconfig": Setting(None, "default"),
    }
    found = resolve(NOWHERE, environment={}, directory=project)
    assert found["backend"] == Setting("kubernetes", "[tool.expsdk] in ../../pyproject.toml")
    assert found["namespace"] == Setting("ml", "[tool.expsdk] in ../../pyproject.toml")


def test_without_any_the_backend_is_local(tmp_path: Path) -> None:
    found = resolve(NOWHERE, environment={}, directory=tmp_path)
    assert found == {**dict.fromkeys(NAMES, Setting(None, "default")), "backend": Setting("local", "default")}


@pytest.mark.parametrize(
    ("flag", "backend"), [("namespace", "kubernetes"), ("kubeconfig", "kubernetes"), ("root", "local")]
)
def test_a_flag_of_one_backend_names_it(project: Path, flag: str, backend: str) -> None:
    found = resolve({flag: "there"}, environment={"EXPSDK_BACKEND": "kubernetes"}, directory=project)
    assert found["backend"] == Setting(backend, f"--{flag}")


def test_an_empty_variable_is_none(tmp_path: Path) -> None:
    found = resolve(NOWHERE, environment={"EXPSDK_BACKEND": ""}, directory=tmp_path)
    assert found["backend"] == Setting("local", "default")


@pytest.mark.parametrize(
    ("flags", "environment", "words"),
    [
        ({"backend": "kubernets"}, {}, "not 'kubernets' (--backend); did you mean 'kubernetes'?"),
        ({}, {"EXPSDK_BACKEND": "x"}, "is one of local, kubernetes, not 'x' (EXPSDK_BACKEND); write one of them"),
        (
            {"backend": "local", "namespace": "ml"},
            {},
            "--namespace is for the backend kubernetes, and the backend is local (--backend); leave one of them out",
        ),
        ({"root": "x", "namespace": "ml"}, {}, "--namespace is for the backend kubernetes, and the backend is local"),
    ],
)
def test_what_contradicts_is_refused(
    tmp_path: Path, flags: dict[str, str], environment: dict[str, str], words: str
) -> None:
    with pytest.raises(OptionError) as caught:
        resolve(flags, environment=environment, directory=tmp_path)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[tool.expsdk\n", "which cannot be read ("),
        ('[tool]\nexpsdk = "x"\n', "is a table of settings, not 'x'; write [tool.expsdk]"),
        ('[tool.expsdk]\nnamspace = "x"\n', "not 'namspace'; did you mean 'namespace'?"),
        ("[tool.expsdk]\nnamespace = 3\n", "namespace of [tool.expsdk] in"),
    ],
)
def test_what_is_wrong_in_the_file_is_told(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(OptionError) as caught:
        read_project(tmp_path)
    assert words in str(caught.value)
    assert str(tmp_path / "pyproject.toml") in str(caught.value)


def test_a_project_without_the_table_is_passed_over(project: Path) -> None:
    (project / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert read_project(project)[0]["namespace"] == "ml"
