"""Backends by name, loaded when first needed."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from inspect import signature
from typing import cast

from expsdk.backends.base import Backend, Records
from expsdk.errors import BackendError
from expsdk.spelling import suggest

_BACKENDS = {
    "debug": "expsdk.backends.local.debug:DebugBackend",
    "kubernetes": "expsdk.backends.kubernetes.backend:KubernetesBackend",
    "local": "expsdk.backends.local.backend:LocalBackend",
}
_RECORDS = {
    "debug": "expsdk.backends.local.store:FileStore",
    "kubernetes": "expsdk.backends.kubernetes.records:KubernetesRecords",
    "local": "expsdk.backends.local.store:FileStore",
}


def make_backend(name: str, **options: object) -> Backend:
    """Return a backend by its name, with its options.

    Raises:
        BackendError: There is no such backend, or it has no such option.
    """
    return cast("Backend", _make(_BACKENDS, name, options))


def open_records(name: str, **options: object) -> Records:
    """Return the records that a backend keeps, for reading.

    Raises:
        BackendError: There is no such backend, or it has no such option.
    """
    return cast("Records", _make(_RECORDS, name, options))


def _make(homes: dict[str, str], name: str, options: dict[str, object]) -> object:
    if name not in homes:
        raise BackendError(f"backend is one of {', '.join(sorted(homes))}, not {name!r}; {suggest(name, homes)}")
    module, _, attribute = homes[name].partition(":")
    make: Callable[..., object] = getattr(import_module(module), attribute)
    known = getattr(make, "options", None) or tuple(signature(make).parameters)
    for option in options:
        if option not in known:
            raise BackendError(
                f"backend {name!r} takes the options {', '.join(known)}, not {option!r}; {suggest(option, known)}"
            )
    return make(**options)
