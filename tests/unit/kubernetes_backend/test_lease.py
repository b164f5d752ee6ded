"""The Lease as a fence, against a server that keeps versions as the API server does."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import pytest

from expsdk.backends.kubernetes.holder import Holder, this_process
from expsdk.backends.kubernetes.lease import HeldLease, is_held
from expsdk.errors import BackendError, Unreachable
from expsdk.resources.experiment import Experiment
from expsdk.resources.times import format_time

if TYPE_CHECKING:
    from conftest import Store

    from expsdk.cluster.api import Api

PATH = "/apis/coordination.k8s.io/v1/namespaces/ml/leases/train"
POD_PATH = "/api/v1/namespaces/ml/pods/train-coordinator-x7k2p"
EXPERIMENT = Experiment.model_validate(
    {
        "metadata": {"name": "train", "uid": "8a1f"},
        "spec": {"objectives": [{"metric": "loss", "direction": "minimize"}]},
    }
)


class Losses:
    """What was lost, as it was told."""

    def __init__(self) -> None:
        self._told: SimpleQueue[BackendError] = SimpleQueue()

    def __call__(self, error: BackendError) -> None:
        self._told.put(error)

    def next(self) -> str:
        return str(self._told.get(timeout=30))

    @property
    def any(self) -> bool:
        return not self._told.empty()


@contextmanager
def held(api: Api, *, lost: Callable[[BackendError], Any] = print, **options: Any) -> Iterator[HeldLease]:
    taken = HeldLease(api, EXPERIMENT, lost=lost, **options)
    try:
        yield taken
    finally:
        taken.release()


def by_another(*, ago_s: float = 0.0, holder: str = "anna-1", lasts_s: int = 20) -> dict[str, Any]:
    renewed = format_time(datetime.now(timezone.utc) - timedelta(seconds=ago_s))
    return {
        "metadata": {"name": "train"},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": lasts_s, "renewTime": renewed},
    }


def renewing(every_s: float) -> Holder:
    return Holder("me", duration_s=20, renewal_s=every_s)


def test_it_is_held_until_it_is_released(store: Store, api: Api) -> None:
    with held(api) as taken:
        assert is_held(store.objects[PATH])
        assert store.objects[PATH]["metadata"]["ownerReferences"][0]["uid"] == "8a1f"
        taken.assure()
        assert store.requests == [("POST", PATH.rpartition("/")[0])]  # a fresh one is not asked about
    assert not is_held(store.objects[PATH])


def test_another_coordinator_is_named(store: Store, api: Api) -> None:
    store.write(PATH, by_another())
    with pytest.raises(BackendError, match="anna-1 drives 'train' now"):
        HeldLease(api, EXPERIMENT, lost=Losses())
    assert store.objects[PATH]["spec"]["holderIdentity"] == "anna-1"


def test_one_that_has_lapsed_is_taken(store: Store, api: Api) -> None:
    store.write(PATH, by_another(ago_s=30))
    with held(api):
        assert store.objects[PATH]["spec"]["holderIdentity"] != "anna-1"


def test_one_that_may_have_lapsed_is_not_taken_by_a_clock_that_is_ahead(store: Store, api: Api) -> None:
    store.write(PATH, by_another(ago_s=21))
    with pytest.raises(BackendError, match="anna-1 drives 'train' now"):
        HeldLease(api, EXPERIMENT, lost=Losses())


@pytest.mark.parametrize("ago_s", [-3600, 0, 2])
def test_who_is_patient_waits_as_long_as_it_lasts_whatever_the_clocks_say(store: Store, api: Api, ago_s: float) -> None:
    store.write(PATH, by_another(ago_s=ago_s, lasts_s=1))
    began = time.monotonic()
    with held(api, patient=True):
        assert store.objects[PATH]["spec"]["holderIdentity"] != "anna-1"
    assert time.monotonic() - began >= 1


def test_who_is_patient_hears_at_once_of_one_that_is_renewed(store: Store, api: Api) -> None:
    store.write(PATH, by_another())
    asked = []

    def renew(verb: str, path: str) -> None:
        asked.append(verb)
        if len(asked) > 3:
            store.write(PATH, by_another())

    store.meanwhile = renew
    with pytest.raises(BackendError, match="anna-1 drives 'train' now"):
        HeldLease(api, EXPERIMENT, lost=Losses(), patient=True)


def test_of_two_at_once_one_gets_it(store: Store, api: Api) -> None:
    store.write(PATH, by_another(ago_s=30))
    barrier = threading.Barrier(2)
    outcomes: list[HeldLease | BackendError] = []

    def together(verb: str, path: str) -> None:
        if verb == "PATCH":
            barrier.wait(30)
            store.meanwhile = lambda verb, path: None

    store.meanwhile = together

    def take(name: str) -> None:
        try:
            outcomes.append(HeldLease(api, EXPERIMENT, lost=Losses(), holder=Holder(name, 20, 5.0)))
        except BackendError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=take, args=(name,)) for name in ("berta", "clara")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (taken,) = [outcome for outcome in outcomes if isinstance(outcome, HeldLease)]
    (refused,) = [outcome for outcome in outcomes if isinstance(outcome, BackendError)]
    assert store.objects[PATH]["spec"]["holderIdentity"] in str(refused)
    taken.assure()
    taken.release()


def test_one_that_another_has_taken_is_not_taken_back(store: Store, api: Api) -> None:
    lost = Losses()
    with held(api, lost=lost, holder=renewing(0.01)) as taken:
        store.write(PATH, by_another())
        assert "anna-1 drives 'train' now; its trials go on" in lost.next()
        with pytest.raises(BackendError, match="anna-1"):
            taken.assure()
    assert store.objects[PATH]["spec"]["holderIdentity"] == "anna-1"
    assert not lost.any  # it is told once


def test_one_that_was_edited_or_deleted_is_still_held(store: Store, api: Api) -> None:
    lost = Losses()
    with held(api, lost=lost, holder=renewing(3600)) as taken:
        holder = store.objects[PATH]["spec"]["holderIdentity"]
        for change in (
            lambda: store.write(PATH, {"metadata": {"labels": {"a": "b"}}}),
            lambda: store.objects.pop(PATH),
        ):
            change()
            taken._renewed = (0.0, 0.0)
            taken.assure()
            assert store.objects[PATH]["spec"]["holderIdentity"] == holder
    assert not lost.any
    assert not is_held(store.objects[PATH])


def test_who_could_not_renew_asks_before_it_acts(store: Store, api: Api) -> None:
    with held(api, lost=Losses(), holder=renewing(3600)) as taken:
        before = len(store.requests)
        taken._renewed = (taken._renewed[0], 0.0)  # a laptop that slept: only one of its clocks went on
        taken.assure()
        assert len(store.requests) == before + 1
        taken.assure()
        assert len(store.requests) == before + 1
        taken._renewed = (0.0, 0.0)
        store.is_away = True
        with pytest.raises(Unreachable):
            taken.assure()
        store.is_away = False
        store.write(PATH, by_another())
        with pytest.raises(BackendError, match="anna-1 drives 'train' now"):
            taken.assure()


def pod(uid: str = "77", **states: str) -> dict[str, Any]:
    """A pod whose phase says that it has failed, with the states of its containers."""
    statuses = [{"name": name, "state": {state: {}}} for name, state in states.items()]
    return {"metadata": {"name": "train-coordinator-x7k2p", "uid": uid}, "status": _failed(statuses)}


def _failed(statuses: list[dict[str, Any]]) -> dict[str, Any]:
    return {"phase": "Failed", "containerStatuses": statuses}


def test_one_of_a_pod_whose_containers_have_ended_is_taken_at_once(store: Store, api: Api) -> None:
    store.write(PATH, by_another(holder="pod/train-coordinator-x7k2p/77/a1b2c3"))
    store.write(POD_PATH, pod(coordinator="terminated"))
    with held(api):
        assert store.objects[PATH]["spec"]["holderIdentity"] != "anna-1"


@pytest.mark.parametrize(
    "there",
    [
        None,  # deleted by force, its processes may run on
        pod(coordinator="running"),  # evicted, and not gone yet
        pod(),
        pod(coordinator="terminated", proxy="running"),
        pod(uid="78", coordinator="terminated"),  # another of the same name
    ],
)
def test_one_of_a_pod_that_may_run_is_not(store: Store, api: Api, there: dict[str, Any] | None) -> None:
    store.write(PATH, by_another(holder="pod/train-coordinator-x7k2p/77/a1b2c3"))
    if there is not None:
        store.write(POD_PATH, there)
    with pytest.raises(BackendError, match="the pod train-coordinator-x7k2p drives 'train' now"):
        HeldLease(api, EXPERIMENT, lost=Losses())


def test_who_is_patient_hears_of_the_end_of_a_pod(store: Store, api: Api) -> None:
    store.write(PATH, by_another(holder="pod/train-coordinator-x7k2p/77/a1b2c3", lasts_s=3600))
    store.write(POD_PATH, pod(coordinator="running"))

    def end(verb: str, path: str) -> None:
        if path == POD_PATH:
            store.write(POD_PATH, pod(coordinator="terminated"))

    store.meanwhile = end
    with held(api, patient=True):
        assert store.objects[PATH]["spec"]["holderIdentity"] != "anna-1"


def test_a_process_in_a_pod_holds_by_its_pod_and_for_a_shorter_time(store: Store, api: Api) -> None:
    environ = {"EXPSDK_POD": "train-coordinator-x7k2p", "EXPSDK_POD_UID": "77"}
    here, there = this_process({}), this_process(environ)
    assert there.identity.startswith("pod/train-coordinator-x7k2p/77/")
    assert there.identity != this_process(environ).identity
    assert there.duration_s < here.duration_s
    with held(api, holder=there):
        assert store.objects[PATH]["spec"]["leaseDurationSeconds"] == there.duration_s
        with pytest.raises(BackendError, match="the pod train-coordinator-x7k2p drives"):
            HeldLease(api, EXPERIMENT, lost=Losses())


def test_one_of_a_process_of_this_machine_that_was_killed_is_taken_at_once(store: Store, api: Api) -> None:
    program = "from expsdk.backends.kubernetes.holder import this_process; print(this_process().identity)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    killed = done.stdout.strip()
    store.write(PATH, by_another(holder=killed))
    with held(api):
        assert store.objects[PATH]["spec"]["holderIdentity"] != killed


def test_one_of_a_process_that_runs_or_of_another_machine_is_not(store: Store, api: Api) -> None:
    kind, host, machine, pid, mark = this_process({}).identity.split("/")
    for identity in (f"{kind}/{host}/{machine}/{pid}/0", f"{kind}/{host}/0123456789ab/{2**22 + 1}/{mark}"):
        store.write(PATH, by_another(holder=identity))
        with pytest.raises(BackendError, match=rf"process \d+ on {host} drives 'train' now"):
            HeldLease(api, EXPERIMENT, lost=Losses())
