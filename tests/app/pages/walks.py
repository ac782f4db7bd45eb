"""Walks: every address of the site with every argument that makes sense, and every form of it.

A route that this module does not know how to fill fails the test that walks: whoever adds one says
here what belongs into its address, and what a form of it holds.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final
from urllib.parse import urlencode

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from appraisal.accounts.pages.sign_in import TOKEN
from appraisal.database import tables
from appraisal.proposals.rules import form as proposals_form
from tests.app.pages.worlds import World, ids

NOBODYS: Final = "TC-2010-9999"
_UNKNOWN_ID: Final = 9999
_UNKNOWN_DIGEST: Final = "0" * 64

Values = Callable[[Sequence[World], Mapping[str, Any]], Iterable[Any]]


def _of_proposal(table: Any) -> Values:
    """Return the ids that belong to the proposal of the address, and one that nothing has."""

    def found(worlds: Sequence[World], given: Mapping[str, Any]) -> Iterable[int]:
        places = [
            world.load(key).id
            for world in worlds
            for key in world.numbers
            if world.numbers[key] == given.get("number")
        ]
        mine = {id for place in places for id in ids(worlds, table, proposal_id=place)}
        return [*sorted(mine), _UNKNOWN_ID]

    return found


def _conditions(worlds: Sequence[World], given: Mapping[str, Any]) -> Iterable[int]:
    mine = set(_of_proposal(tables.appraisals)(worlds, given))
    found = {id for appraisal in mine for id in ids(worlds, tables.conditions, appraisal_id=appraisal)}
    return [*sorted(found), _UNKNOWN_ID]


def _digests(table: Any) -> Values:
    def found(worlds: Sequence[World], _: Mapping[str, Any]) -> Iterable[str]:
        rows = set()
        for world in worlds:
            with world.site.database.read() as db:
                rows |= {row.digest for row in db.execute(table.select())}
        return [*sorted(rows), _UNKNOWN_DIGEST]

    return found


def _steps(worlds: Sequence[World], _: Mapping[str, Any]) -> Iterable[str]:
    return [*(entry.name for entry in worlds[0].site.library.newest_workflow().transitions), "dance"]


def _codes(worlds: Sequence[World], _: Mapping[str, Any]) -> Iterable[str]:
    library = worlds[0].site.library
    return [*(entry.checklist.code for entry in library.criteria(library.newest_set().key)), "XYZ"]


def _checklists(worlds: Sequence[World], _: Mapping[str, Any]) -> Iterable[str]:
    library = worlds[0].site.library
    return [entry.checklist.key for entry in library.criteria(library.newest_set().key)]


def _sections(worlds: Sequence[World], _: Mapping[str, Any]) -> Iterable[str]:
    return [proposals_form.SECTIONS[0].key, proposals_form.SECTIONS[-1].key, "attic"]


def _people(worlds: Sequence[World], _: Mapping[str, Any]) -> Iterable[int]:
    return [worlds[0].cast[key].id for key in ("signs", "rated", "reader")]


def _just(*values: Any) -> Values:
    return lambda worlds, given: values


# What an argument of an address may be: by endpoint where its name alone does not say.
ARGUMENTS: Final[Mapping[str, Values]] = {
    "version": _just(1, 2, 3),
    "code": _codes,
    "key": _checklists,
    "section": _sections,
    "name": _steps,
    "language": _just("en", "fr"),
    "consultation": _of_proposal(tables.consultations),
    "review": _of_proposal(tables.reviews),
    "document": _of_proposal(tables.documents),
    "condition": _conditions,
    "digest": _digests(tables.records),
    "indicators.report_file digest": _digests(tables.indicator_reports),
    "frameworks.show code": _just("1.1", "3.3", "9.9"),
    "feeds.figure code": _just("1.1", "3.3"),
    "feeds.figure ending": _just("json", "csv"),
    "indicators.publish code": _just("2.1", "3.1", "9.9"),
    "indicators.report_file code": _just("2.1"),
    "frameworks.rows code": _just("1.1", "9.9"),
    "group": _just("counted", "attic"),
    "dataset": _just("gaps", "attic"),
    "sha256": _just(_UNKNOWN_DIGEST),
    "datasets.file id": _just(1, _UNKNOWN_ID),
    "feeds.published digest": _digests(tables.indicator_reports),
    "feeds.pdf digest": _digests(tables.indicator_reports),
    "feeds.render digest": _digests(tables.indicator_reports),
    "feeds.present ending": _just("json", "csv", "xlsx"),
    "feeds.published ending": _just("csv", "xlsx"),
    "accounts.end_session id": _just(_UNKNOWN_ID),
    "confirmations.answer id": _just(1, _UNKNOWN_ID),
    "people.edit id": _people,
    "account_events.show id": _people,
    "people.link id": _people,
    "handovers.show id": _people,
    "substitutions.end id": _just(1, _UNKNOWN_ID),
    "substitutions.of_person id": _people,
    "settings.remove_holiday id": _just(1),
    "currency": _just("EUR"),
    "day": _just("2010-01-01", "soon"),
    "token": _just("abc"),
}
# Addresses that are narrowed, sorted or paged by what follows the question mark.
QUERIES: Final[Mapping[str, Sequence[Mapping[str, str]]]] = {
    "proposals.index": (
        {"words": "Hidden"},
        {"words": "round"},
        {"country": "Zambia"},
        {"country": "ZM", "state": "under_appraisal"},
        *({"state": state} for state in ("submitted", "revision_requested", "awaiting_decision", "approved")),
        *({"route": route} for route in ("mechanism", "override", "outside")),
        {"after": "3"},
    ),
    "records.index": ({"after": "1000"}, {"after": "2"}),
    "indicators.behind": (
        {"biennium": "2010-11", "group": "mechanism"},
        {"biennium": "2010-11", "group": "mechanism", "unit": "SKILLS"},
        {"biennium": "2010-11", "group": "nobody"},
    ),
    "indicators.show": (
        {"biennium": "2010-11"},
        {"biennium": "2010-11", "as_of": "2010-06-30"},
        {"biennium": "2012-13"},
        {"biennium": "soon"},
    ),
    "matches.show": ({"biennium": "2010-11"}, {"biennium": "soon"}, {"page": "9" * 30}),
    "matches.register": ({"project": "x"},),
    "rates.index": ({"currency": "eur"}, {"page": "2"}, {"page": "9" * 30}),
    "frameworks.index": ({"biennium": "2010-11"}, {"biennium": "soon"}),
    "frameworks.show": ({"biennium": "2010-11"}, {"biennium": "soon"}),
    "frameworks.rows": ({"biennium": "2010-11", "page": "2"},),
    "datasets.show": ({"after": "x"},),
    "bundles.show": ({"numbers": "TC-2010-0001"}, {"biennium": "2010-11"}),
    "activities.show": ({"biennium": "2010-11"}, {"biennium": "soon"}),
    "activities.download": ({"biennium": "2010-11"}, {"illustrative": "1"}),
    "pipelines.show": ({"biennium": "2010-11"}, {"biennium": "soon"}),
    "feeds.present": (
        {"biennium": "2010-11"},
        {"biennium": "2010-11", "as_of": "2010-02-02", "scope": "all"},
    ),
    "differences.show": ({"against": "1"}, {"against": "9"}),
    "times.show": ({"biennium": "2010-11"},),
    "agreements.show": ({"sort": "lowest"},),
    "reconciliations.show": (
        {"only": "differing"},
        {"only": "unexplained"},
        {"checklist": "TRI", "page": "2"},
    ),
    "drafts.documents": ({"kind": "outline"},),
    "lessons.index": ({"words": "work"}, {"theme": "x"}, {"after": "1"}),
    "similarities.show": ({"words": "work"},),
    "proposals.new": ({"predecessor": "TC-2010-0001"},),
}

Form = Mapping[str, Any]
Forms = Callable[[World], Sequence[Form]]


def _always(*given: Form) -> Forms:
    return lambda world: given


def _ratings(world: World) -> Sequence[Form]:
    return [{"seen": "0", "TRI-1-value": "2"}, {"seen": "1", "next": "1"}, {}]


def _asking(world: World) -> Sequence[Form]:
    """Return forms that ask the others to review: to be suggested, and to be asked."""
    people = [str(world.cast[key].id) for key in ("signs", "conflicted")]
    chosen = {"checklists": ["ALI", "GEN"], "people": people, "other": "", "due_on": "2010-08-02"}
    return [{**chosen, "suggest": "1"}, chosen, {**chosen, "checklists": []}]


def _taking(world: World) -> Sequence[Form]:
    """Return forms of a step: stale, empty, and complete with a lead who is in conflict elsewhere."""
    whole = {
        "note": "Because.",
        "missing": "A letter.",
        "lead": str(world.cast["conflicted"].id),
        "changes-0-item": "TRI-1",
        "changes-0-text": "More",
        "reference": "Agreement",
        "on": "2010-05-03",
        "document": "Minute",
        "source": "Registry",
        "undated": "y",
    }
    return [{**whole, "seen": "0"}, whole]


# What is sent to each address that takes a form; a form may be stale, empty or complete.
FORMS: Final[Mapping[str, Forms]] = {
    "accounts.edit": _always({"language": "de"}),
    "accounts.end_session": _always({}),
    "accounts.password": _always({"old": "Mine"}),
    "appraisals.checklist": _ratings,
    "appraisals.confirm": _always({"seen": "0"}, {}),
    "appraisals.recommendation": _always({"seen": "0", "reason": "Mine", "chosen": ""}, {}),
    "appraisals.consultation": _always({"text": " "}, {"text": "Said by a walker."}),
    "approvals.new": _always({"title": "Only a title"}),
    "bundles.show": _always(
        {},
        {"numbers": "TC-2010-0001"},
        {"numbers": "TC-2010-0001 TC-2010-0002"},
        {"biennium": "2010-11"},
        {"state": "under_appraisal"},
    ),
    "condition_owners.show": lambda world: [
        {},
        {"owner": str(world.cast["designer2"].id), "reason": "Left.", "seen": "0"},
    ],
    "conditions.clear": _always({"seen": "0", "text": "Met."}, {"text": "Met."}),
    "conditions.report": _always({"seen": "0", "text": "Met."}, {"text": "Met."}),
    "conditions.waive": _always({"seen": "0", "text": "Waived."}, {"text": "Waived."}),
    "datasets.columns": _always({}),
    "datasets.upload": _always({}),
    "drafts.authors": lambda world: [{"seen": "0", "person": str(world.cast["signs"].id)}],
    "drafts.changes": _always({"seen": "0"}),
    "drafts.documents": _always({"seen": "0", "kind": "outline"}),
    "drafts.edit": _always({"seen": "0", "title": "Mine"}),
    "drafts.remove_document": _always({"seen": "0"}),
    "feeds.render": _always({}),
    "handovers.show": _always({"reason": "Ill."}),
    "activities.import_file": _always({}, {"carried": "x"}),
    "indicators.publish": _always({"biennium": "soon"}, {"biennium": "2010-11"}),
    "lessons.import_list": _always({}),
    "matches.confirm": _always({"project": "x", "number": "TC-2010-0001"}),
    "matches.look": _always({"project": "x"}, {"project": "x", "seal": "0"}),
    "matches.register": _always({"project": "x"}),
    "matches.undo": _always({"project": "x"}),
    "missing_authors.show": lambda world: [
        {},
        {"person": str(world.cast["designer2"].id), "reason": "Left.", "seen": "0"},
    ],
    "confirmations.answer": _always({"answer": "confirm"}, {"answer": "perhaps"}),
    "people.edit": _always({"name": "Somebody else"}),
    "people.link": _always({}),
    "people.new": _always({"name": "Somebody"}),
    "proposals.new": _always({"title": ""}),
    "records.render": _always({"language": "fr"}),
    "reconciliations.adopt": _always({"seen": "0"}, {}),
    "reconciliations.show": _always({"seen": "0", "TRI-1-value": "2", "TRI-1-reason": "Mine"}, {}),
    "reviewers.index": _asking,
    "reviewers.move": _always({"due_on": "soon"}, {"due_on": "2010-08-02"}),
    "reviewers.withdraw": _always({}),
    "reviews.checklist": _always({"seen": "0", "ALI-1-value": "2"}, {"ALI-1-value": "3"}),
    "reviews.confirm": _always({"seen": "0"}, {}),
    "reviews.decline": _always({"text": " "}),
    "reviews.show": _always({"answer": "conflict", "text": " "}, {"answer": "nothing"}),
    # Stale: whoever signs sees everything from then on.
    "reviews.sign": _always({"seen": "0", "comment": "Mine"}),
    "selfchecks.checklist": _always({"seen": "0", "ALI-1-value": "2"}, {"ALI-1-value": "3"}),
    "settings.holidays": _always({"day": "soon"}),
    "rates.enter": _always({"day": "soon"}),
    "settings.remove_holiday": _always({}),
    "settings.retry_drawings": _always({}),
    "settings.retry_mail": _always({}),
    "similarities.show": _always({"lesson": "i-eval 1"}, {"proposals": "TC-2010-0002"}, {"seen": "0"}),
    "steps.take": _taking,
    "substitutions.end": _always({}),
    "substitutions.of_person": _always({"first": "soon"}),
    "substitutions.show": _always({"first": "soon"}),
    "verifications.show": _always({}),
}
# Forms that have nothing to do with proposals, and would end the walk or start another one.
APART: Final = frozenset(
    {
        "sessions.sign_in",
        "sessions.sign_out",
        "sessions.sign_out_everywhere",
        "sessions.language",
        "sessions.invitation",
        "sessions.reset",
    }
)


class Unfilled(AssertionError):
    """A route that nobody has said how to walk."""


def addresses(
    app: Flask, worlds: Sequence[World], method: str, keys: Iterable[str] | None = None
) -> Iterator[tuple[Rule, str]]:
    """Yield every address that takes a method, filled with every argument that makes sense.

    ``keys`` narrows the proposals to some; one that is not there is always among them.
    """
    numbers = [worlds[0].numbers[key] for key in keys or worlds[0].numbers]
    with app.test_request_context():
        adapter = app.url_map.bind("localhost")
        for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
            if method in (rule.methods or ()) and rule.endpoint != "static":
                for given in _fillings(rule, worlds, numbers):
                    yield rule, adapter.build(rule.endpoint, given, method=method)


def _fillings(rule: Rule, worlds: Sequence[World], numbers: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Fill the arguments of a rule one after the other: what the later may be hangs on the proposal."""
    found: list[dict[str, Any]] = [{}]
    if "number" in rule.arguments:
        found = [{"number": number} for number in (*numbers, NOBODYS)]
    for name in sorted(rule.arguments - {"number"}):
        values = ARGUMENTS.get(f"{rule.endpoint} {name}") or ARGUMENTS.get(name)
        if values is None:
            raise Unfilled(
                f"say in {__name__}.ARGUMENTS what <{name}> may be in {rule.rule} ({rule.endpoint})"
            )
        found = [
            {**given, name: value}
            for given in found
            for value in islice(values(worlds, given), 1 if given.get("number") == NOBODYS else None)
        ]
    yield from found


def forms_of(rule: Rule, world: World) -> Sequence[Form]:
    """Return the forms to send to an address."""
    if rule.endpoint in APART:
        return ()
    if rule.endpoint not in FORMS:
        raise Unfilled(f"say in {__name__}.FORMS what a form of {rule.rule} ({rule.endpoint}) holds")
    return FORMS[rule.endpoint](world)


def questions(rule: Rule, address: str) -> Iterator[str]:
    """Yield an address as it is, and narrowed, sorted and paged."""
    yield address
    for query in QUERIES.get(rule.endpoint, ()):
        yield f"{address}?{urlencode(query)}"


# The second of the answer, and the cookie, which is opened.
_STAMPS: Final = ("Date", "Expires", "Set-Cookie")
# The steps whose pages say most: who may decide, close, name somebody, or do nothing of the kind.
_TELLING: Final = ("approve", "finalise", "reassign", "send_to_donor", "dance")


def is_telling(rule: Rule, address: str) -> bool:
    """Tell whether an address is no page of a step, or one of a step that says most."""
    return rule.endpoint != "steps.take" or address.rpartition("/")[2] in _TELLING


_KEYS: Final = re.compile(r'(name="(?:request_key|csrf_token)" value=")[^"]*')


def without_tokens(page: str) -> str:
    """Return a page without its tokens, which hang on the second in which they were made."""
    return _KEYS.sub(r"\1", page)


def told(app: Flask, answer: TestResponse) -> dict[str, Any]:
    """Return all that an answer tells, apart from tokens: status, headers, cookies and body."""
    headers = sorted((name, value) for name, value in answer.headers if name not in _STAMPS)
    body = answer.get_data()
    answer.close()
    if (answer.mimetype or "").startswith("text/"):
        body = without_tokens(body.decode()).encode()
    return {
        "status": answer.status_code,
        "headers": headers,
        "cookies": [_opened(app, value) for value in answer.headers.getlist("Set-Cookie")],
        "body": body,
    }


def _opened(app: Flask, cookie: str) -> Any:
    """Return what a cookie of the session holds; its seal carries the second in which it was made."""
    name, _, rest = cookie.partition("=")
    value, _, attributes = rest.partition(";")
    serializer: Any = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    kept = serializer.loads(value) if value and name == "session" else value
    if isinstance(kept, dict):
        # Random, the one as the other.
        for token in ("csrf_token", TOKEN):
            kept.pop(token, None)
    return (name, kept, sorted(part.strip() for part in attributes.split(";") if "xpires" not in part))


@dataclass(frozen=True, slots=True)
class Visit:
    """One person at one site."""

    app: Flask
    client: FlaskClient
    world: World

    def get(self, address: str) -> dict[str, Any]:
        """Open an address; return all that the answer tells."""
        return told(self.app, self.client.get(address))

    def post(self, address: str, form: Form) -> dict[str, Any]:
        """Send a form; return all that the answer tells."""
        return told(self.app, self.client.post(address, data=form))
