"""Where and how people start their programs: any directory, any way of starting Python, several at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

TRAIN = """
    import sys
    import time

    import helpers
    from expsdk import experiment

    @experiment(space={"number": [1, 2, 3]}, objective="loss")
    def train(number):
        return float(helpers.double(number))

    if __name__ == "__main__":
        name = sys.argv[1] if len(sys.argv) > 1 else "train"
        results = train.sweep(sampler="grid", parallelism=2, name=name).run(progress="-q" not in sys.argv)
        print([trial.values["loss"] for trial in results])
"""
HELPERS = """
    def double(number):
        return 2 * number
"""
NOTEBOOK_CELL = """
@experiment(space={"number": [1, 2, 3]}, objective="loss")
def train(number):
    if number == 3:
        raise ValueError('of the notebook')
    return float(helpers.double(number))
"""
SAID = "[2.0, 4.0, 6.0]\n"


@pytest.fixture
def script(workshop: Any) -> Path:
    workshop.write("project/helpers.py", HELPERS)
    path: Path = workshop.write("project/train.py", TRAIN)
    return path


@pytest.mark.parametrize(
    "where",
    ["with spaces and 'quotes'", "für-Ähnliches-日本-🎈", "deep/" * 40 + "er" * 20, "--attach", "%s{}$HOME;"],
    ids=["spaces", "non-ASCII", "deep", "option", "odd"],
)
def test_any_directory_will_do(workshop: Any, where: str) -> None:
    workshop.write(f"{where}/helpers.py", HELPERS)
    workshop.write(f"{where}/train.py", TRAIN)
    done = workshop.run("train.py", cwd=workshop.directory / where)
    assert done.stdout == SAID, done.stderr
    assert len(workshop.results("train", workshop.directory / where / ".expsdk")) == 3


def test_a_relative_path_from_another_directory(workshop: Any, script: Path) -> None:
    elsewhere = workshop.directory / "elsewhere" / "below"
    elsewhere.mkdir(parents=True)
    done = workshop.run("../../project/train.py", cwd=elsewhere)
    assert done.stdout == SAID, done.stderr
    assert [path.name for path in elsewhere.iterdir()] == [".expsdk"]


def test_a_module_of_a_package(workshop: Any) -> None:
    workshop.write("pkg/__init__.py", "")
    workshop.write("pkg/helpers.py", HELPERS)
    workshop.write("pkg/train.py", TRAIN.replace("import helpers", "from . import helpers"))
    done = workshop.run("-m", "pkg.train")
    assert done.stdout == SAID, done.stderr


def test_a_safe_path_and_modules_on_pythonpath(workshop: Any, script: Path) -> None:
    workshop.write("lib/helpers.py", HELPERS)
    (script.parent / "helpers.py").unlink()
    path = os.pathsep.join(filter(None, [str(workshop.directory / "lib"), os.environ.get("PYTHONPATH", "")]))
    environment = {"PYTHONSAFEPATH": "1", "PYTHONPATH": path}
    done = workshop.run(script, env=environment)
    assert done.stdout == SAID, done.stderr


@pytest.mark.parametrize("closed", ["<&-", "<&- 2>&-", "<&- 2>&- 3<&- 4<&- 5<&-"])
def test_closed_standard_streams(workshop: Any, script: Path, closed: str) -> None:
    shell = ("sh", "-c", f'exec "$0" "$@" {closed}', sys.executable)
    done = workshop.run(script, prefix=shell, stdin=None)
    assert done.stdout == SAID, done.stderr
    assert (workshop.directory / ".expsdk/train/imports.log").read_bytes() == b""
    assert {Path(trial.log_path).read_bytes() for trial in workshop.results("train")} == {b""}


def test_no_standard_streams_at_all(workshop: Any, script: Path) -> None:
    shell = ("sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-', sys.executable)
    done = workshop.run(script, "train", "-q", prefix=shell, stdin=None)
    assert done.returncode == 0
    assert workshop.results("train").counts == {"Succeeded": 3}


@pytest.mark.parametrize("flags", [["-W", "error"], ["-X", "dev", "-W", "error"]], ids=" ".join)
def test_no_warning_is_raised_or_shown(workshop: Any, script: Path, flags: list[str]) -> None:
    done = workshop.run(*flags, script)
    assert done.stdout == SAID, done.stderr
    assert ("Warning" in done.stderr, "Exception ignored" in done.stderr) == (False, False), done.stderr


def test_a_function_that_does_not_pack_leaves_nothing_open(workshop: Any) -> None:
    workshop.write(
        "train.py",
        """
        import threading
        from expsdk import experiment

        lock = threading.Lock()

        @experiment(space={"number": [1]}, objective="loss")
        def train(number):
            with lock:
                return 1.0

        if __name__ == "__main__":
            train.sweep(sampler="grid").run()
        """,
    )
    done = workshop.run("-X", "dev", "train.py")
    assert "PackingError" in done.stderr
    assert "ResourceWarning" not in done.stderr
    assert not (workshop.directory / ".expsdk").exists()


def test_git_ignores_what_is_kept(workshop: Any, script: Path) -> None:
    workshop.run(script)
    assert (workshop.directory / ".expsdk/.gitignore").read_text() == "*\n"
    subprocess.run(["git", "init", "--quiet"], cwd=workshop.directory, check=True)
    status = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all"],
        cwd=workshop.directory,
        check=True,
        capture_output=True,
        text=True,
    )
    assert ".expsdk" not in status.stdout
    assert "train.py" in status.stdout


def test_the_root_is_where_the_environment_says_unless_the_call_does(workshop: Any) -> None:
    workshop.write(
        "train.py",
        """
        import os
        from expsdk import experiment, results

        @experiment(space={"number": [1]}, objective="loss")
        def train(number):
            return 1.0

        if __name__ == "__main__":
            train.sweep(sampler="grid", name="one").run()
            train.sweep(sampler="grid", name="two").run(root="given")
            print(len(results("one")), len(results("two", root="given")), sorted(os.listdir()))
        """,
    )
    done = workshop.run("train.py", env={"EXPSDK_ROOT": "from/the-environment"})
    assert done.stdout.startswith("1 1 "), done.stderr
    assert sorted(path.name for path in workshop.directory.iterdir()) == ["from", "given", "train.py"]
    assert "kept in from/the-environment/one" in done.stderr


def test_two_sweeps_at_once_in_one_directory(workshop: Any, script: Path) -> None:
    processes = [workshop.start(script, name) for name in ("first", "second", "third")]
    said = []
    for process in processes:
        with process:
            said.append(process.communicate(timeout=60))
    assert [output for output, _ in said] == [SAID] * 3, said
    for name in ("first", "second", "third"):
        assert workshop.results(name).counts == {"Succeeded": 3}


def test_one_name_is_given_once_however_many_ask_at_once(workshop: Any, script: Path) -> None:
    processes = [workshop.start(script, "same") for _ in range(4)]
    said = []
    for process in processes:
        with process:
            said.append(process.communicate(timeout=60))
    assert sorted(output for output, _ in said) == ["", "", "", SAID], said
    refused = [errors for output, errors in said if not output]
    assert ["ExperimentExists: an experiment's name is unique, and 'same' is kept in" in text for text in refused] == [
        True
    ] * 3
    assert workshop.results("same").counts == {"Succeeded": 3}


def test_a_notebook(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.write("helpers.py", HELPERS)
    for name, value in workshop.environment().items():
        monkeypatch.setenv(name, value)
    cells = [
        "import helpers\nfrom expsdk import experiment, results",
        NOTEBOOK_CELL,
        'found = train.sweep(sampler="grid", parallelism=2, name="cells").run()',
        "print(found.counts, results('cells').best.values)",
        "print(found[2].error)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = NotebookClient(
        notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(workshop.directory)}}
    )
    client.execute()
    printed = ["".join(output.get("text", "") for output in cell.outputs) for cell in notebook.cells]
    assert printed[3] == "{'Succeeded': 2, 'Failed': 1} {'loss': 2.0}\n", json.dumps(notebook.cells, indent=1)
    assert "raise ValueError('of the notebook')" in printed[4]
