"""Attached documents and rendered records are kept under the SHA-256 of their bytes."""

import hashlib
import os
import re
import tempfile
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from appraisal.errors import NotFound
from appraisal.paths import make_private, make_private_folder

# So many files are remembered as whole.
_REMEMBERED = 10_000
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Files:
    """A folder of files that are never changed, each known by its SHA-256, for its owner alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        make_private(folder)
        # What files looked like when they were last found whole.
        self._known: dict[str, tuple[int, ...]] = {}

    def keep(self, data: bytes) -> str:
        """Keep bytes and return their SHA-256; the same bytes are kept once."""
        sha256 = hashlib.sha256(data).hexdigest()
        path = self._path(sha256)
        if not path.exists():
            make_private_folder(path.parent)
            # Written beside and renamed, so that a file that is there is whole.
            handle, temporary = tempfile.mkstemp(dir=path.parent)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        return sha256

    def whole(self, sha256: str) -> Path:
        """Return where a file lies; raises ``NotFound`` for one that is not there or was altered.

        Its bytes are read again only when it is another file than it was, or was written to: by inode, size
        and time of its last change. Where that time was forged as well, verifying the trail tells.
        """
        if not _SHA256.fullmatch(sha256):
            raise NotFound("file", sha256)
        path = self._path(sha256)
        try:
            found = path.stat()
            known = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
            if self._known.get(sha256) != known:
                self._known.pop(sha256, None)
                with path.open("rb") as file:
                    if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                        raise NotFound("file", f"{sha256} (altered)")
                if len(self._known) >= _REMEMBERED:
                    self._known.clear()
                self._known[sha256] = known
        except FileNotFoundError:
            raise NotFound("file", sha256) from None
        return path

    def read(self, sha256: str) -> bytes:
        """Return the bytes of a file; raises ``NotFound`` for one that is not there or was altered."""
        if not _SHA256.fullmatch(sha256):
            raise NotFound("file", sha256)
        try:
            data = self._path(sha256).read_bytes()
        except FileNotFoundError:
            raise NotFound("file", sha256) from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise NotFound("file", f"{sha256} (altered)")
        return data

    def fault(self, sha256: str, size: int) -> str | None:
        """Return what is wrong with a file, which is read piece by piece; None where it is whole."""
        if not _SHA256.fullmatch(sha256):
            return "has no SHA-256"
        try:
            with self._path(sha256).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
                length = file.tell()
        except FileNotFoundError:
            return "is missing from the store"
        except OSError as error:
            return f"cannot be read: {error.strerror}"
        if found != sha256:
            return "was altered in the store"
        return None if length == size else f"is {length} bytes long, not {size}"

    @property
    def waiting(self) -> "Waiting":
        """Return the files that wait beside the store until somebody confirms them."""
        return Waiting(self.folder / "waiting")

    def _path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256


class Waiting(Files):
    """Files that were sent and not confirmed yet: nothing names them, so that they may be given up."""

    def keep(self, data: bytes) -> str:
        """Keep bytes as a store does; whoever sends them again has as long as before."""
        sha256 = super().keep(data)
        self._path(sha256).touch()
        return sha256

    def give_up(self, before: datetime) -> int:
        """Delete what was sent before a moment, and return how many files that was."""
        count = 0
        for path in self.folder.glob("*/*"):
            # Another may be doing the same just now.
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before.timestamp():
                    path.unlink()
                    count += 1
        return count
