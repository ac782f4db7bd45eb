"""Building: people, a clock, and proposals brought to where a test needs them, through the services.

Every builder takes the site and the cast, writes at the site's clock, lets a minute pass after each
step, and returns the number of the proposal.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from flask.testing import FlaskClient

from appraisal.accounts.pages.sign_in import TOKEN
from appraisal.accounts.services import accounts, sessions
from appraisal.database.engine import Database
from appraisal.database.files import Files
from appraisal.definitions.library import Library
from appraisal.people.facts import SYSTEM_ACTOR, Person
from appraisal.proposals.facts import Case
from appraisal.proposals.store import case as proposals_case
from appraisal.settings import SessionLimits, Settings
from appraisal.web.context import Site
from tests import casts
from tests.casts import START, Clock, Stage, Wording
from tests.databases import hurried
from tests.standing import standing

PASSWORD: Final = "correct horse battery"
SECRET: Final = "for tests only, and as long as secrets are"

# Key, name, roles, unit.
CAST: Final = (
    ("designer", "Ana Ruiz", ("designer",), "SKILLS"),
    ("designer2", "Bilal Osman", ("designer",), "ENTERPRISES"),
    ("desk", "Chiara Weber", ("coordinator",), "PARDEV"),
    ("reader", "David Okoro", ("appraiser",), "PARDEV"),
    ("eval", "Elena Petrova", ("appraiser",), "EVAL"),
    ("actemp", "Farid Haddad", ("appraiser",), "ACT/EMP"),
    ("chief", "Grace Lindqvist", ("manager",), "PARDEV"),
    ("chief2", "Hugo Marchand", ("manager",), "PARDEV"),
    ("auditor", "Ines Castro", ("auditor",), "IAO"),
    ("admin", "Jonas Meyer", ("administrator",), "INFOTEC"),
)

Cast = Mapping[str, Person]


# Tests let months pass while somebody is signed in, and count statements without that of a last use.
LASTING: Final = SessionLimits(timedelta(days=3650), timedelta(days=3650))


def open_site(
    data: Path,
    library: Library,
    clock: Clock,
    database: Database | None = None,
    limits: SessionLimits = LASTING,
) -> Site:
    """Open a site on a database, else on that in its folder; the caller closes the database."""
    database = database or hurried(Database(f"sqlite:///{data / 'appraisal.sqlite3'}"))
    settings = Settings(data=data, database=database.url, secret=SECRET, sessions=limits)
    return Site(settings, library, database, Files(settings.files), accounts.hasher(quick=True), clock)


def create_cast(database: Database) -> dict[str, Person]:
    """Create everybody; all have the same password."""
    hashing = accounts.hasher(quick=True)
    with database.begin() as db:
        found = {}
        for key, name, roles, unit in CAST:
            person = accounts.create_person(
                db, SYSTEM_ACTOR, START, email=f"{key}@example.org", name=name, roles=roles, unit=unit
            )
            accounts.set_password(db, hashing, START, person.id, PASSWORD)
            found[key] = person
    return found


def sign_in_as(client: FlaskClient, site: Site, person: Person) -> None:
    """Sign a person in without the form."""
    token = open_session(site, person)
    with client.session_transaction() as session:
        session[TOKEN] = token


@standing
def open_session(site: Site, person: Person) -> str:
    """Open a session of a person, and return its token."""
    with site.database.begin() as db:
        return sessions.open_session(db, site.now(), person.id)


def change_account(site: Site, cast: Cast, key: str, **changes: Any) -> None:
    """Change somebody's account in some respects, as the system; duties that this leaves are confirmed."""
    casts.change(stage_of(site, cast), key, **changes)


def stage_of(site: Site, cast: Cast) -> Stage:
    """Return the stage on which builders act: the site with its clock, and its people by their parts."""
    assert isinstance(site.now, Clock)
    parts = {"ana": "designer", "ben": "designer2", "lead": "reader", "deputy": "chief2"}
    people = {**cast, **{part: cast[key] for part, key in parts.items() if key in cast}}
    return Stage(site.database, site.library, site.files, people, site.now, _WORDING)


_WORDING: Final = Wording(
    comment="Not convincing yet.",
    praise="",
    condition="Make {item} good.",
    owner="Ana Ruiz",
    change="Consult the workers' organizations.",
)


def load(site: Site, number: str) -> Case:
    """Load a proposal as it stands."""
    with site.database.read() as db:
        return proposals_case.load_case(db, number)


def take(site: Site, actor: Person, number: str, name: str, **given: Any) -> None:
    """Take one step; ``given`` are the fields of ``Inputs``."""
    casts.take(stage_of(site, {}), actor, number, name, **given)


def draft_proposal(site: Site, cast: Cast, *, by: str = "designer", **given: Any) -> str:
    """Write a complete draft with all its documents; ``given`` are the short names of ``neutral_content``."""
    return casts.draft(stage_of(site, cast), by, **given)


def submitted_proposal(site: Site, cast: Cast, *, by: str = "designer", **given: Any) -> str:
    """Bring a proposal to *submitted*."""
    return casts.submitted(stage_of(site, cast), by, **given)


def assigned_proposal(
    site: Site, cast: Cast, *, by: str = "designer", lead: str = "reader", **given: Any
) -> str:
    """Bring a proposal to *under appraisal*; nothing is rated, the units are asked."""
    number = submitted_proposal(site, cast, by=by, **given)
    take(site, cast["desk"], number, "assign", lead=cast[lead])
    return number


def answer_bureaux(site: Site, cast: Cast, number: str) -> None:
    """Let the two bureaux answer: employers' by its appraiser, workers' through the coordinator."""
    casts.hear_bureaux(stage_of(site, cast), number)


def rate_all(
    site: Site, lead: Person, number: str, ratings: Mapping[str, str] | None = None, value: str = "2"
) -> None:
    """Rate every item that applies; ``ratings`` names those that differ, and low ones get a comment."""
    casts.rate(stage_of(site, casts.everybody(site.database)), number, value, lead, **(ratings or {}))


def write_conditions(
    site: Site, lead: Person, number: str, items: list[str], owner: str = "Ana Ruiz"
) -> None:
    """Write a complete condition, due in a month and before the donor, for each item rated low."""
    casts.recommend(stage_of(site, {}), number, items, lead, owner=owner)


def rated_proposal(
    site: Site, cast: Cast, *, by: str = "designer", lead: str = "reader", **given: Any
) -> str:
    """Bring a proposal to where its lead can close the appraisal; ``ratings`` names those that differ."""
    return casts.rated(stage_of(site, cast), by, lead=lead, **given)


def appraised_proposal(
    site: Site, cast: Cast, *, by: str = "designer", lead: str = "reader", **given: Any
) -> str:
    """Bring a proposal to *awaiting decision*; ``ratings`` as for ``rated_proposal``."""
    return casts.awaiting(stage_of(site, cast), by, lead=lead, **given)


def revision_proposal(
    site: Site, cast: Cast, *, by: str = "designer", lead: str = "reader", **given: Any
) -> str:
    """Bring a proposal to *revision requested* by its lead, with one required change on TRI-1."""
    return casts.revision(stage_of(site, cast), by, lead=lead, **given)


def not_recommended_proposal(
    site: Site, cast: Cast, *, by: str = "designer", lead: str = "reader", **given: Any
) -> str:
    """Bring a proposal to *awaiting decision* with a recommendation against it."""
    return casts.not_recommended(stage_of(site, cast), by, lead=lead, **given)


def approved_proposal(site: Site, cast: Cast, *, by: str = "designer", **given: Any) -> str:
    """Bring a proposal to *approved*, route mechanism; ``ratings`` as for ``rated_proposal``."""
    return casts.approved(stage_of(site, cast), by, **given)


def owned_condition(site: Site, cast: Cast, owner: str, **given: Any) -> str:
    """Bring a proposal to *approved* with one condition, on TRI-3, that somebody owns."""
    return approved_proposal(site, cast, ratings={"TRI-3": "1"}, owner=owner, **given)


def overridden_proposal(site: Site, cast: Cast, *, by: str = "designer", **given: Any) -> str:
    """Bring a proposal to *approved*, route override."""
    return casts.overridden(stage_of(site, cast), by, **given)


def rejected_proposal(site: Site, cast: Cast, *, by: str = "designer", **given: Any) -> str:
    """Bring a proposal to *rejected*."""
    return casts.rejected(stage_of(site, cast), by, **given)


def funded_proposal(site: Site, cast: Cast, *, by: str = "designer", **given: Any) -> str:
    """Bring a proposal to *funded*."""
    return casts.funded(stage_of(site, cast), by, **given)


def outside_approval(site: Site, cast: Cast, *, undated: bool = False, **given: Any) -> str:
    """Register an approval of a proposal that never came here, by a title of its own."""
    return casts.outside(stage_of(site, cast), undated=undated, **given)
