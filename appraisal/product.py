"""The product has its version here, which the package that is built takes from here."""

from typing import Final

VERSION: Final = "0.1.0"
