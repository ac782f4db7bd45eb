"""Where the data folders are: ``templates``, ``static``, ``workflows``, ``checklists``."""

from pathlib import Path


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
