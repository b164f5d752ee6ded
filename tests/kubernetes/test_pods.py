"""Real pods: a payload runs in a plain image under the strictest security, and reaches the API server as itself."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from expsdk.resources.result import new_result

if TYPE_CHECKING:
    from real_cluster import Kubectl

Document = dict[str, Any]

IMAGE = "python:3.11-slim"
IMAGE_PYTHON = (3, 11)
TRAIN = """
    from pathlib import Path
    from expsdk import experiment, log_metric, uniform

    @experiment(space={"rate": uniform(0, 1)}, objective="loss")
    def train(rate, epochs=3):
        for epoch in range(epochs):
            log_metric("loss", rate / (epoch + 1), epoch=epoch)

    if __name__ == "__main__":
        train.pack().write(Path("packed"))
"""
# What a job will do that reports its status, with nothing but what a pod is given.
REPORT = """
import json, os, ssl, sys, urllib.request
account = "/var/run/secrets/kubernetes.io/serviceaccount"
url = "https://%s:%s/apis/expsdk.dev/v1alpha1/namespaces/%s/results/%s/status" % (
    os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"], open(account + "/namespace").read(),
    sys.argv[1])
headers = {"Authorization": "Bearer " + open(account + "/token").read(),
           "Content-Type": "application/merge-patch+json"}
body = json.dumps({"status": {"phase": "Running", "epoch": 7}}).encode()
request = urllib.request.Request(url, body, headers, method="PATCH")
context = ssl.create_default_context(cafile=account + "/ca.crt")
print(json.load(urllib.request.urlopen(request, timeout=20, context=context))["spec"]["stop"])
"""


def test_a_payload_runs_in_a_plain_image_without_rights(kubectl: Kubectl, run_script: Callable[[str], Path]) -> None:
    assert sys.version_info[:2] == IMAGE_PYTHON, (
        f"a payload needs the Python that packed it, and the pod's image is {IMAGE}: run this with Python 3.11"
    )
    (payload,) = (run_script(TRAIN) / "packed").iterdir()
    packed = {"payload.pyz": base64.b64encode(payload.read_bytes()).decode()}
    metadata = {"name": "payload"}
    kubectl.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "binaryData": packed, "immutable": True}
    )
    command = ["python", "/payload/payload.pyz", "--parameters", '{"rate": 0.6, "epochs": 4}']
    volume = {"name": "payload", "configMap": {"name": "payload"}}
    kubectl.create(job("trial", command, volumes={"/payload": volume, "/tmp": {"name": "tmp", "emptyDir": {}}}))

    printed = logs_of_finished(kubectl, "trial")
    lines = [json.loads(line) for line in printed.splitlines()]
    metrics = [line for line in lines if "metric" in line]
    assert [(line["metric"], line["epoch"], line["value"]) for line in metrics] == [
        ("loss", epoch, 0.6 / (epoch + 1)) for epoch in range(4)
    ]
    assert lines[-1] == {"phase": "Succeeded", "objectives": {"loss": 0.6 / 4}}


@pytest.mark.usefixtures("definitions")
def test_a_pod_writes_the_status_of_its_result_as_itself(kubectl: Kubectl) -> None:
    kubectl.create(new_result("report", number=0, parameters={}, seed=1).to_document())
    kubectl("create", "role", "reporter", "--verb=patch", "--resource=results.expsdk.dev/status")
    account = f"--serviceaccount={kubectl.namespace}:default"
    kubectl("create", "rolebinding", "reporter", "--role=reporter", account)
    kubectl("patch", "result", "report-0000", "--type=merge", "--patch", '{"spec": {"stop": "pruned"}}')
    kubectl.create(job("report-0000", ["python", "-c", REPORT, "report-0000"], volumes={}))

    assert logs_of_finished(kubectl, "report-0000").strip() == "pruned"
    assert kubectl.get("result", "report-0000")["status"] == {"phase": "Running", "epoch": 7}


def job(name: str, command: list[str], *, volumes: dict[str, Document]) -> Document:
    """Return a Job of one pod that may do next to nothing; volumes by where they are mounted."""
    container = {
        "name": "trial",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "volumeMounts": [{"name": volume["name"], "mountPath": path} for path, volume in volumes.items()],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }
    pod = {
        "restartPolicy": "Never",
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "runAsGroup": 1000,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": list(volumes.values()),
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"backoffLimit": 0, "template": {"spec": pod}},
    }


def logs_of_finished(kubectl: Kubectl, name: str) -> str:
    """Wait for the end of a Job that is to succeed, and return what its pod printed."""
    finished = kubectl.wait("job", name, lambda job: {"succeeded", "failed"} & job.get("status", {}).keys())
    printed = kubectl("logs", f"job/{name}").stdout
    events = kubectl("describe", "pod", "--selector", f"job-name={name}").stdout
    assert finished["status"].get("succeeded") == 1, f"{printed}\n{events}"
    return printed
