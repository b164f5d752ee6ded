"""A trial's output directory: whose it is, so that no trial goes on from the checkpoint of another of its name."""

from __future__ import annotations

import os

from expsdk_runtime.console import say
from expsdk_runtime.contract import Reason
from expsdk_runtime.failure import NotReady

OWNER = ".expsdk-result"


def claim(directory: str, uid: str) -> None:
    """Make a trial's output directory; one that a former Result of its name has left is moved aside.

    Args:
        directory: The directory.
        uid: The Result's UID, or "" where it is not known: then whatever is there is taken for the trial's own.

    Raises:
        NotReady: Nothing can be written there.
    """
    owner = os.path.join(directory, OWNER)
    try:
        if uid and _read(owner) not in ("", uid):
            _move_aside(directory)
        os.makedirs(directory, exist_ok=True)
        if uid:
            with open(owner, "w", encoding="utf-8") as file:
                file.write(uid)
    except OSError as error:
        raise NotReady(
            Reason.LAUNCH_FAILED,
            f"the trial's output directory {directory} cannot be written ({error}): let the volume belong to the group"
            f" that the pod runs as (fsGroup), or to user {os.getuid()}",
        ) from error


def _move_aside(directory: str) -> None:
    number = 1
    while os.path.lexists(aside := f"{directory}.former-{number}"):
        number += 1
    os.rename(directory, aside)
    say(f"expsdk: {directory} was a former trial's of this name: it is {aside} now")


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""
