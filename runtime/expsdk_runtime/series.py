"""One metric's values over epochs, in bounded memory: a summary that is exact and a history that thins itself."""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import Any

from expsdk_runtime.contract import encode_number

CAPACITY = 128


class Series:
    """The values of one metric by epoch.

    At most `CAPACITY` points are kept: when they are full, every second one is dropped and the stride
    doubles. The first point, the last and the best are always part of `history`. A value logged again
    for an epoch replaces the former one.

    Attributes:
        direction: "minimize" or "maximize": which value is the best.
        last_epoch: The highest epoch so far, or -1.
        last: The value at the highest epoch.
    """

    __slots__ = (
        "_epochs",
        "_seen",
        "_stride",
        "_values",
        "best",
        "best_epoch",
        "direction",
        "last",
        "last_epoch",
        "max",
        "min",
    )

    def __init__(self, direction: str = "minimize") -> None:
        self.direction = direction
        self.last = self.min = self.max = self.best = math.nan
        self.last_epoch = -1
        self.best_epoch = -1
        self._epochs: list[int] = []
        self._values: list[float] = []
        self._stride = 1
        self._seen = 0

    def add(self, epoch: int, value: float) -> None:
        """Take in the value of an epoch; epochs may come in any order and again."""
        if epoch > self.last_epoch:
            self._append(epoch, value)
        else:
            self._amend(epoch, value)
        self._compare(epoch, value)

    def history(self, limit: int) -> dict[str, Any]:
        """Return at most `limit` (three or more) points as columns: stride, epochs and values."""
        step = 1
        while len(self._epochs) // step + 3 > limit and step < len(self._epochs):
            step *= 2
        points = dict(zip(self._epochs[::step], self._values[::step], strict=True))
        if self.best_epoch >= 0:
            points[self.best_epoch] = self.best
        points[self.last_epoch] = self.last
        epochs = sorted(points)
        return {
            "stride": self._stride * step,
            "epochs": epochs,
            "values": [encode_number(points[epoch]) for epoch in epochs],
        }

    def summary(self) -> dict[str, Any]:
        """Return the last, smallest, largest and best value, and the epoch of the last."""
        return {
            "last": encode_number(self.last),
            "min": encode_number(self.min),
            "max": encode_number(self.max),
            "best": encode_number(self.best),
            "epoch": self.last_epoch,
        }

    def _append(self, epoch: int, value: float) -> None:
        if self._seen % self._stride == 0:
            if len(self._epochs) == CAPACITY:
                del self._epochs[1::2], self._values[1::2]
                self._stride *= 2
            if self._seen % self._stride == 0:
                self._epochs.append(epoch)
                self._values.append(value)
        self._seen += 1
        self.last_epoch = epoch
        self.last = value

    def _amend(self, epoch: int, value: float) -> None:
        """Replace the value of an epoch that came before, or put a late epoch where it belongs."""
        if epoch == self.last_epoch:
            self.last = value
        place = bisect_left(self._epochs, epoch)
        if place < len(self._epochs) and self._epochs[place] == epoch:
            replaced = self._values[place]
            self._values[place] = value
            if replaced in (self.min, self.max, self.best):
                self._recompute()
        elif epoch == self.best_epoch:
            self._recompute()
        elif len(self._epochs) < CAPACITY:
            self._epochs.insert(place, epoch)
            self._values.insert(place, value)

    def _recompute(self) -> None:
        """Summarise again from the points that are kept: a value that counted was replaced."""
        self.min = self.max = self.best = math.nan
        self.best_epoch = -1
        for epoch, value in zip(self._epochs, self._values, strict=True):
            self._compare(epoch, value)
        self._compare(self.last_epoch, self.last)

    def _compare(self, epoch: int, value: float) -> None:
        if value != value:  # NaN is neither the smallest nor the best
            return
        if not self.min <= value:
            self.min = value
        if not self.max >= value:
            self.max = value
        if self.best_epoch < 0 or (value < self.best if self.direction == "minimize" else value > self.best):
            self.best = value
            self.best_epoch = epoch
