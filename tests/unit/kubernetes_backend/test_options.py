"""What users say about Jobs: what cannot work is refused before anything is created, with what to write instead."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expsdk import Resources, SecretEnv, Volume
from expsdk.backends.kubernetes.options import JobOptions
from expsdk.backends.kubernetes.quantities import amount_of, bytes_quantity, cpu_quantity
from expsdk.errors import BackendError, OptionError


class TestQuantities:
    @pytest.mark.parametrize(
        ("value", "written"),
        [(2, "2"), (0.5, "500m"), (1.0, "1"), ("2", "2"), ("500m", "500m"), (1e-9, "1m"), ("0.1", "0.1")],
    )
    def test_processors(self, value: Any, written: str) -> None:
        assert cpu_quantity("cpu", value) == written

    @pytest.mark.parametrize(
        "value", [0, -1, "0", "0m", "4Gi", "two", "2 cores", True, float("nan"), float("inf"), None]
    )
    def test_no_processors(self, value: Any) -> None:
        with pytest.raises(
            OptionError, match=r"cpu is a number of processors above 0, not .*; write 2, 0\.5 or '500m'"
        ):
            cpu_quantity("cpu", value)

    @pytest.mark.parametrize("value", ["4Gi", "4G", "512Mi", "1.5Gi", "2000000", "1500000k", "3000000000m"])
    def test_memory(self, value: str) -> None:
        assert bytes_quantity("memory", value) == value
        assert bytes_quantity("memory", 2**30) == str(2**30)

    @pytest.mark.parametrize(
        ("value", "remedy"),
        [
            ("4 GB", "write 4Gi or 4G"),
            ("4GB", "write 4Gi or 4G"),
            ("4GiB", "write 4Gi or 4G"),
            ("4g", "write 4Gi or 4G"),
            ("512mb", "write 512Mi or 512M"),
            ("900 kb", "write 900Ki or 900k"),
            ("512m", "write 512Mi or 512M"),
            ("4", "write 4Gi or 4G"),
            (4, "write 4Gi or 4G"),
            ("much", "write 4Gi or 4G"),
            (4.5, "write 4Gi or 4G"),
            (True, "write 4Gi or 4G"),
            ("-4Gi", "write 4Gi or 4G"),
        ],
    )
    def test_no_memory(self, value: Any, remedy: str) -> None:
        with pytest.raises(OptionError, match=f"memory is .*; {remedy}$"):
            bytes_quantity("memory", value)

    @given(st.floats(0.001, 1000))
    def test_processors_lose_less_than_a_thousandth(self, value: float) -> None:
        assert abs(amount_of(cpu_quantity("cpu", value)) - value) < 0.001


class TestResources:
    def test_memory_and_gpus_are_limits_too_and_processors_are_not(self) -> None:
        both = {"memory": "4Gi", "ephemeral-storage": "10Gi", "amd.com/gpu": "2"}
        found = Resources(cpu=2, memory="4Gi", gpu=2, gpu_type="amd.com/gpu", ephemeral_storage="10Gi")
        assert found.to_document() == {"requests": {"cpu": "2", **both}, "limits": both}
        assert Resources(cpu=1, cpu_limit=2, gpu=0).to_document() == {"requests": {"cpu": "1"}, "limits": {"cpu": "2"}}

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            ({"gpu": 0.5}, "gpu is an integer of at least 0, not 0.5"),
            ({"gpu": "1"}, "gpu is an integer"),
            ({"gpu_type": "a100"}, "gpu_type is what the cluster calls its GPUs, with a domain, not 'a100'"),
            ({"cpu": 2, "cpu_limit": 0.5}, "cpu_limit is at least cpu, and 500m is less than 2"),
            ({"ephemeral_storage": "10 GB"}, "ephemeral_storage .*; write 10Gi or 10G"),
        ],
    )
    def test_what_cannot_be(self, values: dict[str, Any], words: str) -> None:
        with pytest.raises(OptionError, match=words):
            Resources(**values)


class TestVolume:
    @pytest.mark.parametrize(
        ("volume", "source", "url"),
        [
            (Volume(claim="c"), {"persistentVolumeClaim": {"claimName": "c"}}, "pvc:c"),
            (Volume(claim="c", sub_path="a/b"), {"persistentVolumeClaim": {"claimName": "c"}}, "pvc:c/a/b"),
            (Volume(host_path="/srv/"), {"hostPath": {"path": "/srv/"}}, "/srv/"),
            (Volume(host_path="/srv/", sub_path="a"), {"hostPath": {"path": "/srv/"}}, "/srv/a"),
            (Volume(config_map="m"), {"configMap": {"name": "m"}}, ""),
            (Volume(secret="s"), {"secret": {"secretName": "s"}}, ""),
            (Volume(empty_dir=True), {"emptyDir": {}}, ""),
            (
                Volume(empty_dir=True, in_memory=True, size_limit="2Gi"),
                {"emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}},
                "",
            ),
        ],
    )
    def test_its_source(self, volume: Volume, source: dict[str, Any], url: str) -> None:
        assert volume.to_volume("v") == {"name": "v", **source}
        assert volume.url == url

    def test_its_mount(self) -> None:
        volume = Volume("/data", claim="c", read_only=True, sub_path="digits")
        assert volume.to_mount("v", at="/data") == {
            "name": "v",
            "mountPath": "/data",
            "subPath": "digits",
            "readOnly": True,
        }

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            ({}, "a Volume has one of claim, host_path, config_map, secret, empty_dir, not none"),
            ({"claim": "a", "secret": "b"}, "not claim and secret; write something like"),
            ({"claim": "A_b"}, "claim is the name of an object in the cluster: .* not 'A_b'"),
            ({"claim": ""}, "claim is the name of an object"),
            ({"claim": "a", "mount_path": "data"}, "mount_path is an absolute path .*, not 'data'"),
            ({"host_path": "srv"}, "host_path is an absolute path"),
            ({"claim": "a", "sub_path": "/x"}, "sub_path is a path inside the volume, not '/x'"),
            ({"claim": "a", "sub_path": "../x"}, "sub_path is a path inside the volume, not '../x'"),
            ({"claim": "a", "in_memory": True}, "are an empty directory's; write empty_dir=True"),
            ({"empty_dir": True, "size_limit": "2 GB"}, "write 2Gi or 2G"),
        ],
    )
    def test_what_cannot_be(self, values: dict[str, Any], words: str) -> None:
        with pytest.raises(OptionError, match=words):
            Volume(**values)

    def test_a_secrets_key(self) -> None:
        reference = {"name": "wandb", "key": "WANDB_API_KEY"}
        expected = {"name": "WANDB_API_KEY", "valueFrom": {"secretKeyRef": reference}}
        assert SecretEnv("WANDB_API_KEY", secret="wandb").to_document() == expected


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"image": ""}, "image is text without spaces, not ''; write something like 'python:3.12-slim'"),
        ({"image": "a b"}, "image is text without spaces"),
        ({"image_pull_policy": "always"}, "one of Always, IfNotPresent, Never, not 'always'"),
        (
            {"image_pull_secrets": "registry"},
            r"image_pull_secrets is a list, not 'registry'; write image_pull_secrets=\[",
        ),
        ({"resources": {"cpu": 1}}, r"resources is a Resources, not .*; write Resources\("),
        ({"env": {"N": 4}}, "env maps names to texts, and has 'N': 4; write 'N': '4'"),
        ({"env": ["A=1"]}, "env maps names to texts"),
        ({"env": {"2": "a"}}, "a variable of env is called by letters"),
        ({"env": {"EXPSDK_SEED": "1"}}, "cannot begin with EXPSDK_, those are expsdk's own, 'EXPSDK_SEED' too"),
        ({"secrets": ["Keys"]}, "an item of secrets is the name of an object"),
        ({"env": {"A": "1"}, "secrets": [SecretEnv("A", secret="s")]}, "A is given twice in env and secrets"),
        ({"volumes": [{"claim": "c"}]}, "an item of volumes is a Volume"),
        ({"volumes": [Volume(claim="c")]}, "mount_path is an absolute path .*, not ''"),
        ({"volumes": [Volume("/tmp/", claim="c")]}, "'/tmp' is where trials write what they do not keep"),
        ({"volumes": [Volume("/expsdk/payload", claim="c")]}, "'/expsdk/payload' is expsdk's"),
        ({"volumes": [Volume("/", claim="c")]}, "'/' is the image's own"),
        ({"volumes": [Volume("/d", claim="c"), Volume("/d/", claim="e")]}, "'/d' is another volume's"),
        ({"output": Volume(empty_dir=True)}, "output is a volume that outlives a trial"),
        ({"output": Volume(claim="c", read_only=True)}, "is read-only; drop read_only"),
        ({"output": Volume("/out", claim="c")}, "output is found at /expsdk/output .* not at '/out'"),
        ({"output": "Results"}, "claim is the name of an object"),
        ({"output": 5}, "output is a Volume, or a claim's name, not 5"),
        ({"node_selector": {"pool": "a b"}}, "a value of node_selector has letters"),
        ({"tolerations": {"key": "a"}}, "tolerations is a list"),
        ({"tolerations": [{"key": "a", "operater": "Exists"}]}, "not 'operater'; write something like"),
        ({"tolerations": [{"key": "a", "effect": "Never"}]}, "a toleration's effect is one of NoSchedule"),
        ({"tolerations": [{"operator": "Exists", "value": "1"}]}, "operator Exists has no value"),
        ({"tolerations": [{"value": "1"}]}, "without a key has the operator Exists"),
        ({"priority_class": "Low"}, "priority_class is the name of an object"),
        ({"queue": "a" * 64}, "a value of queue has"),
        ({"service_account": ""}, "service_account is the name of an object"),
        (
            {"payload_in_image": True},
            "payload_in_image takes the payload from an image of yours, and image= names none",
        ),
        ({"packages": "numpy"}, "packages is a list, not 'numpy'"),
        ({"packages": ("--index-url=x",)}, "a requirement as pip has it, not '--index-url=x'"),
        ({"python": ""}, "python is text without spaces"),
        ({"run_as_user": 0}, "run_as_user is an integer of at least 1, not 0; trials do not run as root"),
        ({"report_interval_s": 0}, "report_interval_s is a number of seconds above 0, not 0"),
        ({"report_interval_s": float("inf")}, "report_interval_s is a number of seconds above 0"),
        ({"ttl_s": -1}, "ttl_s is an integer of at least 0, not -1"),
        ({"labels": {"a": "x" * 64}}, "put longer texts into annotations"),
        ({"labels": {"expsdk.dev/number": "1"}}, "keys of labels that begin with expsdk.dev/ are expsdk's own"),
        ({"annotations": {"a b": "c"}}, "a key of annotations is a word"),
        ({"pod_template": {"hostNetwork": True}}, "pod_template has metadata and spec, not 'hostNetwork'"),
        ({"pod_template": {"spec": []}}, r"spec of pod_template is a mapping, not \[\]"),
        ({"pod_template": {"spec": {"x": {1, 2}}}}, "pod_template holds what JSON can hold, and .* is a set"),
        ({"pod_template": {"spec": {"containers": {"a": 1}}}}, "containers of pod_template is a list of mappings"),
        (
            {"pod_template": {"spec": {"containers": [{"name": "main"}]}}},
            "'main' in pod_template has none; .* call it 'trial'",
        ),
        (
            {"pod_template": {"spec": {"initContainers": [{"image": "a"}]}}},
            "each of initContainers in pod_template has a name",
        ),
    ],
)
def test_what_cannot_work_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        JobOptions(**values)


def test_the_error_is_caught_as_the_backends_and_as_a_wrong_value() -> None:
    with pytest.raises(BackendError):
        JobOptions(run_as_user=0)
    with pytest.raises(ValueError, match="run_as_user"):
        JobOptions(run_as_user=0)
