"""What these tests share: a directory of a user's own, real processes run in it, and what has become of them."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pexpect
import pytest

import expsdk
from expsdk.errors import ExperimentNotFound

MARK = "EXPSDK_TEST_MARK"
TIMEOUT_S = 60.0


class Workshop:
    """A directory of a user's own. What is started here, and all that it starts, bears a mark to be found by."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.mark = secrets.token_hex(8)

    def write(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def environment(self, **variables: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("EXPSDK_")}
        return {**kept, "COLUMNS": "400", MARK: self.mark, **variables}

    def start(
        self,
        *arguments: str | Path,
        env: dict[str, str] | None = None,
        prefix: tuple[str, ...] = (sys.executable,),
        **options: Any,
    ) -> subprocess.Popen[str]:
        """Start Python here; its output is in pipes unless told otherwise."""
        settings = {"cwd": self.directory, "stdin": subprocess.DEVNULL, "text": True, "errors": "replace"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            [*prefix, *map(str, arguments)],
            **{**settings, **pipes, **options},
            env=self.environment(**env or {}),
        )

    def run(self, *arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run Python here to its end."""
        with self.start(*arguments, **options) as process:
            try:
                output, errors = process.communicate(timeout=TIMEOUT_S)
            except BaseException:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def results(self, name: str, root: Path | None = None) -> expsdk.Results:
        return expsdk.results(name, root=root or self.directory / ".expsdk")

    def processes(self) -> dict[int, str]:
        """Return the command lines of what runs with this directory's mark, by process id; zombies do not count."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if self.mark.encode() in (entry / "environ").read_bytes():
                        command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                        found[int(entry.name)] = command
                except OSError:  # it has just ended
                    continue
        return found

    def kill_all(self) -> None:
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., Any]:
    """Return a function that waits for a condition, returns what it is then, and fails after a deadline."""

    def wait(condition: Callable[[], Any], *, within_s: float = 20.0, what: str = "") -> Any:
        give_up_at = time.monotonic() + within_s
        while not (value := condition()):
            if time.monotonic() > give_up_at:
                pytest.fail(f"not within {within_s:g} s: {what or condition}")
            time.sleep(0.01)
        return value

    return wait


@pytest.fixture(scope="session")
def make_workshop(
    tmp_path_factory: pytest.TempPathFactory, wait_until: Callable[..., Any]
) -> Callable[[str], Iterator[Workshop]]:
    """Return a generator function that makes a workshop and, at the end, sees that nothing runs there any more."""

    def make(name: str, directory: Path | None = None) -> Iterator[Workshop]:
        workshop = Workshop(directory or tmp_path_factory.mktemp(name))
        try:
            yield workshop
            wait_until(lambda: not workshop.processes(), within_s=5.0, what=f"gone: {workshop.processes()}")
        finally:
            workshop.kill_all()

    return make


@pytest.fixture
def workshop(make_workshop: Callable[..., Iterator[Workshop]], tmp_path: Path) -> Iterator[Workshop]:
    """A directory of a user's own; whatever the test starts there must be gone within seconds of its end."""
    yield from make_workshop("workshop", tmp_path)


@pytest.fixture
def wait_for_trials(workshop: Workshop, wait_until: Callable[..., Any]) -> Callable[..., expsdk.Results]:
    """Return a function that waits until so many trials of an experiment run and have logged something."""

    def wait(
        name: str, count: int, *, root: Path | None = None, meanwhile: Callable[[], None] = lambda: None
    ) -> expsdk.Results:
        def running() -> expsdk.Results | None:
            meanwhile()
            try:
                results = workshop.results(name, root)
            except ExperimentNotFound:
                return None
            begun = [trial for trial in results if trial.phase == "Running" and trial.epoch is not None]
            return results if len(begun) >= count else None

        found: expsdk.Results = wait_until(running, what=f"{count} trials of {name} run")
        return found

    return wait


@pytest.fixture
def terminal(workshop: Any) -> Any:
    """Return a function that starts Python here in a terminal of its own."""
    started = []

    def start(*arguments: str, dimensions: tuple[int, int] = (24, 300), **environment: str) -> Any:
        child = pexpect.spawn(
            sys.executable,
            list(arguments),
            cwd=str(workshop.directory),
            env=workshop.environment(**environment),
            timeout=30,
            encoding="utf-8",
            dimensions=dimensions,
        )
        started.append(child)
        child.read_all = lambda: _read_all(child)
        return child

    yield start
    for child in started:
        child.close(force=True)


def _read_all(child: Any) -> None:
    """Read what a terminal shows, as terminals do: else its program would wait."""
    with suppress(pexpect.TIMEOUT, pexpect.EOF):
        while True:
            child.read_nonblocking(65536, timeout=0)
