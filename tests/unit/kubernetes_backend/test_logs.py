"""Following a trial's log from pod to pod, at a real HTTP server that lets time pass with every look at the Result."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from loopback import serving

from expsdk.backends.kubernetes import logs
from expsdk.backends.kubernetes.logs import follow_log, read_log
from expsdk.cluster.api import Api
from expsdk.errors import TrialNotFound

WAITS, RUNS, ENDED = {"waiting": {"reason": "ContainerCreating"}}, {"running": {}}, {"terminated": {"exitCode": 0}}


class Scenes:
    """What there is, scene by scene; the last one lasts."""

    def __init__(self, *scenes: dict[str, Any], printed: dict[str, list[bytes | None]]) -> None:
        self.scenes = list(scenes)
        self.printed = printed

    def look(self, path: str) -> tuple[int, bytes, int]:
        """Return status, content and how long the content says it is."""
        scene, name = self.scenes[0], path.rpartition("/")[2]
        if "/results/" in path:
            if len(self.scenes) > 1:
                scene = self.scenes.pop(0)
            return self._document({"spec": {"experiment": "train"}, "status": scene.get("status")}, "status" in scene)
        if "/experiments/" in path:
            return self._document({"spec": {"retries": 1}})
        if "/jobs/" in path:
            return self._document({"status": {"conditions": scene.get("job", [])}}, "job" in scene)
        if name == "pods":
            return self._document(
                {"metadata": {"resourceVersion": "1"}, "items": [pod(*each) for each in scene.get("pods", ())]}
            )
        pieces = self.printed[path.split("/")[-2]]
        content = pieces.pop(0)
        if content is None:  # it breaks off within a line
            return 200, b"one\ntw", 100
        return 200, content, len(content)

    def _document(self, document: dict[str, Any], is_there: bool = True) -> tuple[int, bytes, int]:
        gone = {"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404, "message": "it is not there"}
        content = json.dumps(document if is_there else gone).encode()
        return 200 if is_there else 404, content, len(content)


def pod(name: str, state: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "uid": name, "creationTimestamp": f"2026-01-31T12:00:0{name[-1]}Z"}
    statuses = [{"name": "trial", "state": state}]
    return {
        "metadata": metadata,
        "spec": {"containers": [{"name": "trial"}]},
        "status": {"containerStatuses": statuses},
    }


def status(phase: str, reason: str = "", attempt: int = 1) -> dict[str, Any]:
    return {"phase": phase, "reason": reason, "attempt": attempt}


@contextmanager
def cluster(scenes: Scenes, directory: Path) -> Iterator[Api]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            code, content, length = scenes.look(self.path.partition("?")[0])
            self.send_response(code)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(content)
            self.close_connection = True

    with serving(Handler) as url:
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "anna", "namespace": "ml"}}],
            "clusters": [{"name": "here", "cluster": {"server": url}}],
            "users": [{"name": "anna", "user": {"token": "t0ken"}}],
        }
        path = directory / "kubeconfig"
        path.write_text(json.dumps(document))
        api = Api.connect(kubeconfig=str(path))
        yield api
        api.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "POLL_S", 0.01)  # or every scene would take half a second


def test_from_before_its_first_pod_to_the_end_of_its_last_attempt(tmp_path: Path) -> None:
    preempted = status("Failed", "Preempted")
    scenes = Scenes(
        {"status": status("Pending")},
        {"status": status("Pending"), "pods": [("pod-1", WAITS)]},
        {"status": status("Running"), "pods": [("pod-1", RUNS)]},
        {"status": status("Running"), "pods": [("pod-1", RUNS)]},
        {"status": preempted, "pods": [("pod-1", ENDED)]},
        {"status": status("Pending", attempt=2), "pods": [("pod-1", ENDED), ("pod-2", WAITS)]},
        {"status": status("Running", attempt=2), "pods": [("pod-1", ENDED), ("pod-2", RUNS)]},
        {"status": status("Succeeded", attempt=2), "pods": [("pod-1", ENDED), ("pod-2", ENDED)]},
        printed={"pod-1": [None, b"one\ntwo\nno end"], "pod-2": [b"three\n"]},
    )
    with cluster(scenes, tmp_path) as api:
        assert list(follow_log(api, "train-0001")) == ["one\n", "two\n", "no end", "three\n"]
    assert scenes.printed == {"pod-1": [], "pod-2": []}


def test_of_one_that_has_ended_its_last_pod_is_read(tmp_path: Path) -> None:
    there = [("pod-1", ENDED), ("pod-2", ENDED)]
    scenes = Scenes(
        {"status": status("Succeeded"), "pods": there}, printed={"pod-2": [b"last\n"] * 2, "pod-1": [b"a\n"]}
    )
    with cluster(scenes, tmp_path) as api:
        assert list(follow_log(api, "train-0001")) == ["last\n"]
        assert list(read_log(api, "train-0001", previous=False)) == ["last\n"]
        assert list(read_log(api, "train-0001", previous=True)) == ["a\n"]


def test_a_program_of_ones_own_is_followed_to_the_end_of_its_job(tmp_path: Path) -> None:
    complete = [{"type": "Complete", "status": "True"}]
    scenes = Scenes(
        {"job": [], "pods": [("pod-1", RUNS)]},
        {"job": complete, "pods": [("pod-1", ENDED)]},
        printed={"pod-1": [b"done\n"]},
    )
    with cluster(scenes, tmp_path) as api:
        assert list(follow_log(api, "optimizer")) == ["done\n"]


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with (
        cluster(Scenes({}, printed={}), tmp_path) as api,
        pytest.raises(TrialNotFound, match="no trial 'train-0009' is"),
    ):
        list(follow_log(api, "train-0009"))
