"""The type of an attached file is told by its bytes, and the name it is kept under is made here."""

import zipfile
from dataclasses import dataclass
from io import BytesIO


@dataclass(frozen=True, slots=True)
class FileType:
    """A type of file that may be attached."""

    suffix: str
    media_type: str


_OFFICE = {
    "word/": FileType(".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    "xl/": FileType(".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "ppt/": FileType(".pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
}
_OPEN = (
    FileType(".odt", "application/vnd.oasis.opendocument.text"),
    FileType(".ods", "application/vnd.oasis.opendocument.spreadsheet"),
)


def file_type(data: bytes) -> FileType | None:
    """Tell what a file is by what stands in it, never by its name; None where it may not be attached."""
    if data.startswith(b"%PDF-"):
        return FileType(".pdf", "application/pdf")
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return FileType(".png", "image/png")
    if data.startswith(b"\xff\xd8\xff"):
        return FileType(".jpg", "image/jpeg")
    return _archive_type(data) if data.startswith(b"PK\x03\x04") else None


def _archive_type(data: bytes) -> FileType | None:
    """Tell an office document by the parts of its archive; nothing in it is unpacked."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = archive.namelist()
    except Exception:
        # zipfile raises a dozen kinds of error on archives that are damaged, or made to be.
        return None
    # OpenDocument's first entry is its media type, stored as it is (ODF 1.2, part 3, section 3.3).
    if names[:1] == ["mimetype"]:
        return next(
            (kind for kind in _OPEN if data.startswith(b"mimetype" + kind.media_type.encode() + b"PK", 30)),
            None,
        )
    if "[Content_Types].xml" not in names or any(name.lower().endswith("vbaproject.bin") for name in names):
        return None
    return next(
        (kind for part, kind in _OFFICE.items() if any(name.startswith(part) for name in names)), None
    )


def safe_name(filename: str, found: FileType) -> str:
    """Keep the last part of a name, printable, with the ending that the bytes call for."""
    name = filename.replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(character for character in name if character.isprintable()).strip(" .")[:120]
    stem = name.rsplit(".", 1)[0] if "." in name else name
    return f"{stem or 'document'}{found.suffix}"
