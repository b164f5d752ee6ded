"""Documents as the API server gives them, made whole: what it leaves out, and what its JSON does not tell apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from expsdk.backends.kubernetes.labels import PARAMETERS_ANNOTATION
from expsdk.resources.result import ResultStatus

Document = dict[str, Any]

_STATUS = ResultStatus().model_dump(mode="json", by_alias=True, exclude_none=True)
_SPEC = {"summary": "", "stop": ""}


def whole(result: Document) -> Document:
    """Return a Result with every field that its readers rely on, and without the server's own bookkeeping."""
    metadata = {key: value for key, value in result["metadata"].items() if key != "managedFields"}
    parameters = as_written(result["spec"]["parameters"], metadata, PARAMETERS_ANNOTATION)
    spec = {**_SPEC, **result["spec"], "parameters": parameters}
    return {**result, "metadata": metadata, "spec": spec, "status": {**_STATUS, **(result.get("status") or {})}}


def as_written(value: Any, metadata: Mapping[str, Any], annotation: str) -> Any:
    """Return a value as it was written before the server read 1.0 as 1 and sorted its names, if it is that value still.

    Args:
        value: What the server gives.
        metadata: The document's.
        annotation: Where it was written as text.
    """
    try:
        written = json.loads((metadata.get("annotations") or {}).get(annotation, ""))
    except ValueError:  # by hand, or not at all
        return value
    return written if written == value else value
