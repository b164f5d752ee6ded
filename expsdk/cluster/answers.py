"""What the API server answers where it does not do what was asked, in words and with a remedy."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from expsdk.cluster.kinds import Kind
from expsdk.errors import ClusterError, Conflict, Expired, Forbidden, Invalid, QuotaExceeded, ResourceNotFound
from expsdk_runtime.contract import API_GROUP

_FORBIDDEN = re.compile(r'User "(?P<user>[^"]+)" cannot (?P<verb>\S+) resource "(?P<resource>[^"]+)"')
_ACCOUNT = "system:serviceaccount:"
_USER_ROLE = "expsdk-user"


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked, as its error names it.

    Attributes:
        verb: The verb as permissions bear it: get, list, create, patch, delete, watch.
        kind: The kind of object.
        namespace: Its namespace, or "".
        name: Its name, or "" for all of them.
    """

    verb: str
    kind: Kind
    namespace: str
    name: str = ""

    def __str__(self) -> str:
        what = f"{self.kind.name} {self.name!r}" if self.name else self.kind.plural
        where = f" in namespace {self.namespace!r}" if self.kind.is_namespaced and self.namespace else ""
        return f"{self.verb} {what}{where}"


def error_of(status: int, body: bytes, request: Request) -> ClusterError:
    """Return the error that an answer means.

    Args:
        status: The answer's HTTP status, 400 or above.
        body: The answer's body: a `Status` of Kubernetes, or whatever a proxy between says.
        request: What was asked.
    """
    answer = _parse(body)
    words = answer.get("message") or f"HTTP status {status}"
    if status == 401:
        return Forbidden(
            f"the API server must know who asks, and does not ({request}: {words}); log in again, or see that the"
            " kubeconfig's user is valid: `kubectl auth whoami`",
            status=status,
        )
    if status == 403:
        return _refused(words, request)
    if status == 404:
        return ResourceNotFound(_missing(answer, words, request), status=status)
    if status == 409:
        return Conflict(f"cannot {request}: {words}", status=status)
    if status == 410:
        return Expired(f"cannot {request}: {words}", status=status)
    if status in {400, 422}:
        return Invalid(f"cannot {request}: {_causes(answer) or words}", status=status)
    return ClusterError(f"the API server could not {request} (HTTP status {status}): {words}", status=status)


def grant(user: str, namespace: str) -> str:
    """Return the command that gives a user what expsdk's users need in a namespace."""
    whom = f"--serviceaccount={user.removeprefix(_ACCOUNT)}" if user.startswith(_ACCOUNT) else f"--user={user}"
    return f"kubectl create rolebinding {_USER_ROLE} --clusterrole={_USER_ROLE} {whom} --namespace={namespace}"


def _refused(words: str, request: Request) -> ClusterError:
    found = _FORBIDDEN.search(words)
    if found:
        message = f"{found['user']} may not {request}"
        if request.kind.is_namespaced:
            message += f"; who may grant it: {grant(found['user'], request.namespace)}"
        else:
            message += "; ask an administrator of the cluster"
        return Forbidden(message, status=403)
    if "exceeded quota" in words or "failed quota" in words:
        return QuotaExceeded(f"cannot {request}: {words}", status=403)
    return Forbidden(f"the cluster's rules forbid to {request}: {words}", status=403)


def _missing(answer: dict[str, Any], words: str, request: Request) -> str:
    details = answer.get("details") or {}
    if details.get("kind") == "namespaces" and request.kind.is_namespaced:
        return (
            f"cannot {request}: there is no such namespace; create it (kubectl create namespace {request.namespace}),"
            " or give another namespace="
        )
    if not details.get("name") and request.kind.group == API_GROUP:
        return f"cannot {request}: expsdk is not installed in this cluster; run `expsdk install` once"
    return f"cannot {request}: {words}"


def _causes(answer: dict[str, Any]) -> str:
    """Return what is wrong with which fields."""
    causes = (answer.get("details") or {}).get("causes") or []
    return "; ".join(f"{cause.get('field', '?')}: {cause.get('message', '?')}" for cause in causes)


def _parse(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {"message": body[:300].decode(errors="replace").strip()}
    return answer if isinstance(answer, dict) else {}
