"""A sampler or a pruner as the user gave it: by its name, by its name with options, or an object of the user's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from expsdk.errors import SweepError


@dataclass(frozen=True)
class Choice:
    """What was chosen.

    Attributes:
        given: A name, or the object itself.
        options: The options of what is named, as JSON values.
    """

    given: Any
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, what: str, given: Any) -> Choice:
        """Return the choice that a user wrote.

        Args:
            what: "sampler" or "pruner", for messages.
            given: A name, a mapping with a "name" and options, or an object.

        Raises:
            SweepError: A mapping has no name, or JSON cannot carry an option.
        """
        if not isinstance(given, Mapping):
            return cls(given)
        options = dict(given)
        name = options.pop("name", None)
        if not isinstance(name, str):
            raise SweepError(
                f"a {what} with options is a mapping with its name, not {given!r}; write {what}={{'name': …, …}}"
            )
        try:
            json.dumps(options, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise SweepError(
                f"options of {what} {name!r} are JSON values, because they are kept in the record: {error}; give an"
                f" object of Optuna's instead"
            ) from error
        return cls(name, options)

    @property
    def name(self) -> str:
        """What the record calls it."""
        if isinstance(self.given, str):
            return self.given
        name = getattr(self.given, "name", None) or getattr(self.given, "__name__", None)
        return name if isinstance(name, str) and name else type(self.given).__name__
