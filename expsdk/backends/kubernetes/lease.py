"""One coordinator an experiment: a Lease that its holder renews (https://kubernetes.io/docs/concepts/architecture/leases/).

The server's versions are the fence: every write names the version that it follows, so a Lease that another coordinator
has taken is never taken back, and of two that reach for one at once, one gets it. Whoever holds one acts without asking
for as long as it lasts, so it is taken from nobody who may be alive before it has gone unrenewed for that long, by the
taker's own clock; only where it has lapsed long ago, or the holder is known to have ended, is it taken at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any

from expsdk.backends.kubernetes.holder import Holder, has_ended, is_gone, pod_of, this_process, words_for
from expsdk.backends.kubernetes.labels import labels_of, owner
from expsdk.cluster.api import Api, Document
from expsdk.cluster.kinds import LEASES, PODS
from expsdk.errors import BackendError, ClusterError, Conflict, ResourceNotFound
from expsdk.resources.experiment import Experiment
from expsdk.resources.times import format_time, parse_time

LITTLE_S = 5.0
"""By how much the clocks of two machines may differ."""
_POLL_S = 0.25


class HeldLease:
    """An experiment's Lease while this coordinator holds it; it is renewed from a thread."""

    def __init__(
        self,
        api: Api,
        experiment: Experiment,
        *,
        lost: Callable[[BackendError], Any],
        patient: bool = False,
        holder: Holder | None = None,
    ) -> None:
        """Take the Lease.

        Args:
            api: The API server.
            experiment: The experiment's record, as it is on the server.
            lost: Called once, from any thread, with the error that says who drives the experiment instead.
            patient: Whether to wait for a Lease that nobody renews until it lapses.
            holder: Who takes it; by default this process.

        Raises:
            BackendError: Another coordinator holds it.
        """
        self._api = api
        self._name = experiment.metadata.name
        self._experiment = experiment
        self._holder, self._duration_s, renewal_s = holder or this_process()
        self._lost = lost
        self._lock = threading.Lock()
        self._version = ""
        self._renewed = (0.0, 0.0)  # on both clocks: the monotonic one stands still while a laptop sleeps
        self._fault: BackendError | None = None
        self._closed = threading.Event()
        self._take(patient=patient)
        self._thread = threading.Thread(target=self._renew_often, args=(renewal_s,), name="expsdk-lease", daemon=True)
        self._thread.start()

    def assure(self) -> None:
        """See that the Lease is held still; where it was not renewed for so long that it has lapsed, ask the server.

        Raises:
            BackendError: Another coordinator holds it.
            ClusterError: The server does not tell.
        """
        if not self._is_fresh():
            with self._lock:
                if not self._is_fresh():
                    self._renew()
        if self._fault is not None:
            raise self._fault

    def release(self) -> None:
        """Give the Lease back, as far as it is held and the server can be reached."""
        self._closed.set()
        self._thread.join()
        if self._fault is None:
            changes = {"metadata": {"resourceVersion": self._version}, "spec": {"holderIdentity": ""}}
            with suppress(ClusterError):
                self._api.patch(LEASES, self._name, changes)

    def _take(self, *, patient: bool) -> None:
        """Create the Lease, or take the one that nobody holds, at once or as soon as it has lapsed."""
        first: Mapping[str, Any] = {}
        lapses_at = 0.0
        while True:
            there = self._create()
            if there is None:
                return
            spec = there.get("spec") or {}
            if not first:
                first, lapses_at = spec, time.monotonic() + _lasts_s(spec)
            is_same = all(spec.get(key) == first.get(key) for key in ("holderIdentity", "renewTime"))
            has_lapsed = is_same and time.monotonic() > lapses_at
            if has_lapsed or not is_held(there, little_s=LITTLE_S) or self._has_ended(spec["holderIdentity"]):
                with suppress(Conflict):  # another was quicker
                    self._write(there, {**self._spec(), "acquireTime": format_time(datetime.now(timezone.utc))})
                    return
            elif not patient or not is_same:
                raise taken(self._name, spec["holderIdentity"])
            else:
                time.sleep(_POLL_S)

    def _has_ended(self, holder: str) -> bool:
        """Whether a holder is known to have ended."""
        pod = pod_of(holder)
        if pod is None:
            return is_gone(holder)
        with suppress(ClusterError):  # then it is waited for
            return has_ended(self._api.get(PODS, pod.name), pod)
        return False

    def _create(self) -> Document | None:
        """Create the Lease; where there is one of another's, return it."""
        document = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.name,
            "metadata": {
                "name": self._name,
                "labels": labels_of(self._name, "lease"),
                "ownerReferences": owner(self._experiment),
            },
            "spec": {**self._spec(), "acquireTime": format_time(datetime.now(timezone.utc))},
        }
        began = _now()
        try:
            created = self._api.create(LEASES, document)
        except Conflict:
            created = self._api.get(LEASES, self._name)
            if created["spec"].get("holderIdentity") != self._holder:  # else it was sent twice
                return created
        self._hold(created, began)
        return None

    def _renew_often(self, renewal_s: float) -> None:
        while self._fault is None and not self._closed.wait(renewal_s):
            with suppress(ClusterError), self._lock:  # it is tried again, and `assure` sees to what is done meanwhile
                self._renew()

    def _renew(self) -> None:
        """Renew the Lease as it was written last; where another has written, see who."""
        if self._fault is not None or self._closed.is_set():
            return
        try:
            self._write({"metadata": {"resourceVersion": self._version}}, self._spec())
            return
        except ResourceNotFound:
            there = self._create()
        except Conflict:
            there = self._api.get(LEASES, self._name)
        if there is None:
            return
        holder = there["spec"].get("holderIdentity", "")
        if holder == self._holder:  # the answer to a renewal was lost, or somebody has edited it
            self._write(there, self._spec())
            return
        self._fault = taken(self._name, holder or "nobody")
        self._lost(self._fault)

    def _write(self, there: Mapping[str, Any], spec: Mapping[str, Any]) -> None:
        """Make the Lease ours in the version that is given; raises `Conflict` where it has another by now."""
        began = _now()
        metadata = {"resourceVersion": there["metadata"]["resourceVersion"], "ownerReferences": owner(self._experiment)}
        self._hold(self._api.patch(LEASES, self._name, {"metadata": metadata, "spec": spec}), began)

    def _hold(self, document: Mapping[str, Any], began: tuple[float, float]) -> None:
        self._version = document["metadata"]["resourceVersion"]
        self._renewed = began

    def _is_fresh(self) -> bool:
        """Whether the Lease was renewed so lately that nobody can have taken it."""
        return all(0 <= now - at < self._duration_s for now, at in zip(_now(), self._renewed, strict=True))

    def _spec(self) -> dict[str, Any]:
        now = format_time(datetime.now(timezone.utc))
        return {"holderIdentity": self._holder, "leaseDurationSeconds": self._duration_s, "renewTime": now}


def taken(experiment: str, holder: str) -> BackendError:
    """Return the error for an experiment that another coordinator drives."""
    return BackendError(
        f"one coordinator drives an experiment, and {words_for(holder)} drives {experiment!r} now; its trials go on:"
        " watch it, or end that coordinator first"
    )


def is_held(lease: Mapping[str, Any], *, little_s: float = 0.0) -> bool:
    """Whether somebody holds a Lease, by its document and this machine's clock.

    Args:
        lease: The Lease.
        little_s: How much longer than its duration it counts as held, in seconds.
    """
    spec = lease.get("spec") or {}
    if not spec.get("holderIdentity") or not spec.get("renewTime"):
        return False
    ends_at = parse_time(spec["renewTime"]) + timedelta(seconds=_lasts_s(spec) + little_s)
    return datetime.now(timezone.utc) < ends_at


def is_driven(api: Api, experiment: str) -> bool:
    """Whether a coordinator drives an experiment now."""
    try:
        return is_held(api.get(LEASES, experiment))
    except ResourceNotFound:
        return False


def _lasts_s(spec: Mapping[str, Any]) -> float:
    return float(spec.get("leaseDurationSeconds") or 0)


def _now() -> tuple[float, float]:
    return time.monotonic(), time.time()
