"""One coordinator an experiment: a Lease that its holder renews (https://kubernetes.io/docs/concepts/architecture/leases/)."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any

from expsdk.backends.kubernetes.labels import labels_of, owner
from expsdk.cluster.api import Api
from expsdk.cluster.kinds import LEASES
from expsdk.errors import BackendError, ClusterError, Conflict, ResourceNotFound
from expsdk.resources.experiment import Experiment
from expsdk.resources.times import format_time, parse_time

DURATION_S = 20
RENEWAL_S = 5.0


class HeldLease:
    """An experiment's Lease while this coordinator holds it; it is renewed from a thread."""

    def __init__(self, api: Api, experiment: Experiment) -> None:
        """Take the Lease.

        Raises:
            BackendError: Another coordinator holds it.
        """
        self._api = api
        self._name = experiment.metadata.name
        self._holder = f"{socket.gethostname()}-{os.getpid()}-{os.urandom(3).hex()}"
        self._closed = threading.Event()
        self._take(experiment)
        self._thread = threading.Thread(target=self._renew, name="expsdk-lease", daemon=True)
        self._thread.start()

    def release(self) -> None:
        """Give the Lease back, as far as the server can be reached."""
        self._closed.set()
        self._thread.join()
        with suppress(ClusterError):
            self._api.patch(LEASES, self._name, {"spec": {"holderIdentity": ""}})

    def _take(self, experiment: Experiment) -> None:
        document = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.name,
            "metadata": {
                "name": self._name,
                "labels": labels_of(self._name, "lease"),
                "ownerReferences": owner(experiment),
            },
            "spec": {**self._spec(), "acquireTime": format_time(datetime.now(timezone.utc))},
        }
        try:
            self._api.create(LEASES, document)
        except Conflict:
            there = self._api.get(LEASES, self._name)
            if is_held(there) and there["spec"]["holderIdentity"] != self._holder:
                raise BackendError(
                    f"one coordinator drives an experiment, and {there['spec']['holderIdentity']} drives"
                    f" {self._name!r} now; end that one first"
                ) from None
            # The version makes this fail where another coordinator was quicker.
            changes = {**document, "metadata": {"resourceVersion": there["metadata"]["resourceVersion"]}}
            self._api.patch(LEASES, self._name, changes)

    def _spec(self) -> dict[str, Any]:
        now = format_time(datetime.now(timezone.utc))
        return {"holderIdentity": self._holder, "leaseDurationSeconds": DURATION_S, "renewTime": now}

    def _renew(self) -> None:
        while not self._closed.wait(RENEWAL_S):
            with suppress(ClusterError):  # it is tried again; names keep two coordinators from doing harm
                self._api.patch(LEASES, self._name, {"spec": self._spec()})


def is_held(lease: Mapping[str, Any]) -> bool:
    """Whether somebody holds a Lease, by its document."""
    spec = lease.get("spec", {})
    if not spec.get("holderIdentity") or not spec.get("renewTime"):
        return False
    ends_at = parse_time(spec["renewTime"]) + timedelta(seconds=spec.get("leaseDurationSeconds") or DURATION_S)
    return datetime.now(timezone.utc) < ends_at


def is_driven(api: Api, experiment: str) -> bool:
    """Whether a coordinator drives an experiment now."""
    try:
        return is_held(api.get(LEASES, experiment))
    except ResourceNotFound:
        return False
