"""Chunks of a payload: put together again they are the payload, and each fits into a ConfigMap."""

from __future__ import annotations

from base64 import b64decode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from expsdk.backends.kubernetes import payload_maps
from expsdk.backends.kubernetes.payload_maps import chunk_count, payload_config_maps, payload_volume
from expsdk.errors import PayloadTooLarge
from expsdk.resources.experiment import Experiment
from expsdk.resources.names import EXPERIMENT_NAME_LIMIT_CHARS

DIGEST = "sha256:" + "0a" * 32
CHUNK = 900 * 1024
MIB = 1024 * 1024


def experiment(name: str = "train-mlp") -> Experiment:
    objectives = [{"metric": "val_loss", "direction": "minimize"}]
    return Experiment.model_validate({"metadata": {"name": name, "uid": "8a1f"}, "spec": {"objectives": objectives}})


@given(st.integers(0, 3 * CHUNK + 1))
@example(0)
@example(CHUNK)
@example(CHUNK + 1)
@example(2 * CHUNK)
def test_the_chunks_in_the_volumes_order_are_the_payload(size: int) -> None:
    content = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    maps = {each["metadata"]["name"]: each for each in payload_config_maps(experiment(), content, DIGEST)}
    volume = payload_volume("payload", "train-mlp", DIGEST, chunks=chunk_count(size))
    files = {}
    for source in volume["projected"]["sources"]:
        (item,) = source["configMap"]["items"]
        files[item["path"]] = b64decode(maps.pop(source["configMap"]["name"])["binaryData"][item["key"]])
    assert maps == {}
    assert b"".join(files[name] for name in sorted(files)) == content
    assert all(len(chunk) <= CHUNK for chunk in files.values())


def test_a_config_map_is_immutable_and_the_experiments_own() -> None:
    first, second = payload_config_maps(experiment(), bytes(CHUNK + 1), DIGEST)
    assert first["metadata"]["name"] == "train-mlp-payload-0a0a0a0a-0"
    assert second["metadata"]["name"] == "train-mlp-payload-0a0a0a0a-1"
    for each in (first, second):
        assert each["immutable"] is True
        assert each["metadata"]["labels"]["app.kubernetes.io/component"] == "payload"
        assert each["metadata"]["ownerReferences"][0]["uid"] == "8a1f"


def test_the_largest_payload_fits_with_the_longest_name() -> None:
    maps = payload_config_maps(experiment("a" * EXPERIMENT_NAME_LIMIT_CHARS), bytes(16 * MIB), DIGEST)
    assert len(maps) == chunk_count(16 * MIB) == 19
    assert all(len(each["metadata"]["name"]) <= 63 for each in maps)


def test_a_larger_one_is_refused_with_the_remedies() -> None:
    with pytest.raises(PayloadTooLarge, match=r"payload is 16\.1 MiB, and ConfigMaps carry 16 MiB at most: .*images/"):
        payload_config_maps(experiment(), bytes(payload_maps.LIMIT_BYTES + MIB // 10), DIGEST)
