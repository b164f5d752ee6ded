"""Where a payload came from: commit, user, machine and time. Kept beside the payload, whose digest is its content's."""

from __future__ import annotations

import getpass
import platform
import socket
import subprocess
from pathlib import Path
from typing import Any

from expsdk.version import __version__
from expsdk_runtime.status import timestamp

GIT_TIMEOUT_S = 10


def provenance_of(root: Path) -> dict[str, Any]:
    """Return who packed the project at `root`, when, where and from which commit (None outside git)."""
    commit = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain", "--untracked-files=no") if commit else None
    return {
        "gitCommit": commit,
        "gitDirty": None if changes is None else bool(changes),
        "created": timestamp(),
        "user": _user(),
        "host": socket.gethostname(),
        "python": platform.python_version(),
        "expsdk": __version__,
    }


def _git(root: Path, *arguments: str) -> str | None:
    try:
        command = ["git", "--no-optional-locks", "-C", str(root), *arguments]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=GIT_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in many containers
        return ""
