"""Packages that a trial asks for, installed before its function into a directory of its own, by uv or pip."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import deque

from expsdk_runtime.contract import Reason
from expsdk_runtime.failure import NotReady

LINES_KEPT = 25
_DONE = ".expsdk-installed"


def install(requirements: list[str], directory: str) -> None:
    """Install into `directory` and let this process and those that it starts import from there.

    Raises:
        NotReady: The installer has failed; the message has its last lines.
    """
    done = os.path.join(directory, _DONE)
    wanted = "\n".join(requirements)
    if _read(done) != wanted:  # a container that starts again in its pod finds it done
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        _run(_command(requirements, directory), requirements, directory)
        with open(done, "w", encoding="utf-8") as file:
            file.write(wanted)
    sys.path.insert(1, directory)
    _prepend("PYTHONPATH", directory)
    _prepend("PATH", os.path.join(directory, "bin"))


def _command(requirements: list[str], directory: str) -> list[str]:
    uv = shutil.which("uv")
    if uv:
        options = ["--python", sys.executable, "--no-progress"]
        return [uv, "pip", "install", *options, *_unless("UV_CACHE_DIR", "--no-cache"), *_into(requirements, directory)]
    options = ["--disable-pip-version-check", "--no-input", "--progress-bar=off"]
    pip = [sys.executable, "-m", "pip", "install", *options]
    return [*pip, *_unless("PIP_CACHE_DIR", "--no-cache-dir"), *_into(requirements, directory)]


def _into(requirements: list[str], directory: str) -> list[str]:
    return ["--target", directory, "--", *requirements]


def _unless(variable: str, option: str) -> list[str]:
    """Return the option against a cache, which would be thrown away with the pod, unless one is named."""
    return [] if os.environ.get(variable) else [option]


def _run(command: list[str], requirements: list[str], directory: str) -> None:
    """Run the installer, showing what it prints."""
    last: deque[str] = deque(maxlen=LINES_KEPT)
    try:
        installer = subprocess.Popen(
            command,
            cwd=directory,  # no module of another working directory is to come in pip's way
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        with installer:
            try:
                assert installer.stdout is not None
                for line in installer.stdout:
                    sys.stderr.write(line)
                    last.append(line.rstrip())
            except BaseException:  # the trial is asked to stop
                installer.kill()
                raise
    except OSError as error:
        raise NotReady(Reason.PACKAGES_FAILED, f"{command[0]} does not start: {error}") from error
    if installer.returncode != 0:
        name = "uv" if command[1] == "pip" else "pip"
        said = "\n".join(last)
        raise NotReady(
            Reason.PACKAGES_FAILED,
            f"packages={requirements!r} could not be installed: {name} ends with {installer.returncode}"
            f"{_remedy(said)}\n{said}",
        )


def _remedy(said: str) -> str:
    if "No module named pip" in said:
        return " (the image has neither uv nor pip: take one that has, or one with the packages in it)"
    return ""


def _prepend(variable: str, directory: str) -> None:
    former = os.environ.get(variable)
    os.environ[variable] = directory + (os.pathsep + former if former else "")


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return None
