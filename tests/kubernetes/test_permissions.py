"""Who may do what, asked of a real cluster and tried with real tokens."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from expsdk.cluster.api import Api
from expsdk.cluster.kinds import (
    CONFIG_MAPS,
    EVENTS,
    EXPERIMENTS,
    JOBS,
    LEASES,
    PODS,
    RESULTS,
    ROLE_BINDINGS,
    SERVICE_ACCOUNTS,
    Kind,
)
from expsdk.errors import ClusterError, Forbidden

if TYPE_CHECKING:
    from real_cluster import Kubectl

Document = dict[str, Any]

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
SECRETS = Kind("v1", "Secret", "secrets")
LABELS = {"app.kubernetes.io/managed-by": "expsdk"}


def document(kind: Kind, name: str, **rest: Any) -> Document:
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {"name": name, "labels": LABELS}, **rest}


def job(name: str) -> Document:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "trial", "image": "python:3.11-slim"}]}}
    return document(JOBS, name, spec={"parallelism": 0, "template": template})


def pod(name: str) -> Document:
    return document(PODS, name, spec={"containers": [{"name": "trial", "image": "python:3.11-slim"}]})


def result(name: str) -> Document:
    spec = {"experiment": "tiny", "number": 0, "parameters": {}, "seed": 1}
    return document(RESULTS, name, spec=spec)


def experiment(name: str) -> Document:
    objectives = [{"metric": "loss", "direction": "minimize"}]
    spec = {"function": "f", "space": {}, "objectives": objectives, "sampler": {"name": "grid"}, "seed": 1}
    return document(EXPERIMENTS, name, spec={**spec, "parallelism": 1})


def opened(path: Path, namespace: str) -> Iterator[Api]:
    api = Api.connect(kubeconfig=str(path), namespace=namespace)
    yield api
    api.close()


class TestTrial:
    @pytest.fixture
    def trial(self, ready: Kubectl, account: Callable[[str, str], Path]) -> Iterator[Api]:
        """The API server as a trial's pod sees it, in whose namespace there is one Result."""
        ready.create(result("tiny-0000"))
        yield from opened(account(ready.namespace, "expsdk-trial"), ready.namespace)

    def test_the_server_lists_no_other_right(self, ready: Kubectl) -> None:
        who = f"--as=system:serviceaccount:{ready.namespace}:expsdk-trial"
        lines = ready("auth", "can-i", "--list", "--no-headers", who).stdout.splitlines()
        # Rights that everyone has: to ask about oneself, and to read what kind of server it is ("[...]" first: paths).
        listed = [line.split() for line in lines if not line.startswith(("[", " ", "selfsubject"))]
        rights = {words[0]: " ".join(words[-2:]) for words in listed}
        assert rights == {"results.expsdk.dev": "[] [get]", "results.expsdk.dev/status": "[get patch]"}

    def test_the_server_denies_every_other_verb_when_asked(self, trial: Api) -> None:
        allowed = {(RESULTS, ""): {"get"}, (RESULTS, "status"): {"get", "patch"}}
        kinds = (
            EXPERIMENTS,
            RESULTS,
            JOBS,
            PODS,
            SECRETS,
            CONFIG_MAPS,
            EVENTS,
            LEASES,
            SERVICE_ACCOUNTS,
            ROLE_BINDINGS,
        )
        asked = [(kind, "") for kind in kinds] + [
            (RESULTS, "status"),
            (EXPERIMENTS, "status"),
            (PODS, "log"),
            (PODS, "exec"),
        ]
        for kind, subresource in asked:
            may = {verb for verb in VERBS if trial.may(verb, kind, subresource=subresource)}
            assert may == allowed.get((kind, subresource), set()), (kind.plural, subresource)

    def test_it_does_what_a_trial_does(self, trial: Api) -> None:
        assert trial.get(RESULTS, "tiny-0000")["spec"]["experiment"] == "tiny"
        answer = trial.patch(RESULTS, "tiny-0000", {"status": {"phase": "Running", "epoch": 3}}, subresource="status")
        assert answer["status"]["epoch"] == 3
        # What it writes beside the status is not written.
        answer = trial.patch(RESULTS, "tiny-0000", {"spec": {"stop": "pruned"}}, subresource="status")
        assert answer["spec"].get("stop", "") == ""

    @pytest.mark.parametrize(
        "attempt",
        [
            lambda api: api.list(RESULTS),
            lambda api: api.watch(RESULTS, selector="", version="0", timeout_s=1),
            lambda api: api.create(RESULTS, result("tiny-0001")),
            lambda api: api.patch(RESULTS, "tiny-0000", {"spec": {"stop": "pruned"}}),
            lambda api: api.apply(RESULTS, result("tiny-0000")),
            lambda api: api.delete(RESULTS, "tiny-0000"),
            lambda api: api.list(EXPERIMENTS),
            lambda api: api.get(EXPERIMENTS, "tiny"),
            lambda api: api.patch(EXPERIMENTS, "tiny", {"status": {}}, subresource="status"),
            lambda api: api.list(PODS),
            lambda api: api.create(PODS, pod("escape")),
            lambda api: api.create(JOBS, job("escape")),
            lambda api: api.list(SECRETS),
            lambda api: api.get(CONFIG_MAPS, "kube-root-ca.crt"),
            lambda api: api.create(CONFIG_MAPS, document(CONFIG_MAPS, "a")),
            lambda api: replace(api, namespace="default").get(RESULTS, "tiny-0000"),
            lambda api: replace(api, namespace="").list(RESULTS),
        ],
    )
    def test_it_can_do_nothing_else(self, trial: Api, attempt: Callable[[Api], object]) -> None:
        with pytest.raises(Forbidden) as refused:
            attempt(trial)
        assert refused.value.status == 403
        assert trial.get(RESULTS, "tiny-0000")["spec"].get("stop", "") == ""


class TestUser:
    NEEDED = (
        (EXPERIMENTS, "", VERBS),
        (EXPERIMENTS, "status", ("get", "patch", "update")),
        (RESULTS, "", VERBS),
        (RESULTS, "status", ("get", "patch", "update")),
        (JOBS, "", ("create", "get", "list", "watch", "patch", "delete")),
        (PODS, "", ("create", "get", "list", "watch", "patch", "delete")),
        (PODS, "log", ("get",)),
        (CONFIG_MAPS, "", ("create", "get", "list", "delete")),
        (EVENTS, "", ("create", "get", "list", "watch", "patch")),
        (LEASES, "", ("create", "get", "list", "patch", "update", "delete")),
        (SERVICE_ACCOUNTS, "", ("get",)),
    )

    @pytest.fixture
    def anna(self, ready: Kubectl, account: Callable[[str, str], Path]) -> Iterator[Api]:
        """The API server as one sees it who has the role expsdk-user in this namespace."""
        ready("create", "serviceaccount", "anna")
        bound = f"--serviceaccount={ready.namespace}:anna"
        ready("create", "rolebinding", "anna", "--clusterrole=expsdk-user", bound)
        yield from opened(account(ready.namespace, "anna"), ready.namespace)

    def test_may_all_that_a_sweep_needs_and_only_here(self, anna: Api) -> None:
        elsewhere = replace(anna, namespace="default")
        for kind, subresource, verbs in self.NEEDED:
            for verb in verbs:
                assert anna.may(verb, kind, subresource=subresource), (verb, kind.plural, subresource)
                assert not elsewhere.may(verb, kind, subresource=subresource), (verb, kind.plural, subresource)
        assert not anna.may("list", SECRETS)
        assert not anna.may("create", ROLE_BINDINGS)
        assert not anna.may("create", PODS, subresource="exec")

    def test_does_what_a_sweep_does(self, anna: Api) -> None:
        anna.create(EXPERIMENTS, experiment("tiny"))
        anna.patch(EXPERIMENTS, "tiny", {"status": {"phase": "Running"}}, subresource="status")
        anna.create(CONFIG_MAPS, {**document(CONFIG_MAPS, "payload"), "immutable": True})
        anna.create(LEASES, document(LEASES, "tiny", spec={"holderIdentity": "anna"}))
        anna.patch(LEASES, "tiny", {"spec": {"holderIdentity": "bert"}})
        anna.create(RESULTS, result("tiny-0000"))
        anna.create(PODS, pod("tiny"), dry_run=True)
        anna.create(JOBS, job("tiny-0000"))
        listing = anna.list(JOBS, selector="app.kubernetes.io/managed-by=expsdk")
        assert [each["metadata"]["name"] for each in listing.items] == ["tiny-0000"]
        watch = anna.watch(RESULTS, selector="", version="0", timeout_s=5)
        assert next(iter(watch))[1]["metadata"]["name"] == "tiny-0000"
        watch.close()
        anna.list(EVENTS)
        assert anna.get(SERVICE_ACCOUNTS, "expsdk-trial")
        anna.delete(JOBS, "tiny-0000")
        anna.delete(EXPERIMENTS, "tiny")

    @pytest.mark.parametrize("kind", [EXPERIMENTS, RESULTS, JOBS, PODS, CONFIG_MAPS, LEASES])
    def test_reads_nothing_elsewhere(self, anna: Api, kind: Kind) -> None:
        for namespace in ("default", ""):
            with pytest.raises(Forbidden):
                replace(anna, namespace=namespace).list(kind)

    @pytest.mark.parametrize("role", ["edit", "admin"])
    def test_who_edits_a_namespace_may_sweep_there(self, ready: Kubectl, role: str) -> None:
        ready("create", "rolebinding", "bert", f"--clusterrole={role}", "--user=bert")
        for kind in ("experiments.expsdk.dev", "results.expsdk.dev", "jobs.batch", "leases.coordination.k8s.io"):
            ready("auth", "can-i", "create", kind, "--as=bert")

    def test_a_coordinators_account_may_the_same(self, ready: Kubectl, account: Callable[[str, str], Path]) -> None:
        for api in opened(account(ready.namespace, "expsdk-coordinator"), ready.namespace):
            for kind, subresource, verbs in self.NEEDED:
                assert all(api.may(verb, kind, subresource=subresource) for verb in verbs), (kind.plural, subresource)
            assert not replace(api, namespace="default").may("create", JOBS)


class TestMessages:
    @pytest.fixture
    def nobody(self, ready: Kubectl, account: Callable[[str, str], Path]) -> Iterator[Api]:
        """The API server as one sees it who has no rights."""
        ready("create", "serviceaccount", "anna")
        yield from opened(account(ready.namespace, "anna"), ready.namespace)

    def test_the_command_in_the_message_grants_the_right(self, nobody: Api, ready: Kubectl) -> None:
        user = f"system:serviceaccount:{ready.namespace}:anna"
        with pytest.raises(Forbidden) as refused:
            nobody.list(RESULTS)
        said, _, command = str(refused.value).partition("; who may grant it: ")
        assert said == f"{user} may not list results in namespace '{ready.namespace}'"
        program, *arguments = shlex.split(command)
        assert program == "kubectl"
        ready(*arguments)
        assert nobody.list(RESULTS).items == []

    def test_a_token_that_is_none(self, ready: Kubectl, account: Callable[[str, str], Path]) -> None:
        path = account(ready.namespace, "expsdk-trial")
        path.write_text(path.read_text().replace('"token": "', '"token": "x'))
        for api in opened(path, ready.namespace):
            with pytest.raises(ClusterError, match=r"must know who asks, and does not .* log in again") as refused:
                api.list(RESULTS)
            assert refused.value.status == 401
