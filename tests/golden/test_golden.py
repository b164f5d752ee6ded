"""What is installed is what the golden files say, and the definitions are what an API server takes.

After a change of models or manifests: `python tests/golden/renew.py`, then read the diff.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).parent
FILES = ("crd-experiments.yaml", "crd-results.yaml")
JOBS = tuple(sorted(f"jobs/{path.name}" for path in HERE.glob("jobs/*.yaml")))
ALL_FILES = (*FILES, "install.yaml", *JOBS)

TYPES = ("object", "array", "string", "number", "integer", "boolean")
FORMATS = {"date-time", "int64"}
KEYWORDS = {
    *("additionalProperties", "description", "enum", "format", "items", "maxItems", "maxLength", "maximum", "minItems"),
    *("minLength", "minimum", "nullable", "pattern", "properties", "required", "type"),
    *("default", "x-kubernetes-preserve-unknown-fields"),
}
DEFAULTS = {"string": str, "object": dict}
COLUMN_TYPES = {"boolean", "date", "integer", "number", "string"}


def rendered() -> dict[Path, str]:
    spec = importlib.util.spec_from_file_location("renew", HERE / "renew.py")
    assert spec is not None
    assert spec.loader is not None
    renew = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(renew)
    texts: dict[Path, str] = renew.render()
    return texts


def test_there_is_a_golden_file_for_everything() -> None:
    there = {path.relative_to(HERE).as_posix() for path in HERE.rglob("*.yaml")}
    assert {path.relative_to(HERE).as_posix() for path in rendered()} == set(ALL_FILES) == there


@pytest.mark.parametrize("file", ALL_FILES)
def test_a_golden_file_is_what_the_code_gives(file: str) -> None:
    path = HERE / file
    assert path.read_text(encoding="utf-8") == rendered()[path]


def faults_of(schema: Any, path: str = "") -> Iterator[str]:
    """Yield what keeps a schema from being structural.

    The rules: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
    """
    yield from (f"{path}: {keyword} is forbidden" for keyword in sorted(schema.keys() - KEYWORDS))
    kind = schema.get("type")
    keeps_unknown = schema.get("x-kubernetes-preserve-unknown-fields")
    if keeps_unknown not in (None, True):
        yield f"{path}: x-kubernetes-preserve-unknown-fields is true or absent"
    if kind not in TYPES and (kind is not None or not keeps_unknown):
        yield f"{path}: {kind!r} is no type"
    if "properties" in schema and "additionalProperties" in schema:
        yield f"{path}: properties and additionalProperties exclude each other"
    if ("items" in schema) != (kind == "array"):
        yield f"{path}: an array, and nothing else, has items"
    if kind != "object" and schema.keys() & {"properties", "additionalProperties", "required"}:
        yield f"{path}: only an object has fields"
    if schema.get("format") not in {None, *FORMATS}:
        yield f"{path}: the format {schema['format']!r} is not checked"
    if "pattern" in schema and re.search(r"\(\?[=!<P]|\\[1-9]", schema["pattern"]):
        yield f"{path}: RE2 has no such pattern as {schema['pattern']!r}"
    if "default" in schema and not isinstance(schema["default"], DEFAULTS.get(str(kind), ())):
        yield f"{path}: the default {schema['default']!r} is no {kind}"
    if "enum" in schema and not schema["enum"]:
        yield f"{path}: an enum has a value"
    yield from (f"{path}: {name} is required, but no field" for name in missing_fields(schema))
    for name, inner in inner_schemas(schema):
        if isinstance(inner, dict):
            yield from faults_of(inner, f"{path}.{name}")
        else:
            yield f"{path}.{name}: {inner!r} is no schema"


def missing_fields(schema: dict[str, Any]) -> list[str]:
    return [name for name in schema.get("required", []) if name not in schema.get("properties", {})]


def inner_schemas(schema: dict[str, Any]) -> list[tuple[str, Any]]:
    single = [(name, schema[name]) for name in ("items", "additionalProperties") if name in schema]
    return [*schema.get("properties", {}).items(), *single]


@pytest.mark.parametrize("file", FILES)
def test_a_schema_is_structural(file: str) -> None:
    schema = schema_of(file)
    assert list(faults_of(schema)) == []
    assert schema["type"] == "object"
    metadata = schema["properties"]["metadata"]
    assert metadata["type"] == "object"
    assert set(metadata["properties"]) <= {"name", "generateName"}  # the API server checks the rest of it itself
    assert set(schema["properties"]) == {"apiVersion", "kind", "metadata", "spec", "status"}


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        ({}, ".x: None is no type"),
        ({"type": "null"}, ".x: 'null' is no type"),
        ({"type": ["string", "null"]}, ".x: ['string', 'null'] is no type"),
        ({"type": "string", "x-kubernetes-preserve-unknown-fields": False}, "is true or absent"),
        ({"type": "string", "default": 1}, "the default 1 is no string"),
        ({"type": "string", "$ref": "#/$defs/A"}, "$ref is forbidden"),
        ({"type": "object", "anyOf": [{"required": ["a"]}]}, "anyOf is forbidden"),
        ({"type": "object", "properties": {}, "additionalProperties": {"type": "string"}}, "exclude each other"),
        ({"type": "object", "additionalProperties": False}, ".x.additionalProperties: False is no schema"),
        ({"type": "object", "properties": {"a": {"description": "?"}}}, ".x.a: None is no type"),
        ({"type": "object", "properties": {}, "required": ["a"]}, "a is required, but no field"),
        ({"type": "array"}, "has items"),
        ({"type": "array", "items": {}}, ".x.items: None is no type"),
        ({"type": "array", "items": [{"type": "string"}]}, "is no schema"),
        ({"type": "string", "properties": {}}, "only an object has fields"),
        ({"type": "string", "format": "hostname"}, "is not checked"),
        ({"type": "string", "pattern": "^(?!a)"}, "RE2 has no such pattern"),
        ({"type": "string", "enum": []}, "an enum has a value"),
    ],
)
def test_the_check_finds_what_is_not_structural(schema: dict[str, Any], fault: str) -> None:
    (found,) = faults_of({"type": "object", "properties": {"x": schema}})
    assert fault in found


@pytest.mark.parametrize(
    "schema",
    [
        {"x-kubernetes-preserve-unknown-fields": True},
        {"x-kubernetes-preserve-unknown-fields": True, "type": "object"},
        {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "integer", "format": "int64"}}},
    ],
)
def test_the_check_lets_what_is_structural_pass(schema: dict[str, Any]) -> None:
    assert list(faults_of({"type": "object", "properties": {"x": schema}, "required": ["x"]})) == []


@pytest.mark.parametrize("file", FILES)
def test_names_follow_from_each_other(file: str) -> None:
    definition = definition_of(file)
    spec, names = definition["spec"], definition["spec"]["names"]
    assert definition["metadata"]["name"] == f"{names['plural']}.{spec['group']}"
    assert names["listKind"] == f"{names['kind']}List"
    assert names["singular"] == names["kind"].lower()
    assert file == f"crd-{names['plural']}.yaml"
    (version,) = spec["versions"]
    assert (version["served"], version["storage"], version["subresources"]) == (True, True, {"status": {}})


@pytest.mark.parametrize("file", FILES)
def test_every_column_shows_a_field_that_is_there(file: str) -> None:
    (version,) = definition_of(file)["spec"]["versions"]
    for column in version["additionalPrinterColumns"]:
        field = field_at(schema_of(file), column["jsonPath"])
        assert column["type"] in COLUMN_TYPES
        # A cell of another type than its column's stays empty, except that a string shows any value.
        assert column["type"] == "string" or column["type"] == {"date-time": "date"}.get(field["format"], field["type"])


def definition_of(file: str) -> Any:
    return yaml.safe_load((HERE / file).read_text(encoding="utf-8"))


def schema_of(file: str) -> dict[str, Any]:
    (version,) = definition_of(file)["spec"]["versions"]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


def field_at(schema: dict[str, Any], json_path: str) -> dict[str, Any]:
    """Return the type and the format of the field that a path such as ".status.phase" leads to."""
    if json_path == ".metadata.creationTimestamp":
        return {"type": "string", "format": "date-time"}
    for name in json_path.removeprefix(".").split("."):
        schema = schema["additionalProperties"] if "additionalProperties" in schema else schema["properties"][name]
    return {"type": schema.get("type"), "format": schema.get("format")}
