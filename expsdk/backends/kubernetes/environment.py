"""What a trial's containers are told by environment variables, in any image and any language."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from expsdk.errors import OptionError
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import Result

__all__ = ["literal", "parameter_variables", "trial_variables", "variable"]

LIMIT_BYTES = 128 * 1024
"""Linux starts no program with a longer variable (MAX_ARG_STRLEN)."""
_PREFIX = "EXPSDK_PARAM_"
_FROM_POD = {
    "EXPSDK_NAMESPACE": "metadata.namespace",
    "EXPSDK_POD": "metadata.name",
    "EXPSDK_POD_UID": "metadata.uid",
    "EXPSDK_NODE": "spec.nodeName",
}


def literal(text: str) -> str:
    """Return a text so that Kubernetes passes it on as it is, where it would put variables in for `$(NAME)`.

    In arguments and values `$$` stands for `$`, see
    https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
    """
    return text.replace("$", "$$")


def variable(name: str, value: str) -> dict[str, Any]:
    """Return a container's variable with exactly this value."""
    return {"name": name, "value": literal(value)}


def trial_variables(experiment: Experiment, result: Result) -> list[dict[str, Any]]:
    """Return what tells one trial who it is and what to run.

    Raises:
        OptionError: The parameters do not fit into variables.
    """
    objectives = [[objective.metric, objective.direction] for objective in experiment.spec.objectives]
    values = {
        "EXPSDK_EXPERIMENT": experiment.metadata.name,
        "EXPSDK_TRIAL": result.metadata.name,
        "EXPSDK_NUMBER": str(result.spec.number),
        "EXPSDK_SEED": str(result.spec.seed),
        "EXPSDK_PARAMETERS": json.dumps(result.spec.parameters),
        "EXPSDK_OBJECTIVES": json.dumps(objectives),
        **({"EXPSDK_PARENT": result.spec.parent} if result.spec.parent else {}),
        **parameter_variables(result.spec.parameters),
    }
    for name, value in values.items():
        size = len(f"{name}={value}".encode(errors="replace")) + 1
        if size > LIMIT_BYTES:
            raise OptionError(
                f"an environment variable has {LIMIT_BYTES // 1024} KiB at most, and {name} of {result.metadata.name}"
                f" has {size / 1024:.0f} KiB: make a parameter name what is large, and create that inside the job"
            )
    from_pod = [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in _FROM_POD.items()]
    return [*(variable(name, value) for name, value in values.items()), *from_pod]


def parameter_variables(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return a sample as variables, one a parameter: `{"lr": 0.1}` as `{"EXPSDK_PARAM_LR": "0.1"}`.

    Strings are as they are, everything else is JSON.

    Raises:
        OptionError: Two parameters have the same variable, or a string has a character that no variable can have.
    """
    variables: dict[str, str] = {}
    names: dict[str, str] = {}
    for name, value in parameters.items():
        key = _PREFIX + "".join(each if each in _ALLOWED else "_" for each in name.upper())
        if key in names:
            raise OptionError(
                f"each parameter has an environment variable of its own, and {names[key]!r} and {name!r} both have"
                f" {key}: rename one of them"
            )
        if isinstance(value, str) and "\0" in value:
            raise OptionError(f"no environment variable holds the character NUL, and the parameter {name!r} has it")
        names[key] = name
        variables[key] = value if isinstance(value, str) else json.dumps(value)
    return variables


_ALLOWED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
