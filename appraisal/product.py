"""The product itself: its version, which the package that is built takes from here."""

from typing import Final

VERSION: Final = "0.1.0"
