"""Trials that wait for the same, or have failed in the same way, told once for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from expsdk.sweep.display.words import failure, waits_for

KEPT = 12
NAMED = 8


@dataclass(frozen=True, slots=True)
class Group:
    """Trials of which the same is to be told.

    Attributes:
        count: How many they are.
        words: What is told.
        labels: The ends of the names of some of them.
    """

    count: int
    words: str
    labels: tuple[str, ...] = ()


class Waiting:
    """The trials that wait, by what for: as many as there are jobs, at most."""

    def __init__(self) -> None:
        self._words: dict[int, str] = {}
        self._groups: dict[str, dict[int, None]] = {}

    def __len__(self) -> int:
        return len(self._words)

    def put(self, document: dict[str, Any]) -> None:
        """Take in what a trial waits for now."""
        number, words = document["spec"]["number"], waits_for(document)
        if self._words.get(number) != words:
            self.drop(number)
            self._words[number] = words
            self._groups.setdefault(words, {})[number] = None

    def drop(self, number: int) -> None:
        """Take a trial out that waits no longer."""
        words = self._words.pop(number, None)
        if words is not None:
            group = self._groups[words]
            del group[number]
            if not group:
                del self._groups[words]

    def groups(self, limit: int) -> tuple[Group, ...]:
        """Return the groups, those of most trials first."""
        largest = sorted(self._groups.items(), key=lambda item: -len(item[1]))[:limit]
        return tuple(Group(len(numbers), words, tuple(_labels(numbers))) for words, numbers in largest)


class Failures:
    """The trials that have failed, by reason and kind of error; of each group the latest is told."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str], Group] = {}

    def take(self, number: int, reason: str, error: str) -> None:
        """Count a trial that has failed for good, with what its record says of why."""
        words = failure(reason, error)
        kind = words.removeprefix(f"{reason}: ").partition(":")[0]
        # There may be thousands of errors of the user's, all different: the rest of them is counted by reason.
        key = (reason, kind) if (reason, kind) in self._groups or len(self._groups) < KEPT else (reason, "")
        former = self._groups.get(key)
        self._groups[key] = Group(former.count + 1 if former else 1, words, (f"{number:04d}",))

    def groups(self, limit: int) -> tuple[Group, ...]:
        """Return the groups, those of most trials first; each names its latest trial."""
        return tuple(sorted(self._groups.values(), key=lambda group: -group.count)[:limit])


def _labels(numbers: dict[int, None]) -> Iterator[str]:
    for number, _ in zip(numbers, range(NAMED), strict=False):
        yield f"{number:04d}"
