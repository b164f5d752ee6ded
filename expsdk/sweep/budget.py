"""A budget: how much of the machines a sweep may use, as `"40 gpu-hours"`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal

from expsdk.errors import SweepError

_FORM = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(cpu|gpu)[- ]?h(?:ours?)?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Budget:
    """What trials request, times how long they run.

    Attributes:
        unit: "cpu" or "gpu".
        hours: How many hours of it, above 0.
    """

    unit: str
    hours: float

    @classmethod
    def parse(cls, text: object) -> Budget:
        """Return the budget that a user wrote.

        Raises:
            SweepError: It is no number of CPU hours or GPU hours.
        """
        found = _FORM.fullmatch(text) if isinstance(text, str) else None
        if found is None or not 0 < float(found[1]) < math.inf:
            raise SweepError(
                "budget is a number of hours above 0 and what is counted, 'cpu-hours' or 'gpu-hours', not"
                f" {text!r}; write one such as budget='40 gpu-hours'"
            )
        return cls(found[2].lower(), float(found[1]))

    def __str__(self) -> str:
        hours = format(Decimal(repr(self.hours)), "f").removesuffix(".0")  # as it may be written, without an exponent
        return f"{hours} {self.unit}-hours"
