"""Verbs as a server receives them, and what streams do."""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from expsdk.cluster.kinds import CONFIG_MAPS, JOBS, PODS, RESULTS
from expsdk.errors import Expired, Forbidden, Unreachable

if TYPE_CHECKING:
    from conftest import ApiServer

    from expsdk.cluster.api import Api, Watch

JOB_DOCUMENT = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a"}}


def event(kind: str, name: str = "", version: str = "1", **more: Any) -> bytes:
    return json.dumps(
        {"type": kind, "object": {"metadata": {"name": name, "resourceVersion": version}, **more}}
    ).encode()


def named(received: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, str]]:
    return [(kind, document["metadata"]["name"]) for kind, document in received]


def watched(api: Api) -> Watch:
    return api.watch(PODS, selector="a=b", version="7", timeout_s=60)


class TestVerbs:
    def test_get(self, api: Api, server: ApiServer) -> None:
        server.plays({"body": {"spec": 1}})
        assert api.get(JOBS, "a") == {"spec": 1}
        (request,) = server.received
        assert (request.method, request.path) == ("GET", "/apis/batch/v1/namespaces/ml/jobs/a")
        assert {key.lower(): value for key, value in request.headers.items()}["authorization"] == "Bearer t0ken"

    def test_create(self, api: Api, server: ApiServer) -> None:
        server.plays({"status": 201, "body": {"uid": "1"}})
        assert api.create(JOBS, JOB_DOCUMENT) == {"uid": "1"}
        api.create(JOBS, JOB_DOCUMENT, dry_run=True)
        real, dry = server.received
        assert (real.method, real.path, real.body) == ("POST", "/apis/batch/v1/namespaces/ml/jobs", JOB_DOCUMENT)
        assert real.query == {"fieldManager": "expsdk"}
        assert dry.query == {"fieldManager": "expsdk", "dryRun": "All"}

    def test_apply(self, api: Api, server: ApiServer) -> None:
        server.plays({"body": {"uid": "1"}})
        api.apply(JOBS, JOB_DOCUMENT)
        api.apply(JOBS, JOB_DOCUMENT, dry_run=True)
        real, dry = server.received
        assert (real.method, real.path, real.body) == ("PATCH", "/apis/batch/v1/namespaces/ml/jobs/a", JOB_DOCUMENT)
        assert real.headers["Content-Type"] == "application/apply-patch+yaml"
        assert real.query == {"fieldManager": "expsdk", "force": "true"}
        assert dry.query == {**real.query, "dryRun": "All"}

    def test_patch(self, api: Api, server: ApiServer) -> None:
        server.plays({"body": {}})
        api.patch(RESULTS, "a", {"status": {"epoch": None}}, subresource="status")
        (request,) = server.received
        assert (request.method, request.body) == ("PATCH", {"status": {"epoch": None}})
        assert request.path == "/apis/expsdk.dev/v1alpha1/namespaces/ml/results/a/status"
        assert request.headers["Content-Type"] == "application/merge-patch+json"

    def test_delete(self, api: Api, server: ApiServer) -> None:
        server.plays({"body": {}})
        api.delete(JOBS, "a")
        api.delete(PODS, "a", propagation="Foreground", grace_s=0)
        assert [(request.method, request.body) for request in server.received] == [
            ("DELETE", {"propagationPolicy": "Background"}),
            ("DELETE", {"propagationPolicy": "Foreground", "gracePeriodSeconds": 0}),
        ]

    def test_may(self, api: Api, server: ApiServer) -> None:
        server.plays({"body": {"status": {"allowed": True}}}, {"body": {"status": {"allowed": False}}})
        assert api.may("patch", RESULTS, subresource="status", name="a")
        assert not api.may("patch", RESULTS)
        assert server.received[0].body["spec"]["resourceAttributes"] == {
            "verb": "patch",
            "group": "expsdk.dev",
            "resource": "results",
            "subresource": "status",
            "name": "a",
            "namespace": "ml",
        }

    def test_discover(self, api: Api, server: ApiServer) -> None:
        server.plays({"body": {"resources": [{"name": "results"}, {"name": "results/status"}]}}, {"status": 404})
        assert api.discover("expsdk.dev/v1alpha1") == {"results", "results/status"}
        assert api.discover("expsdk.dev/v1alpha1") == set()

    def test_a_long_list_comes_in_pages(self, api: Api, server: ApiServer) -> None:
        pages = [([{"n": 1}, {"n": 2}], "next&one"), ([{"n": 3}], "last"), ([], None)]
        server.plays(
            *(
                {"body": {"items": items, "metadata": {"resourceVersion": "9", "continue": following}}}
                for items, following in pages
            )
        )
        listing = api.list(RESULTS, selector="a=b,c!=d", fields="x=y")
        assert listing.items == [{"n": 1}, {"n": 2}, {"n": 3}]
        assert listing.version == "9"
        assert [request.query.get("continue") for request in server.received] == [None, "next&one", "last"]
        assert {request.query["labelSelector"] for request in server.received} == {"a=b,c!=d"}
        assert {request.query["limit"] for request in server.received} == {"500"}

    def test_an_expired_page_is_an_error_of_its_own(self, api: Api, server: ApiServer) -> None:
        first = {"body": {"items": [], "metadata": {"resourceVersion": "9", "continue": "more"}}}
        server.plays(first, {"status": 410, "body": {"message": "The provided continue parameter is too old"}})
        with pytest.raises(Expired, match="continue parameter is too old"):
            api.list(RESULTS)


class TestWatch:
    def test_events_come_as_they_happen_however_they_are_cut(self, api: Api, server: ApiServer) -> None:
        text = event("ADDED", "a") + b"\n" + event("MODIFIED", "ä") + b"\n" + event("BOOKMARK", version="9") + b"\n"
        server.plays({"pieces": [text[:30], text[30:31], text[31:120], text[120:]]})
        events = list(watched(api))
        assert named(events) == [("ADDED", "a"), ("MODIFIED", "ä"), ("BOOKMARK", "")]
        assert events[-1][1]["metadata"]["resourceVersion"] == "9"
        (request,) = server.received
        assert request.query == {
            "watch": "true",
            "labelSelector": "a=b",
            "resourceVersion": "7",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": "60",
        }

    def test_an_event_is_seen_before_the_next_one_is_sent(self, api: Api, server: ApiServer) -> None:
        seen = threading.Event()
        server.plays({"pieces": [event("ADDED", "a") + b"\n", seen, event("DELETED", "a") + b"\n"]})
        events = iter(watched(api))
        assert named([next(events)]) == [("ADDED", "a")]
        seen.set()
        assert named(list(events)) == [("DELETED", "a")]

    def test_a_watch_that_has_become_too_old_says_so(self, api: Api, server: ApiServer) -> None:
        gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old resource version"}}
        server.plays({"pieces": [event("ADDED", "a") + b"\n", json.dumps(gone).encode() + b"\n"]})
        events = iter(watched(api))
        next(events)
        with pytest.raises(Expired, match="cannot watch pods in namespace 'ml': too old resource version"):
            next(events)

    def test_a_refusal_in_the_stream_stays_a_refusal(self, api: Api, server: ApiServer) -> None:
        # Forbidden is a PermissionError, and so an OSError, which the stream's own failures are too.
        gone = {"type": "ERROR", "object": {"kind": "Status", "code": 403, "message": "no more"}}
        server.plays({"pieces": [json.dumps(gone).encode() + b"\n"]})
        with pytest.raises(Forbidden, match="no more"):
            list(watched(api))

    def test_a_watch_that_is_refused(self, api: Api, server: ApiServer) -> None:
        server.refuses(410, "too old resource version: 7 (9)")
        with pytest.raises(Expired):
            watched(api)

    def test_a_stream_that_breaks_off(self, api: Api, server: ApiServer) -> None:
        server.plays({"pieces": [event("ADDED", "a") + b"\n"], "hangs_up": "after"})
        events = iter(watched(api))
        next(events)
        with pytest.raises(Unreachable):
            next(events)

    def test_what_is_encrypted_still_when_a_watch_is_ended_is_not_read(
        self, tls_api: Api, tls_server: ApiServer
    ) -> None:
        lines = [event("ADDED", "a" * 1000) + b"\n"] * 3000  # one piece, which is read in several
        tls_server.plays({"pieces": [b"".join(lines)]})
        for _ in range(10):  # it depends on how much has come
            watch = watched(tls_api)
            events = iter(watch)
            next(events)
            time.sleep(0.1)  # so that more has come than is read at a time
            watch.end()
            with suppress(Unreachable):
                assert all(name == "a" * 1000 for _, name in named(list(events)))
            watch.close()

    @pytest.mark.parametrize("secured", [False, True], ids=["http", "https"])
    def test_a_watch_is_closed_from_another_thread(self, request: pytest.FixtureRequest, secured: bool) -> None:
        server: ApiServer = request.getfixturevalue("tls_server" if secured else "server")
        api: Api = request.getfixturevalue("tls_api" if secured else "api")
        never, seen = threading.Event(), threading.Event()
        server.plays({"pieces": [event("ADDED", "a") + b"\n", never]})
        watch = watched(api)
        received: list[tuple[str, dict[str, Any]]] = []
        failed: list[BaseException] = []

        def follow() -> None:
            try:
                for each in watch:
                    received.append(each)
                    seen.set()
            except Unreachable as error:
                failed.append(error)

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        assert seen.wait(10)
        watch.end()
        thread.join(5)
        assert not thread.is_alive()
        assert named(received) == [("ADDED", "a")]
        watch.close()  # again, which does nothing
        never.set()

    def test_closing_a_watch_that_has_ended_does_nothing(self, api: Api, server: ApiServer) -> None:
        server.plays({"pieces": []})
        watch = watched(api)
        assert list(watch) == []
        watch.close()


class TestLogs:
    def test_lines_come_whole(self, api: Api, server: ApiServer) -> None:
        server.plays({"pieces": [b"one\ntw", b"o\n", "thr\u00e4".encode()[:4], b"\xa4e"]})
        assert list(api.log("a", "trial", follow=True)) == ["one\n", "two\n", "thräe"]
        (request,) = server.received
        assert request.path == "/api/v1/namespaces/ml/pods/a/log"
        assert request.query == {"container": "trial", "follow": "true", "previous": "false"}

    def test_a_container_that_is_not_there(self, api: Api, server: ApiServer) -> None:
        server.refuses(400, 'container "trial" in pod "a" is waiting to start: ContainerCreating')
        with pytest.raises(ValueError, match="cannot get Pod 'a/log' in namespace 'ml': container"):
            list(api.log("a", "trial"))

    def test_a_log_that_breaks_off(self, api: Api, server: ApiServer) -> None:
        server.plays({"pieces": [b"one\n"], "hangs_up": "after"})
        lines = api.log("a", "trial")
        assert next(lines) == "one\n"
        with pytest.raises(Unreachable):
            next(lines)


def test_a_body_travels_as_it_is(api: Api, server: ApiServer) -> None:
    server.plays({"body": {}})
    document = {"metadata": {"name": "a"}, "data": {"ü": "≤ \u2028", "n": None, "x": 1e300}}
    api.create(CONFIG_MAPS, document)
    assert server.received[0].body == document
