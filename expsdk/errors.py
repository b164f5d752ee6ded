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
    │   ├── ClusterError                  the API server was asked and did not do it
    │   │   ├── Unreachable (ConnectionError)
    │   │   ├── Forbidden (PermissionError)
    │   │   ├── QuotaExceeded             the namespace's quota is used up
    │   │   ├── ResourceNotFound (LookupError)
    │   │   ├── Conflict                  it exists, or has changed meanwhile
    │   │   ├── Expired                   what was listed is too old to go on from
    │   │   └── Invalid (ValueError)      a field of what was sent is wrong
    │   ├── OptionError (ValueError)      what was asked of a backend for its trials cannot work
    │   ├── ExperimentNotFound (LookupError)
    │   ├── StorageError (OSError)        records cannot be written or read
    │   ├── WaitTimeout (TimeoutError)    trials have not ended in the time they were waited for
    │   └── LoadError                     the payload does not load where trials would run
    ├── ReplayError                       a trial cannot be run again here
    ├── ExchangeError                     an experiment cannot be exported or imported
    ├── DashboardError (RuntimeError)     the dashboard cannot be served there
    └── ResultsError (LookupError)        what was asked of the results is not there
        ├── TrialNotFound
        └── NoBestTrial

A message states the rule, the value and the remedy. Stopping a trial is no error: see
`expsdk_runtime.TrialStopped`, which is a BaseException for that reason.
"""

from __future__ import annotations

__all__ = [
    "BackendError",
    "ClusterError",
    "Conflict",
    "DashboardError",
    "DefinitionError",
    "ExchangeError",
    "ExperimentExists",
    "ExperimentNotFound",
    "Expired",
    "ExpsdkError",
    "Forbidden",
    "Invalid",
    "LoadError",
    "NoBestTrial",
    "ObjectiveError",
    "OptionError",
    "PackingError",
    "PayloadTooLarge",
    "QuotaExceeded",
    "ReplayError",
    "ResourceNotFound",
    "ResultsError",
    "SpaceError",
    "StorageError",
    "SweepError",
    "TrialNotFound",
    "Unreachable",
    "WaitTimeout",
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


class ClusterError(BackendError):
    """The API server was asked for something and did not do it.

    Attributes:
        status: The HTTP status of its answer; 0 where there was none.
    """

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Unreachable(ClusterError, ConnectionError):
    """There is no way to the API server, or it does not answer."""


class Forbidden(ClusterError, PermissionError):
    """Who asks may not do that."""


class QuotaExceeded(ClusterError):
    """The namespace's quota is used up."""


class ResourceNotFound(ClusterError, LookupError):
    """What is asked for is not there."""


class Conflict(ClusterError):
    """What is to be created exists, or what is to be changed has been changed by another."""


class Expired(ClusterError):
    """The list that a watch starts from is too old."""


class Invalid(ClusterError, ValueError):
    """A field of what was sent is wrong."""


class OptionError(BackendError, ValueError):
    """What was asked of a backend for its trials cannot work."""


class ExperimentNotFound(BackendError, LookupError):
    """No experiment of that name is there."""


class StorageError(BackendError, OSError):
    """Records cannot be written or read."""


class LoadError(BackendError):
    """The payload does not load where trials would run."""


class WaitTimeout(BackendError, TimeoutError):
    """Trials have not ended in the time they were waited for."""


class ReplayError(ExpsdkError):
    """A trial cannot be run again here."""


class ExchangeError(ExpsdkError):
    """An experiment cannot be exported, or what was exported cannot be imported."""


class DashboardError(ExpsdkError, RuntimeError):
    """The dashboard cannot be served where it was asked for."""


class ResultsError(ExpsdkError, LookupError):
    """What was asked of the results is not there."""


class TrialNotFound(ResultsError):
    """No trial of that name or number is there."""


class NoBestTrial(ResultsError):
    """No trial has a value to compare."""
