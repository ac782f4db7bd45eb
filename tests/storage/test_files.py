"""The store of files: known by their bytes, never changed, and never read when altered."""

import hashlib

import pytest

from appraisal.errors import NotFound
from appraisal.storage.files import Files


def test_bytes_come_back(files: Files) -> None:
    sha256 = files.keep(b"content")
    assert sha256 == hashlib.sha256(b"content").hexdigest()
    assert files.read(sha256) == b"content"


def test_the_same_bytes_are_kept_once(files: Files) -> None:
    files.keep(b"content")
    files.keep(b"content")
    assert len([path for path in files.folder.rglob("*") if path.is_file()]) == 1


def test_an_altered_file_is_not_read(files: Files) -> None:
    sha256 = files.keep(b"content")
    (files.folder / sha256[:2] / sha256).write_bytes(b"forged!")
    with pytest.raises(NotFound, match="altered"):
        files.read(sha256)


@pytest.mark.parametrize("name", ["0" * 64, "../../etc/passwd", "A" * 64, ""])
def test_an_unknown_file_is_not_found(files: Files, name: str) -> None:
    with pytest.raises(NotFound):
        files.read(name)
