"""The checks in their order, and which of them may fail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from expsdk.diagnosis.cluster import examine_cluster
from expsdk.diagnosis.finding import Finding
from expsdk.diagnosis.machine import examine_machine
from expsdk.diagnosis.storage import examine_storage


def examine(backend: str, *, local: Mapping[str, Any], cluster: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what is found, each as soon as it is.

    What the backend in force needs may fail; what the other one would need is a warning at most.

    Args:
        backend: The backend in force, "local" or "kubernetes".
        local: The local backend's options.
        cluster: The Kubernetes backend's.
    """
    is_local = backend == "local"
    yield from examine_machine()
    for finding in examine_storage(local):
        yield finding if is_local else finding.softened()
    for finding in examine_cluster(cluster, is_wanted=not is_local):
        yield finding.softened() if is_local else finding
