"""A finite sequence whose items are computed when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar, overload

Item = TypeVar("Item")


class LazySequence(Sequence[Item]):
    """A sequence of `size` items that holds none of them.

    Attributes:
        size: The number of items; `len` gives it too where it fits a machine word.
    """

    __slots__ = ("_item", "size")

    def __init__(self, size: int, item: Callable[[int], Item]) -> None:
        """Make the sequence.

        Args:
            size: The number of items.
            item: Returns the item of an index in `range(size)`.
        """
        self.size = size
        self._item = item

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        if isinstance(index, slice):
            return [self._item(position) for position in range(*index.indices(self.size))]
        position = index + self.size if index < 0 else index
        if not 0 <= position < self.size:
            raise IndexError(f"index {index} is outside a sequence of {self.size} items")
        return self._item(position)

    def __repr__(self) -> str:
        return f"<{self.size} items>"
