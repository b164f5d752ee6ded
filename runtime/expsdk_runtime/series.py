"""One metric's values over epochs, in bounded memory: a summary that is exact and a history that thins itself."""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import Any

from expsdk_runtime.contract import decode_number, encode_number
from expsdk_runtime.tracking import as_epoch

CAPACITY = 128
_INNER_CAPACITY = CAPACITY - 2  # the last point and the best come on top


class Series:
    """The values of one metric by epoch.

    At most `CAPACITY` points are kept: when they are full, every second one is dropped and the stride
    doubles. The first point, the last and the best are always part of `history`. A value logged again
    for an epoch replaces the former one, and where no point was dropped the summary is exact about it;
    afterwards it is exact as long as it is the last epoch's value that is replaced.

    Attributes:
        direction: "minimize" or "maximize": which value is the best.
        last_epoch: The highest epoch so far, or -1.
        last: The value at the highest epoch.
    """

    # The last epoch's value may change often: it is kept apart from the others, which `_low`, `_high` and
    # `_best_epoch` sum up.
    __slots__ = (
        "_best_epoch",
        "_epochs",
        "_high",
        "_low",
        "_seen",
        "_stride",
        "_values",
        "direction",
        "last",
        "last_epoch",
    )

    def __init__(self, direction: str = "minimize") -> None:
        self.direction = direction
        self.last = math.nan
        self.last_epoch = -1
        self._low = self._high = math.nan
        self._best_epoch = -1
        self._epochs: list[int] = []
        self._values: list[float] = []
        self._stride = 1
        self._seen = 0

    def __len__(self) -> int:
        return len(self._epochs) + (self.last_epoch >= 0)

    @property
    def min(self) -> float:
        """The smallest value, or NaN where there is none."""
        return self.last if self.last < self._low or self._low != self._low else self._low

    @property
    def max(self) -> float:
        """The largest value, or NaN where there is none."""
        return self.last if self.last > self._high or self._high != self._high else self._high

    @property
    def best(self) -> float:
        """The best value by the direction, or NaN where there is none."""
        return self.min if self.direction == "minimize" else self.max

    @property
    def best_epoch(self) -> int:
        """The first epoch of the best value, or -1 where there is none."""
        if self._best_epoch >= 0 and self._settled_best() == self.best:
            return self._best_epoch
        return self.last_epoch if self.last == self.last else -1

    def add(self, epoch: int, value: float) -> None:
        """Take in the value of an epoch; epochs may come in any order and again."""
        if epoch > self.last_epoch:
            if self.last_epoch >= 0:
                self._keep(self.last_epoch, self.last)
                self._compare(self.last_epoch, self.last)
            self.last_epoch = epoch
            self.last = value
        elif epoch == self.last_epoch:
            self.last = value
        else:
            self._amend(epoch, value)

    def restore(self, history: dict[str, Any], summary: dict[str, Any]) -> None:
        """Take in what `history` and `summary` said of a series: what had been thinned is known by its extremes."""
        for epoch, value in zip(*history["points"], strict=True):
            self.add(as_epoch(epoch), decode_number(value))
        stride = max(1, int(history["stride"]))
        self._stride *= stride
        self._seen *= stride
        low, high = decode_number(summary.get("min", "NaN")), decode_number(summary.get("max", "NaN"))
        if low < self.min:
            self._low = low
        if high > self.max:
            self._high = high

    def history(self, limit: int) -> dict[str, Any]:
        """Return at most `limit` (three or more) points: their stride, all their epochs, and all their values."""
        own = {self.best_epoch: self.best} if self.best_epoch >= 0 else {}
        own[self.last_epoch] = self.last
        step = 1
        points = {**dict(zip(self._epochs, self._values, strict=True)), **own}
        while len(points) > limit:
            step *= 2
            points = {**dict(zip(self._epochs[::step], self._values[::step], strict=True)), **own}
        epochs = sorted(points)
        return {
            "stride": self._stride * step,
            "points": [epochs, [encode_number(points[epoch]) for epoch in epochs]],
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

    def _keep(self, epoch: int, value: float) -> None:
        """Keep a point that comes after all that are kept, if the stride says so."""
        if self._seen % self._stride == 0:
            if len(self._epochs) == _INNER_CAPACITY:
                del self._epochs[1::2], self._values[1::2]
                self._stride *= 2
            if self._seen % self._stride == 0:
                self._epochs.append(epoch)
                self._values.append(value)
        self._seen += 1

    def _amend(self, epoch: int, value: float) -> None:
        """Replace the value of an epoch that came before, or put a late epoch where it belongs."""
        place = bisect_left(self._epochs, epoch)
        if place < len(self._epochs) and self._epochs[place] == epoch:
            replaced = self._values[place]
            self._values[place] = value
            if replaced in (self._low, self._high):
                self._summarize_again(amended=epoch)
        elif epoch == self._best_epoch:
            self._summarize_again(amended=epoch)
        elif len(self._epochs) < _INNER_CAPACITY:
            self._epochs.insert(place, epoch)
            self._values.insert(place, value)
        elif place == 0:
            self._epochs[0] = epoch
            self._values[0] = value
        self._compare(epoch, value)

    def _summarize_again(self, *, amended: int) -> None:
        """Summarise again from the points that are known: a value that counted was replaced."""
        best_epoch, best = self._best_epoch, self._settled_best()
        self._low = self._high = math.nan
        self._best_epoch = -1
        for epoch, value in zip(self._epochs, self._values, strict=True):
            self._compare(epoch, value)
        if best_epoch not in (-1, amended):
            self._compare(best_epoch, best)

    def _compare(self, epoch: int, value: float) -> None:
        """Sum up the value of an epoch other than the last."""
        if self._low < value < self._high or value != value:  # NaN is neither the smallest nor the best
            return
        best = self._settled_best()
        if not self._low <= value:
            self._low = value
        if not self._high >= value:
            self._high = value
        if self._settled_best() != best or (value == best and epoch < self._best_epoch):
            self._best_epoch = epoch

    def _settled_best(self) -> float:
        return self._low if self.direction == "minimize" else self._high
