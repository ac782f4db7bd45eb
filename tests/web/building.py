"""Building: people, a clock, and proposals brought to where a test needs them, through the services.

Every builder takes the site and the cast, writes at the site's clock, lets a minute pass after each
step, and returns the number of the proposal.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from flask.testing import FlaskClient
from sqlalchemy import Connection

from appraisal.accounts.pages.sign_in import TOKEN
from appraisal.accounts.services import accounts, sessions
from appraisal.appraisals.rules.conditions import ConditionPut
from appraisal.appraisals.services import lead as appraisals_lead
from appraisal.appraisals.services import reviews
from appraisal.appraisals.services.lead import RatingPut
from appraisal.database.engine import Database
from appraisal.database.files import Files
from appraisal.definitions.library import Library
from appraisal.people.facts import SYSTEM_ACTOR, Person
from appraisal.proposals.facts import Case
from appraisal.proposals.rules import track_and_money
from appraisal.proposals.rules.attempt import Agreement, ApprovalGiven, ChangeAsked, Inputs
from appraisal.proposals.services import drafts
from appraisal.proposals.store import case as proposals_case
from appraisal.scenarios.complete_proposal import neutral_content
from appraisal.settings import SessionLimits, Settings
from appraisal.web.context import Site
from appraisal.workflow.services import acts, departures, outside_approvals
from tests import casts
from tests.databases import hurried
from tests.standing import standing

START: Final = datetime(2010, 2, 1, 9, tzinfo=UTC)
PASSWORD: Final = "correct horse battery"
SECRET: Final = "for tests only, and as long as secrets are"
PDF: Final = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"

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


class Clock:
    """The clock of a site under test: stands still until it is set or moved on."""

    def __init__(self, moment: datetime = START) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def set(self, moment: datetime) -> None:
        """Set the clock to a moment, earlier or later."""
        self.moment = moment

    def advance(self, **span: float) -> None:
        """Move the clock on, by the names that ``timedelta`` knows."""
        self.moment += timedelta(**span)


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
    with site.database.begin() as db:
        person = accounts.find_person(db, cast[key].id).person
        given: dict[str, Any] = {
            "name": person.name,
            "roles": sorted(person.roles),
            "unit": person.unit,
            "duty_station": person.duty_station,
            "language": person.language,
            "active": person.active,
            "library": site.library,
            "confirmed": [duty.key for duty in departures.list_duties(db, site.library, person)],
        }
        accounts.change_person(db, SYSTEM_ACTOR, site.now(), person.id, **{**given, **changes})


def load(site: Site, number: str) -> Case:
    """Load a proposal as it stands."""
    with site.database.read() as db:
        return proposals_case.load_case(db, number)


def _pass(site: Site) -> None:
    assert isinstance(site.now, Clock)
    site.now.advance(minutes=1)


@standing
def take(site: Site, actor: Person, number: str, name: str, **given: Any) -> None:
    """Take one step; ``given`` are the fields of ``Inputs``."""
    if name in ("finalise", "request_revision"):
        given.setdefault("withdrawn", casts.dropped(site.database, site.library, number))
    with site.database.begin() as db:
        acts.take_step(db, site.library, actor, site.now(), number, name, Inputs(**given))
    _pass(site)


@standing
def draft_proposal(site: Site, cast: Cast, *, by: str = "designer", **given: Any) -> str:
    """Write a complete draft with all its documents; ``given`` are the short names of ``neutral_content``."""
    content = neutral_content(given)
    with site.database.begin() as db:
        case = drafts.create_proposal(db, site.library, cast[by], site.now(), content)
        _attach(db, site, cast[by], case)
    _pass(site)
    return case.number


def _attach(db: Connection, site: Site, author: Person, case: Case) -> None:
    missing = track_and_money.documents_missing(
        site.library.newest_workflow(), "reinforced", case.content, ()
    )
    for kind in missing:
        drafts.attach_document(
            db, site.library, site.files, author, site.now(), case.number, kind, f"{kind}.pdf", PDF
        )


@standing
def submitted_proposal(site: Site, cast: Cast, *, by: str = "designer", **given: Any) -> str:
    """Bring a proposal to *submitted*."""
    number = draft_proposal(site, cast, by=by, **given)
    take(site, cast[by], number, "submit")
    return number


@standing
def assigned_proposal(site: Site, cast: Cast, *, lead: str = "reader", **given: Any) -> str:
    """Bring a proposal to *under appraisal*; nothing is rated, the units are asked."""
    number = submitted_proposal(site, cast, **given)
    take(site, cast["desk"], number, "assign", lead=cast[lead])
    return number


@standing
def answer_bureaux(site: Site, cast: Cast, number: str) -> None:
    """Let the two bureaux answer: employers' by its appraiser, workers' through the coordinator."""
    running = load(site, number).appraisal
    assert running is not None
    by_unit = {entry.unit: entry.id for entry in running.consultations}
    with site.database.begin() as db:
        reviews.declare(db, site.library, cast["actemp"], site.now(), number, conflict=None)
        reviews.sign(db, site.library, cast["actemp"], site.now(), number, "We agree.")
        appraisals_lead.answer_consultation(
            db, site.library, cast["desk"], site.now(), number, by_unit["ACTRAV"], "We agree."
        )
    _pass(site)


@standing
def rate_all(
    site: Site, lead: Person, number: str, ratings: Mapping[str, str] | None = None, value: str = "2"
) -> None:
    """Rate every item that applies; ``ratings`` names those that differ, and low ones get a comment."""
    case = load(site, number)
    assert case.version is not None
    given = ratings or {}
    puts = {}
    for criterion in site.library.criteria(site.library.newest_set().key):
        applies = criterion.member.applies
        if applies is not None and case.version.threshold_usd <= applies.above_usd:
            continue
        for item in criterion.checklist.items:
            rating = given.get(item.id, value)
            puts[item.id] = RatingPut(rating, "" if rating in ("2", "3") else "Not convincing yet.")
    block = {item: puts.pop(item) for item in tuple(puts) if item.startswith("EVA-")}
    with site.database.begin() as db:
        appraisals_lead.rate(db, site.library, lead, site.now(), number, puts)
        if block:
            reviewer = next(entry.person for entry in accounts.list_people(db) if entry.person.unit == "EVAL")
            reviews.declare(db, site.library, reviewer, site.now(), number, conflict=None)
            reviews.rate(db, site.library, reviewer, site.now(), number, block)
            reviews.sign(db, site.library, reviewer, site.now(), number)
    _pass(site)


@standing
def write_conditions(
    site: Site, lead: Person, number: str, items: list[str], owner: str = "Ana Ruiz"
) -> None:
    """Write a complete condition, due in a month and before the donor, for each item rated low.

    One that stands on the item already is changed, as the page does.
    """
    due, running = (site.now() + timedelta(days=30)).date(), load(site, number).appraisal
    known = {entry.item: entry.id for entry in running.conditions} if running else {}
    puts = [
        ConditionPut(f"Make {item} good.", item, owner, due, "before_donor", known.get(item))
        for item in items
    ]
    with site.database.begin() as db:
        appraisals_lead.recommend(db, site.library, lead, site.now(), number, conditions=puts)
    _pass(site)


@standing
def rated_proposal(
    site: Site, cast: Cast, *, lead: str = "reader", ratings: Mapping[str, str] | None = None, **given: Any
) -> str:
    """Bring a proposal to where its lead can close the appraisal: all rated, bureaux heard."""
    number = assigned_proposal(site, cast, lead=lead, **given)
    answer_bureaux(site, cast, number)
    rate_all(site, cast[lead], number, ratings)
    low = [item for item, rating in (ratings or {}).items() if rating == "1"]
    if low:
        write_conditions(site, cast[lead], number, low)
    return number


@standing
def appraised_proposal(site: Site, cast: Cast, *, lead: str = "reader", **given: Any) -> str:
    """Bring a proposal to *awaiting decision*; ``ratings`` as for ``rated_proposal``."""
    number = rated_proposal(site, cast, lead=lead, **given)
    take(site, cast[lead], number, "finalise")
    return number


@standing
def revision_proposal(site: Site, cast: Cast, *, lead: str = "reader", **given: Any) -> str:
    """Bring a proposal to *revision requested* by its lead, with one required change on TRI-1."""
    number = rated_proposal(site, cast, lead=lead, ratings={"TRI-1": "1"}, **given)
    change = ChangeAsked("Consult the workers' organizations.", "TRI-1")
    take(site, cast[lead], number, "request_revision", changes=(change,))
    return number


@standing
def not_recommended_proposal(site: Site, cast: Cast, *, lead: str = "reader", **given: Any) -> str:
    """Bring a proposal to *awaiting decision* with a recommendation against it."""
    number = rated_proposal(site, cast, lead=lead, ratings={"TRI-1": "1"}, **given)
    with site.database.begin() as db:
        appraisals_lead.recommend(
            db,
            site.library,
            cast[lead],
            site.now(),
            number,
            chosen="NOT_RECOMMENDED",
            reason="Not repairable.",
        )
    take(site, cast[lead], number, "finalise")
    return number


@standing
def approved_proposal(site: Site, cast: Cast, **given: Any) -> str:
    """Bring a proposal to *approved*, route mechanism; ``ratings`` as for ``rated_proposal``."""
    number = appraised_proposal(site, cast, **given)
    take(site, cast["chief"], number, "approve")
    return number


@standing
def owned_condition(site: Site, cast: Cast, owner: str, **given: Any) -> str:
    """Bring a proposal to *approved* with one condition, on TRI-3, that somebody owns."""
    number = rated_proposal(site, cast, ratings={"TRI-3": "1"}, **given)
    write_conditions(site, cast["reader"], number, ["TRI-3"], owner)
    take(site, cast["reader"], number, "finalise")
    take(site, cast["chief"], number, "approve")
    return number


@standing
def overridden_proposal(site: Site, cast: Cast, **given: Any) -> str:
    """Bring a proposal to *approved*, route override."""
    number = not_recommended_proposal(site, cast, **given)
    take(site, cast["chief"], number, "propose_override", note="The donor cannot wait.")
    take(site, cast["chief2"], number, "countersign", note="Agreed.")
    return number


@standing
def rejected_proposal(site: Site, cast: Cast, **given: Any) -> str:
    """Bring a proposal to *rejected*."""
    number = not_recommended_proposal(site, cast, **given)
    take(site, cast["chief"], number, "reject", note="Not in line with the strategy.")
    return number


@standing
def funded_proposal(site: Site, cast: Cast, **given: Any) -> str:
    """Bring a proposal to *funded*."""
    number = approved_proposal(site, cast, **given)
    take(site, cast["desk"], number, "send_to_donor")
    agreement = Agreement(site.now().date(), "Agreement 1")
    take(site, cast["desk"], number, "fund", agreement=agreement)
    return number


@standing
def outside_approval(site: Site, cast: Cast, *, undated: bool = False, **given: Any) -> str:
    """Register an approval of a proposal that never came here, by a title of its own."""
    given.setdefault("title", f"Approved elsewhere at {site.now():%d %B %H:%M}")
    approval = ApprovalGiven("Minute 12", "Registry", None if undated else site.now())
    with site.database.begin() as db:
        case = outside_approvals.register_outside(
            db, site.library, cast["desk"], site.now(), neutral_content(given), approval
        )
    _pass(site)
    return case.number
