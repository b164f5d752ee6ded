"""A real cluster for tests, the one that KUBECONFIG names, and namespaces of each test's own, with expsdk in them."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

Document = dict[str, Any]

LABEL = "expsdk.dev/tests"
TIMEOUT_S = 60.0
POLL_S = 0.2
GONE_WITHIN_S = 300.0
"""How long namespaces may take to go: their controller tries again after up to a minute what it failed to do while
definitions came and went, and pods have their grace period."""
NODE_IS_HERE = "EXPSDK_TESTS_NODE_IS_HERE"
"""Set by tests/cluster, whose only node is this machine."""


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
        """Return the document when it is there and it is so."""
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            got = self("get", kind, name, "--output", "json", ok=False)
            if got.returncode == 0 and is_so(document := json.loads(got.stdout)):
                found: Document = document
                return found
            if time.monotonic() > deadline:
                pytest.fail(f"{kind} {name} did not come to it in {TIMEOUT_S:.0f} s:\n{got.stdout}{got.stderr}")
            time.sleep(POLL_S)

    def wait_for_text(self, *arguments: str, holds: str) -> str:
        """Return what kubectl prints when it holds a text."""
        deadline = time.monotonic() + TIMEOUT_S
        while holds not in (printed := self(*arguments).stdout):
            if time.monotonic() > deadline:
                pytest.fail(f"kubectl {' '.join(arguments)} never printed {holds!r}, at last: {printed}")
            time.sleep(POLL_S)
        return printed


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
    ours = ("namespace", "--selector", f"{LABEL}={mark}")
    cluster("delete", *ours, "--wait=false")
    deadline = time.monotonic() + GONE_WITHIN_S
    while left := json.loads(cluster("get", *ours, "--output", "json").stdout)["items"]:
        if time.monotonic() > deadline:
            why = {each["metadata"]["name"]: each["status"].get("conditions") for each in left}
            pytest.fail(f"namespaces are there still after {GONE_WITHIN_S:.0f} s: {json.dumps(why, indent=1)}")
        time.sleep(POLL_S)


@pytest.fixture
def kubectl(cluster: Kubectl, namespaces: Callable[[], str]) -> Iterator[Kubectl]:
    """kubectl in a fresh namespace, which is deleted afterwards."""
    name = namespaces()
    yield replace(cluster, namespace=name)
    cluster("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="session")
def installed(cluster: Kubectl) -> Kubectl:
    """A cluster with expsdk installed, as its administrator does it."""
    from expsdk.cluster.api import Api
    from expsdk.cluster.install import install

    api = Api.connect(namespace="default")
    install(api, [], force=True)
    api.close()
    return cluster


@pytest.fixture
def ready(installed: Kubectl, kubectl: Kubectl) -> Kubectl:
    """kubectl in a fresh namespace where sweeps can run."""
    from expsdk.cluster.api import Api
    from expsdk.cluster.install import install

    api = Api.connect(namespace=kubectl.namespace)
    install(api, [kubectl.namespace], namespaced_only=True)
    api.close()
    return kubectl


@pytest.fixture
def shared_directory() -> Iterator[Path]:
    """A directory of this machine that pods may write in, whoever they run as: this machine is the node."""
    if not os.environ.get(NODE_IS_HERE):
        pytest.skip(f"its pods write to this machine's disk, and the cluster's nodes are elsewhere ({NODE_IS_HERE})")
    with tempfile.TemporaryDirectory(prefix="expsdk-shared-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        directory.chmod(0o777)
        yield directory
