"""What is installed: complete, labelled, and no right too many."""

from __future__ import annotations

from typing import Any

import pytest

from expsdk.cluster.install import documents, version_order
from expsdk.cluster.rbac import cluster_roles, namespace_documents
from expsdk.version import __version__

Document = dict[str, Any]

WRITES = {"create", "delete", "deletecollection", "patch", "update"}


def role(name: str) -> Document:
    (found,) = [each for each in cluster_roles() if each["metadata"]["name"] == name]
    return found


def rights(document: Document) -> set[tuple[str, str, str]]:
    return {
        (group, resource, verb)
        for rule in document["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_a_trial_reads_results_and_writes_their_status_and_nothing_else() -> None:
    assert rights(role("expsdk-trial")) == {
        ("expsdk.dev", "results", "get"),
        ("expsdk.dev", "results/status", "get"),
        ("expsdk.dev", "results/status", "patch"),
    }


def test_a_coordinator_may_what_a_user_may() -> None:
    assert rights(role("expsdk-coordinator")) == rights(role("expsdk-user"))
    assert rights(role("expsdk-trial")) < rights(role("expsdk-user"))


def test_nobody_gets_everything_or_what_secrets_are_made_of() -> None:
    given = set().union(*map(rights, cluster_roles()))
    assert not [right for right in given if "*" in right]
    assert {resource for _, resource, _ in given}.isdisjoint({"secrets", "roles", "rolebindings", "pods/exec"})
    assert ("", "serviceaccounts", "get") in given
    assert not [right for right in given if right[1] == "serviceaccounts" and right[2] in WRITES]


def test_users_rights_come_with_edit_and_admin() -> None:
    aggregated = {
        each["metadata"]["name"]
        for each in cluster_roles()
        if {"rbac.authorization.k8s.io/aggregate-to-edit", "rbac.authorization.k8s.io/aggregate-to-admin"}
        <= each["metadata"]["labels"].keys()
    }
    assert aggregated == {"expsdk-user"}


def test_accounts_are_bound_to_the_role_of_their_name() -> None:
    bindings = [each for each in namespace_documents("ml") if each["kind"] == "RoleBinding"]
    assert [(each["metadata"]["name"], each["roleRef"]["name"], each["subjects"][0]["name"]) for each in bindings] == [
        (name, name, name) for name in ("expsdk-coordinator", "expsdk-trial")
    ]
    assert {each["subjects"][0]["namespace"] for each in bindings} == {"ml"}


def test_the_order_is_that_of_need() -> None:
    kinds = [each["kind"] for each in documents(["ml", "dl", "ml"], create_namespaces=True)]
    cluster = ["CustomResourceDefinition"] * 2 + ["ClusterRole"] * 3
    assert kinds == cluster + (["Namespace"] + ["ServiceAccount"] * 2 + ["RoleBinding"] * 2) * 2
    narrow = documents(["ml"], namespaced_only=True)
    assert {each["metadata"]["namespace"] for each in narrow} == {"ml"}


def test_everything_says_whose_it_is_and_of_which_version() -> None:
    for document in documents(["ml"]):
        assert (
            document["metadata"]["labels"]
            | {
                "app.kubernetes.io/name": "expsdk",
                "app.kubernetes.io/managed-by": "expsdk",
                "app.kubernetes.io/version": __version__,
            }
            == document["metadata"]["labels"]
        )
    definitions = documents([])[:2]
    assert {each["metadata"]["annotations"]["expsdk.dev/version"] for each in definitions} == {__version__}


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("", "0.1.0"),
        ("0.1.0", "0.1.1"),
        ("0.9.0", "0.10.0"),
        ("1.0.0rc1", "1.0.0"),
        ("1.0.0a1", "1.0.0rc1"),
        ("x", "0"),
    ],
)
def test_versions_are_compared_by_their_numbers(older: str, newer: str) -> None:
    assert version_order(older) < version_order(newer)
