"""How a trial begins with its parent's checkpoints: a copy of its own, whole or not at all."""

from __future__ import annotations

import os

from expsdk_runtime.console import say
from expsdk_runtime.contract import Assignment, Reason
from expsdk_runtime.failure import NotReady

PARTIAL = ".partial"


def inherit(assignment: Assignment) -> None:
    """Give a trial that goes on from another one a copy of that one's checkpoints, if it has none of its own yet.

    What a former attempt has copied, and perhaps gone on from, is left alone. One that was interrupted at it leaves
    part of a copy under another name, which the next attempt throws away.

    Raises:
        NotReady: They cannot be copied.
    """
    source, target = assignment.parent_checkpoint_dir, assignment.checkpoint_dir
    if not source or os.path.lexists(target):
        return
    if not os.path.isdir(source):
        say(f"expsdk: {assignment.parent} has left no checkpoints, and this trial begins without ({source})")
        return
    import shutil  # slow to import, and few trials need it

    partial = target + PARTIAL
    try:
        if os.path.lexists(partial):
            shutil.rmtree(partial)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copytree(source, partial, symlinks=True)
        os.rename(partial, target)
    except OSError as error:  # shutil.Error is one, which lists what could not be copied
        raise NotReady(
            Reason.LAUNCH_FAILED,
            f"the trial goes on from the checkpoints of {assignment.parent}, and they cannot be copied from {source} to"
            f" {target} ({error}): let them be plain files and directories that user {os.getuid()} can read, and look"
            " at the room there is on the disk",
        ) from error
