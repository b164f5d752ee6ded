"""What one trial needs of a machine. Standard library only: users write it beside their functions."""

from __future__ import annotations

from dataclasses import dataclass

from expsdk.backends.kubernetes.checks import check_number, check_text, is_key
from expsdk.backends.kubernetes.quantities import amount_of, bytes_quantity, cpu_quantity
from expsdk.errors import OptionError

__all__ = ["Resources"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Resources:
    """What one trial needs of a machine, and may use of it.

    Memory, storage and GPUs are reserved and are the limit too: a trial that uses more memory ends as OutOfMemory.
    Processors are reserved only: a trial may use more while others do not, unless `cpu_limit` says otherwise.

    Attributes:
        cpu: Processors: 2, 0.5 or "500m".
        memory: "512Mi", "4Gi", or an integer in bytes.
        gpu: Number of GPUs.
        gpu_type: What the cluster calls them, "nvidia.com/gpu" or "amd.com/gpu".
        ephemeral_storage: Room on the machine's own disk, /tmp included, as `memory` is written.
        cpu_limit: The most processors it gets.
    """

    cpu: str | float | None = None
    memory: str | int | None = None
    gpu: int | None = None
    gpu_type: str = "nvidia.com/gpu"
    ephemeral_storage: str | int | None = None
    cpu_limit: str | float | None = None

    def __post_init__(self) -> None:
        """Check every amount.

        Raises:
            OptionError: One is wrong.
        """
        if self.gpu is not None:
            check_number("gpu", self.gpu, least=0, whole=True, remedy="write how many a trial gets, such as gpu=1")
        check_text("gpu_type", self.gpu_type, remedy="write something like 'nvidia.com/gpu'")
        if "/" not in self.gpu_type or not is_key(self.gpu_type):
            raise OptionError(
                f"gpu_type is what the cluster calls its GPUs, with a domain, not {self.gpu_type!r};"
                " write something like 'nvidia.com/gpu' (`kubectl describe nodes` shows it)"
            )
        cpu, limit = self.to_document()["requests"].get("cpu"), self.to_document()["limits"].get("cpu")
        if cpu and limit and amount_of(limit) < amount_of(cpu):
            raise OptionError(f"cpu_limit is at least cpu, and {limit} is less than {cpu}; raise it or leave it out")

    def to_document(self) -> dict[str, dict[str, str]]:
        """Return a container's `resources`."""
        both: dict[str, str] = {}
        if self.memory is not None:
            both["memory"] = bytes_quantity("memory", self.memory)
        if self.ephemeral_storage is not None:
            both["ephemeral-storage"] = bytes_quantity("ephemeral_storage", self.ephemeral_storage)
        if self.gpu:
            both[self.gpu_type] = str(self.gpu)
        cpu = {} if self.cpu is None else {"cpu": cpu_quantity("cpu", self.cpu)}
        limit = {} if self.cpu_limit is None else {"cpu": cpu_quantity("cpu_limit", self.cpu_limit)}
        return {"requests": {**cpu, **both}, "limits": {**limit, **both}}
