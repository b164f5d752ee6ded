"""How quickly trials end, and how long the rest of them will take."""

from __future__ import annotations

from collections import deque

REMEMBERED = 64
APART_S = 1.0


class Pace:
    """Watches how many trials have ended; what it remembers is bounded, so old times count no longer."""

    def __init__(self, *, at: float, ended: int, before_s: float = 0.0) -> None:
        """Begin to watch.

        Args:
            at: The moment, in seconds on any clock.
            ended: How many trials had ended before.
            before_s: How long those have taken.
        """
        self._marks: deque[tuple[float, int]] = deque([(at, ended)], maxlen=REMEMBERED)
        self._ended = ended
        self._before = ended / before_s if before_s > 0 else 0.0

    def note(self, at: float, ended: int) -> None:
        """Note how many have ended until now."""
        if ended != self._ended:
            self._ended = ended
            if at - self._marks[-1][0] >= APART_S:
                self._marks.append((at, ended))

    def per_second(self, at: float) -> float | None:
        """Return how many trials end in a second, or None where nothing can be said yet."""
        since, then = self._marks[0]
        if self._ended > then and at > since:
            return (self._ended - then) / (at - since)
        return self._before or None

    def left_s(self, at: float, to_go: int) -> float | None:
        """Return how long so many more will take, in seconds, or None where nothing can be said yet."""
        rate = self.per_second(at)
        return to_go / rate if rate else None
