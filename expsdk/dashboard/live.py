"""What is followed as long as somebody looks: one thread for each thing, shared by all who look at it."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from typing import Generic, TypeVar

LINGER_S = 10.0
"""How long a thing is followed on when nobody looks any more: a page that is loaded again comes back within that."""


class Live(ABC):
    """Something that changes, followed by a thread of its own; each change makes a new version of it.

    Attributes:
        is_over: Whether it is followed no more.
        lookers: How many look at it. This and the next belong to its `Lookout`.
        left_at: When the last one left, on the monotonic clock.
    """

    def __init__(self) -> None:
        self.is_over = False
        self.lookers = 0
        self.left_at = 0.0
        self._version = 0
        self._changed = threading.Condition()

    @abstractmethod
    def turns(self) -> Generator[None, None, None]:
        """Follow it, call `tell` when it has changed, and yield every second or two at least."""

    def tell(self) -> None:
        """Say that it has changed."""
        with self._changed:
            self._version += 1
            self._changed.notify_all()

    def end(self) -> None:
        """Say that it is followed no more."""
        with self._changed:
            self.is_over = True
            self._changed.notify_all()

    def wait(self, after: int, timeout_s: float) -> int:
        """Return its version as soon as that is another one than `after`, or it is over, or the time is."""
        with self._changed:
            self._changed.wait_for(lambda: self.is_over or self._version != after, timeout_s)
            return self._version


L = TypeVar("L", bound=Live)


class Lookout(Generic[L]):
    """The things of one kind that somebody looks at, by key."""

    def __init__(self, make: Callable[[str], L], *, linger_s: float = LINGER_S) -> None:
        """Follow nothing yet.

        Args:
            make: Returns the thing of a key.
            linger_s: How long a thing is followed on when nobody looks any more, in seconds.
        """
        self._make = make
        self._linger_s = linger_s
        self._lives: dict[str, L] = {}
        self._lock = threading.Lock()
        self._is_closed = False

    @contextmanager
    def at(self, key: str) -> Iterator[L]:
        """Look at a thing; it is followed meanwhile."""
        live = self._come(key)
        try:
            yield live
        finally:
            with self._lock:
                live.lookers -= 1
                live.left_at = time.monotonic()

    def keys(self) -> set[str]:
        """Return the keys of what is followed now."""
        with self._lock:
            return set(self._lives)

    def close(self) -> None:
        """Follow nothing any more."""
        with self._lock:
            self._is_closed = True
            lives = list(self._lives.values())
        for live in lives:
            live.end()

    def _come(self, key: str) -> L:
        with self._lock:
            live = self._lives.get(key)
            if live is None:
                live = self._lives[key] = self._make(key)
                name = f"expsdk-dashboard-{key or 'list'}"
                threading.Thread(target=self._follow, args=(key, live), name=name, daemon=True).start()
            live.lookers += 1
        return live

    def _follow(self, key: str, live: L) -> None:
        try:
            with closing(live.turns()) as turns:
                for _ in turns:
                    if live.is_over or self._forget(key, live):
                        return
        finally:
            self._forget(key, live, anyhow=True)
            live.end()

    def _forget(self, key: str, live: L, *, anyhow: bool = False) -> bool:
        """Forget what nobody has looked at for a while, in one moment with seeing that: nobody comes to what ends."""
        with self._lock:
            is_unwanted = not live.lookers and time.monotonic() - live.left_at > self._linger_s
            if not (anyhow or self._is_closed or is_unwanted):
                return False
            if self._lives.get(key) is live:
                del self._lives[key]
            return True
