"""What is mounted below a directory, and its end; what can be mounted there."""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from pathlib import Path

from commands import ClusterError, run


def mounted_below(directory: Path) -> list[Path]:
    """Return the mount points at or below the directory, the latest first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [Path(_unescape(line.split(" ")[4])) for line in lines]
    return [point for point in reversed(points) if point.is_relative_to(directory)]


def unmount_below(directory: Path) -> None:
    """Unmount everything at or below the directory; what is busy leaves the tree now and ends with its last user."""
    for point in mounted_below(directory):
        with suppress(ClusterError):  # a mount that went with another one is gone as well
            run("umount", "--lazy", point)
    left = mounted_below(directory)
    if left:
        raise ClusterError(f"{left[0]} cannot be unmounted: see what uses it (fuser -vm {left[0]}), then try again")


def remove_tree(directory: Path) -> None:
    """Remove a directory, after all that is mounted below it, so that nothing mounted there loses its files."""
    unmount_below(directory)
    if directory.exists():
        shutil.rmtree(directory)


def carries_overlays(directory: Path) -> bool:
    """Return whether overlays can lie in the directory: not on another overlay, as in a container."""
    return run("stat", "--file-system", "--format", "%T", directory).strip() != "overlayfs"


def _unescape(text: str) -> str:
    """Undo the octal escapes of the kernel's tables."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
