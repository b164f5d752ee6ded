"""What the API server refuses, in words: answers as real servers gave them, over real HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from expsdk.cluster.kinds import CLUSTER_ROLES, CONFIG_MAPS, EXPERIMENTS, JOBS, RESULTS
from expsdk.errors import ClusterError, Conflict, Expired, Forbidden, Invalid, QuotaExceeded, ResourceNotFound

if TYPE_CHECKING:
    from conftest import ApiServer

    from expsdk.cluster.api import Api

RBAC = 'jobs.batch is forbidden: User "{}" cannot list resource "jobs" in API group "batch" in the namespace "ml"'
QUOTA = (
    'jobs.batch "a" is forbidden: exceeded quota: small, requested: count/jobs.batch=1, used: count/jobs.batch=1,'
    " limited: count/jobs.batch=1"
)
SECURITY = 'jobs.batch "a" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true'
DOCUMENT = {"metadata": {"name": "a"}}


@pytest.mark.parametrize(
    ("user", "whom"),
    [("anna", "--user=anna"), ("system:serviceaccount:ml:robot", "--serviceaccount=ml:robot")],
)
def test_a_missing_right_comes_with_the_command_that_grants_it(
    api: Api, server: ApiServer, user: str, whom: str
) -> None:
    server.refuses(403, RBAC.format(user), group="batch", kind="jobs")
    with pytest.raises(Forbidden) as refused:
        api.list(JOBS)
    assert refused.value.status == 403
    assert isinstance(refused.value, PermissionError)
    assert str(refused.value) == (
        f"{user} may not list jobs in namespace 'ml'; who may grant it: kubectl create rolebinding expsdk-user"
        f" --clusterrole=expsdk-user {whom} --namespace=ml"
    )


def test_a_missing_right_to_what_is_the_clusters_is_an_administrators_to_grant(api: Api, server: ApiServer) -> None:
    server.refuses(403, 'User "anna" cannot get resource "clusterroles" in API group "x" at the cluster scope')
    with pytest.raises(Forbidden, match=r"^anna may not get ClusterRole 'r'; ask an administrator of the cluster$"):
        api.get(CLUSTER_ROLES, "r")


def test_a_quota_is_told_from_a_missing_right(api: Api, server: ApiServer) -> None:
    server.refuses(403, QUOTA, name="a")
    with pytest.raises(QuotaExceeded, match=r"cannot create Job 'a' in namespace 'ml': .*exceeded quota: small"):
        api.create(JOBS, DOCUMENT)


def test_a_rule_of_the_clusters_is_told_as_it_is(api: Api, server: ApiServer) -> None:
    server.refuses(403, SECURITY, name="a")
    with pytest.raises(Forbidden, match=r"the cluster's rules forbid to create Job 'a'.*runAsNonRoot != true"):
        api.create(JOBS, DOCUMENT)


def test_who_asks_must_be_known(api: Api, server: ApiServer) -> None:
    server.refuses(401, "Unauthorized")
    with pytest.raises(Forbidden, match=r"must know who asks.*Unauthorized.*log in again") as refused:
        api.list(JOBS)
    assert refused.value.status == 401


def test_an_object_that_is_missing(api: Api, server: ApiServer) -> None:
    server.refuses(404, 'experiments.expsdk.dev "a" not found', name="a", group="expsdk.dev", kind="experiments")
    with pytest.raises(ResourceNotFound) as missing:
        api.get(EXPERIMENTS, "a")
    assert str(missing.value) == ("cannot get Experiment 'a' in namespace 'ml': experiments.expsdk.dev \"a\" not found")
    assert isinstance(missing.value, LookupError)


def test_a_namespace_that_is_missing(api: Api, server: ApiServer) -> None:
    server.refuses(404, 'namespaces "ml" not found', name="ml", kind="namespaces")
    with pytest.raises(ResourceNotFound, match=r"there is no such namespace.*kubectl create namespace ml"):
        api.create(CONFIG_MAPS, DOCUMENT)


def test_definitions_that_are_missing(api: Api, server: ApiServer) -> None:
    server.plays({"status": 404, "body": b"404 page not found\n"})
    with pytest.raises(ResourceNotFound, match=r"expsdk is not installed in this cluster; run `expsdk install` once"):
        api.list(RESULTS)
    with pytest.raises(ResourceNotFound, match=r"^cannot list jobs in namespace 'ml': 404 page not found$"):
        api.list(JOBS)


def test_a_name_that_is_taken(api: Api, server: ApiServer) -> None:
    server.refuses(409, 'jobs.batch "a" already exists', name="a", group="batch", kind="jobs")
    with pytest.raises(Conflict, match=r"cannot create Job 'a' in namespace 'ml': jobs.batch \"a\" already exists"):
        api.create(JOBS, DOCUMENT)


def test_a_list_that_is_too_old(api: Api, server: ApiServer) -> None:
    server.refuses(410, "too old resource version: 1 (529)")
    with pytest.raises(Expired, match=r"cannot list results in namespace 'ml': too old resource version"):
        api.list(RESULTS)


def test_fields_that_are_wrong_are_named(api: Api, server: ApiServer) -> None:
    causes = [
        {
            "reason": "FieldValueInvalid",
            "message": "Invalid value: -1: spec.number in body should be greater than or equal to 0",
            "field": "spec.number",
        },
        {"reason": "FieldValueRequired", "message": "Required value", "field": "spec.seed"},
    ]
    server.refuses(422, 'Result.expsdk.dev "a" is invalid: [much]', name="a", kind="Result", causes=causes)
    with pytest.raises(Invalid) as wrong:
        api.create(RESULTS, DOCUMENT)
    assert str(wrong.value) == (
        "cannot create Result 'a' in namespace 'ml': spec.number: Invalid value: -1: spec.number in body should be"
        " greater than or equal to 0; spec.seed: Required value"
    )
    assert isinstance(wrong.value, ValueError)


def test_what_has_no_causes_is_told_in_its_own_words(api: Api, server: ApiServer) -> None:
    server.refuses(400, "the object provided is unrecognized")
    with pytest.raises(Invalid, match=r"cannot create Job 'a' in namespace 'ml': the object provided is unrecognized"):
        api.create(JOBS, DOCUMENT)


@pytest.mark.parametrize(
    ("body", "words"),
    [(b"<html>teapot</html>", "<html>teapot</html>"), (b"[1]", "HTTP status 418"), (b"\xff\xfe", "��")],
)
def test_what_a_proxy_says_is_told_too(api: Api, server: ApiServer, body: bytes, words: str) -> None:
    server.plays({"status": 418, "body": body})
    with pytest.raises(ClusterError, match=f"could not list jobs in namespace 'ml' .HTTP status 418.: {words}"):
        api.list(JOBS)
