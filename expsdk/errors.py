"""Every error that expsdk raises, as one tree.

    ExpsdkError
    ├── DefinitionError (ValueError)      the decorator was given what cannot work
    │   ├── SpaceError                    a parameter's domain, or the space against the signature
    │   └── ObjectiveError                an objective, a direction or a name
    ├── SweepError (ValueError)           a sweep was given what cannot work
    │   └── ExperimentExists              the name is taken
    ├── PackingError                      the function cannot become a payload
    │   └── PayloadTooLarge               the payload is over its limit
    ├── BackendError (RuntimeError)       the place where trials run cannot do what was asked
    │   ├── ExperimentNotFound (LookupError)
    │   ├── StorageError (OSError)        records cannot be written or read
    │   └── LoadError                     the payload does not load where trials would run
    └── ResultsError (LookupError)        what was asked of the results is not there
        ├── TrialNotFound
        └── NoBestTrial

A message states the rule, the value and the remedy. Stopping a trial is no error: see
`expsdk_runtime.TrialStopped`, which is a BaseException for that reason.
"""

from __future__ import annotations

__all__ = [
    "BackendError",
    "DefinitionError",
    "ExperimentExists",
    "ExperimentNotFound",
    "ExpsdkError",
    "LoadError",
    "NoBestTrial",
    "ObjectiveError",
    "PackingError",
    "PayloadTooLarge",
    "ResultsError",
    "SpaceError",
    "StorageError",
    "SweepError",
    "TrialNotFound",
]


class ExpsdkError(Exception):
    """The root of everything that expsdk raises."""


class DefinitionError(ExpsdkError, ValueError):
    """The decorator was given what cannot work."""


class SpaceError(DefinitionError):
    """A domain is impossible, or the space does not fit the function's signature."""


class ObjectiveError(DefinitionError):
    """An objective, a direction or a name is impossible."""


class SweepError(ExpsdkError, ValueError):
    """A sweep was given what cannot work."""


class ExperimentExists(SweepError):
    """The experiment's name is taken."""


class PackingError(ExpsdkError):
    """The function cannot become a payload."""


class PayloadTooLarge(PackingError):
    """The payload is over its limit."""


class BackendError(ExpsdkError, RuntimeError):
    """The place where trials run cannot do what was asked."""


class ExperimentNotFound(BackendError, LookupError):
    """No experiment of that name is there."""


class StorageError(BackendError, OSError):
    """Records cannot be written or read."""


class LoadError(BackendError):
    """The payload does not load where trials would run."""


class ResultsError(ExpsdkError, LookupError):
    """What was asked of the results is not there."""


class TrialNotFound(ResultsError):
    """No trial of that name or number is there."""


class NoBestTrial(ResultsError):
    """No trial has a value to compare."""
