"""An issuer is the address under which records are issued, and the certificate that signs them."""

from dataclasses import dataclass
from typing import Any

ACTION = "issuer"


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who issues records: the public address of the installation, and the SHA-256 of its certificate (DER).

    Either may be empty: then records name no place where they can be verified, or are not signed.
    """

    address: str = ""
    fingerprint: str = ""
    subject: str = ""

    @property
    def signs(self) -> bool:
        """Tell whether records are signed."""
        return bool(self.fingerprint)

    def value(self) -> dict[str, Any]:
        """Return what a record says of its issuer, so that a signature that is missing is seen."""
        return {"address": self.address, "signed": self.signs}


NOBODY = Issuer()
