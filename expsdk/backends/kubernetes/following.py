"""Following a sweep that somebody else drives: each Result as it changes, whatever happens to the connection."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty, SimpleQueue
from typing import Any

from expsdk.backends.kubernetes.documents import whole
from expsdk.backends.kubernetes.labels import RESULT, selector
from expsdk.cluster.api import Api, Document
from expsdk.cluster.follow import Follower, Listed, Seen, Trouble
from expsdk.cluster.kinds import EXPERIMENTS, RESULTS
from expsdk.errors import ExperimentNotFound, Forbidden, ResourceNotFound

LOOK_UP_S = 1.0


def follow(api: Api, name: str, uid: str | None) -> Iterator[Document | None]:
    """Yield each Result of an experiment, now and whenever it has changed, and None where a second brings nothing.

    Args:
        api: The API server.
        name: The experiment's name.
        uid: Its uid, to tell it from a later one of the same name.

    Raises:
        ExperimentNotFound: It was deleted.
        ClusterError: The server refuses to tell.
    """
    queue: SimpleQueue[Any] = SimpleQueue()
    known: dict[str, str] = {}
    follower = Follower(api, RESULTS, selector(name, RESULT), queue.put)
    try:
        while True:
            try:
                sight = queue.get(timeout=LOOK_UP_S)
            except Empty:
                yield None
                continue
            changed: list[Document | None] = [*_changed(sight, known)]
            yield from changed or [None]
            if isinstance(sight, Seen) and sight.event == "DELETED":
                _see_that_it_is_there(api, name, uid)
    finally:
        follower.close()
        follower.join()


def _changed(sight: Any, known: dict[str, str]) -> Iterator[Document]:
    """Yield the Results that something which was seen has changed, and keep their versions in mind."""
    if isinstance(sight, Trouble):
        if isinstance(sight.error, (Forbidden, ResourceNotFound)):
            raise sight.error
        return
    if isinstance(sight, Seen) and sight.event == "DELETED":
        known.pop(sight.object["metadata"]["name"], None)
        return
    documents = sight.items if isinstance(sight, Listed) else [sight.object]
    for document in documents:
        metadata = document["metadata"]
        if known.get(metadata["name"]) != metadata["resourceVersion"]:
            known[metadata["name"]] = metadata["resourceVersion"]
            yield whole(document)


def _see_that_it_is_there(api: Api, name: str, uid: str | None) -> None:
    try:
        metadata = api.get(EXPERIMENTS, name)["metadata"]
    except ResourceNotFound:
        metadata = {}
    if metadata.get("uid") != uid or metadata.get("deletionTimestamp"):
        raise ExperimentNotFound(f"experiment {name!r} was deleted while it was watched; nothing of it is left")
