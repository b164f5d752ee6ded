"""An experiment that comes from elsewhere, on the API server: all of it, or nothing."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from expsdk.backends.base import Kept
from expsdk.backends.kubernetes.payload_store import is_in_config_maps
from expsdk.backends.kubernetes.taking_in import keep, planned
from expsdk.cluster.server import Server
from expsdk.errors import Conflict
from expsdk.resources.experiment import Experiment, PayloadReference
from expsdk.resources.result import new_result

if TYPE_CHECKING:
    from conftest import Store

    from expsdk.cluster.api import Api

RECORDS = "/apis/expsdk.dev/v1alpha1/namespaces/ml"
MAPS = "/api/v1/namespaces/ml/configmaps"
CONTENT = b"a payload"
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
SERVER = Server((1, 30), "v1.30.0")


def experiment(name: str = "train", **spec: Any) -> Experiment:
    payload = PayloadReference(digest=DIGEST, file="payload.pyz", size_bytes=len(CONTENT), python="3.11", format=1)
    document = {
        "metadata": {"name": name, "uid": "8a1f"},
        "spec": {
            "objectives": [{"metric": "loss", "direction": "minimize"}],
            "space": {"lr": {"type": "constant", "value": 1.0}},
            "payload": payload.model_dump(by_alias=True),
            **spec,
        },
        "status": {"phase": "Succeeded", "counts": {"Succeeded": 2}},
    }
    return Experiment.model_validate(document)


@pytest.fixture
def kept() -> Kept:
    results = []
    for number in range(2):
        document = new_result("train", number=number, parameters={"lr": 1.0}, seed=number).to_document()
        document["status"] |= {"phase": "Succeeded", "objectives": {"loss": "NaN"}, "attempt": 2}
        results.append(document)
    return Kept(experiment(), results, payload=CONTENT)


def test_all_of_it_is_there_with_its_status(store: Store, api: Api, kept: Kept) -> None:
    keep(api, planned(kept.experiment, "ml", SERVER), kept)
    there = store.objects[f"{RECORDS}/experiments/train"]
    assert (there["status"]["phase"], there["status"]["counts"]) == ("Succeeded", {"Succeeded": 2})
    assert there["metadata"]["annotations"]["expsdk.dev/space"] == '{"lr": {"type": "constant", "value": 1.0}}'
    for number in range(2):
        result = store.objects[f"{RECORDS}/results/train-{number:04}"]
        assert result["status"] == kept.results[number]["status"]
        assert result["metadata"]["ownerReferences"][0]["uid"] == "8a1f"
        assert result["metadata"]["annotations"]["expsdk.dev/parameters"] == '{"lr": 1.0}'
    (path,) = [path for path in store.objects if path.startswith(MAPS)]
    assert store.objects[path]["metadata"]["labels"]["expsdk.dev/experiment"] == "train"
    assert store.requests[-1] == ("PATCH", f"{RECORDS}/experiments/train/status")


def test_where_something_is_refused_the_experiment_goes_and_its_objects_with_it(
    store: Store, api: Api, kept: Kept
) -> None:
    """What it owns, the server deletes."""
    name = f"train-payload-{DIGEST.removeprefix('sha256:')[:8]}-0"
    store.write(f"{MAPS}/{name}", {"metadata": {"name": name}, "binaryData": {"chunk": "YW5vdGhlcg=="}})
    with pytest.raises(Conflict):
        keep(api, planned(kept.experiment, "ml", SERVER), kept)
    assert list(store.objects) == [f"{MAPS}/{name}"]


def test_one_without_a_template_gets_that_of_a_sweep_without_options() -> None:
    template = planned(experiment(), "ml", SERVER).spec.job_template
    assert template is not None
    pod = template["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == "python:3.11-slim"
    assert is_in_config_maps(template)


def test_one_that_has_a_template_keeps_it_and_finds_its_payload_under_its_new_name() -> None:
    before = planned(experiment(), "ml", SERVER).spec.job_template
    assert before is not None
    before["spec"]["template"]["spec"]["nodeSelector"] = {"gpu": "a100"}
    after = planned(experiment("renamed", jobTemplate=before), "ml", SERVER).spec.job_template
    assert str(before).replace("train-payload-", "renamed-payload-") == str(after)


def test_one_without_a_payload_needs_no_template() -> None:
    assert planned(experiment(payload=None), "ml", SERVER).spec.job_template is None
