"""The command as a whole: help, version, exit codes, errors in one line, a quick start."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from expsdk.version import __version__

LOOKING = ("list", "show", "watch", "logs", "results", "best", "compare", "doctor")
VERBS = (*LOOKING, "run", "resume", "stop", "delete", "pack", "replay", "install", "uninstall", "build", "coordinate")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_version(expsdk: Run) -> None:
    done = expsdk("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"expsdk {__version__}\n", "")


def test_the_installed_command_is_the_same() -> None:
    command = Path(sys.executable).with_name("expsdk")
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"expsdk {__version__}\n"


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_names_every_verb_and_shows_examples(expsdk: Run, option: str) -> None:
    done = expsdk(option)
    assert done.returncode == 0
    assert set(VERBS) <= {line.split()[0] for line in done.stdout.splitlines() if line.strip()}
    assert "\n  expsdk install --namespace ml " in done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_examples(expsdk: Run, verb: str) -> None:
    done = expsdk(verb, "--help")
    assert done.returncode == 0
    assert f"\n  expsdk {verb}" in done.stdout
    assert "\\b" not in done.stdout


def test_no_verb_shows_the_help(expsdk: Run) -> None:
    done = expsdk()
    assert done.returncode == 2
    assert "Usage: expsdk" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["instal"], "No such command 'instal'"),
        (["install", "--nmespace", "x"], "No such option: --nmespace"),
        (["build"], "Missing argument"),
        (["build", "train.py"], "Invalid value for --tag: the image needs a name"),
    ],
)
def test_a_wrong_command_line_is_told_with_status_2(expsdk: Run, arguments: list[str], words: str) -> None:
    done = expsdk(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_is_one_line_with_status_1(expsdk: Run) -> None:
    done = expsdk("install")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("expsdk: a kubeconfig names the cluster, and there is none at ~/.kube/config; ")


def test_ctrl_c_is_status_130(expsdk: Run, write: Callable[[str, str], Path]) -> None:
    write("train.py", "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nimport time; time.sleep(30)")
    done = expsdk("build", "train.py", "--print")
    assert done.returncode == 130
    assert "Traceback" not in done.stderr


def test_help_loads_next_to_nothing() -> None:
    program = (
        "import sys\nfrom expsdk.cli import app\n"
        "print(*({name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    slow = {"pydantic", "kubernetes", "urllib3", "yaml", "rich", "optuna", "scipy", "numpy", "cloudpickle"}
    assert slow.isdisjoint(done.stdout.split())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_full_disk_is_told_in_one_line(tmp_path: Path) -> None:
    root = tmp_path / "kept"
    root.mkdir()
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "expsdk", "list", "-o", "json", "--root", str(root)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == 1
    assert ended.stderr == (
        "expsdk: standard output cannot be written: No space left on device; free some space, or write it elsewhere\n"
    )
