"""What the tests on a real cluster share beside `real_cluster`: the API server by HTTP, definitions, users' scripts."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from real_cluster import GONE_WITHIN_S, TIMEOUT_S, Kubectl

from expsdk.resources.crd import custom_resource_definitions
from expsdk_runtime.contract import API_VERSION

Document = dict[str, Any]


@dataclass(frozen=True)
class Api:
    """The API server by HTTP, through `kubectl proxy`: kubectl itself could not patch a status before 1.24."""

    url: str
    namespace: str = "default"

    def patch_status(self, plural: str, name: str, status: object) -> Document:
        """Merge the status into a record's and return the record; raises `urllib.error.HTTPError`."""
        path = f"/apis/{API_VERSION}/namespaces/{self.namespace}/{plural}/{name}/status"
        request = urllib.request.Request(
            f"{self.url}{path}",
            data=json.dumps({"status": status}).encode(),
            headers={"Content-Type": "application/merge-patch+json"},
            method="PATCH",
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            document: Document = json.load(answer)
            return document

    def refuse_status(self, plural: str, name: str, status: object) -> str:
        """Return why the server refuses the status."""
        with pytest.raises(urllib.error.HTTPError) as refused:
            self.patch_status(plural, name, status)
        with refused.value as answer:
            return str(json.load(answer)["message"])


@pytest.fixture(scope="session")
def proxy(cluster: Kubectl) -> Iterator[Api]:
    command = ["kubectl", "proxy", "--port=0"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            address = process.stdout.readline().split()[-1]
            yield Api(f"http://{address}")
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def definitions(installed: Kubectl) -> list[Document]:
    """The CustomResourceDefinitions as the server has them."""
    names = [document["metadata"]["name"] for document in custom_resource_definitions()]
    return [installed.wait("crd", name, lambda document: conditions(document).get("Established")) for name in names]


@pytest.fixture
def api(proxy: Api, kubectl: Kubectl) -> Api:
    """The API server by HTTP, in the namespace of `kubectl`."""
    return replace(proxy, namespace=kubectl.namespace)


@pytest.fixture(scope="session")
def run_script(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Runs a user's script in a directory of its own and returns the directory."""

    def run(text: str) -> Path:
        directory = tmp_path_factory.mktemp("project")
        (directory / "train.py").write_text(textwrap.dedent(text))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("EXPSDK_")}
        done = subprocess.run(
            [sys.executable, "train.py"],
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
        assert done.returncode == 0, done.stderr
        return directory

    return run


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put those tests last that take away what the others need."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)
    if items:  # which waits for all namespaces to go
        items[-1].add_marker(pytest.mark.timeout(GONE_WITHIN_S + 2 * TIMEOUT_S))


@pytest.fixture
def account(cluster: Kubectl, tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a kubeconfig with the real token of a ServiceAccount, by namespace and name, and returns its path."""

    def write(namespace: str, name: str) -> Path:
        viewed = cluster("config", "view", "--raw", "--minify", "--flatten", "--output", "json").stdout
        document = json.loads(viewed)
        user = {"name": name, "user": {"token": _token(replace(cluster, namespace=namespace), name)}}
        context = {"cluster": document["clusters"][0]["name"], "user": name, "namespace": namespace}
        document |= {
            "users": [user],
            "contexts": [{"name": "account", "context": context}],
            "current-context": "account",
        }
        path = tmp_path / f"{namespace}-{name}.kubeconfig"
        path.write_text(json.dumps(document))
        return path

    return write


def _token(kubectl: Kubectl, name: str) -> str:
    """Return a ServiceAccount's token: servers before 1.24 keep one in a Secret, later ones make one."""
    made = kubectl("create", "token", name, ok=False)
    if made.returncode == 0:
        return made.stdout.strip()
    secrets = kubectl.wait("serviceaccount", name, lambda document: document.get("secrets"))["secrets"]
    data = kubectl.wait("secret", secrets[0]["name"], lambda document: document.get("data", {}).get("token"))["data"]
    return base64.b64decode(data["token"]).decode()


def conditions(document: Document) -> dict[str, bool]:
    """Return a document's conditions: whether each holds, by type."""
    return {each["type"]: each["status"] == "True" for each in document.get("status", {}).get("conditions", ())}
