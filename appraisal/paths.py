"""The product's folders are found here, and private files and folders of an installation made."""

import stat
from contextlib import suppress
from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def folder(name: str) -> Path:
    """Return the data folder of that name, an absolute path to a folder that exists.

    An installed wheel carries the folders in ``_data`` beside this module; a checkout, and so an editable
    install, has them beside the package. They are looked for in that order, and ``FileNotFoundError`` names
    both places when neither has it.
    """
    package = Path(__file__).resolve().parent
    places = (package / "_data" / name, package.parent / name)
    for place in places:
        if place.is_dir():
            return place
    raise FileNotFoundError(f"No folder ‘{name}’: neither {places[0]} nor {places[1]} exists.")


def make_private_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, for their owner alone, whatever the umask.

    One that is there is closed to others; raises ``OSError`` where none can be made.
    """
    if not path.parent.exists():
        make_private_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    make_private(path)


def make_private(path: Path) -> None:
    """Close a file or folder to everybody but its owner; one that is not there, or another's, is left."""
    with suppress(OSError):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & _OTHERS:
            path.chmod(mode & ~_OTHERS)
