"""`expsdk install` and `uninstall` on a real cluster: again and again, over older ones, and gone without a trace."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect
import pytest

from expsdk.cluster.install import documents
from expsdk.version import __version__

if TYPE_CHECKING:
    from real_cluster import Kubectl

Document = dict[str, Any]

IS_OURS = "EXPSDK_TESTS_CLUSTER_IS_OURS"
"""Set by `make e2e` where it brought the cluster up for this run."""
EXPSDK = [sys.executable, "-m", "expsdk"]
NAMESPACED = ["ServiceAccount expsdk-coordinator", "ServiceAccount expsdk-trial"]
NAMESPACED += ["RoleBinding expsdk-coordinator", "RoleBinding expsdk-trial"]
WIDE = ["CustomResourceDefinition experiments.expsdk.dev", "CustomResourceDefinition results.expsdk.dev"]
WIDE += ["ClusterRole expsdk-user", "ClusterRole expsdk-coordinator", "ClusterRole expsdk-trial"]
EXPERIMENT = {
    "apiVersion": "expsdk.dev/v1alpha1",
    "kind": "Experiment",
    "metadata": {"name": "tiny"},
    "spec": {
        "function": "train.tiny",
        "space": {"rate": {"type": "uniform", "low": 0, "high": 1}},
        "objectives": [{"metric": "loss", "direction": "minimize"}],
        "sampler": {"name": "random"},
        "seed": 1,
        "parallelism": 1,
    },
}
RESULT = {
    "apiVersion": "expsdk.dev/v1alpha1",
    "kind": "Result",
    "metadata": {"name": "tiny-0000"},
    "spec": {"experiment": "tiny", "number": 0, "parameters": {"rate": 0.5}, "seed": 1},
}


def expsdk(*arguments: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*EXPSDK, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=90
    )
    if ok:
        assert done.returncode == 0, done.stderr
    return done


def told(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Return what was told of each object: created, changed, unchanged or deleted."""
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines() if "expsdk is installed" not in line]
    return {what: change for change, what in lines}


def in_namespace(namespace: str) -> list[str]:
    return [f"{each} in {namespace}" for each in NAMESPACED]


@pytest.mark.usefixtures("installed")
class TestInstall:
    def test_a_second_time_changes_nothing(self, kubectl: Kubectl) -> None:
        first = expsdk("install", "--namespace", kubectl.namespace)
        assert {what: told(first)[what] for what in in_namespace(kubectl.namespace)} == dict.fromkeys(
            in_namespace(kubectl.namespace), "created"
        )
        second = expsdk("install", "--namespace", kubectl.namespace)
        assert told(second) == dict.fromkeys(WIDE + in_namespace(kubectl.namespace), "unchanged")
        assert second.stdout.splitlines()[-1] == "expsdk is installed already, in this version"

    def test_what_is_there_is_what_is_printed(self, kubectl: Kubectl) -> None:
        expsdk("install", "--namespace", kubectl.namespace)
        for document in documents([kubectl.namespace]):
            there = kubectl.get(document["kind"], document["metadata"]["name"])
            assert there["metadata"]["labels"] == document["metadata"]["labels"]
            for key in ("rules", "roleRef", "subjects"):
                assert there.get(key) == document.get(key)

    def test_print_is_what_kubectl_takes(self, kubectl: Kubectl) -> None:
        printed = expsdk("install", "--namespace", kubectl.namespace, "--print").stdout
        for options in ([], ["--server-side", "--force-conflicts"]):
            done = kubectl("apply", "--dry-run=server", *options, "--filename", "-", stdin=printed)
            assert len(done.stdout.splitlines()) == len(WIDE) + len(NAMESPACED)
        assert kubectl("get", "serviceaccount", "expsdk-trial", ok=False).returncode != 0

    def test_an_older_installation_is_brought_up_to_date(self, kubectl: Kubectl) -> None:
        older = copy.deepcopy(documents([])[0])
        columns = older["spec"]["versions"][0]["additionalPrinterColumns"]
        wanted, gone = list(columns), columns.pop(1)
        older["metadata"]["annotations"] = {"expsdk.dev/version": "0.0.1"}
        apply = ("apply", "--server-side", "--force-conflicts", "--field-manager=expsdk", "--filename", "-")
        kubectl(*apply, stdin=older)
        there = kubectl.get("crd", older["metadata"]["name"])
        assert gone not in there["spec"]["versions"][0]["additionalPrinterColumns"]
        done = expsdk("install", "--namespace", kubectl.namespace)
        assert told(done)[WIDE[0]] == "changed"
        there = kubectl.get("crd", older["metadata"]["name"])
        assert there["spec"]["versions"][0]["additionalPrinterColumns"] == wanted
        assert there["metadata"]["annotations"]["expsdk.dev/version"] == __version__

    def test_definitions_from_before_there_was_install_are_taken_over(self, kubectl: Kubectl) -> None:
        older = copy.deepcopy(documents([])[1])
        columns = older["spec"]["versions"][0]["additionalPrinterColumns"]
        wanted = list(columns)
        columns.pop(3)
        del older["metadata"]["annotations"]
        kubectl("apply", "--filename", "-", stdin=older)
        assert told(expsdk("install", "--namespace", kubectl.namespace))[WIDE[1]] == "changed"
        there = kubectl.get("crd", older["metadata"]["name"])
        assert there["spec"]["versions"][0]["additionalPrinterColumns"] == wanted

    def test_a_newer_installation_is_left_alone_without_force(self, kubectl: Kubectl) -> None:
        name = "experiments.expsdk.dev"
        kubectl("annotate", "crd", name, "--overwrite", "expsdk.dev/version=99.0.0")
        try:
            done = expsdk("install", "--namespace", kubectl.namespace, ok=False)
            assert done.returncode == 1
            assert f"has the definitions of expsdk 99.0.0, and this is the older {__version__}" in done.stderr
            assert kubectl("get", "serviceaccount", "expsdk-trial", ok=False).returncode != 0
        finally:
            forced = expsdk("install", "--namespace", kubectl.namespace, "--force")
        assert told(forced)[WIDE[0]] == "changed"

    def test_a_namespace_that_is_not_there(self, kubectl: Kubectl) -> None:
        missing = f"{kubectl.namespace}-more"
        done = expsdk("install", "--namespace", kubectl.namespace, "--namespace", missing, ok=False)
        assert done.returncode == 1
        assert f"'{missing}' is not: create with `kubectl create namespace {missing}`" in done.stderr
        assert kubectl("get", "serviceaccount", "expsdk-trial", ok=False).returncode != 0
        try:
            done = expsdk("install", "--namespace", missing, "--create-namespace")
            assert told(done)[f"Namespace {missing}"] == "created"
            assert told(done)[in_namespace(missing)[0]] == "created"
        finally:
            kubectl("delete", "namespace", missing, "--wait=false", "--ignore-not-found")


@pytest.fixture
def record(ready: Kubectl) -> Kubectl:
    """A namespace with expsdk in it, an experiment, and a trial of it that is underway."""
    ready.create(EXPERIMENT)
    ready.create(RESULT)
    return ready


class TestUninstallFromANamespace:
    def test_nobody_there_to_agree(self, record: Kubectl) -> None:
        done = expsdk("uninstall", "--namespace", record.namespace, ok=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert "uninstalling asks first, and nobody is here to answer" in done.stderr
        assert f"accounts and bindings in {record.namespace} go, and 1 trial underway needs them" in done.stderr
        record("get", "serviceaccount", "expsdk-trial")

    def test_accounts_and_bindings_go_and_records_stay(self, record: Kubectl) -> None:
        done = expsdk("uninstall", "--namespace", record.namespace, "--yes")
        assert told(done) == dict.fromkeys(in_namespace(record.namespace), "deleted")
        names = record("get", "serviceaccounts,rolebindings", "--output", "name").stdout
        assert "expsdk" not in names
        record("get", "experiment", "tiny")
        record("get", "result", "tiny-0000")
        again = expsdk("uninstall", "--namespace", record.namespace, "--yes")
        assert again.stdout == "there was nothing to take away\n"

    @pytest.mark.parametrize(("answer", "status", "stays"), [("n", 1, True), ("y", 0, False)])
    def test_a_person_is_asked(self, record: Kubectl, answer: str, status: int, stays: bool) -> None:
        command = [*EXPSDK[1:], "uninstall", "--namespace", record.namespace]
        process = pexpect.spawn(EXPSDK[0], command, encoding="utf-8", timeout=60, dimensions=(24, 200))
        process.expect(r"1 trial underway needs them to report; all records stay\.\s+Take expsdk away\? \[y/N\]:")
        process.sendline(answer)
        process.expect("nothing has been changed" if stays else "deleted    ServiceAccount expsdk-trial")
        process.expect(pexpect.EOF)
        process.close()
        assert process.exitstatus == status
        assert (record("get", "serviceaccount", "expsdk-trial", ok=False).returncode == 0) == stays


def owned_job(owner: Document) -> Document:
    """Return a Job that runs nothing, owned by an Experiment."""
    reference = {key: owner[key] for key in ("apiVersion", "kind")}
    reference |= {key: owner["metadata"][key] for key in ("name", "uid")}
    labels = {"app.kubernetes.io/name": "expsdk", "app.kubernetes.io/managed-by": "expsdk"}
    container = {"name": "trial", "image": "python:3.11-slim"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "tiny-0000", "labels": labels, "ownerReferences": [reference]},
        "spec": {"parallelism": 0, "template": {"spec": {"restartPolicy": "Never", "containers": [container]}}},
    }


@pytest.mark.last
def test_uninstalling_leaves_nothing_and_installing_brings_it_back(record: Kubectl) -> None:
    if not os.environ.get(IS_OURS):
        pytest.skip(f"it takes expsdk from the whole cluster, which others may use: only where {IS_OURS} is set")
    ours = record.namespace.rpartition("-")[0]  # of this very run
    listed = record("get", "experiments,results,serviceaccounts", "--all-namespaces", "--output=json").stdout
    others = {
        f"{each['kind']} {each['metadata']['namespace']}/{each['metadata']['name']}"
        for each in json.loads(listed)["items"]
        if not each["metadata"]["namespace"].startswith(f"{ours}-")
        and (each["kind"] != "ServiceAccount" or each["metadata"]["name"].startswith("expsdk-"))
    }
    if others:
        pytest.fail(f"{IS_OURS} is set, but the cluster is others' too, who would lose {', '.join(sorted(others))}")
    record.create(owned_job(record.get("experiment", "tiny")))
    done = expsdk("uninstall", ok=False)
    assert done.returncode == 1
    lost = done.stderr
    assert " are deleted for good, " in lost
    record("get", "experiment", "tiny")

    done = expsdk("uninstall", "--yes")
    changes = told(done)
    assert set(changes.values()) == {"deleted"}
    assert {f"Experiment tiny in {record.namespace}", *WIDE, *in_namespace(record.namespace)} <= changes.keys()
    everything = "crd,clusterroles,clusterrolebindings"
    assert "expsdk" not in record("get", everything, "--output", "name").stdout
    namespaced = record(
        "get", "jobs,configmaps,leases,serviceaccounts,rolebindings", "--all-namespaces", "--output=json"
    )
    left = [each["metadata"]["name"] for each in json.loads(namespaced.stdout)["items"]]
    assert not [name for name in left if name.startswith("tiny") or name in {"expsdk-trial", "expsdk-coordinator"}]
    assert expsdk("uninstall", "--yes").stdout == "there was nothing to take away\n"

    done = expsdk("install", "--namespace", record.namespace)
    assert told(done) == dict.fromkeys(WIDE + in_namespace(record.namespace), "created")
    record.create(EXPERIMENT)


@pytest.mark.usefixtures("installed")
class TestRights:
    @pytest.fixture
    def anna(self, kubectl: Kubectl, account: Callable[[str, str], Path]) -> str:
        """The kubeconfig of one who has no rights yet."""
        kubectl("create", "serviceaccount", "anna")
        return str(account(kubectl.namespace, "anna"))

    def test_who_has_none_is_told_all_that_is_missing_at_once(self, kubectl: Kubectl, anna: str) -> None:
        done = expsdk("install", "--kubeconfig", anna, ok=False)
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert line == (
            "expsdk: installing needs rights that you lack: get, create and patch customresourcedefinitions; get,"
            f" create and patch clusterroles; get, create and patch serviceaccounts in namespace '{kubectl.namespace}';"
            f" get, create and patch rolebindings in namespace '{kubectl.namespace}'; nothing has been changed: an"
            f" administrator of the cluster can run `expsdk install --namespace {kubectl.namespace}` once"
        )

    def test_a_namespaces_admin_installs_there(self, kubectl: Kubectl, anna: str) -> None:
        account = f"--serviceaccount={kubectl.namespace}:anna"
        kubectl("create", "rolebinding", "anna", "--clusterrole=admin", account)
        done = expsdk("install", "--kubeconfig", anna, ok=False)
        (line,) = done.stderr.splitlines()
        remedy = f"`expsdk install --namespace {kubectl.namespace} --namespaced-only`"
        assert line.endswith(f"where definitions and ClusterRoles are there already, you need no more than {remedy}")
        done = expsdk("install", "--kubeconfig", anna, "--namespace", kubectl.namespace, "--namespaced-only")
        assert told(done) == dict.fromkeys(in_namespace(kubectl.namespace), "created")

    def test_an_editor_of_the_namespace_gives_no_roles(self, kubectl: Kubectl, anna: str) -> None:
        kubectl("create", "rolebinding", "anna", "--clusterrole=edit", f"--serviceaccount={kubectl.namespace}:anna")
        done = expsdk("install", "--kubeconfig", anna, "--namespaced-only", ok=False)
        assert "get, create and patch rolebindings" in done.stderr
        assert "whoever has the role admin there can run" in done.stderr
        assert kubectl("get", "serviceaccount", "expsdk-trial", ok=False).returncode != 0

    def test_uninstalling_from_the_whole_cluster_is_not_everyones(self, anna: str) -> None:
        done = expsdk("uninstall", "--yes", "--kubeconfig", anna, ok=False)
        (line,) = done.stderr.splitlines()
        assert "needs rights that you lack in all namespaces: list and delete experiments; " in line
        assert line.endswith("or clear one namespace: `expsdk uninstall --namespace NAME`")
