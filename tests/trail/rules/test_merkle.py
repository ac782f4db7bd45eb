"""Merkle trees against the vectors of Certificate Transparency, and proofs of any entry of any tree."""

import hashlib
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appraisal.trail.rules.merkle import Tree, is_included, leaf_hash, node_hash, root_of

# The entries, roots and paths that the implementations of Certificate Transparency are tested with.
ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
PATHS = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
lists = st.lists(st.binary(max_size=8), min_size=1, max_size=70, unique=True)


def planted(entries: list[bytes]) -> Tree:
    tree = Tree()
    for index, data in enumerate(entries):
        tree.put(index, data)
    return tree


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    assert root_of(ENTRIES[:size]).hex() == ROOTS[size]
    assert planted(ENTRIES[:size]).root().hex() == ROOTS[size]


@pytest.mark.parametrize("place", PATHS)
def test_paths_are_those_of_certificate_transparency(place: tuple[int, int]) -> None:
    index, size = place
    proof = planted(ENTRIES[:size]).proof(index)
    assert [entry.hex() for entry in proof] == PATHS[place]
    assert is_included(bytes.fromhex(ROOTS[size]), ENTRIES[index], index, size, proof)


def test_the_tree_of_seven_of_the_rfc() -> None:
    """RFC 9162, section 2.1.5: hash = (((a b) (c d)) ((e f) j))."""
    a, b, c, d, e, f, j = (leaf_hash(data) for data in ENTRIES[:7])
    k = node_hash(node_hash(node_hash(a, b), node_hash(c, d)), node_hash(node_hash(e, f), j))
    assert root_of(ENTRIES[:7]) == k
    tree = planted(ENTRIES[:7])
    assert tree.proof(0) == [b, node_hash(c, d), node_hash(node_hash(e, f), j)]
    assert tree.proof(3) == [c, node_hash(a, b), node_hash(node_hash(e, f), j)]
    assert tree.proof(4) == [f, j, node_hash(node_hash(a, b), node_hash(c, d))]
    assert tree.proof(6) == [node_hash(e, f), node_hash(node_hash(a, b), node_hash(c, d))]


def test_a_leaf_and_a_node_of_the_same_bytes_differ() -> None:
    assert leaf_hash(b"x" * 64) == sha256(b"\0" + b"x" * 64).digest()
    assert node_hash(b"x" * 32, b"x" * 32) == hashlib.sha256(b"\1" + b"x" * 64).digest()


def _by_the_definition(entries: list[bytes]) -> bytes:
    """Compute the root as section 2.1.1 defines it: split at the largest power of two below the size."""
    if len(entries) == 1:
        return leaf_hash(entries[0])
    split = 1 << (len(entries) - 1).bit_length() - 1
    return node_hash(_by_the_definition(entries[:split]), _by_the_definition(entries[split:]))


@given(lists, st.lists(st.tuples(st.integers(0, 69), st.binary(max_size=8)), max_size=10))
def test_a_tree_that_changes_has_the_root_of_one_made_afresh(
    entries: list[bytes], changes: list[tuple[int, bytes]]
) -> None:
    assert root_of(entries) == _by_the_definition(entries)
    tree = planted(entries)
    assert tree.root() == root_of(entries)
    for index, data in changes:
        place = min(index, len(entries))
        entries = [*entries[:place], data, *entries[place + 1 :]]
        tree.put(place, data)
        if index % 2:
            assert tree.root() == root_of(entries)
    assert tree.root() == root_of(entries)


@given(lists, st.data())
def test_every_entry_can_be_proven_and_no_other(entries: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(entries) - 1))
    size, root, proof = len(entries), root_of(entries), planted(entries).proof(index)
    assert is_included(root, entries[index], index, size, proof)
    assert not is_included(root, entries[index] + b"x", index, size, proof)
    assert not is_included(root, entries[index], index, size, [*proof, root])
    assert not is_included(root, entries[index], size, size, proof)
    assert not is_included(leaf_hash(b"another"), entries[index], index, size, proof)
    if proof:
        assert not is_included(root, entries[index], index, size, proof[:-1])
        assert not is_included(root, entries[index], index ^ 1, size, proof)
        at = data.draw(st.integers(0, len(proof) - 1))
        bent = bytes([proof[at][0] ^ 1]) + proof[at][1:]
        assert not is_included(root, entries[index], index, size, [*proof[:at], bent, *proof[at + 1 :]])
