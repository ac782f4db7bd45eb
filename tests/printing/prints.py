"""The sample case and its PDFs, each rendered once."""

import pytest

from appraisal import canonical
from appraisal.definitions.library import Library
from appraisal.language.texts import Language
from appraisal.printing.rendering import render
from tests.keys import Keyring, make_keyring
from tests.printing.samples import Print, Sample, Value, sample_of


@pytest.fixture(scope="session")
def sample(library: Library) -> Sample:
    """The sample on the definitions that the product ships."""
    return sample_of(library)


@pytest.fixture(scope="session")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    """A key that is valid for long."""
    return make_keyring(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def printed() -> Print:
    """Render, each value in each language once."""
    kept: dict[tuple[str, Language], bytes] = {}

    def print_once(value: Value, language: Language) -> bytes:
        key = (canonical.digest(value), language)
        if key not in kept:
            kept[key] = render(value, language)
        return kept[key]

    return print_once
