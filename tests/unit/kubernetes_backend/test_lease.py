"""The Lease as a fence, against a server that keeps versions as the API server does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import pytest

from expsdk.backends.kubernetes import lease
from expsdk.backends.kubernetes.lease import HeldLease, is_held
from expsdk.errors import BackendError, Unreachable
from expsdk.resources.experiment import Experiment
from expsdk.resources.times import format_time

if TYPE_CHECKING:
    from conftest import Store

    from expsdk.cluster.api import Api

PATH = "/apis/coordination.k8s.io/v1/namespaces/ml/leases/train"
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


def by_another(*, ago_s: float = 0.0) -> dict[str, Any]:
    renewed = format_time(datetime.now(timezone.utc) - timedelta(seconds=ago_s))
    return {
        "metadata": {"name": "train"},
        "spec": {"holderIdentity": "anna-1", "leaseDurationSeconds": 20, "renewTime": renewed},
    }


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


def test_who_is_patient_waits_for_one_that_lapses(store: Store, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write(PATH, by_another(ago_s=19))
    with held(api, patient=True):
        assert store.objects[PATH]["spec"]["holderIdentity"] != "anna-1"


def test_who_is_patient_waits_no_longer_for_one_whose_clock_is_ahead(
    store: Store, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "DURATION_S", 1)
    monkeypatch.setattr(lease, "LITTLE_S", 0.1)
    store.write(PATH, by_another(ago_s=-3600))
    with held(api, patient=True):
        assert store.objects[PATH]["spec"]["holderIdentity"] != "anna-1"


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

    def take() -> None:
        try:
            outcomes.append(HeldLease(api, EXPERIMENT, lost=Losses()))
        except BackendError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=take) for _ in range(2)]
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
    with held(api, lost=lost, renewal_s=0.01) as taken:
        store.write(PATH, by_another())
        assert "anna-1 drives 'train' now; its trials go on" in lost.next()
        with pytest.raises(BackendError, match="anna-1"):
            taken.assure()
    assert store.objects[PATH]["spec"]["holderIdentity"] == "anna-1"
    assert not lost.any  # it is told once


def test_one_that_was_edited_or_deleted_is_still_held(store: Store, api: Api) -> None:
    lost = Losses()
    with held(api, lost=lost, renewal_s=3600) as taken:
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
    with held(api, lost=Losses(), renewal_s=3600) as taken:
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
