"""`expsdk doctor` as a process: on a laptop with nothing, and with clusters of every kind of trouble."""

from __future__ import annotations

import copy
import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from loopback import serving
from simulation.documents import make_experiment

from expsdk.backends.local.store import FileStore
from expsdk.cluster.install import documents
from expsdk.cluster.kinds import CLUSTER_ROLES, DEFINITIONS, EXPERIMENTS, RESULTS, ROLE_BINDINGS, SERVICE_ACCOUNTS
from expsdk.version import __version__
from expsdk_runtime.contract import API_VERSION

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Document = dict[str, Any]

KINDS = {kind.name: kind for kind in (CLUSTER_ROLES, DEFINITIONS, ROLE_BINDINGS, SERVICE_ACCOUNTS)}
NODE = {"spec": {}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
SETTINGS = ["backend", "root", "namespace", "context", "kubeconfig"]
CLUSTER = ["connection", "definitions", "permissions", "accounts", "image", "nodes"]


class Server:
    """An API server with all that `expsdk install` makes in the namespace ml, until a test takes some away."""

    def __init__(self) -> None:
        self.objects: dict[str, Document] = {
            "/version": {"major": "1", "minor": "30", "gitVersion": "v1.30.2"},
            f"/apis/{API_VERSION}": {"resources": [{"name": kind.plural} for kind in (EXPERIMENTS, RESULTS)]},
            "/api/v1/namespaces/ml": {"metadata": {"name": "ml"}},
            "/api/v1/nodes": {"items": [NODE, NODE], "metadata": {"resourceVersion": "1"}},
        }
        for document in documents(["ml"]):
            path = KINDS[document["kind"]].path("ml", document["metadata"]["name"])
            self.objects[path] = copy.deepcopy(document)
        self.forbidden: set[str] = set()
        self.denied: set[tuple[str, str]] = set()
        self.methods: set[tuple[str, str]] = set()

    def definition(self, kind: str) -> Document:
        return next(
            each
            for each in self.objects.values()
            if each.get("kind") == "CustomResourceDefinition" and each["spec"]["names"]["kind"] == kind
        )

    def answer(self, method: str, path: str, body: Document | None) -> tuple[int, Document]:
        self.methods.add((method, path.rpartition("/")[2]))
        if body is not None and body.get("kind") == "SelfSubjectAccessReview":
            asked = body["spec"]["resourceAttributes"]
            return 201, {"status": {"allowed": (asked["verb"], asked["resource"]) not in self.denied}}
        if any(word in path for word in self.forbidden):
            return 403, {"message": f"the path {path} is not for you"}
        if path not in self.objects:
            return 404, {"message": "not found", "details": {"name": "x"}}
        return 200, self.objects[path]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    played: Server

    def log_message(self, *_: object) -> None:
        pass

    def answer(self) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, document = self.played.answer(
            self.command, urlsplit(self.path).path, json.loads(text) if text else None
        )
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - http.server looks for these


def kubeconfig(tmp_path: Path, url: str) -> None:
    context = {"cluster": "here", "user": "anna", "namespace": "ml"}
    document = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": context}],
        "clusters": [{"name": "here", "cluster": {"server": url}}],
        "users": [{"name": "anna", "user": {"token": "t0ken"}}],
    }
    path = tmp_path / "home" / ".kube" / "config"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(document))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server()
    with serving(type("Playing", (Handler,), {"played": server})) as url:
        kubeconfig(tmp_path, url)
        yield server


@contextmanager
def silent() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def doctor(expsdk: Run) -> Callable[..., dict[str, Document]]:
    """Runs the doctor, sees that its exit code is right, and returns its rows by check."""

    def run(*arguments: str) -> dict[str, Document]:
        done = expsdk("doctor", "-o", "json", *arguments)
        assert done.stderr == ""
        rows = json.loads(done.stdout)
        assert done.returncode == any(row["state"] == "fail" for row in rows)
        found = {row["check"]: row for row in rows}
        assert len(found) == len(rows)
        return found

    return run


Doctor = Callable[..., dict[str, Document]]


class TestLaptop:
    def test_nothing_is_needed_and_nothing_is_left(self, expsdk: Run, doctor: Doctor, tmp_path: Path) -> None:
        done = expsdk("doctor")
        assert (done.returncode, done.stderr) == (0, "")
        assert f"ok    root         {tmp_path}/.expsdk (default)" in done.stdout
        assert not (tmp_path / ".expsdk").exists()
        found = doctor()
        assert list(found)[:5] == SETTINGS
        assert (found["git"]["state"], found["kubectl"]["state"]) == ("warn", "warn")
        assert found["cluster"]["message"] == (
            "not looked at: the backend is local, and no kubeconfig is there (~/.kube/config)"
        )

    def test_every_setting_has_its_source(self, doctor: Doctor, environment: dict[str, str], tmp_path: Path) -> None:
        (tmp_path / "pyproject.toml").write_text('[tool.expsdk]\nroot = "runs"\n')
        environment["EXPSDK_NAMESPACE"] = "lab"
        found = doctor()
        assert found["root"]["message"] == f"{tmp_path}/runs ([tool.expsdk] in pyproject.toml)"
        assert found["namespace"]["message"] == "lab (EXPSDK_NAMESPACE)"

    def test_a_wrong_project_is_told(self, expsdk: Run, tmp_path: Path) -> None:
        (tmp_path / "pyproject.toml").write_text("[tool.expsdk]\nrot = 'x'\n")
        done = expsdk("doctor")
        assert done.returncode == 2
        assert "not 'rot'; did you mean 'root'?" in done.stderr

    def test_a_root_that_cannot_be_written(self, doctor: Doctor, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        found = doctor("--root", "file/below")
        assert (found["directory"]["state"], "disk" in found) == ("fail", False)
        assert f"{tmp_path}/file/below cannot be written (Not a directory)" in found["directory"]["message"]

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_root_that_is_not_ones_own(self, doctor: Doctor, tmp_path: Path) -> None:
        (tmp_path / "theirs").mkdir(mode=0o555)
        found = doctor("--root", "theirs")
        assert "this user may not write there" in found["directory"]["remedy"]

    def test_experiments_that_are_interrupted_or_broken(self, doctor: Doctor, tmp_path: Path) -> None:
        FileStore(root=tmp_path / ".expsdk").create(make_experiment()).close()
        (name,) = FileStore(root=tmp_path / ".expsdk").names()
        found = doctor()["experiments"]
        assert found["message"] == f"1 experiment kept, 1 of them interrupted: {name}"
        assert (found["state"], found["remedy"]) == ("warn", f"`expsdk resume {name}` goes on with it")
        record = tmp_path / ".expsdk" / name / "experiment.json"
        record.write_text("{")
        found = doctor()["experiments"]
        assert (found["state"], found["message"]) == ("fail", f"1 experiment kept, of which cannot be read: {name}")
        assert str(record) in found["remedy"]

    def test_names_and_sheets(self, expsdk: Run) -> None:
        assert expsdk("doctor", "-o", "name").stdout.split()[:5] == SETTINGS
        assert expsdk("doctor", "-o", "csv").stdout.splitlines()[0] == "check,state,message,remedy"


class TestTrouble:
    def test_a_cluster_that_is_asked_for_and_not_named(self, doctor: Doctor) -> None:
        found = doctor("--backend", "kubernetes")["connection"]
        assert found["state"] == "fail"
        assert found["message"] == "a kubeconfig names the cluster, and there is none at ~/.kube/config"

    def test_a_closed_port_is_a_warning_locally_and_told_once(self, doctor: Doctor, tmp_path: Path) -> None:
        with silent() as url:
            pass
        kubeconfig(tmp_path, url)
        found = doctor()
        assert found["connection"]["state"] == "warn"
        assert f"{url} (context here) does not: " in found["connection"]["message"]
        assert found.keys().isdisjoint(CLUSTER[1:])
        found = doctor("--backend", "kubernetes")
        assert found["connection"]["state"] == "fail"

    def test_a_server_that_says_nothing_does_not_hold_it_up(self, doctor: Doctor, tmp_path: Path) -> None:
        with silent() as url:
            kubeconfig(tmp_path, url)
            assert url in doctor("-b", "kubernetes")["connection"]["message"]

    def test_a_plugin_that_never_ends(self, doctor: Doctor, tmp_path: Path) -> None:
        kubeconfig(tmp_path, "http://127.0.0.1:9")
        path = tmp_path / "home" / ".kube" / "config"
        document = yaml.safe_load(path.read_text())
        waiting = {"apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/sleep", "args": ["15"]}
        document["users"][0]["user"] = {"exec": waiting}
        path.write_text(yaml.safe_dump(document))
        found = doctor("-b", "kubernetes")["connection"]
        assert "the kubeconfig's exec plugin" in found["message"]

    @pytest.mark.parametrize("text", ["contexts: [", "{}", "just words"])
    def test_a_broken_kubeconfig(self, doctor: Doctor, tmp_path: Path, text: str) -> None:
        (tmp_path / "broken").write_text(text)
        found = doctor("--kubeconfig", "broken")["connection"]
        assert found["state"] == "fail"
        assert found["message"].startswith("a kubeconfig names a cluster and a user, and the one at broken cannot be")

    def test_another_server(self, doctor: Doctor, server: Server) -> None:
        server.objects.clear()
        found = doctor("-b", "kubernetes")["connection"]
        assert "has none to tell" in found["message"]


class TestCluster:
    def test_all_is_there(self, doctor: Doctor, server: Server) -> None:
        found = doctor("-b", "kubernetes")
        assert {found[check]["state"] for check in CLUSTER} == {"ok"}
        assert found["connection"]["message"].startswith("Kubernetes v1.30.2 at http://127.0.0.1:")
        assert found["permissions"]["message"] == "you may run sweeps here, in namespace 'ml'"
        assert found["nodes"]["message"] == "2 of 2 nodes take pods"

    def test_it_reads_only(self, doctor: Doctor, server: Server) -> None:
        doctor("-b", "kubernetes")
        assert {each for each in server.methods if each[0] != "GET"} == {("POST", "selfsubjectaccessreviews")}

    def test_nothing_is_installed(self, doctor: Doctor, server: Server) -> None:
        server.objects = {
            path: found for path, found in server.objects.items() if path in {"/version", "/api/v1/namespaces/ml"}
        }
        found = doctor("-b", "kubernetes")
        assert "has no experiments and no results of" in found["definitions"]["message"]
        assert "expsdk install --namespace ml" in found["definitions"]["remedy"]
        assert "ServiceAccount expsdk-trial" in found["accounts"]["message"]
        assert doctor()["definitions"]["state"] == "warn"

    def test_definitions_of_another_version(self, doctor: Doctor, server: Server) -> None:
        for kind in ("Experiment", "Result"):
            server.definition(kind)["metadata"]["annotations"]["expsdk.dev/version"] = "99.0"
        found = doctor("-b", "kubernetes")["definitions"]
        assert found["message"] == f"the cluster's are of expsdk 99.0, and this is the older {__version__}"
        assert (found["state"], "pip install --upgrade expsdk" in found["remedy"]) == ("warn", True)

    def test_definitions_that_drop_fields(self, doctor: Doctor, server: Server) -> None:
        definition = server.definition("Result")
        definition["metadata"]["annotations"]["expsdk.dev/version"] = "0.0.1"
        server.definition("Experiment")["metadata"]["annotations"]["expsdk.dev/version"] = "0.0.1"
        schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        del schema["properties"]["spec"]["properties"]["seed"]
        found = doctor("-b", "kubernetes")["definitions"]
        assert found["state"] == "fail"
        assert found["message"] == (
            f"the cluster's are of expsdk 0.0.1, and drop what this one ({__version__}) writes: Result.spec.seed"
        )
        assert "expsdk install --namespace ml" in found["remedy"]

    def test_permissions_that_are_missing(self, doctor: Doctor, server: Server) -> None:
        server.denied = {("create", "experiments"), ("delete", "jobs")}
        found = doctor("-b", "kubernetes")["permissions"]
        assert found["state"] == "fail"
        assert found["message"].endswith("and you may not create experiments, delete jobs")
        assert "kubectl create rolebinding expsdk-user" in found["remedy"]

    def test_what_may_not_be_seen_is_no_failure(self, doctor: Doctor, server: Server) -> None:
        server.forbidden = {"/nodes", "clusterroles", "rolebindings", "customresourcedefinitions", "/namespaces/ml"}
        found = doctor("-b", "kubernetes")
        assert {found[check]["state"] for check in CLUSTER} == {"ok"}
        assert "of which expsdk, you may not see" in found["definitions"]["message"]
        assert "you may not see" in found["accounts"]["message"]

    def test_an_account_for_detached_sweeps_only_is_a_warning(self, doctor: Doctor, server: Server) -> None:
        del server.objects[SERVICE_ACCOUNTS.path("ml", "expsdk-coordinator")]
        found = doctor("-b", "kubernetes")["accounts"]
        assert (found["state"], "expsdk-trial" in found["message"]) == ("warn", False)

    def test_a_namespace_that_is_not_there(self, doctor: Doctor, server: Server) -> None:
        found = doctor("-n", "lm")["accounts"]
        assert found["message"] == "trials run in a namespace, and there is none of the name 'lm'"

    def test_nodes_that_are_cordoned(self, doctor: Doctor, server: Server) -> None:
        cordoned = {**NODE, "spec": {"unschedulable": True}}
        server.objects["/api/v1/nodes"]["items"] = [cordoned]
        found = doctor("-b", "kubernetes")["nodes"]
        assert (found["state"], found["message"]) == ("fail", "none of 1 node takes pods: 1 cordoned")
