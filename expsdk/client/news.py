"""What a client's programs do, as Events on their experiments: what it launches and sees, whoever watches how often."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from expsdk.backends.kubernetes.announcing import Announcer
from expsdk.cluster.api import Api
from expsdk.resources.experiment import BestTrial, Experiment
from expsdk.resources.names import trial_name
from expsdk_runtime.contract import Phase

LAST_NEWS_S = 3.0
"""How long the end of a client waits for what is still to be written."""


class News:
    """The news of all experiments of one client; many threads may tell them."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._announcers: dict[str, Announcer] = {}
        self._open: set[tuple[str, str]] = set()  # trials that were launched or seen here and have not ended
        self._ended: set[str] = set()  # experiments of which a trial has ended since their end was told
        self._lock = threading.Lock()

    def launched(self, experiment: Experiment, number: int) -> None:
        """Tell that this client has launched a trial."""
        with self._lock:
            self._open.add((str(experiment.metadata.uid), trial_name(experiment.metadata.name, number)))
        self._of(experiment).launched(number)

    def heard(self, experiment: Experiment, document: Mapping[str, Any]) -> None:
        """Take in what a trial's Result is now: that it has ended is told once, and not where it had before."""
        trial = (str(experiment.metadata.uid), str(document["metadata"]["name"]))
        with self._lock:
            if document["status"]["phase"] not in Phase.FINISHED:
                self._open.add(trial)
                return
            if trial not in self._open:
                return
            self._open.discard(trial)
            self._ended.add(trial[0])
        self._of(experiment).ended(document)

    def is_best(self, experiment: Experiment, best: BestTrial | None) -> None:
        """Tell which trial is the best now."""
        self._of(experiment).is_best(best)

    def finished(self, experiment: Experiment, message: str) -> None:
        """Tell that all trials that there are have ended, if that is new."""
        with self._lock:
            if str(experiment.metadata.uid) not in self._ended:
                return
            self._ended.discard(str(experiment.metadata.uid))
        self._of(experiment).finished(Phase.SUCCEEDED, message)

    def publish(self, experiment: Experiment) -> None:
        """Write what is due by now, in a request or none."""
        announcer = self._of(experiment)
        if announcer.is_due(time.monotonic()):
            announcer.publish()

    def close(self) -> None:
        """Write what is not written yet, as far as that is soon done."""
        with self._lock:
            announcers = list(self._announcers.values())

        def publish() -> None:
            for announcer in announcers:
                announcer.publish(everything=True)

        if any(announcer.has_news() for announcer in announcers):
            thread = threading.Thread(target=publish, name="expsdk-news", daemon=True)
            thread.start()
            thread.join(LAST_NEWS_S)

    def _of(self, experiment: Experiment) -> Announcer:
        with self._lock:
            key = str(experiment.metadata.uid)
            if key not in self._announcers:
                self._announcers[key] = Announcer(self._api, experiment)
                self._announcers[key].knows_best(experiment.status.best)
            return self._announcers[key]
