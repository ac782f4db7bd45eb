"""Proposals are created here, drafts written, authors named, and files attached."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, select, update

from appraisal.canonical import canonical
from appraisal.clock import geneva_date
from appraisal.database import seals, tables
from appraisal.database.files import Files
from appraisal.database.rows import insert_row
from appraisal.definitions.library import Library
from appraisal.errors import AppraisalError, NotFound
from appraisal.people.facts import Person
from appraisal.proposals.facts import Case
from appraisal.proposals.rules import access, track_and_money
from appraisal.proposals.rules import content as proposals_content
from appraisal.proposals.rules import form as proposals_form
from appraisal.proposals.rules.approval import CREATING
from appraisal.proposals.rules.content import Complaint
from appraisal.proposals.rules.file_types import file_type, safe_name
from appraisal.proposals.rules.rounds import changes_to_answer
from appraisal.proposals.rules.rulebook import Rulebook
from appraisal.proposals.rules.summary import summary
from appraisal.proposals.services.opening import check_seen, load
from appraisal.proposals.store import lists, writing
from appraisal.proposals.store.case import load_case, load_rates
from appraisal.trail.rules import events
from appraisal.vocabulary.refusals import NotAllowed, refuse

# What moves nothing may have waited so long for its turn; whoever waits for a step begins it anew.
_LEEWAY: Final = timedelta(minutes=1)
MOST_BYTES = 20 * 1024 * 1024


class BadContent(AppraisalError):
    """What was given for the form cannot be kept; carries every complaint."""

    def __init__(self, complaints: Sequence[Complaint]) -> None:
        self.complaints = tuple(complaints)
        super().__init__(
            "; ".join(f"{entry.path}: {entry.sentence % dict(entry.facts)}" for entry in complaints)
        )

    def within(self, section: str) -> list[Complaint]:
        """Return the complaints about a whole form that are about one section, by their paths inside it."""
        prefix = f"{section}."
        return [
            replace(entry, path=entry.path.removeprefix(prefix))
            for entry in self.complaints
            if entry.path.startswith(prefix)
        ]


class BadFile(AppraisalError):
    """A file cannot be attached; ``code`` is one of *empty*, *too_large*, *kind*, *type*."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


def create_proposal(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    content: Mapping[str, Mapping[str, Any]],
    *,
    illustrative: bool = False,
    source: str = "",
    request: str | None = None,
) -> Case:
    """Create a draft whose author the actor is; raises ``NotAllowed`` or ``BadContent``."""
    if not actor.has("designer") or not actor.active:
        raise NotAllowed([refuse("role_missing", role="designer")])
    kept = _kept(content)
    check_references(db, actor, kept)
    workflow = library.newest_workflow()
    number = writing.next_number(db, geneva_date(now).year)
    # Asked once the number is held: the same form sent twice at once waits for the first here.
    if (done := writing.request_done(db, request, actor.id)) is not None:
        return load_case(db, done)
    given = track_and_money.contributions(kept, load_rates(db), geneva_date(now))
    id = writing.insert_proposal(
        db,
        number=number,
        state=workflow.initial,
        state_since=now,
        origin="native",
        content=canonical(kept).decode(),
        edited_at=now,
        illustrative=illustrative,
        source=source,
        created_at=now,
        **summary(kept, given, track_and_money.total_usd(given)),
    )
    writing.relate(db, id, actor.id, "author", now)
    return note_event(
        db,
        load_case(db, number),
        actor,
        now,
        CREATING,
        {"source": source, "illustrative": illustrative},
        request,
    )


def _kept(content: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    wrong = proposals_content.all_complaints(content)
    if wrong:
        raise BadContent(wrong)
    kept = {
        key: proposals_content.tidy(proposals_form.section(key), fields) for key, fields in content.items()
    }
    return {key: fields for key, fields in kept.items() if fields}


def check_references(db: Connection, actor: Person, content: proposals_form.Content) -> None:
    """Raise ``BadContent`` where a new form names a proposal that is not there for its writer."""
    wrong = _reference_complaints(db, actor, content.get("identification", {}), {}, "")
    if wrong:
        raise BadContent([replace(entry, path=f"identification.{entry.path}") for entry in wrong])


def _reference_complaints(
    db: Connection, actor: Person, kept: Mapping[str, Any], before: Mapping[str, Any], own: str
) -> list[Complaint]:
    named = {kept[key] for key in proposals_form.REFERENCES if kept.get(key) and kept[key] != before.get(key)}
    known = lists.kinds_to_name(db, named - {own}, actor)
    return proposals_content.reference_complaints(kept, before, known)


def note_event(
    db: Connection,
    case: Case,
    actor: Person,
    now: datetime,
    action: str,
    said: Mapping[str, Any],
    request: str | None = None,
    *,
    aside: bool = False,
    **columns: Any,
) -> Case:
    """Append an event that moves nothing, with the columns that changed.

    One written *aside* leaves the row version as it is: what reviewers do collides with nobody's
    open page, and no page betrays it.
    """
    if case.sequence:
        writing.check_order(db, case, now, _LEEWAY)
    row = {"from_state": case.state, "to_state": case.state, "request": request}
    event = events.event(
        proposal=case.number,
        sequence=case.sequence + 1,
        previous=case.head,
        at=now,
        by=actor.id,
        action=action,
        facts=said,
        columns=row,
        seals=seals.seal(db, case.id, columns),
    )
    writing.update_proposal(
        db,
        case.id,
        case.row_version,
        aside=aside,
        sequence=event.sequence,
        head=event.digest,
        **columns,
    )
    writing.insert_event(
        db,
        case.id,
        event,
        name=action,
        at=now,
        by=actor.id,
        **row,
    )
    version = case.row_version + (not aside)
    return replace(case, row_version=version, sequence=event.sequence, head=event.digest)


def save_section(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    number: str,
    section: str,
    raw: Mapping[str, Any],
    *,
    seen: int | None = None,
) -> Case:
    """Save one section of the draft; no version is made of it.

    Raises ``BadContent`` with every complaint, ``NotAllowed``, ``NotFound`` or ``StepConflict``.
    """
    case, _ = load_editable(db, library, actor, number, seen)
    try:
        form = proposals_form.section(section)
    except KeyError:
        raise NotFound("section", section) from None
    kept = proposals_content.tidy(form, raw)
    wrong = proposals_content.complaints(form, kept)
    if section == "identification":
        wrong += _reference_complaints(db, actor, kept, case.content.get(section, {}), case.number)
    if wrong:
        raise BadContent(wrong)
    content = {key: fields for key, fields in {**case.content, section: kept}.items() if fields}
    columns: dict[str, Any] = {"content": canonical(content).decode(), "edited_at": now}
    if not case.versions:
        given = track_and_money.contributions(content, load_rates(db), geneva_date(now))
        columns |= summary(content, given, track_and_money.total_usd(given))
    writing.update_proposal(db, case.id, case.row_version, **columns)
    return replace(case, content=content, row_version=case.row_version + 1, edited_at=now)


def load_editable(
    db: Connection, library: Library, actor: Person, number: str, seen: int | None
) -> tuple[Case, Rulebook]:
    """Load and lock a proposal whose draft somebody may write.

    Raises ``NotFound``, ``StepConflict`` where another version was seen, and ``NotAllowed``.
    """
    case, book = load(db, library, number, actor, lock=True)
    check_seen(case, seen)
    check_editable(case, book, actor)
    return case, book


def check_editable(case: Case, book: Rulebook, actor: Person) -> None:
    """Raise ``NotAllowed`` with the reason where a person may not write in a proposal now."""
    state = book.workflow.states[case.state]
    if access.may_edit(case, actor, state.editable_by == "author"):
        return
    if actor.id not in case.related("author") or not actor.has("designer"):
        raise NotAllowed([refuse("not_author")])
    if case.hold is not None:
        raise NotAllowed([refuse("on_hold", until=case.hold.until)])
    raise NotAllowed([refuse("not_editable", state=state.title)])


def answer_change(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    number: str,
    change: int,
    answer: str,
    text: str,
    *,
    seen: int | None = None,
) -> Case:
    """Answer a required change by its id: *done*, saying where, or *not_done*, saying why.

    An answer that came in with a submitted version stays: it raises ``NotFound`` like an unknown id.
    """
    case, _ = load_editable(db, library, actor, number, seen)
    if change not in {entry.id for entry in changes_to_answer(case)}:
        raise NotFound("required change", str(change))
    if answer not in ("done", "not_done") or not text.strip():
        raise NotAllowed([refuse("text_missing")])
    table = tables.changes
    db.execute(
        update(table)
        .where(table.c.id == change)
        .values(answer=answer, answer_text=text.strip(), answered_at=now)
    )
    writing.update_proposal(db, case.id, case.row_version, edited_at=now)
    return load_case(db, number)


def attach_document(
    db: Connection,
    library: Library,
    files: Files,
    actor: Person,
    now: datetime,
    number: str,
    kind: str,
    filename: str,
    data: bytes,
    *,
    seen: int | None = None,
) -> Case:
    """Attach a file; raises ``BadFile`` for one that is empty, too large or of another type."""
    case, _ = load_editable(db, library, actor, number, seen)
    if kind not in {choice.value for choice in proposals_form.DOCUMENT_KINDS}:
        raise BadFile("kind")
    if not data:
        raise BadFile("empty")
    if len(data) > MOST_BYTES:
        raise BadFile("too_large")
    found = file_type(data)
    if found is None:
        raise BadFile("type")
    insert_row(
        db,
        tables.documents,
        proposal_id=case.id,
        kind=kind,
        filename=safe_name(filename, found),
        media_type=found.media_type,
        sha256=files.keep(data),
        size=len(data),
        at=now,
        by=actor.id,
    )
    writing.update_proposal(db, case.id, case.row_version, edited_at=now)
    return load_case(db, number)


def remove_document(
    db: Connection,
    library: Library,
    actor: Person,
    now: datetime,
    number: str,
    document: int,
    *,
    seen: int | None = None,
) -> Case:
    """Take a file out of the next version; earlier versions keep it."""
    case, _ = load_editable(db, library, actor, number, seen)
    if document not in {entry.id for entry in case.documents}:
        raise NotFound("document", str(document))
    table = tables.documents
    db.execute(update(table).where(table.c.id == document).values(removed_at=now))
    writing.update_proposal(db, case.id, case.row_version, edited_at=now)
    return load_case(db, number)


def find_document(db: Connection, case: Case, actor: Person, document: int) -> Any:
    """Return the row of a file of a proposal that the actor may read: filename, media type and SHA-256.

    A file that no version holds yet is its authors' alone.
    """
    submitted = {entry.id for version in case.versions for entry in version.documents}
    table = tables.documents
    rows = db.execute(select(table).where(table.c.proposal_id == case.id))
    row = next((entry for entry in rows if entry.id == document), None)
    if row is None or (row.id not in submitted and not access.sees_draft(case, actor)):
        raise NotFound("document", str(document))
    return row
