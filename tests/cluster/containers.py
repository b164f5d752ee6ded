"""Pods' containers from outside: found in containerd's state, and ended even where containerd is dead."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from places import Places
from processes import Process, end

_CGROUPS = Path("/sys/fs/cgroup")
_SHIM = "containerd-shim-runc-v2"
_CNI_NOTES = Path("/var/lib/cni/results")
_SHIM_SOCKETS = Path("/run/containerd/s")


def end_all(places: Places) -> None:
    """Kill every container, then the shims that watch them."""
    shims = _shims(places)
    end({process for bundle in _bundles(places) for process in _in_container(bundle)}, patience_s=0)
    end(shims, patience_s=1)


def remove_traces(places: Places) -> None:
    """Remove what killed shims and CNI plugins leave outside the cluster's directory; its containers have ended."""
    for bundle in _bundles(places):
        with suppress(OSError):  # it has gone, or was never there
            Path((bundle / "address").read_text().strip().removeprefix("unix://")).unlink()
    sandboxes = (places.containerd_root / "io.containerd.grpc.v1.cri" / "sandboxes").glob("*")
    for name in {path.name for path in (*sandboxes, *_bundles(places))}:
        for note in _CNI_NOTES.glob(f"*-{name}-*"):
            note.unlink()
    for directory in (_SHIM_SOCKETS, _SHIM_SOCKETS.parent, _CNI_NOTES, _CNI_NOTES.parent):
        with suppress(OSError):  # others' are in it, or it never was
            directory.rmdir()


def _bundles(places: Places) -> list[Path]:
    """Return the directories in which containerd keeps the containers that run."""
    return list((places.containerd_state / "io.containerd.runtime.v2.task" / "k8s.io").glob("*"))


def _in_container(bundle: Path) -> list[Process]:
    """Return all processes in a container's control group."""
    try:
        path = json.loads((bundle / "config.json").read_text())["linux"]["cgroupsPath"].lstrip("/")
    except (FileNotFoundError, KeyError, ValueError):  # it was about to be created
        return []
    pids: set[int] = set()
    for group in (_CGROUPS / path, *_CGROUPS.glob(f"*/{path}")):
        with suppress(OSError):  # it ended just now
            pids.update(map(int, (group / "cgroup.procs").read_text().split()))
    return [process for process in map(Process.of, pids) if process is not None]


def _shims(places: Places) -> list[Process]:
    """Return the shims that serve this cluster's containerd; its socket is among their arguments."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        process = Process.of(int(directory.name))
        with suppress(OSError):  # it ended just now
            arguments = (directory / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if process and Path(arguments[0]).name == _SHIM and str(places.containerd_socket) in arguments:
                found.append(process)
    return found
