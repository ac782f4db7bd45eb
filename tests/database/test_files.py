"""The store of files: known by their bytes, never changed, and never read when altered."""

import hashlib
import os
from datetime import UTC, datetime, timedelta

import pytest

from appraisal.database.files import Files
from appraisal.errors import NotFound


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


def test_what_waits_too_long_is_given_up_and_the_store_keeps_all(files: Files) -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    kept, old, new = files.keep(b"kept"), files.waiting.keep(b"old"), files.waiting.keep(b"new")
    for sha256, age in ((old, 25), (new, 23)):
        moment = (now - timedelta(hours=age)).timestamp()
        os.utime(files.waiting.whole(sha256), (moment, moment))

    assert files.waiting.give_up(now - timedelta(days=1)) == 1
    assert files.waiting.give_up(now - timedelta(days=1)) == 0

    with pytest.raises(NotFound):
        files.waiting.whole(old)
    assert (files.read(kept), files.waiting.read(new)) == (b"kept", b"new")
    with pytest.raises(NotFound):
        files.read(new)


def test_whoever_sends_a_file_again_has_as_long_as_before(files: Files) -> None:
    sha256 = files.waiting.keep(b"sent")
    os.utime(files.waiting.whole(sha256), (0, 0))
    files.waiting.keep(b"sent")
    assert files.waiting.give_up(datetime(2000, 1, 1, tzinfo=UTC)) == 0
