"""`expsdk install --print`, which needs no cluster; with one: tests/kubernetes/test_install.py."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import yaml

from expsdk.cluster.install import documents

KUBECONFIG = """
    current-context: here
    contexts: [{name: here, context: {cluster: here, user: anna, namespace: dl}}]
    clusters: [{name: here, cluster: {server: "http://127.0.0.1:1"}}]
    users: [{name: anna, user: {token: t}}]
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_print_is_what_would_be_applied(expsdk: Run) -> None:
    done = expsdk("install", "--print", "--namespace", "ml", "-n", "dl")
    assert done.returncode == 0, done.stderr
    assert list(yaml.safe_load_all(done.stdout)) == documents(["ml", "dl"])


def test_print_follows_the_options(expsdk: Run) -> None:
    done = expsdk("install", "--print", "--namespace", "ml", "--namespaced-only")
    assert list(yaml.safe_load_all(done.stdout)) == documents(["ml"], namespaced_only=True)
    done = expsdk("install", "--print", "--namespace", "ml", "--create-namespace")
    assert "Namespace" in {each["kind"] for each in yaml.safe_load_all(done.stdout)}


def test_print_takes_the_contexts_namespace(expsdk: Run, write: Callable[[str, str], Path]) -> None:
    write("kubeconfig", KUBECONFIG)
    done = expsdk("install", "--print", "--kubeconfig", "kubeconfig")
    assert list(yaml.safe_load_all(done.stdout)) == documents(["dl"])


def test_print_needs_a_namespace(expsdk: Run) -> None:
    done = expsdk("install", "--print")
    assert done.returncode == 1
    assert done.stderr.startswith("expsdk: --print needs --namespace where no kubeconfig tells one (")


def test_a_context_that_is_not_there(expsdk: Run, write: Callable[[str, str], Path]) -> None:
    write("kubeconfig", KUBECONFIG)
    done = expsdk("uninstall", "--kubeconfig", "kubeconfig", "--context", "there")
    assert done.returncode == 1
    assert "expsdk: --context is one of the kubeconfig's (here), not 'there'" in done.stderr
