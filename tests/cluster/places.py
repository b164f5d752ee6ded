"""Where everything lies: the cluster's own directory, which `down` empties, and the caches, which stay."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from commands import ClusterError, say

CACHE = Path("~/.cache/expsdk").expanduser()
BINARIES = CACHE / "kube" / "v1.20.2"
IMAGES = CACHE / "images"
DIRECTORY = CACHE / "cluster"

_SOCKET_PATH_LIMIT = 107


@dataclass(frozen=True)
class Places:
    """The directory of one cluster."""

    directory: Path

    @classmethod
    def at(cls, directory: Path) -> Places:
        places = cls(directory.expanduser().resolve())
        longest = len(f"{places.containerd_socket}.ttrpc")
        if longest > _SOCKET_PATH_LIMIT:
            over = longest - _SOCKET_PATH_LIMIT
            raise ClusterError(
                f"{places.directory} is {over} characters too long for the sockets in it: take a shorter"
            )
        return places

    @property
    def state(self) -> Path:
        """All that ends with the cluster."""
        return self.directory / "state"

    @property
    def pids(self) -> Path:
        return self.state / "pids"

    @property
    def certificates(self) -> Path:
        return self.state / "certificates"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.state / "admin.kubeconfig"

    @property
    def containerd_root(self) -> Path:
        return self.state / "containerd"

    @property
    def containerd_state(self) -> Path:
        return self.state / "run"

    @property
    def containerd_socket(self) -> Path:
        return self.containerd_state / "containerd.sock"

    @property
    def kubelet(self) -> Path:
        return self.state / "kubelet"

    @property
    def before(self) -> Path:
        """How the machine was before the cluster changed it."""
        return self.state / "before.json"

    @property
    def imported(self) -> Path:
        """Which archive each image in the cluster came from."""
        return self.state / "imported.json"

    @property
    def logs(self) -> Path:
        """What the components printed. `down` leaves it to be read, the next `up` begins anew."""
        return self.directory / "logs"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"


def write_whole(path: Path, text: str) -> None:
    """Write a file that is never seen half written, not even after a power cut."""
    unfinished = path.with_name(f"{path.name}.new")
    with unfinished.open("w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.rename(path)


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Keep others who want the same out until the block is left; the lock of a process that dies is free."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another process that {what} ({path})")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield
