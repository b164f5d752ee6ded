"""A payload on its way into pods: immutable ConfigMaps, one chunk each, and the volume that shows them as files."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from expsdk.backends.kubernetes.labels import PAYLOAD, labels_of, owner
from expsdk.errors import PayloadTooLarge
from expsdk.resources.experiment import Experiment

__all__ = ["chunk_count", "chunk_of", "config_maps", "payload_config_maps", "payload_map_name", "payload_volume"]

CHUNK_BYTES = 900 * 1024
"""A ConfigMap holds 1 MiB at most, names and labels included."""
LIMIT_BYTES = 16 * 1024 * 1024
_KEY = "chunk"
_MIB = 1024 * 1024


def payload_config_maps(
    experiment: Experiment, content: bytes, digest: str, *, component: str = PAYLOAD
) -> list[dict[str, Any]]:
    """Return the ConfigMaps that hold an experiment's payload, in the order of its chunks.

    Args:
        experiment: The experiment's record, as it is on the server.
        content: The payload.
        digest: "sha256:" and the hexadecimal digest of it.
        component: What it is: "payload" or "plan".

    Raises:
        PayloadTooLarge: It is over 16 MiB.
    """
    name = experiment.metadata.name
    metadata = {"labels": labels_of(name, component), "ownerReferences": owner(experiment)}
    return config_maps(name, content, digest, metadata, component=component)


def config_maps(
    owner_name: str, content: bytes, digest: str, metadata: Mapping[str, Any], *, component: str = PAYLOAD
) -> list[dict[str, Any]]:
    """Return the ConfigMaps that hold a payload of anything's, in the order of its chunks.

    Args:
        owner_name: The name of what it belongs to.
        content: The payload.
        digest: "sha256:" and the hexadecimal digest of it.
        metadata: Their labels and owner.
        component: What it is: "payload" or "plan".

    Raises:
        PayloadTooLarge: It is over 16 MiB.
    """
    if len(content) > LIMIT_BYTES:
        raise PayloadTooLarge(
            f"payload is {len(content) / _MIB:.1f} MiB, and ConfigMaps carry {LIMIT_BYTES // _MIB} MiB at most: create"
            " large values inside the function, leave files out with exclude=, build an image that holds them"
            " (images/), or read them from a volume"
        )
    chunks = [content[start : start + CHUNK_BYTES] for start in range(0, len(content), CHUNK_BYTES)] or [b""]
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": payload_map_name(owner_name, digest, number, component=component), **metadata},
            "immutable": True,
            "binaryData": {_KEY: b64encode(chunk).decode("ascii")},
        }
        for number, chunk in enumerate(chunks)
    ]


def chunk_of(document: Mapping[str, Any]) -> bytes:
    """Return what one of the ConfigMaps holds; nothing where somebody has made it another."""
    return b64decode((document.get("binaryData") or {}).get(_KEY, ""))


def chunk_count(size: int) -> int:
    """Return how many ConfigMaps a payload of so many bytes takes; even nothing takes one."""
    return max(1, -(-size // CHUNK_BYTES))


def payload_map_name(owner_name: str, digest: str, number: int, *, component: str = PAYLOAD) -> str:
    """Return the name of the ConfigMap that holds chunk `number`, from 0."""
    return f"{owner_name}-{component}-{digest.removeprefix('sha256:')[:8]}-{number}"


def payload_volume(volume: str, owner_name: str, digest: str, *, chunks: int) -> dict[str, Any]:
    """Return the pod's volume that shows the chunks as the files 000, 001 and so on."""
    sources = [
        {
            "configMap": {
                "name": payload_map_name(owner_name, digest, number),
                "items": [{"key": _KEY, "path": f"{number:03d}"}],
            }
        }
        for number in range(chunks)
    ]
    return {"name": volume, "projected": {"sources": sources}}
