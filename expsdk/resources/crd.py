"""The CustomResourceDefinitions of Experiment and Result, generated from the models.

`python -m expsdk.resources.crd | kubectl apply -f -` installs them. Their schemas are structural, see
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema,
and use nothing newer than Kubernetes 1.20.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from expsdk.resources.document import Record
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import Result
from expsdk_runtime.contract import API_GROUP, API_VERSION, Phase

__all__ = ["custom_resource_definition", "custom_resource_definitions", "json_schema", "openapi_schema"]

Schema = dict[str, Any]

ANY = "x-kubernetes-preserve-unknown-fields"

_KEPT = frozenset(
    {
        *("description", "enum", "format", "maxItems", "maxLength", "maximum", "minItems", "minLength", "minimum"),
        *("nullable", "pattern", "required", "type", ANY),
    }
)
_DROPPED = frozenset({"default", "propertyNames", "title"})


@dataclass(frozen=True)
class _Column:
    """A column of `kubectl get`.

    A column of type "string" prints any JSON value, numbers and objects included; the other types leave the cell
    empty when the value is of another type.
    """

    name: str
    path: str
    type: str = "string"
    priority: int = 0

    def to_document(self) -> dict[str, Any]:
        wide = {"priority": self.priority} if self.priority else {}
        return {"name": self.name, "type": self.type, "jsonPath": self.path, **wide}


@dataclass(frozen=True)
class _Resource:
    """A kind of record, and how Kubernetes is to name and print it."""

    model: type[Record]
    plural: str
    short: str
    columns: tuple[_Column, ...]


_AGE = _Column("Age", ".metadata.creationTimestamp", "date")
_RESOURCES = {
    "Experiment": _Resource(
        Experiment,
        "experiments",
        "exp",
        (
            _Column("Phase", ".status.phase"),
            _Column("Ended", ".status.progress"),
            _Column("Running", f".status.counts.{Phase.RUNNING}", "integer"),
            _Column("Failed", f".status.counts.{Phase.FAILED}", "integer"),
            _Column("Best", ".status.best.summary"),
            _AGE,
            _Column("Best Trial", ".status.best.trial", priority=1),
            _Column("Succeeded", f".status.counts.{Phase.SUCCEEDED}", "integer", priority=1),
            _Column("Pruned", f".status.counts.{Phase.PRUNED}", "integer", priority=1),
            _Column("Sampler", ".spec.sampler.name", priority=1),
            _Column("Message", ".status.message", priority=1),
        ),
    ),
    "Result": _Resource(
        Result,
        "results",
        "res",
        (
            _Column("Phase", ".status.phase"),
            _Column("Reason", ".status.reason"),
            _Column("Epoch", ".status.epoch", "integer"),
            _Column("Objective", ".status.summary"),
            _AGE,
            _Column("Parameters", ".spec.summary"),  # the longest one last: what has no room wraps
            _Column("Attempt", ".status.attempt", "integer", priority=1),
            _Column("Started", ".status.startTime", "date", priority=1),
            _Column("Node", ".status.environment.node", priority=1),
            _Column("Image", ".status.environment.image", priority=1),
        ),
    ),
}


def custom_resource_definition(kind: str) -> dict[str, Any]:
    """Return the CustomResourceDefinition of "Experiment" or "Result" as JSON values."""
    resource = _RESOURCES[kind]
    group, version = API_VERSION.split("/")
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource.plural}.{API_GROUP}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": resource.plural,
                "singular": kind.lower(),
                "shortNames": [resource.short],
            },
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [column.to_document() for column in resource.columns],
                    "schema": {"openAPIV3Schema": openapi_schema(kind)},
                }
            ],
        },
    }


def custom_resource_definitions() -> list[dict[str, Any]]:
    """Return all of expsdk's CustomResourceDefinitions."""
    return [custom_resource_definition(kind) for kind in _RESOURCES]


def openapi_schema(kind: str) -> Schema:
    """Return the structural schema of "Experiment" or "Result", in the OpenAPI 3.0 dialect of Kubernetes."""
    schema = _RESOURCES[kind].model.model_json_schema(by_alias=True, mode="validation")
    converted = _convert(schema, schema["$defs"])
    # Kubernetes checks these itself, and of metadata it lets a schema restrict the name only.
    converted["properties"]["apiVersion"] = {"type": "string", "description": "Version of the record's form."}
    converted["properties"]["kind"] = {"type": "string", "description": "Kind of the record."}
    name = converted["properties"]["metadata"]["properties"]["name"]
    converted["properties"]["metadata"] = {"type": "object", "properties": {"name": name}}
    # A record whose status nobody has written yet reads as one that waits, in `kubectl get` as everywhere.
    status = converted["properties"]["status"]
    status["default"] = {}
    status["properties"]["phase"]["default"] = Phase.PENDING
    return converted


def json_schema(kind: str) -> Schema:
    """Return the schema of "Experiment" or "Result" as JSON Schema (draft 2020-12): checks documents without a server.

    It is stricter than a server in one way: a field that a server would drop in silence is an error.
    """
    schema = _close(openapi_schema(kind))
    schema["properties"]["metadata"].pop("additionalProperties")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _convert(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    """Return pydantic's schema in the dialect of Kubernetes: references resolved, any-of-null as nullable."""
    if "$ref" in schema:
        own = {key: value for key, value in schema.items() if key != "$ref"}
        return _convert({**definitions[schema["$ref"].removeprefix("#/$defs/")], **own}, definitions)
    if "anyOf" in schema:
        (present,) = [option for option in schema["anyOf"] if option != {"type": "null"}]
        own = {key: value for key, value in schema.items() if key != "anyOf"}
        return {**_convert({**present, **own}, definitions), "nullable": True}
    converted: Schema = {}
    for key, value in schema.items():
        if key in _KEPT:
            converted[key] = value
        elif key == "const":
            converted["enum"] = [value]
        elif key == "items":
            converted[key] = _convert(value, definitions)
        elif key == "properties":
            converted[key] = {name: _convert(field, definitions) for name, field in value.items()}
        elif key == "additionalProperties":
            converted.update(_convert_additional(value, definitions))
        elif key not in _DROPPED and key != "$defs":
            raise NotImplementedError(f"no rule for the schema keyword {key!r}: add one to expsdk.resources.crd")
    return converted if "type" in converted else {ANY: True, **converted}


def _convert_additional(value: Any, definitions: dict[str, Schema]) -> Schema:
    """Return what says in Kubernetes which fields besides the named ones an object may have."""
    if value is False:
        return {}
    if value is True or not value:
        return {ANY: True}
    return {"additionalProperties": _convert(value, definitions)}


def _close(schema: Schema) -> Schema:
    """Return a schema of Kubernetes as plain JSON Schema that allows no field but those it names."""
    closed = {key: value for key, value in schema.items() if key not in {ANY, "nullable"}}
    if "type" not in schema and "pattern" in schema:
        closed["type"] = ["number", "string"]
    elif schema.get("nullable"):
        closed["type"] = [schema["type"], "null"]
    if "properties" in schema:
        closed["properties"] = {name: _close(field) for name, field in schema["properties"].items()}
        closed["additionalProperties"] = False
    for key in ("items", "additionalProperties"):
        if key in schema:
            closed[key] = _close(schema[key])
    return closed


def main() -> None:
    """Print the definitions as a JSON list that kubectl takes."""
    print(json.dumps({"apiVersion": "v1", "kind": "List", "items": custom_resource_definitions()}, indent=2))


if __name__ == "__main__":
    main()
