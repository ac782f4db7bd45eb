"""Merkle trees, as RFC 9162 defines them in section 2.1, give one digest for a whole list.

A leaf is hashed behind a zero byte and a node behind a one, so that neither can pass for the other.
"""

import hashlib
from collections.abc import Iterable, Sequence

EMPTY = hashlib.sha256().digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of an entry."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two subtrees side by side."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(entries: Iterable[bytes]) -> bytes:
    """Return the root over a list of entries that is read once, in memory that grows with its logarithm."""
    # Subtrees that are whole, from the largest to the smallest, each with how many entries it holds.
    whole: list[tuple[int, bytes]] = []
    for data in entries:
        size, present = 1, leaf_hash(data)
        while whole and whole[-1][0] == size:
            present = node_hash(whole.pop()[1], present)
            size *= 2
        whole.append((size, present))
    if not whole:
        return EMPTY
    root = whole.pop()[1]
    while whole:
        root = node_hash(whole.pop()[1], root)
    return root


class Tree:
    """A tree whose entries may change: only what stands above a change is hashed again.

    Pairs are joined level by level, and one that is left over goes up as it is, which gives the trees of
    the RFC.
    """

    def __init__(self) -> None:
        self._levels: list[list[bytes]] = [[]]
        self._changed: set[int] = set()

    def __len__(self) -> int:
        return len(self._levels[0])

    def put(self, index: int, data: bytes) -> None:
        """Set the entry at an index; the index after the last one appends."""
        _set(self._levels[0], index, leaf_hash(data))
        self._changed.add(index)

    def root(self) -> bytes:
        """Return the root over all entries."""
        level, changed = 0, self._changed
        while len(self._levels[level]) > 1:
            if level + 1 == len(self._levels):
                self._levels.append([])
            changed = self._raise(level, changed)
            level += 1
        self._changed = set()
        return self._levels[level][0] if self._levels[0] else EMPTY

    def _raise(self, level: int, changed: set[int]) -> set[int]:
        """Bring the level above up to date; return where it changed."""
        below, above = self._levels[level], self._levels[level + 1]
        found = {index // 2 for index in changed}
        for index in sorted(found):
            pair = below[2 * index : 2 * index + 2]
            _set(above, index, node_hash(*pair) if len(pair) == 2 else pair[0])
        return found

    def proof(self, index: int) -> list[bytes]:
        """Return the proof that the entry at an index is part of the tree (RFC 9162, section 2.1.3.1)."""
        self.root()
        found = []
        for level in self._levels:
            if len(level) == 1:
                break
            if (sibling := index ^ 1) < len(level):
                found.append(level[sibling])
            index //= 2
        return found


def _set(level: list[bytes], index: int, value: bytes) -> None:
    if index == len(level):
        level.append(value)
    else:
        level[index] = value


def is_included(root: bytes, data: bytes, index: int, size: int, proof: Sequence[bytes]) -> bool:
    """Tell whether a proof shows an entry at an index of a tree of a size (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, present = index, size - 1, leaf_hash(data)
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            present = node_hash(sibling, present)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            present = node_hash(present, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and present == root
