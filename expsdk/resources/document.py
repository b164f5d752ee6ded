"""What both records share: the form on the wire, metadata, and the types of numbers, words and times."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    GetPydanticSchema,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import core_schema

from expsdk.resources.times import format_time
from expsdk_runtime.contract import decode_number, encode_number

__all__ = ["NUMBER_SCHEMA", "Int64", "Metadata", "Number", "Part", "Record", "Time", "one_of"]

NUMBER_WORDS = ("NaN", "Infinity", "-Infinity")


# A schema that Kubernetes takes cannot say "number or string"; the pattern applies to strings only.
NUMBER_SCHEMA = {"x-kubernetes-preserve-unknown-fields": True, "pattern": f"^({'|'.join(NUMBER_WORDS)})$"}


def one_of(*words: str) -> GetPydanticSchema:
    """Return an annotation of `str` that allows these words only.

    `Literal` would do, but the words are the contract's and must not be written out twice.
    """
    return GetPydanticSchema(lambda _source, _handler: core_schema.literal_schema(list(words)))


def _number_schema(_source: Any, _handler: Any) -> core_schema.CoreSchema:
    words = core_schema.no_info_after_validator_function(decode_number, core_schema.literal_schema(list(NUMBER_WORDS)))
    return core_schema.union_schema([core_schema.float_schema(strict=True), words], mode="left_to_right")


Number = Annotated[
    float,
    GetPydanticSchema(_number_schema),
    PlainSerializer(encode_number, when_used="json"),
    WithJsonSchema(NUMBER_SCHEMA),
]
"""A float; on the wire NaN and the infinities are the strings of `expsdk_runtime.contract.encode_number`."""

Int64 = Annotated[int, Field(ge=-(2**63), lt=2**63), WithJsonSchema({"type": "integer", "format": "int64"})]
"""An integer that the API server can hold."""

Time = Annotated[AwareDatetime, PlainSerializer(format_time, when_used="json")]
"""A moment; on the wire as `expsdk.resources.times.format_time` writes it."""


class Part(BaseModel):
    """A piece of a record: frozen, camelCase on the wire, and closed: an unknown field is an error."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid")


class Metadata(Part):
    """The part that Kubernetes owns; what is not named here is kept as it is."""

    model_config = ConfigDict(extra="allow")

    name: str = Field(min_length=1)
    namespace: str | None = None
    uid: str | None = None
    resource_version: str | None = None
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class Record(Part):
    """A whole document."""

    def to_document(self) -> dict[str, Any]:
        """Return the record as JSON values; what is None is left out, as Kubernetes has it."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
