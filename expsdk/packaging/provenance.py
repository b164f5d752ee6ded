"""Where a payload came from: commit, changes, user, machine and time. Kept in records, not in the payload itself.

Who packs is named as `user@host`. The environment variable EXPSDK_USER says another name ("ada", "ada@lab"), or nobody:
it may be empty.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import platform
import socket
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from expsdk.version import __version__
from expsdk_runtime.installed import versions_of
from expsdk_runtime.status import timestamp

USER = "EXPSDK_USER"
GIT_TIMEOUT_S = 5.0
"""How long git may take in all; what it has not told by then is not known."""
LIMIT_BYTES = 64 * 1024 * 1024
"""How much of changed files is read; where there is more, it is only known that there are changes."""


def provenance_of(root: Path, *, files: Iterable[str] = (), imports: Iterable[str] = ()) -> dict[str, Any]:
    """Return who packed the project at `root`, when, where and from which code; it never fails and is soon done.

    Args:
        root: The project's root.
        files: The project's files that are packed, by their path below it: of those that git does not know, only these
            count as changes.
        imports: The modules of others that the packed code imports.
    """
    user, host = _who()
    return {
        **_code(root, files),
        "created": timestamp(),
        "user": user,
        "host": host,
        "python": platform.python_version(),
        "expsdk": __version__,
        "packages": versions_of(imports),
    }


def _code(root: Path, files: Iterable[str]) -> dict[str, Any]:
    """Return the commit, whether there are changes, and their digest; None for what is not known."""
    give_up_at = time.monotonic() + GIT_TIMEOUT_S
    told = _git(root, give_up_at, "rev-parse", "HEAD", "--show-prefix")
    commit, prefix = told.split("\n")[:2] if told else (None, "")
    # `git diff` would write into the index, status does not.
    status = ("status", "--porcelain", "-z", "--untracked-files=no", "--no-renames", "--", ".")
    changed = _git(root, give_up_at, *status) if commit else None
    known = _git(root, give_up_at, "ls-files", "-z") if changed is not None else None
    if changed is None or known is None:
        return {"gitCommit": commit, "gitDirty": None, "diffDigest": None}
    unknown = set(files) - set(known.split("\0"))
    names = sorted({*(entry[3:].removeprefix(prefix) for entry in changed.split("\0") if entry), *unknown})
    digest = _digest(root, names, give_up_at) if names else None
    return {"gitCommit": commit, "gitDirty": bool(names), "diffDigest": digest}


def _digest(root: Path, names: Iterable[str], give_up_at: float) -> str | None:
    """Return the SHA-256 of files by name and content, or None where they are too large to be read in time."""
    whole = hashlib.sha256()
    room = LIMIT_BYTES
    for name in names:
        path = root / name
        try:
            room -= path.lstat().st_size
            if room < 0 or time.monotonic() > give_up_at:
                return None
            content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        except OSError:  # it was deleted, or is a directory: another repository
            content = None
        part = "-" if content is None else hashlib.sha256(content).hexdigest()
        whole.update(os.fsencode(name) + f"\0{part}\n".encode())
    return f"sha256:{whole.hexdigest()}"


def _git(root: Path, give_up_at: float, *arguments: str) -> str | None:
    command = ["git", "--no-optional-locks", "-C", str(root), *arguments]
    timeout_s = max(0.0, give_up_at - time.monotonic())
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return os.fsdecode(done.stdout)


def _who() -> tuple[str, str]:
    """Return the user and the machine to name."""
    given = os.environ.get(USER)
    if given is not None:
        user, _, host = given.strip().partition("@")
        return user, host
    return _user(), socket.gethostname()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in many containers
        return ""
