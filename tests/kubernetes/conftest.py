"""What these tests share: a real cluster, the one that KUBECONFIG names, and a namespace of each test's own."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from expsdk.resources.crd import custom_resource_definitions
from expsdk_runtime.contract import API_VERSION

Document = dict[str, Any]

LABEL = "expsdk.dev/tests"
TIMEOUT_S = 60.0
POLL_S = 0.2


@dataclass(frozen=True)
class Kubectl:
    """The real kubectl, in one namespace."""

    namespace: str = "default"

    def __call__(self, *arguments: str, stdin: object = None, ok: bool = True) -> subprocess.CompletedProcess[str]:
        """Run kubectl; what is not text goes in as JSON. With `ok`, it is an error that it fails."""
        text = stdin if stdin is None or isinstance(stdin, str) else json.dumps(stdin)
        done = subprocess.run(
            ["kubectl", "--namespace", self.namespace, *arguments],
            **({"stdin": subprocess.DEVNULL} if text is None else {"input": text}),
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
        if ok and done.returncode:
            pytest.fail(f"kubectl {' '.join(arguments)} failed with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def create(self, document: Document, *, ok: bool = True) -> subprocess.CompletedProcess[str]:
        """Create a document as it is; only the server checks it."""
        return self("create", "--validate=false", "--filename", "-", stdin=document, ok=ok)

    def get(self, kind: str, name: str) -> Document:
        """Return a document as the server has it."""
        document: Document = json.loads(self("get", kind, name, "--output", "json").stdout)
        return document

    def table(self, *arguments: str) -> list[dict[str, str]]:
        """Return what `kubectl get` prints, each row's cells by column."""
        header, *rows = self("get", *arguments).stdout.splitlines()
        starts = [match.start() for match in re.finditer(r"(?:(?<=\s\s)|^)\S", header)]
        ends = [*starts[1:], None]
        spans = list(zip(starts, ends, strict=True))
        return [{header[a:b].strip(): row[a:b].strip() for a, b in spans} for row in rows]

    def wait(self, kind: str, name: str, is_so: Callable[[Document], Any]) -> Document:
        """Return the document when it is so."""
        deadline = time.monotonic() + TIMEOUT_S
        while not is_so(document := self.get(kind, name)):
            if time.monotonic() > deadline:
                pytest.fail(f"{kind} {name} did not come to it in {TIMEOUT_S:.0f} s:\n{json.dumps(document, indent=2)}")
            time.sleep(POLL_S)
        return document


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
def cluster() -> Kubectl:
    """A cluster that answers. Only one that is named is used: kubectl's own choice may be in production."""
    remedy = "run `make e2e`, which brings one up, or set KUBECONFIG to one that tests may use"
    if not os.environ.get("KUBECONFIG"):
        pytest.fail(f"these tests need a cluster, and KUBECONFIG names none: {remedy}", pytrace=False)
    if not shutil.which("kubectl"):
        pytest.fail("these tests need kubectl on PATH", pytrace=False)
    kubectl = Kubectl()
    answer = kubectl("get", "--raw", "/readyz", ok=False)
    if answer.stdout.strip() != "ok":
        pytest.fail(
            f"the cluster of {os.environ['KUBECONFIG']} does not answer: {remedy}\n{answer.stderr}", pytrace=False
        )
    return kubectl


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
def definitions(cluster: Kubectl) -> Iterator[list[Document]]:
    """The CustomResourceDefinitions as the server has them; they are taken away again if they were not there before."""
    wanted = custom_resource_definitions()
    names = [document["metadata"]["name"] for document in wanted]
    there = cluster("get", "crd", "--output", "name").stdout
    for document in wanted:
        cluster("apply", "--filename", "-", stdin=document)
    yield [cluster.wait("crd", name, lambda document: conditions(document).get("Established")) for name in names]
    ours = [name for name in names if name not in there]
    if ours:
        cluster("delete", "crd", *ours, "--timeout", f"{TIMEOUT_S:.0f}s")


@pytest.fixture(scope="session")
def namespaces(cluster: Kubectl) -> Iterator[Callable[[], str]]:
    """Makes namespaces; each test asks for the end of its own, and this waits until all have gone."""
    mark = secrets.token_hex(4)
    numbers = iter(range(1_000_000))

    def create() -> str:
        name = f"expsdk-test-{mark}-{next(numbers)}"
        metadata = {"name": name, "labels": {LABEL: mark}}
        cluster("create", "--filename", "-", stdin={"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        return name

    yield create
    cluster("delete", "namespace", "--selector", f"{LABEL}={mark}", "--timeout", f"{TIMEOUT_S - 5:.0f}s")


@pytest.fixture
def kubectl(cluster: Kubectl, namespaces: Callable[[], str]) -> Iterator[Kubectl]:
    """kubectl in a fresh namespace, which is deleted afterwards."""
    name = namespaces()
    yield replace(cluster, namespace=name)
    cluster("delete", "namespace", name, "--wait=false")


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


def conditions(document: Document) -> dict[str, bool]:
    """Return a document's conditions: whether each holds, by type."""
    return {each["type"]: each["status"] == "True" for each in document.get("status", {}).get("conditions", ())}
