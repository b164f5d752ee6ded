"""The API server's version, and what it therefore has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from expsdk.errors import ClusterError

__all__ = ["Server"]

_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Server:
    """An API server's version.

    From which version a feature is on by default:
    https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates-removed/

    Attributes:
        version: Major and minor, `(1, 30)`.
        text: The whole version in its own words, `v1.30.2-gke.1587003`.
    """

    version: tuple[int, int]
    text: str

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Server:
        """Return the server that answered `GET /version` so; some clouds write their minor version as "26+".

        Raises:
            ClusterError: The answer tells no version.
        """
        major, minor = (_DIGITS.match(str(document.get(key, ""))) for key in ("major", "minor"))
        if major is None or minor is None:
            raise ClusterError(
                f"an API server tells its version as major and minor, and this one answered {dict(document)!r}:"
                " is it a Kubernetes that the kubeconfig's context leads to?"
            )
        version = (int(major[0]), int(minor[0]))
        return cls(version, str(document.get("gitVersion") or ".".join(map(str, version))))

    @property
    def has_ttl(self) -> bool:
        """Whether it deletes finished Jobs after their time to live (1.21)."""
        return self.version >= (1, 21)

    @property
    def has_suspend(self) -> bool:
        """Whether a Job can wait suspended until a queue admits it (1.22)."""
        return self.version >= (1, 22)

    @property
    def has_pod_failure_policy(self) -> bool:
        """Whether a Job can tell a pod that was disrupted from one that failed (1.26)."""
        return self.version >= (1, 26)
