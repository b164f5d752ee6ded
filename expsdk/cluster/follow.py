"""Following the objects of a kind for as long as it takes: list, watch, go on, list anew where that is too old."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from random import uniform
from typing import Any, TypeAlias

from expsdk.cluster.api import Api, Document, Watch
from expsdk.cluster.kinds import Kind
from expsdk.errors import ClusterError, Expired

WATCH_S = 120
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
LAST_WAIT_S = 3.0


@dataclass(frozen=True, slots=True)
class Listed:
    """All objects of the kind, as they are now: what was there before and is not among them is gone."""

    kind: Kind
    items: list[Document]


@dataclass(frozen=True, slots=True)
class Seen:
    """One object was added, modified or deleted."""

    kind: Kind
    event: str
    object: Document


@dataclass(frozen=True, slots=True)
class Trouble:
    """Nothing can be heard just now, and why; or None when it can be again."""

    kind: Kind
    error: ClusterError | None


Sight: TypeAlias = Listed | Seen | Trouble


class Follower:
    """Follows all objects of one kind that a label selector chooses, in a thread of its own."""

    def __init__(self, api: Api, kind: Kind, selector: str, tell: Callable[[Sight], Any], *, after: str = "") -> None:
        """Begin to follow.

        Args:
            api: The API server.
            kind: The kind of object.
            selector: A label selector.
            tell: Called with what is seen, in order, from the follower's thread.
            after: The version of a list that the caller has made already, to go on from.
        """
        self._api = api
        self._kind = kind
        self._selector = selector
        self._tell = tell
        self._closed = threading.Event()
        self._watch: Watch | None = None
        self._version = after
        self._pause_s = 0.0
        self._thread = threading.Thread(target=self._run, name=f"expsdk-follows-{kind.plural}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Follow no longer; what is seen after that is not told. `join` waits for the thread."""
        self._closed.set()
        watch = self._watch
        if watch is not None:
            watch.end()

    def join(self) -> None:
        """Wait for the thread of a follower that was closed, but no longer for a server that is away."""
        self._thread.join(LAST_WAIT_S)

    def _run(self) -> None:
        while not self._closed.is_set():
            self._try_to_follow()

    def _try_to_follow(self) -> None:
        """Follow until the stream ends; after an error, pause."""
        try:
            self._follow()
        except Expired:
            self._version = ""
        except ClusterError as error:
            if not self._closed.is_set():
                self._tell(Trouble(self._kind, error))
            self._pause_s = min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, 2 * self._pause_s))
            self._closed.wait(self._pause_s * uniform(0.5, 1.0))  # many laptops must not come at once

    def _follow(self) -> None:
        """List if need be, then watch until the stream ends."""
        if not self._version:
            listing = self._api.list(self._kind, selector=self._selector)
            self._tell(Listed(self._kind, listing.items))
            self._version = listing.version
        watch = self._api.watch(self._kind, selector=self._selector, version=self._version, timeout_s=WATCH_S)
        with closing(watch):
            self._watch = watch
            if self._closed.is_set():
                return
            if self._pause_s:
                self._pause_s = 0.0
                self._tell(Trouble(self._kind, None))
            for event, document in watch:
                if self._closed.is_set():
                    return
                self._version = document["metadata"]["resourceVersion"]
                if event != "BOOKMARK":
                    self._tell(Seen(self._kind, event, document))
