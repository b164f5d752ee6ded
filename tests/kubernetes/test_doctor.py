"""`expsdk doctor` on a real cluster: all is there, an account that is not, rights that are not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from real_cluster import Kubectl

CHECKS = ("connection", "definitions", "permissions", "accounts", "image", "nodes")
WITHIN_S = 60.0


def diagnose(directory: Path, *arguments: str) -> dict[str, dict[str, Any]]:
    """Return what the doctor finds, by check; sees that its exit code is right."""
    done = subprocess.run(
        [sys.executable, "-m", "expsdk", "doctor", "-o", "json", *arguments],
        cwd=directory,
        env={name: value for name, value in os.environ.items() if not name.startswith("EXPSDK_")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
    )
    assert done.stderr == ""
    rows = json.loads(done.stdout)
    assert done.returncode == any(row["state"] == "fail" for row in rows)
    return {row["check"]: row for row in rows}


def test_where_expsdk_is_installed_all_is_well(ready: Kubectl, tmp_path: Path) -> None:
    before = ready("get", "experiments,results,jobs,pods,configmaps", "--output", "name").stdout
    found = diagnose(tmp_path, "--namespace", ready.namespace)
    assert {found[check]["state"] for check in CHECKS} == {"ok"}, found
    assert found["connection"]["message"].startswith("Kubernetes v")
    assert ready("get", "experiments,results,jobs,pods,configmaps", "--output", "name").stdout == before


def test_an_account_that_is_gone(ready: Kubectl, tmp_path: Path) -> None:
    ready("delete", "serviceaccount", "expsdk-trial")
    accounts = diagnose(tmp_path, "--namespace", ready.namespace)["accounts"]
    assert (accounts["state"], "ServiceAccount expsdk-trial" in accounts["message"]) == ("fail", True)
    assert f"`expsdk install --namespace {ready.namespace}`" in accounts["remedy"]


def test_who_has_no_rights_and_who_sees_little(
    ready: Kubectl, account: Callable[[str, str], Path], tmp_path: Path
) -> None:
    ready("create", "serviceaccount", "anna")
    path = str(account(ready.namespace, "anna"))
    permissions = diagnose(tmp_path, "--kubeconfig", path)["permissions"]
    assert (permissions["state"], "create experiments" in permissions["message"]) == ("fail", True)
    bound = f"--serviceaccount={ready.namespace}:anna"
    ready("create", "rolebinding", "anna", "--clusterrole=expsdk-user", bound)
    found = diagnose(tmp_path, "--kubeconfig", path)
    assert {found[check]["state"] for check in CHECKS} == {"ok"}, found
    assert "you may not see" in found["accounts"]["message"]


def test_a_namespace_that_is_not_there(ready: Kubectl, tmp_path: Path) -> None:
    found = diagnose(tmp_path, "--namespace", f"{ready.namespace}-x")["accounts"]
    assert (found["state"], "there is none of the name" in found["message"]) == ("fail", True)
