"""Disks that are full, read-only or gone: a clear error, and nothing left behind that was not there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import expsdk

TRAIN = """
    import os
    import resource
    import sys
    import time
    from pathlib import Path

    import expsdk
    from expsdk import experiment, log_metric

    FILL, WAIT, LIMIT = (os.environ.get(name) for name in ("FILL", "WAIT", "LIMIT"))

    @experiment(space={"number": list(range(6))}, objective="loss")
    def train(number):
        log_metric("loss", number)
        while FILL:
            with Path(FILL).open("ab", buffering=0) as file:
                try:
                    file.write(b"x" * 4096)
                except OSError:
                    time.sleep(3600)
        while WAIT and not Path(WAIT).exists():
            time.sleep(0.01)
        return float(number)

    if __name__ == "__main__":
        backend, root = sys.argv[1:]
        if LIMIT:
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(LIMIT), int(LIMIT)))
        try:
            results = train.sweep(sampler="grid", parallelism=2, name="disk").run(backend=backend, root=root)
            print("returned", results.counts)
        except expsdk.ExpsdkError as error:
            print(f"{type(error).__name__}: {error}")
            if FILL:
                Path(FILL).unlink()
                print("kept", expsdk.results("disk", root=root).counts)
            elif Path(root).exists():
                print("left", os.listdir(root))
"""
READ_ONLY = 'mount --bind . . && mount -o remount,ro,bind "$PWD" && cd "$PWD"'


@pytest.fixture
def run(workshop: Any) -> Callable[..., str]:
    """Return a function that runs a sweep and returns what it printed."""
    workshop.write("train.py", TRAIN)

    def run(backend: str = "local", root: Path | str = ".expsdk", **options: Any) -> str:
        done = workshop.run("train.py", backend, str(root), **options)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
        return str(done.stdout)

    return run


@pytest.fixture
def mounted(tmp_path: Path) -> Callable[[str], tuple[str, ...]]:
    """Return a function that returns what starts Python after shell commands, with mounts that only it sees."""
    place = tmp_path / "may-mount"
    place.mkdir()
    command = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", str(place)]
    if shutil.which("unshare") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only a user who may mount can have a full or a read-only disk")
    place.rmdir()
    return lambda commands: ("unshare", "--mount", "sh", "-ec", f'{commands}; exec "$0" "$@"', sys.executable)


@pytest.fixture(params=["local", "debug"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_read_only_directory(workshop: Any, run: Any, mounted: Any, backend: str) -> None:
    said = run(backend, prefix=mounted(READ_ONLY))
    root = workshop.directory / ".expsdk"
    assert said == (
        f"StorageError: records are kept in files, but {root}/disk cannot be written (Read-only file system); the disk"
        " is read-only: give another place with root=\n"
    )
    assert not root.exists()


def test_another_place_is_the_remedy_there(
    workshop: Any, run: Any, mounted: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert run(root=elsewhere, prefix=mounted(READ_ONLY)) == "returned {'Succeeded': 6}\n"
    assert [trial.phase for trial in workshop.results("disk", elsewhere)] == ["Succeeded"] * 6


@pytest.mark.parametrize(
    ("backend", "room"),
    [
        ("local", "size=4k"),
        ("local", "size=40k"),
        ("local", "nr_inodes=2"),
        ("local", "nr_inodes=6"),
        ("debug", "size=40k"),
    ],
)
def test_a_disk_that_is_full_from_the_beginning(workshop: Any, run: Any, mounted: Any, backend: str, room: str) -> None:
    (workshop.directory / "small").mkdir()
    said = run(backend, "small", prefix=mounted(f"mount -t tmpfs -o {room} tmpfs small"))
    error, left = said.splitlines()
    assert error.startswith(f"StorageError: records are kept in files, but {workshop.directory}/small")
    assert error.endswith("(No space left on device); the disk is full: free some space")
    assert left in {"left []", "left ['.gitignore']"}


def test_a_disk_that_is_full_in_the_middle_of_a_sweep(workshop: Any, run: Any, mounted: Any) -> None:
    (workshop.directory / "small").mkdir()
    said = run("local", "small", env={"FILL": "small/fill"}, prefix=mounted("mount -t tmpfs -o size=4m tmpfs small"))
    error, kept = said.splitlines()
    assert error.startswith(f"StorageError: records are kept in files, but {workshop.directory}/small/disk/")
    assert error.endswith("(No space left on device); the disk is full: free some space")
    assert kept == "kept {'Failed': 2}"


def test_a_limit_on_the_size_of_files(run: Any, backend: str) -> None:
    error, left = run(backend, env={"LIMIT": "20000"}).splitlines()
    assert error.endswith("cannot be written (File too large); give another place with root=")
    assert left == "left ['.gitignore']"


@pytest.mark.parametrize("whole", [False, True], ids=["its records", "the working directory"])
def test_a_directory_that_is_deleted_meanwhile(
    workshop: Any, wait_for_trials: Callable[..., expsdk.Results], wait_until: Callable[..., Any], whole: bool
) -> None:
    workshop.write("here/train.py", TRAIN)
    here = workshop.directory / "here"
    with workshop.start("train.py", "local", ".expsdk", cwd=here, env={"WAIT": str(workshop.directory / "go")}) as it:
        wait_for_trials("disk", 2, root=here / ".expsdk")
        shutil.rmtree(here if whole else here / ".expsdk" / "disk")
        (workshop.directory / "go").touch()
        said, errors = it.communicate(timeout=30)
    assert said.startswith(f"StorageError: records are kept in files, but {here}/.expsdk/disk/results/disk-000"), errors
    assert "(No such file or directory); a directory on the way to it is gone" in said
    assert (it.returncode, "Traceback" in errors) == (0, False), errors


def test_a_root_that_is_a_file(workshop: Any, run: Any, backend: str) -> None:
    workshop.write("file", "")
    said = run(backend, "file/root").splitlines()[0]
    assert said.startswith("StorageError: records are kept in files, but")
    assert said.endswith("give another place with root=")
