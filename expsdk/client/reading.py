"""From what the API server or a caller gives to records: Experiments and Results, or their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from expsdk.backends.kubernetes.documents import whole
from expsdk.errors import BackendError, OptionError
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import Result

Document = dict[str, Any]


def as_result(document: Document) -> Result:
    """Return a Result's record from its document.

    Raises:
        BackendError: It was changed into what no Result is.
    """
    try:
        return Result.model_validate(whole(document))
    except ValidationError as error:
        raise BackendError(f"Result {document['metadata']['name']!r} cannot be read: {error}") from error


def parse_experiment(given: Experiment | Mapping[str, Any]) -> Experiment:
    """Return the record of an Experiment that a caller gives, as a record or as a YAML file has it.

    Raises:
        OptionError: It is none.
    """
    if isinstance(given, Experiment):
        return given
    try:
        return Experiment.model_validate(given)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']} (it is {fault['input']!r:.80})"
            for fault in error.errors()
        )
        raise OptionError(
            f"this is no Experiment: {faults}; `kubectl explain experiment.spec` tells its form"
        ) from error


def experiment_name(given: object) -> str:
    """Return an experiment's name from its name or its record; raises OptionError where it is neither."""
    if isinstance(given, Experiment):
        return given.metadata.name
    if isinstance(given, str) and given:
        return given
    raise OptionError(f"an experiment is given by its name or its record, not by {given!r}; write its name")


def trial_name_of(given: object) -> str:
    """Return a trial's name from its name or its Result; raises OptionError where it is neither."""
    if isinstance(given, Result):
        return given.metadata.name
    if isinstance(given, str) and given:
        return given
    raise OptionError(f"a trial is given by its name or its Result, not by {given!r}; write 'name-0003' for example")
