"""The symbols that a proposal bore in the versions of its form are found here."""

import json
from itertools import chain

from sqlalchemy import Connection, select

from appraisal.proposals.rules import form
from appraisal.trail.store.whole_trail import RECORDS, VERSIONS
from appraisal.vocabulary.project_symbols import normalised


def symbols_of(db: Connection, proposal: int) -> frozenset[str]:
    """Return the symbols that a proposal bore, in the spelling in which they are compared.

    Its versions tell, and its records: an approval is registered of a draft without a version too.
    """
    versions = db.execute(select(VERSIONS.c.value).where(VERSIONS.c.proposal_id == proposal)).scalars()
    records = db.execute(select(RECORDS.c.value).where(RECORDS.c.proposal_id == proposal)).scalars()
    contents = chain(
        (json.loads(value)["content"] for value in versions),
        (json.loads(value)["proposal"]["content"] for value in records),
    )
    return frozenset(normalised(str(form.value(each, "identification.symbol"))) for each in contents)
