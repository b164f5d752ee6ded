"""What the kubelet changes on the machine outside the cluster's directory, and how it was before."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path

from places import Places, write_whole
from processes import boot

_SETTINGS = [
    Path("/proc/sys", name)
    for name in (
        "kernel/keys/root_maxbytes",
        "kernel/keys/root_maxkeys",
        "kernel/panic",
        "kernel/panic_on_oops",
        "vm/overcommit_memory",
        "vm/panic_on_oom",
    )
]
_CGROUPS = Path("/sys/fs/cgroup")
_LOGS = (Path("/var/log/pods"), Path("/var/log/containers"))


def remember(places: Places) -> None:
    """Note the kernel's settings, and the pods' control groups and logs that are there already."""
    document = {
        "boot": boot(),
        "settings": {str(path): path.read_text().strip() for path in _SETTINGS if path.exists()},
        "groups": [str(group) for group in _pod_groups()],
        "logs": [str(log) for log in _pod_logs()],
    }
    write_whole(places.before, json.dumps(document, indent=2))


def restore(places: Places) -> None:
    """Set back what was noted, and remove the control groups and logs that were not there."""
    try:
        before = json.loads(places.before.read_text())
    except (FileNotFoundError, ValueError):  # not noted, or not whole when the machine died
        return
    if before["boot"] == boot():  # a boot sets back the kernel's
        for path, value in before["settings"].items():
            if Path(path).read_text().strip() != value:
                Path(path).write_text(value)
        for group in _pod_groups():
            if str(group) not in before["groups"]:
                _remove_group(group)
    for log in _pod_logs():
        if str(log) not in before["logs"]:
            shutil.rmtree(log) if log.is_dir() and not log.is_symlink() else log.unlink()
    for directory in _LOGS:
        with suppress(OSError):  # others' are in it, or it never was
            directory.rmdir()


def _pod_groups() -> list[Path]:
    """Return the control groups that kubelets make: one in each hierarchy, or in the only one."""
    return [path for path in (_CGROUPS / "kubepods", *sorted(_CGROUPS.glob("*/kubepods"))) if path.exists()]


def _pod_logs() -> list[Path]:
    return sorted(log for directory in _LOGS for log in directory.glob("*"))


def _remove_group(group: Path) -> None:
    for inner in group.iterdir():
        if inner.is_dir():
            _remove_group(inner)
    with suppress(OSError):  # a process in it has not quite ended, and an empty group harms nobody
        group.rmdir()
