"""Directories and secrets that trials see. Standard library only: users write them beside their functions."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

from expsdk.backends.kubernetes.checks import check_name, check_path, check_variable
from expsdk.backends.kubernetes.quantities import bytes_quantity
from expsdk.errors import OptionError

__all__ = ["SecretEnv", "Volume"]

_SOURCES = ("claim", "host_path", "config_map", "secret", "empty_dir")


@dataclass(frozen=True, slots=True)
class Volume:
    """A directory of every trial's: `Volume("/data", claim="datasets", read_only=True)`.

    Attributes:
        mount_path: Where the trial finds it. An output volume needs none.
        claim: A PersistentVolumeClaim's name.
        host_path: A directory of the node that the trial runs on.
        config_map: A ConfigMap's name: each of its keys is a file.
        secret: A Secret's name: each of its keys is a file.
        empty_dir: Whether it is an empty directory of the trial's own, gone when the trial has ended.
        in_memory: Whether that directory is in memory: `Volume("/dev/shm", empty_dir=True, in_memory=True)`.
        size_limit: The most that goes into that directory, such as "2Gi".
        read_only: Whether trials can only read it.
        sub_path: A directory inside, to be seen instead of the whole.
    """

    mount_path: str = ""
    _: KW_ONLY
    claim: str | None = None
    host_path: str | None = None
    config_map: str | None = None
    secret: str | None = None
    empty_dir: bool = False
    in_memory: bool = False
    size_limit: str | int | None = None
    read_only: bool = False
    sub_path: str = ""

    def __post_init__(self) -> None:
        """Check what can be checked without a cluster.

        Raises:
            OptionError: There is not exactly one source, or a name or a path is wrong.
        """
        sources = [name for name in _SOURCES if getattr(self, name) not in (None, False)]
        if len(sources) != 1:
            found = " and ".join(sources) or "none"
            raise OptionError(
                f"a Volume has one of {', '.join(_SOURCES)}, not {found}; write something like"
                ' Volume("/data", claim="datasets")'
            )
        if self.mount_path != "":
            check_path("mount_path", self.mount_path, remedy='write something like Volume("/data", ...)')
        if self.host_path is not None:
            check_path("host_path", self.host_path, remedy="write the directory's whole path on the node")
        for name in ("claim", "config_map", "secret"):
            if getattr(self, name) is not None:
                check_name(name, getattr(self, name))
        if self.sub_path.startswith("/") or ".." in self.sub_path.split("/"):
            raise OptionError(
                f"sub_path is a path inside the volume, not {self.sub_path!r}; leave out the first '/' and every '..'"
            )
        if self.size_limit is not None:
            bytes_quantity("size_limit", self.size_limit)
        if not self.empty_dir and (self.in_memory or self.size_limit is not None):
            raise OptionError(
                "in_memory and size_limit are an empty directory's; write empty_dir=True, or leave them out"
            )

    @property
    def url(self) -> str:
        """What people call the place: "pvc:CLAIM/SUB_PATH", or the node's path."""
        place = f"pvc:{self.claim}" if self.claim else self.host_path or ""
        return f"{place.rstrip('/')}/{self.sub_path}" if self.sub_path else place

    def to_volume(self, name: str) -> dict[str, Any]:
        """Return the pod's volume of that name."""
        if self.claim is not None:
            return {"name": name, "persistentVolumeClaim": {"claimName": self.claim}}
        if self.host_path is not None:
            return {"name": name, "hostPath": {"path": self.host_path}}
        if self.config_map is not None:
            return {"name": name, "configMap": {"name": self.config_map}}
        if self.secret is not None:
            return {"name": name, "secret": {"secretName": self.secret}}
        medium = {"medium": "Memory"} if self.in_memory else {}
        limit = {} if self.size_limit is None else {"sizeLimit": bytes_quantity("size_limit", self.size_limit)}
        return {"name": name, "emptyDir": {**medium, **limit}}

    def to_mount(self, name: str, *, at: str) -> dict[str, Any]:
        """Return the container's mount of that volume, at a path."""
        sub_path = {"subPath": self.sub_path} if self.sub_path else {}
        read_only = {"readOnly": True} if self.read_only else {}
        return {"name": name, "mountPath": at, **sub_path, **read_only}


@dataclass(frozen=True, slots=True)
class SecretEnv:
    """One key of a Secret as an environment variable: `SecretEnv("WANDB_API_KEY", secret="wandb", key="api-key")`.

    Attributes:
        name: The variable's name.
        secret: The Secret's name.
        key: The key in it; by default the variable's name.
    """

    name: str
    _: KW_ONLY
    secret: str
    key: str = ""

    def __post_init__(self) -> None:
        """Check both names.

        Raises:
            OptionError: One is wrong.
        """
        check_variable("the variable of a SecretEnv", self.name)
        check_name("secret", self.secret)

    def to_document(self) -> dict[str, Any]:
        """Return a container's variable."""
        reference = {"name": self.secret, "key": self.key or self.name}
        return {"name": self.name, "valueFrom": {"secretKeyRef": reference}}
