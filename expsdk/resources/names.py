"""Names of experiments and trials: what is allowed, what to suggest instead, and how one follows from the other.

Standard library only: the decorator checks names inside jobs, where pydantic is not.
"""

from __future__ import annotations

import re

from expsdk.errors import DefinitionError

__all__ = [
    "EXPERIMENT_NAME_LIMIT_CHARS",
    "EXPERIMENT_NAME_PATTERN",
    "TRIAL_NAME_LIMIT_CHARS",
    "check_experiment_name",
    "suggest_experiment_name",
    "trial_name",
    "trial_number",
]

EXPERIMENT_NAME_LIMIT_CHARS = 40
EXPERIMENT_NAME_PATTERN = r"^[a-z]([a-z0-9-]*[a-z0-9])?$"
TRIAL_NAME_LIMIT_CHARS = 63
"""A trial's name is its job's, and Kubernetes labels a Job's pods with it: a label (RFC 1123) holds 63 characters."""

_VALID = re.compile(EXPERIMENT_NAME_PATTERN.rstrip("$") + r"\Z")
_NUMBER = re.compile(r"[0-9]{4,}\Z", re.ASCII)
_FALLBACK = "experiment"


def check_experiment_name(name: str) -> str:
    """Return `name` if an experiment can have it.

    Raises:
        DefinitionError: It is no DNS label (RFC 1123) of at most 40 characters that starts with a letter. The
            message suggests one.
    """
    if not isinstance(name, str):
        raise DefinitionError(
            f"an experiment's name is a string, got {name!r} of type {type(name).__name__}: "
            f"pass name={suggest_experiment_name(str(name))!r}"
        )
    problem = _problem(name)
    if problem:
        raise DefinitionError(
            "an experiment's name consists of lower-case letters a-z, digits and '-', starts with a letter, ends with "
            f"a letter or a digit, and has at most {EXPERIMENT_NAME_LIMIT_CHARS} characters; "
            f"{name!r} {problem}: pass name={suggest_experiment_name(name)!r}"
        )
    return name


def suggest_experiment_name(text: str) -> str:
    """Return a valid experiment name that reads like `text`: `Train_MLP` becomes `train-mlp`."""
    from unicodedata import normalize  # here, because a job that checks a valid name never needs it

    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", normalize("NFKD", text))
    ascii_words = words.encode("ascii", "ignore").decode("ascii").lower()
    name = re.sub(r"[^a-z0-9]+", "-", ascii_words).strip("-")
    if name and not name[0].isalpha():
        name = f"{_FALLBACK}-{name}"
    return name[:EXPERIMENT_NAME_LIMIT_CHARS].rstrip("-") or _FALLBACK


def trial_name(experiment: str, number: int) -> str:
    """Return the name of an experiment's trial, which is also that of its Result and its job."""
    return f"{experiment}-{number:04d}"


def trial_number(experiment: str, name: str) -> int | None:
    """Return the number of the trial `name` of an experiment, or None if the experiment has no trial of such a name."""
    prefix, _, digits = name.rpartition("-")
    if prefix != experiment or not _NUMBER.match(digits):
        return None
    number = int(digits)
    return number if trial_name(experiment, number) == name else None


def _problem(name: str) -> str:
    """Return what is wrong with a name, or nothing."""
    if not name:
        return "is empty"
    if len(name) > EXPERIMENT_NAME_LIMIT_CHARS:
        return f"has {len(name)}"
    if _VALID.match(name):
        return ""
    wrong = next((character for character in name if not re.match(r"[a-z0-9-]", character)), None)
    if wrong is not None:
        return f"has {wrong!r}"
    return f"starts with {name[0]!r}" if not name[0].isalpha() else "ends with '-'"
