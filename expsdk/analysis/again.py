"""How to come back to an experiment: as a call in Python and as a command, each saying where it is kept."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Again:
    """How to come back to an experiment.

    Attributes:
        name: Its name.
        address: Where it is kept, as `Records.address` tells.
    """

    name: str
    address: Mapping[str, str] = field(default_factory=dict)

    def call(self, function: str, then: str = "") -> str:
        """Return a call: `expsdk.attach("mine", backend="kubernetes", namespace="ml").run()`.

        Args:
            function: "results" or "attach".
            then: What is called of what that returns.
        """
        options = "".join(f", {option}={json.dumps(value)}" for option, value in self.address.items())
        return f"expsdk.{function}({json.dumps(self.name)}{options}){f'.{then}()' if then else ''}"

    def command(self, verb: str) -> str:
        """Return a command: `expsdk show mine --backend kubernetes --namespace ml`."""
        flags = [word for option, value in self.address.items() for word in (f"--{option}", value)]
        return shlex.join(["expsdk", verb, self.name, *flags])
