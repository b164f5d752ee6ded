"""What the documents tell people to run, runs.

A `python` fence is a complete script; a `text output` fence after it is what that prints, `...` standing for anything.
In a `console` fence, lines that begin with `$` are commands: `make` is checked to have the target, scripts are run.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("examples/**/*.md"), *ROOT.glob("docs/**/*.md")])
FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_RUN = {"cd", "export", "git", "pip"}
"""Commands that get a person to the point where the others work."""
NEEDS_A_CLUSTER = "Needs a cluster"
TIMEOUT_S = 110


class Fence(NamedTuple):
    place: str
    kind: str
    text: str


def fences_of(document: Path) -> list[Fence]:
    text = document.read_text()
    return [
        Fence(f"{document.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}", match[1].strip(), match[2])
        for match in FENCE.finditer(text)
    ]


FENCES = [fence for document in DOCUMENTS for fence in fences_of(document)]


def scripts() -> Iterator[object]:
    """Yield every script with what it should print, or None."""
    for fence, after in zip(FENCES, [*FENCES[1:], None], strict=True):
        if fence.kind == "python":
            output = after.text if after is not None and after.kind == "text output" else None
            yield pytest.param(fence.text, output, id=fence.place)


def commands() -> Iterator[object]:
    """Yield every command of the console fences once, as its words."""
    lines = [line for fence in FENCES if fence.kind == "console" for line in fence.text.splitlines()]
    parts = [part for line in lines if line.startswith("$ ") for part in line.removeprefix("$ ").split("&&")]
    for command in dict.fromkeys(shlex.join(shlex.split(part, comments=True)) for part in parts):
        yield pytest.param(shlex.split(command), id=command)


def run(script: str, *arguments: str, directory: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "EXPSDK_ROOT"}
    done = subprocess.run(
        [sys.executable, script, *arguments],
        cwd=directory,
        env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def payload_of_readme(directory: Path) -> Path:
    """Run the README's first script in `directory` and return the payload that it leaves."""
    scripts = [fence.text for fence in fences_of(ROOT / "README.md") if fence.kind == "python"]
    (directory / "script.py").write_text(scripts[0])
    run("script.py", directory=directory)
    (payload,) = directory.glob(".expsdk/*/payload-*.pyz")
    return payload


@pytest.mark.parametrize("document", ["README.md", "examples/README.md"])
def test_document_has_commands(document: str) -> None:
    kinds = {fence.kind for fence in fences_of(ROOT / document)}
    assert "console" in kinds, f"{document} tells nobody how to run anything"


def test_readme_has_a_script() -> None:
    assert "python" in {fence.kind for fence in fences_of(ROOT / "README.md")}, "README.md shows no code"


def test_fences_are_of_known_kinds() -> None:
    strange = [fence.place for fence in FENCES if fence.kind not in {"python", "text", "text output", "console"}]
    assert not strange, "a fence that this test does not know is a fence that nobody runs"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", document.read_text())
    assert not [target for target in targets if "://" not in target and not (document.parent / target).exists()]


@pytest.mark.parametrize(("script", "output"), list(scripts()))
def test_script_runs(script: str, output: str | None, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(script)
    printed = run("script.py", directory=tmp_path)
    if output is not None:
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        assert doctest.OutputChecker().check_output(output, printed, flags), printed


@pytest.mark.parametrize("words", list(commands()))
def test_command_works(words: list[str], tmp_path: Path) -> None:
    program, *arguments = words
    if program == "make":
        targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
        assert targets >= {word for word in arguments if "=" not in word}
    elif words[:2] == ["python", "tests/cluster"]:  # it would change the machine: see that it has the verb
        run("tests/cluster", arguments[1], "--help", directory=ROOT)
    elif program == "kubectl":  # the same
        assert [word for word in arguments if (ROOT / word).is_file()]
    elif program == "expsdk":  # it would change a cluster
        run("-m", "expsdk", arguments[0], "--help", directory=tmp_path)
    elif Path(program).name.startswith("python"):
        script, *options = arguments
        if script.startswith("examples/") and NEEDS_A_CLUSTER in (ROOT / script).read_text():
            return  # tests/kubernetes runs it
        place = payload_of_readme(tmp_path) if script.startswith("payload-") else ROOT / script
        printed = run(str(place), *options, directory=tmp_path)
        assert printed
        if printed.startswith("skipped: "):
            pytest.skip(printed.removeprefix("skipped: ").strip())
    else:
        assert program in NOT_RUN, f"this test does not know how to check {shlex.join(words)!r}"
