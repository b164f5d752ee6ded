"""Names, labels, variables and paths as Kubernetes has them, checked before anything is created.

The rules: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ and
https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from expsdk.errors import OptionError

__all__ = [
    "check_json",
    "check_keys",
    "check_labels",
    "check_list",
    "check_name",
    "check_number",
    "check_path",
    "check_text",
    "check_texts",
    "check_variable",
]

OURS = "expsdk.dev/"
OUR_VARIABLES = "EXPSDK_"
NAME_LIMIT_CHARS = 253
LABEL_LIMIT_CHARS = 63
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
_WORD = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?\Z")
_VARIABLE = re.compile(r"[-._A-Za-z][-._A-Za-z0-9]*\Z")


def check_text(what: str, value: object, *, remedy: str) -> None:
    """Raise `OptionError` unless the value is text without white space."""
    if not isinstance(value, str) or not value or value.split() != [value]:
        raise OptionError(f"{what} is text without spaces, not {value!r}; {remedy}")


def check_number(what: str, value: object, *, least: float, whole: bool, remedy: str) -> None:
    """Raise `OptionError` unless the value is a number of at least `least`, and a whole one where asked."""
    kinds = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value < float("inf"):
        raise OptionError(
            f"{what} is {'an integer' if whole else 'a number'} of at least {least}, not {value!r}; {remedy}"
        )


def check_name(what: str, value: object) -> None:
    """Raise `OptionError` unless an object in the cluster can have the name."""
    if not isinstance(value, str) or len(value) > NAME_LIMIT_CHARS or not _NAME.match(value):
        raise OptionError(
            f"{what} is the name of an object in the cluster: lower-case letters, digits, '-' and '.',"
            f" at most {NAME_LIMIT_CHARS} characters, not {value!r}; write it as kubectl shows it"
        )


def check_list(what: str, value: object) -> Sequence[Any]:
    """Return the value if it is a list or a tuple (one text is a slip); raises `OptionError`."""
    if not isinstance(value, (list, tuple)):
        raise OptionError(f"{what} is a list, not {value!r}; write {what}=[...]")
    return value


def check_texts(what: str, value: object) -> Mapping[str, str]:
    """Return the value if it maps texts to texts; raises `OptionError`."""
    if not isinstance(value, Mapping):
        raise OptionError(f"{what} maps names to texts, not {value!r}; write {what}={{...}}")
    for key, text in value.items():
        if not isinstance(key, str) or not isinstance(text, str):
            raise OptionError(
                f"{what} maps names to texts, and has {key!r}: {text!r}; write {str(key)!r}: {str(text)!r}"
            )
    return value


def check_keys(what: str, value: object) -> Mapping[str, str]:
    """Return the value if its keys are such as labels and annotations have, and not expsdk's; raises `OptionError`."""
    texts = check_texts(what, value)
    for key in texts:
        if not is_key(key):
            raise OptionError(
                f"a key of {what} is a word of at most {LABEL_LIMIT_CHARS} characters, with or without a domain and '/'"
                f" before it, not {key!r}; write something like 'team' or 'example.com/team'"
            )
        if key.startswith(OURS):
            raise OptionError(f"keys of {what} that begin with {OURS} are expsdk's own, {key!r} too; take another")
    return texts


def check_labels(what: str, value: object) -> None:
    """Raise `OptionError` unless the value is labels that an object can have."""
    for key, text in check_keys(what, value).items():
        if len(text) > LABEL_LIMIT_CHARS or not _WORD.match(text):
            raise OptionError(
                f"a value of {what} has letters, digits, '-', '_' and '.', begins and ends with a letter or a digit and"
                f" has at most {LABEL_LIMIT_CHARS} characters, not {text!r} ({key}); put longer texts into annotations"
            )


def is_key(key: str) -> bool:
    """Return whether labels, annotations and resources can be called so: `team`, `example.com/team`."""
    domain, slash, word = key.rpartition("/")
    is_word = 0 < len(word) <= LABEL_LIMIT_CHARS and bool(_WORD.match(word))
    return is_word and (not slash or (len(domain) <= NAME_LIMIT_CHARS and bool(_NAME.match(domain))))


def check_variable(what: str, name: object) -> None:
    """Raise `OptionError` unless an environment variable of the user's can have the name."""
    if not isinstance(name, str) or not _VARIABLE.match(name):
        raise OptionError(
            f"{what} is called by letters, digits, '_', '-' and '.', not {name!r}; write something like DATA_DIR"
        )
    if name.startswith(OUR_VARIABLES):
        raise OptionError(
            f"{what} cannot begin with {OUR_VARIABLES}, those are expsdk's own, {name!r} too; take another"
        )


def check_path(what: str, value: object, *, remedy: str) -> None:
    """Raise `OptionError` unless the value is an absolute path that a volume can have."""
    if not isinstance(value, str) or not value.startswith("/") or ":" in value or ".." in value.split("/"):
        raise OptionError(f"{what} is an absolute path without ':' and '..', not {value!r}; {remedy}")


def check_json(what: str, value: object, *, remedy: str) -> Mapping[str, Any]:
    """Return the value if it is a mapping that JSON can hold; raises `OptionError`."""
    if not isinstance(value, Mapping):
        raise OptionError(f"{what} is a mapping, not {value!r}; {remedy}")
    try:
        json.dumps(value, allow_nan=False, default=_plain)
    except (TypeError, ValueError) as exc:
        raise OptionError(f"{what} holds what JSON can hold, and {exc}; {remedy}") from exc
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{value!r} is a {type(value).__name__}")
