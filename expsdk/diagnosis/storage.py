"""Where local sweeps keep their records: whether it can be written, how much room there is, what is there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from expsdk.analysis.overview import INTERRUPTED, is_driven, overview
from expsdk.backends.local.disk import translating_disk_errors
from expsdk.backends.local.processes import why_forking_is_unsafe
from expsdk.backends.local.store import FileStore
from expsdk.diagnosis.finding import Finding, State, found
from expsdk.resources.words import count_of

__all__ = ["examine_storage", "judge_disk", "judge_forking"]

SCARCE_BYTES = 2**30
FULL_BYTES = 2**26
NAMED = 3
_OTHER_PLACE = "free some space, or give another place with --root"


def examine_storage(options: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield how local sweeps fare here.

    Args:
        options: The local backend's.
    """
    unsafe = why_forking_is_unsafe()  # before anything here starts a thread
    yield judge_forking(unsafe)
    store = FileStore(**options)
    checks: dict[str, Callable[[], Finding]] = {
        "directory": lambda: _directory(store.root),
        "disk": lambda: _disk(store.root),
        "experiments": lambda: _experiments(store),
    }
    for check, look in checks.items():
        finding = found(check, look)
        yield finding
        if finding.state is State.FAIL and check == "directory":  # what else would be asked of it comes to the same
            return


def judge_forking(unsafe: str) -> Finding:
    """Return how trials are started here.

    Args:
        unsafe: Why they must not be forked, or "".
    """
    if unsafe:
        return Finding("processes", State.OK, f"each trial starts a fresh interpreter: {unsafe}")
    return Finding("processes", State.OK, "trials are forked from one process, unless a function's imports forbid it")


def judge_disk(free_bytes: int, total_bytes: int, *, free_files: int | None = None) -> Finding:
    """Return whether there is room for records.

    Args:
        free_bytes: How much this user may write yet.
        total_bytes: How much the disk holds.
        free_files: How many files may be added; None where the disk has no such limit.
    """
    words = f"{free_bytes / 2**30:.1f} of {total_bytes / 2**30:.1f} GiB are free"
    if free_files == 0:
        return Finding("disk", State.FAIL, f"{words}, but no file can be added: its inodes are used up", _OTHER_PLACE)
    if free_bytes < FULL_BYTES:
        return Finding("disk", State.FAIL, words, _OTHER_PLACE)
    return (
        Finding("disk", State.WARN, words, _OTHER_PLACE)
        if free_bytes < SCARCE_BYTES
        else Finding("disk", State.OK, words)
    )


def _directory(root: Path) -> Finding:
    with translating_disk_errors(root):
        place = _nearest(root)
        with tempfile.TemporaryFile(dir=place) as file:  # which is gone as soon as it is closed
            file.write(b"x")
            file.flush()
    if place == root:
        return Finding("directory", State.OK, f"{root} can be written")
    return Finding("directory", State.OK, f"{root} is not there yet, and can be made in {place}")


def _disk(root: Path) -> Finding:
    disk = os.statvfs(_nearest(root))
    size = disk.f_frsize
    free_files = disk.f_favail if disk.f_files else None
    return judge_disk(disk.f_bavail * size, disk.f_blocks * size, free_files=free_files)


def _nearest(root: Path) -> Path:
    """Return the directory, or what is nearest above it where it is not there yet."""
    return next(place for place in (root, *root.parents) if os.path.lexists(place))


def _experiments(store: FileStore) -> Finding:
    names, interrupted, broken = store.names(), [], []
    for name in names:
        phase = _phase(store, name)
        if phase is None:
            broken.append(name)
        elif phase == INTERRUPTED:
            interrupted.append(name)
    kept = f"{count_of(len(names), 'experiment')} kept" if names else "none kept yet"
    if broken:
        remedy = f"see whether {store.directory(broken[0]) / 'experiment.json'} is whole, or take that directory away"
        return Finding("experiments", State.FAIL, f"{kept}, of which cannot be read: {_few(broken)}", remedy)
    if interrupted:
        remedy = f"`expsdk resume {interrupted[0]}` goes on with it"
        words = f"{kept}, {len(interrupted)} of them interrupted: {_few(interrupted)}"
        return Finding("experiments", State.WARN, words, remedy)
    return Finding("experiments", State.OK, kept)


def _phase(store: FileStore, name: str) -> str | None:
    """Return an experiment's phase as lists show it, or None where its record cannot be read."""
    try:
        experiment = store.experiment(name)
        driven = is_driven(store, experiment)
    except (ValueError, OSError):  # no JSON, no record, or not this user's
        return None
    return str(overview(experiment, driven=driven, trials_outlive=store.trials_outlive)["phase"])


def _few(names: list[str]) -> str:
    shown = ", ".join(names[:NAMED])
    return f"{shown} and {len(names) - NAMED} more" if len(names) > NAMED else shown
