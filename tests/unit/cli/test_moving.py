"""`expsdk replay`, `export` and `import` on the command line: help, and what is wrong with a command."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.parametrize("verb", ["replay", "export", "import"])
def test_every_verb_has_help_with_examples(expsdk: Run, verb: str) -> None:
    done = expsdk(verb, "--help")
    assert done.returncode == 0
    assert f"\n  expsdk {verb} " in done.stdout
    assert "\\b" not in done.stdout
    assert verb in {line.split()[0] for line in expsdk("--help").stdout.splitlines() if line.strip()}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["replay"], "Missing argument 'TRIAL'"),
        (["replay", "train-0000", "--debgu"], "No such option: --debgu"),
        (["export", "train"], "Missing argument 'DIR'"),
        (["import"], "Missing argument 'DIR'"),
        (["import", "out", "--nmae", "x"], "No such option: --nmae"),
    ],
)
def test_a_wrong_command_line_is_told_with_status_2(expsdk: Run, arguments: list[str], words: str) -> None:
    done = expsdk(*arguments)
    assert done.returncode == 2
    assert words in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["replay", "train-0000"], "no experiment 'train' is kept in "),
        (["export", "train", "out"], "no experiment 'train' is kept in "),
        (["import", "out"], "is a directory that `expsdk export` wrote, and out has no export.json; name one"),
        (["replay", "train-0000", "--backend", "kubernetes"], "kubeconfig"),
        (["import", "out", "--backend", "kubernetes"], "kubeconfig"),
    ],
)
def test_what_is_not_there_is_told_in_one_line(expsdk: Run, arguments: list[str], words: str) -> None:
    done = expsdk(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("expsdk: ")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
