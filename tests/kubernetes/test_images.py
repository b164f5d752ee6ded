"""The project's images, built from their Dockerfiles: each does what it is for in a pod of the strictest kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Kubectl

Document = dict[str, Any]

USER = {"runAsUser": 1000, "runAsGroup": 1000}
FIT = """
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
x, y = load_digits(return_X_y=True)
print("fits", LogisticRegression(max_iter=50).fit(x, y).score(x, y) > 0.9)
"""
DERIVE = """
import torch
x = torch.tensor(3.0, requires_grad=True)
(x ** 2).backward()
print("derives", x.grad.item(), torch.from_numpy(x.detach().numpy()[None]).tolist())
"""


def test_base_has_the_runtime_that_other_programs_record_by(kubectl: Kubectl) -> None:
    command = ["python", "-m", "expsdk_runtime", "--help"]
    assert "log" in printed(kubectl, "expsdk-base", command=command, security=USER)


def test_scikit_learn_fits(kubectl: Kubectl) -> None:
    command = ["python", "-W", "ignore", "-c", FIT]
    assert printed(kubectl, "expsdk-scikit-learn", command=command, security=USER) == "fits True\n"


def test_torch_derives(kubectl: Kubectl) -> None:
    command = ["python", "-c", DERIVE]
    assert printed(kubectl, "expsdk-torch", command=command, security=USER) == "derives 6.0 [3.0]\n"


def test_the_coordinators_image_runs_expsdk_as_a_user_of_its_own(kubectl: Kubectl) -> None:
    helped = printed(kubectl, "expsdk", args=["--help"])
    assert "install" in helped
    assert "Usage" in helped


def test_the_coordinators_image_loads_all_that_a_sweep_needs(kubectl: Kubectl) -> None:
    load = "import expsdk, kubernetes, optuna, os; print(os.getuid(), expsdk.__version__)"
    assert printed(kubectl, "expsdk", command=["python", "-c", load]).split()[0] == "1000"


def printed(kubectl: Kubectl, image: str, *, security: Document | None = None, **container: Any) -> str:
    """Run a pod to its end, which is to be a good one, and return what it printed.

    Without `security` it must be the image that names a user: as root it would not start.
    """
    kubectl.create(pod(image, security or {}, container))
    done = kubectl.wait("pod", "once", has_ended)
    reasons = waiting(done)
    if reasons:
        pytest.fail(
            f"the cluster has no image docker.io/library/{image}:test ({', '.join(reasons)}): where the cluster is not "
            "that of `make e2e`, build it (images/README.md) and load it into the nodes under that name"
        )
    output = kubectl("logs", "once").stdout
    assert done["status"]["phase"] == "Succeeded", f"{output}\n{kubectl('describe', 'pod', 'once').stdout}"
    return output


def pod(image: str, security: Document, container: Document) -> Document:
    """Return a pod of the restricted kind, with nowhere to write but /tmp."""
    whole = {
        "name": "main",
        "image": f"docker.io/library/{image}:test",
        "imagePullPolicy": "Never",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        **container,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "once"},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}, **security},
            "containers": [whole],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        },
    }


def has_ended(pod: Document) -> bool:
    """Return whether the pod has ended, or will not begin."""
    return pod["status"].get("phase") in ("Succeeded", "Failed") or bool(waiting(pod))


def waiting(pod: Document) -> list[str]:
    """Return the reasons for which the pod's containers have no image."""
    states = [each["state"].get("waiting", {}) for each in pod["status"].get("containerStatuses", ())]
    return [state["reason"] for state in states if "Image" in state.get("reason", "")]
