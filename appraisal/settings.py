"""Settings: everything that an installation decides, read from the environment in one place."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from appraisal.errors import AppraisalError
from appraisal.i18n import Language, language_or


class BadSetting(AppraisalError):
    """A setting cannot be used; the message names the variable."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One installation: where its data lies and how it presents itself.

    ``data`` holds attached files, rendered records, and the database where none is named.
    """

    data: Path
    database: str
    secret: str
    language: Language = "en"
    demonstration: bool = False
    secure_cookies: bool = False

    @property
    def files(self) -> Path:
        """Return the folder of attached files and rendered records, by their SHA-256."""
        return self.data / "files"


def read_settings(environment: Mapping[str, str] | None = None, *, data: Path | None = None) -> Settings:
    """Read the settings; ``APPRAISAL_DATA``, ``APPRAISAL_DATABASE``, ``APPRAISAL_LANGUAGE`` and so on.

    The secret that signs sessions is made on first use and kept in the data folder, so that it
    outlives a restart. Raises ``BadSetting``.
    """
    given = os.environ if environment is None else environment
    folder = data or Path(given.get("APPRAISAL_DATA", "var")).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        secret = given.get("APPRAISAL_SECRET") or _kept_secret(folder / "secret")
    except OSError as error:
        raise BadSetting(f"APPRAISAL_DATA: {folder} cannot be written ({error.strerror})") from error
    return Settings(
        data=folder,
        database=given.get("APPRAISAL_DATABASE") or f"sqlite:///{folder / 'appraisal.sqlite3'}",
        secret=secret,
        language=language_or(given.get("APPRAISAL_LANGUAGE")),
        demonstration=_flag(given, "APPRAISAL_DEMONSTRATION"),
        secure_cookies=_flag(given, "APPRAISAL_SECURE_COOKIES"),
    )


def _flag(given: Mapping[str, str], name: str) -> bool:
    text = given.get(name, "0").lower()
    if text not in ("0", "1", "true", "false", "yes", "no", ""):
        raise BadSetting(f"{name}: write 1 or 0, not “{text}”")
    return text in ("1", "true", "yes")


def _kept_secret(file: Path) -> str:
    try:
        with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as new:
            new.write(secrets.token_hex(32))
    except FileExistsError:
        pass
    return file.read_text(encoding="ascii").strip()
