"""A sweep's template: what follows from one option at a time; whole Jobs are golden files."""

from __future__ import annotations

from typing import Any

import pytest

from expsdk import Resources, Volume
from expsdk.backends.kubernetes.inline import inline_bootstrap
from expsdk.backends.kubernetes.options import JobOptions
from expsdk.backends.kubernetes.template import job_template, omissions
from expsdk.cluster.server import Server
from expsdk.errors import ClusterError
from expsdk.resources.experiment import PayloadReference

OLD, NEW = Server((1, 20), "v1.20.2"), Server((1, 30), "v1.30.0")
PAYLOAD = PayloadReference(digest="sha256:" + "0a" * 32, file="payload.pyz", size_bytes=1, python="3.12", format=1)


def template(
    *,
    server: Server = NEW,
    trial_timeout_s: float | None = None,
    grace_s: float = 10.0,
    chunks: int = 1,
    **options: Any,
) -> dict[str, Any]:
    return job_template(
        JobOptions(**options),
        experiment="train",
        payload=PAYLOAD,
        chunks=chunks,
        trial_timeout_s=trial_timeout_s,
        grace_s=grace_s,
        server=server,
    )


def pod(**options: Any) -> dict[str, Any]:
    spec: dict[str, Any] = template(**options)["spec"]["template"]["spec"]
    return spec


def trial(**options: Any) -> dict[str, Any]:
    container: dict[str, Any] = pod(**options)["containers"][0]
    return container


def environment(**options: Any) -> dict[str, Any]:
    return {each["name"]: each.get("value") for each in trial(**options)["env"]}


def test_the_image_is_the_payloads_python_unless_another_is_named() -> None:
    assert trial()["image"] == environment()["EXPSDK_IMAGE"] == "python:3.12-slim"
    assert trial(image="torch:2")["image"] == environment(image="torch:2")["EXPSDK_IMAGE"] == "torch:2"


def test_the_command_is_the_bootstrap_whatever_it_says() -> None:
    assert trial(python="/opt/$x/python")["command"] == [
        "/opt/$$x/python",
        "-c",
        inline_bootstrap().replace("$", "$$"),
    ]


def test_times_are_whole_seconds_of_the_pods_own() -> None:
    assert pod(trial_timeout_s=0.2)["activeDeadlineSeconds"] == 1
    assert pod(trial_timeout_s=60.5)["activeDeadlineSeconds"] == 61
    assert "activeDeadlineSeconds" not in pod() | template(trial_timeout_s=9)["spec"]
    assert pod(grace_s=0.01)["terminationGracePeriodSeconds"] == 1
    assert environment(grace_s=2.5)["EXPSDK_GRACE_S"] == "3"


def test_the_image_may_choose_the_user_but_not_root() -> None:
    assert pod()["securityContext"]["runAsUser"] == 1000
    assert pod(run_as_user=None)["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_an_output_volume_is_told_by_its_path_and_its_name() -> None:
    assert "EXPSDK_OUTPUT_ROOT" not in environment()
    for output in ("results", Volume(claim="results"), Volume("/expsdk/output", claim="results")):
        found = environment(output=output)
        assert (found["EXPSDK_OUTPUT_ROOT"], found["EXPSDK_OUTPUT_URL"]) == ("/expsdk/output", "pvc:results")
        assert pod(output=output)["volumes"][2] == {
            "name": "output",
            "persistentVolumeClaim": {"claimName": "results"},
        }
        assert trial(output=output)["volumeMounts"][2] == {"name": "output", "mountPath": "/expsdk/output"}


def test_the_users_environment_is_literal_and_may_say_where_home_is() -> None:
    assert environment()["HOME"] == "/tmp"
    found = environment(env={"HOME": "/data", "PRICE": "$(HOME)"})
    assert (found["HOME"], found["PRICE"]) == ("/data", "$$(HOME)")


def test_packages_are_told_where_there_are_any() -> None:
    assert "EXPSDK_PACKAGES" not in environment()
    assert environment(packages=("a==1", "b"))["EXPSDK_PACKAGES"] == '["a==1", "b"]'


def test_resources_leave_out_what_is_empty() -> None:
    assert trial(resources=Resources(cpu=2))["resources"] == {"requests": {"cpu": "2"}}


def test_the_pods_template_comes_last_and_reaches_the_trial_without_its_name() -> None:
    found = trial(pod_template={"spec": {"containers": [{"image": "mine", "env": [{"name": "HOME", "value": "/h"}]}]}})
    assert found["image"] == "mine"
    assert {each["name"]: each["value"] for each in found["env"]}["HOME"] == "/h"
    assert found["command"] == trial()["command"]
    added = {"spec": {"containers": [{"name": "beside", "image": "busybox"}]}}
    assert [each["name"] for each in pod(pod_template=added)["containers"]] == ["trial", "beside"]
    assert "securityContext" not in pod(pod_template={"spec": {"securityContext": None}})


def test_labels_and_annotations_are_the_jobs_and_the_pods() -> None:
    found = template(labels={"team": "a"}, annotations={"ticket": "7"}, queue="q")
    both = {"labels": {"team": "a"}, "annotations": {"ticket": "7"}}
    assert found["spec"]["template"]["metadata"] == both
    assert found["metadata"] == {**both, "labels": {"team": "a", "kueue.x-k8s.io/queue-name": "q"}}
    assert template().keys() == {"spec"}


@pytest.mark.parametrize(
    ("minor", "fields"),
    [
        (20, set()),
        (21, {"ttlSecondsAfterFinished"}),
        (22, {"ttlSecondsAfterFinished", "suspend"}),
        (25, {"ttlSecondsAfterFinished", "suspend"}),
        (26, {"ttlSecondsAfterFinished", "suspend", "podFailurePolicy"}),
    ],
)
def test_a_server_gets_what_it_knows_and_the_rest_is_told(minor: int, fields: set[str]) -> None:
    server = Server((1, minor), f"v1.{minor}.0")
    spec = template(server=server, ttl_s=60, queue="q")["spec"]
    assert spec.keys() - {"backoffLimit", "template"} == fields
    notes = omissions(JobOptions(ttl_s=60, queue="q"), server)
    assert len(notes) == 3 - len(fields)
    assert all(f"v1.{minor}.0" in note for note in notes)


def test_what_was_not_asked_for_is_not_missed() -> None:
    (note,) = omissions(JobOptions(), OLD)
    assert "podFailurePolicy" in note
    assert omissions(JobOptions(), NEW) == []
    assert template()["spec"].keys() == {"backoffLimit", "podFailurePolicy", "template"}


@pytest.mark.parametrize(
    ("document", "version", "text"),
    [
        ({"major": "1", "minor": "26+", "gitVersion": "v1.26.9-gke.1"}, (1, 26), "v1.26.9-gke.1"),
        ({"major": "1", "minor": "9"}, (1, 9), "1.9"),
        ({"major": "2", "minor": "0", "gitVersion": "v2.0.0"}, (2, 0), "v2.0.0"),
    ],
)
def test_a_version_is_read(document: dict[str, str], version: tuple[int, int], text: str) -> None:
    assert Server.from_document(document) == Server(version, text)


@pytest.mark.parametrize("document", [{}, {"major": "", "minor": ""}, {"major": "one", "minor": "2"}])
def test_no_version_is_refused(document: dict[str, str]) -> None:
    with pytest.raises(ClusterError, match="tells its version as major and minor"):
        Server.from_document(document)


def test_a_payload_that_is_in_the_image_is_mounted_from_nowhere_and_checked_all_the_same() -> None:
    baked = {"image": "mine:1", "payload_in_image": True}
    assert [volume["name"] for volume in pod(**baked)["volumes"]] == ["scratch"]
    assert [mount["mountPath"] for mount in trial(**baked)["volumeMounts"]] == ["/tmp"]
    assert environment(**baked)["EXPSDK_DIGEST"] == PAYLOAD.digest
    assert trial(**baked)["command"] == trial()["command"]
