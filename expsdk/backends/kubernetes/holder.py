"""Who holds a Lease, by its name: a process of this machine, of another one, or of a pod, and what tells its end."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["POD_VARIABLES", "Holder", "Pod", "has_ended", "is_gone", "pod_of", "this_process", "words_for"]

_POD, _PROCESS = "pod", "process"
_NAME, _UID = "EXPSDK_POD", "EXPSDK_POD_UID"
POD_VARIABLES = tuple(
    {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
    for name, path in ((_NAME, "metadata.name"), (_UID, "metadata.uid"))
)
"""What tells a coordinator in a container which pod it runs in."""
_BOOT_ID, _PROCESSES = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")


class Pod(NamedTuple):
    """A pod in the Lease's namespace; its name may come again, its uid does not."""

    name: str
    uid: str


class Holder(NamedTuple):
    """A process that can hold a Lease.

    Attributes:
        identity: Its name, which no other process has.
        duration_s: How long it holds what it does not renew, in seconds.
        renewal_s: Time between two renewals, in seconds.
    """

    identity: str
    duration_s: int
    renewal_s: float


def this_process(environ: Mapping[str, str] = os.environ) -> Holder:
    """Return the name of this process and how it holds a Lease.

    A laptop sleeps and changes networks, so it has time. A coordinator in a pod is near the API server, and its
    successor, which comes at once, waits for that time wherever nobody can tell that the one before it has ended.
    """
    mark = os.urandom(3).hex()
    if environ.get(_NAME) and environ.get(_UID):
        return Holder(f"{_POD}/{environ[_NAME]}/{environ[_UID]}/{mark}", duration_s=5, renewal_s=1.0)
    where = f"{socket.gethostname()}/{_machine()}/{os.getpid()}"
    return Holder(f"{_PROCESS}/{where}/{mark}", duration_s=20, renewal_s=5.0)


def words_for(identity: str) -> str:
    """Return what a holder is called in messages."""
    parts = identity.split("/")
    if parts[0] == _PROCESS and len(parts) == 5:
        return f"process {parts[3]} on {parts[1]}"
    pod = pod_of(identity)
    return identity if pod is None else f"the pod {pod.name}"


def is_gone(identity: str) -> bool:
    """Whether a holder is a process of this machine that is not there any more."""
    parts = identity.split("/")
    if parts[0] != _PROCESS or len(parts) != 5 or not _machine() or parts[2] != _machine():
        return False
    try:
        os.kill(int(parts[3]), 0)
    except ProcessLookupError:
        return True
    except OSError:  # another user's
        pass
    return False


def pod_of(identity: str) -> Pod | None:
    """Return the pod that a holder runs in, or None where it is another process."""
    parts = identity.split("/")
    return Pod(*parts[1:3]) if parts[0] == _POD and len(parts) == 4 else None


def has_ended(document: Mapping[str, Any], pod: Pod) -> bool:
    """Whether all processes of a pod have ended, as its node says.

    Only the node knows: an evicted pod's phase may be `Failed` before its processes have gone, and one that is not
    there any more may have been deleted by force, or with a node that does not answer, and run on.

    Args:
        document: The pod of that name, as the server has it.
        pod: The pod.
    """
    if document["metadata"].get("uid") != pod.uid:
        return False
    statuses = document.get("status", {}).get("containerStatuses") or ()
    return bool(statuses) and all("terminated" in each.get("state", {}) for each in statuses)


@cache
def _machine() -> str:
    """Return what tells this machine's processes, since it was started, from others; "" where there is no telling.

    Containers of one machine have one kernel, and processes of their own.
    """
    try:
        return sha256(f"{_BOOT_ID.read_text().strip()} {_PROCESSES.readlink()}".encode()).hexdigest()[:12]
    except OSError:
        return ""
