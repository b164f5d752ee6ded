"""Records on a real API server: the schemas are accepted, nothing is lost, what is wrong is refused, kubectl prints."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from expsdk.resources.crd import openapi_schema
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import Result

if TYPE_CHECKING:
    from conftest import Api
    from real_cluster import Kubectl

Document = dict[str, Any]

SWEEP = """
    from expsdk import experiment, log_metric

    SPACE = {
        "case": ["steady", "diverges", "fails"],
        "layers": [[64, {"dropout": None}]],
        "rate": 0.001,
        "flags": {"deep": [None, True, {"er": 1e300}]},
    }

    @experiment(space=SPACE, objective="val_loss")
    def train(case, layers, rate, flags):
        values = {"steady": [1.5, 0.25], "diverges": [float("inf"), float("-inf"), float("nan")], "fails": [1]}
        for epoch, value in enumerate(values[case]):
            log_metric("val_loss", value, epoch=epoch)
        if case == "fails":
            raise ValueError("no such case")

    if __name__ == "__main__":
        train.sweep(sampler="grid", seed=2**63 - 1, name="shapes").run(progress=False)
"""
STEADY, DIVERGES, FAILS = "shapes-0000", "shapes-0001", "shapes-0002"


@pytest.fixture(scope="module")
def sweep(run_script: Callable[[str], Path]) -> dict[str, Document]:
    """The documents, by name, of a sweep that has really run."""
    directory = run_script(SWEEP) / ".expsdk" / "shapes"
    paths = [directory / "experiment.json", *sorted((directory / "results").glob("*.json"))]
    documents = [json.loads(path.read_text()) for path in paths]
    return {document["metadata"]["name"]: document for document in documents}


PROVENANCE = {
    "gitCommit": "e106b7e",
    "gitDirty": True,
    "diffDigest": "sha256:" + "0c" * 32,
    "packages": {"numpy": "2.1.0"},
}


@pytest.fixture
def full_experiment(sweep: dict[str, Document]) -> Document:
    """The sweep's Experiment with every field that one can have."""
    document = copy.deepcopy(sweep["shapes"])
    document["spec"] |= {"maxFailures": 3, "timeoutSeconds": 3600.0, "trialTimeoutSeconds": 60.5, "trials": 50}
    document["spec"] |= {
        "sampler": {"name": "tpe", "options": {"n_startup_trials": 20}},
        "pruner": {"name": "asha", "options": {"min_resource": 2}, "epochs": 27},
        "initial": [{"case": "steady", "layers": 3, "rate": 0.5, "flags": None}],
        "learnFrom": ["shapes-before"],
        "target": "-Infinity",
        "noImprovementTrials": 20,
        "budget": {"unit": "gpu", "hours": 40.0},
        "plan": document["spec"]["payload"],
    }
    document["status"] |= {"spentHours": 1.25}
    document["spec"]["jobTemplate"] = {"spec": {"template": {"spec": {"containers": [{"name": "main", "tty": True}]}}}}
    document["spec"]["provenance"] |= PROVENANCE
    document["status"]["conditions"] = [
        {
            "type": "Progressing",
            "status": "True",
            "reason": "TrialsRunning",
            "message": "4 trials are running",
            "lastTransitionTime": "2026-01-31T12:00:01.000000Z",
        }
    ]
    return Experiment.model_validate(document).to_document()


@pytest.fixture
def full_result(sweep: dict[str, Document]) -> Document:
    """The Result of a trial that failed, which has every field that one can have."""
    document = copy.deepcopy(sweep[FAILS])
    document["spec"] |= {"stop": "pruned", "parent": STEADY, "constraints": [-0.5, "Infinity"]}
    document["spec"]["provenance"] |= PROVENANCE
    document["status"]["reusedFrom"] = STEADY
    return Result.model_validate(document).to_document()


@pytest.mark.usefixtures("definitions")
class TestDefinitions:
    def test_the_server_takes_the_schemas_as_structural(self, definitions: list[Document]) -> None:
        assert [document["spec"]["names"]["kind"] for document in definitions] == ["Experiment", "Result"]
        for document in definitions:
            held = {each["type"]: each for each in document["status"]["conditions"]}
            assert held["Established"]["status"] == "True"
            assert held["NamesAccepted"]["status"] == "True"
            assert held.get("NonStructuralSchema") is None

    def test_the_server_keeps_the_schemas_as_they_are(self, definitions: list[Document]) -> None:
        for document in definitions:
            (version,) = document["spec"]["versions"]
            assert version["schema"]["openAPIV3Schema"] == openapi_schema(document["spec"]["names"]["kind"])


@pytest.mark.usefixtures("definitions")
class TestRoundTrip:
    def test_full_documents_come_back_whole(
        self, kubectl: Kubectl, api: Api, full_experiment: Document, full_result: Document
    ) -> None:
        for document, plural in ((full_experiment, "experiments"), (full_result, "results")):
            assert absent(document, openapi_schema(document["kind"])) == []
            assert store(kubectl, api, document) == kept(document)
            assert kept(kubectl.get(plural, document["metadata"]["name"])) == kept(document)

    def test_what_a_sweep_wrote_comes_back_whole_and_the_models_read_it(
        self, kubectl: Kubectl, api: Api, sweep: dict[str, Document]
    ) -> None:
        models = {"Experiment": Experiment, "Result": Result}
        for name, document in sweep.items():
            store(kubectl, api, document)
            read = kubectl.get(document["kind"].lower(), name)
            assert kept(read) == kept(document)
            model = models[document["kind"]].model_validate(read)
            assert model.metadata.uid == read["metadata"]["uid"]
            assert kept(model.to_document()) == kept(document)

    def test_nan_and_the_infinities_survive(self, kubectl: Kubectl, api: Api, sweep: dict[str, Document]) -> None:
        store(kubectl, api, sweep[DIVERGES])
        status = kubectl.get("result", DIVERGES)["status"]
        assert status["history"]["val_loss"]["points"][1] == ["Infinity", "-Infinity", "NaN"]
        assert {key: status["metrics"]["val_loss"][key] for key in ("last", "min", "max", "best")} == {
            "last": "NaN",
            "min": "-Infinity",
            "max": "Infinity",
            "best": "-Infinity",
        }

    def test_creating_a_record_does_not_write_its_status(self, kubectl: Kubectl, sweep: dict[str, Document]) -> None:
        kubectl.create(sweep[STEADY])
        assert kubectl.get("result", STEADY)["status"] == {"phase": "Pending"}
        (row,) = kubectl.table("results")
        assert (row["PHASE"], row["EPOCH"]) == ("Pending", "")

    def test_a_patch_of_the_status_does_not_write_the_spec_and_brings_the_whole_record(
        self, kubectl: Kubectl, api: Api, sweep: dict[str, Document]
    ) -> None:
        kubectl.create(sweep[STEADY])
        kubectl("patch", "result", STEADY, "--type=merge", "--patch", '{"spec": {"stop": "cancelled"}}')
        answer = api.patch_status("results", STEADY, {"phase": "Running", "epoch": 1})
        assert answer["spec"] == {**sweep[STEADY]["spec"], "stop": "cancelled"}
        assert answer["status"] == {"phase": "Running", "epoch": 1}

    def test_deleting_works(self, kubectl: Kubectl, api: Api, sweep: dict[str, Document]) -> None:
        for document in sweep.values():
            store(kubectl, api, document)
        listed = kubectl("get", "experiments,results", "--output", "name").stdout.split()
        assert len(listed) == len(sweep)
        kubectl("delete", "experiments,results", "--all")
        assert "No resources found" in kubectl("get", "experiments,results").stderr


@pytest.mark.usefixtures("definitions")
class TestRefusals:
    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("metadata.name", "a" * 41),
            ("metadata.name", "no.dots"),
            ("spec.objectives", None),
            ("spec.objectives", []),
            ("spec.objectives.0.direction", "sideways"),
            ("spec.parallelism", 0),
            ("spec.payload.digest", "sha256:0a"),
            ("spec.jobTemplate", "echo"),
            ("spec.seed", "seven"),
            ("spec.space", "wide"),
            ("spec.trials", 0),
        ],
    )
    def test_a_wrong_experiment_is_refused_by_the_fields_name(
        self, kubectl: Kubectl, full_experiment: Document, path: str, value: object
    ) -> None:
        set_at(full_experiment, path, value)
        refused = kubectl.create(full_experiment, ok=False)
        assert refused.returncode != 0
        assert names(refused.stderr, path)

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("metadata.name", "a" * 64),
            ("spec.experiment", "Shapes"),
            ("spec.number", -1),
            ("spec.number", 1.5),
            ("spec.parameters", None),
            ("spec.parameters", [1]),
            ("spec.seed", 2**63),
            ("spec.stop", "please"),
        ],
    )
    def test_a_wrong_result_is_refused_by_the_fields_name(
        self, kubectl: Kubectl, full_result: Document, path: str, value: object
    ) -> None:
        set_at(full_result, path, value)
        refused = kubectl.create(full_result, ok=False)
        assert refused.returncode != 0
        assert names(refused.stderr, path)

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("status.phase", "Done"),
            ("status.attempt", 0),
            ("status.epoch", "two"),
            ("status.startTime", 12),
            ("status.metrics.val_loss.last", "nan"),
            ("status.metrics.val_loss.epoch", 0.5),
            ("status.objectives.val_loss", "inf"),
            ("status.history.val_loss.points", [[0, 1], ["Infinity", "infinity"]]),
        ],
    )
    def test_a_wrong_status_is_refused_by_the_fields_name_and_changes_nothing(
        self, kubectl: Kubectl, api: Api, full_result: Document, path: str, value: object
    ) -> None:
        before = store(kubectl, api, full_result)
        wrong = copy.deepcopy(full_result)
        set_at(wrong, path, value)
        assert names(api.refuse_status("results", FAILS, wrong["status"]), path)
        assert kept(kubectl.get("result", FAILS)) == before


@pytest.mark.usefixtures("definitions")
class TestColumns:
    def test_experiments(self, kubectl: Kubectl, api: Api, sweep: dict[str, Document]) -> None:
        store(kubectl, api, sweep["shapes"])
        (row,) = kubectl.table("experiments")
        assert list(row) == ["NAME", "PHASE", "ENDED", "RUNNING", "FAILED", "BEST", "AGE"]
        assert row.pop("AGE").endswith("s")
        assert row == {
            "NAME": "shapes",
            "PHASE": "Succeeded",
            "ENDED": "3",
            "RUNNING": "",
            "FAILED": "1",
            "BEST": sweep["shapes"]["status"]["best"]["summary"],
        }
        (wide,) = kubectl.table("exp", "--output", "wide")
        assert wide["SUCCEEDED"] == "2"
        assert wide["BEST TRIAL"] == sweep["shapes"]["status"]["best"]["trial"]
        assert wide["MESSAGE"] == sweep["shapes"]["status"]["message"]

    def test_results(self, kubectl: Kubectl, api: Api, sweep: dict[str, Document]) -> None:
        for name in (STEADY, DIVERGES, FAILS):
            store(kubectl, api, sweep[name])
        rows = kubectl.table("results")
        assert [row["NAME"] for row in kubectl.table("res")] == [row["NAME"] for row in rows]
        assert list(rows[0]) == ["NAME", "PHASE", "REASON", "EPOCH", "OBJECTIVE", "AGE", "PARAMETERS"]
        assert [row["NAME"] for row in rows] == [STEADY, DIVERGES, FAILS]
        assert [row["PHASE"] for row in rows] == ["Succeeded", "Succeeded", "Failed"]
        assert [row["REASON"] for row in rows] == ["", "", "UserError"]
        assert [row["EPOCH"] for row in rows] == ["1", "2", "0"]
        assert [row["OBJECTIVE"] for row in rows] == ["val_loss=0.25", "val_loss=nan", "val_loss=1"]
        assert [row["PARAMETERS"] for row in rows] == [sweep[row["NAME"]]["spec"]["summary"] for row in rows]


def store(kubectl: Kubectl, api: Api, document: Document) -> Document:
    """Create the record, write its status as its writer would, and return what the server then has of it."""
    kubectl.create(document)
    plural = f"{document['kind'].lower()}s"
    return kept(api.patch_status(plural, document["metadata"]["name"], document["status"]))


def kept(document: Document) -> Document:
    """Return what of a record is expsdk's, and not the server's."""
    return {key: document[key] for key in ("apiVersion", "kind", "spec", "status")}


def set_at(document: Any, path: str, value: object) -> None:
    """Set what the path leads to; None takes it away."""
    *way, last = path.split(".")
    for step in way:
        document = document[int(step) if isinstance(document, list) else step]
    if value is None:
        del document[last]
    else:
        document[last] = value


def names(message: str, path: str) -> bool:
    """Return whether a message names the field; Kubernetes 1.20 leaves out the numbers of lists' items."""
    return path.replace(".0.", ".") in re.sub(r"\[\d+\]", "", message)


def absent(document: Any, schema: Document, path: str = "") -> list[str]:
    """Return the paths of what the schema names and the document does not have."""
    if "properties" in schema:
        missing = [f"{path}.{key}" for key in schema["properties"] if key not in document]
        inside = [(key, document[key], field) for key, field in schema["properties"].items() if key in document]
    elif isinstance(schema.get("additionalProperties"), dict):
        missing = [] if document else [f"{path}.*"]
        inside = [(key, value, schema["additionalProperties"]) for key, value in document.items()]
    elif "items" in schema:
        missing = [] if document else [f"{path}.*"]
        inside = [(str(number), value, schema["items"]) for number, value in enumerate(document)]
    else:
        return []
    return missing + [found for key, value, field in inside for found in absent(value, field, f"{path}.{key}")]
