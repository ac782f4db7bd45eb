"""What was written in the form and what is read of it: the same, at every place that shows a proposal."""

import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import count
from typing import Any, Final

import pytest
from flask import Flask, template_rendered
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import nodes
from lxml import html

from appraisal.appraisals.services import reviews
from appraisal.canonical import canonical
from appraisal.language.texts import LANGUAGES, Language
from appraisal.printing.printable import printed
from appraisal.printing.rendering import page_of
from appraisal.proposals.facts import Version
from appraisal.proposals.pages import answers
from appraisal.proposals.rules import form as proposals_form
from appraisal.proposals.rules.form import Content, Field
from appraisal.proposals.services import drafts
from appraisal.records.store import records as stored
from appraisal.verification.rules.bundle_manifest import Asked
from appraisal.verification.services import bundles
from appraisal.web.context import Site
from tests.printing.readers import solid
from tests.web import building
from tests.web.building import Cast

# Words that pages may stumble over: markup, what templates mean something by, other scripts, and lines.
_HOSTILE: Final = (
    "<b>bold</b> & \"quoted\" 'twice'",
    "{{ 7 * 7 }} %(name)s %s",
    "العمل اللائق",
    "体面劳动",
    "one\n\nthree",
    "</td></dd></section>",
    "0",
)
_GRAPHIC: Final = st.characters(exclude_categories=("Cc", "Cs", "Cn", "Co", "Zl", "Zp"))
# References that lead somewhere, and days that are possible, wherever they are asked for.
_REFERENCES: Final = {"ref": "1.1", "serves": "1", "output": "1.1", "number": "C081"}
_PLANNED: Final = frozenset({"workplan", "monitoring"})


@st.composite
def written(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """Draw what is written in some fields of the form: rows that lack cells, one cell, markup, any script."""
    number = count(1)

    def text(lines: bool) -> str:
        said = draw(st.sampled_from(_HOSTILE) | st.text(_GRAPHIC, min_size=1, max_size=12))
        return f"Said {next(number)}: {said if lines else said.replace(chr(10), ' ')}".strip()

    def value(section: str, entry: Field) -> Any:
        match entry.kind:
            case "choice" | "flag":
                return draw(st.sampled_from(entry.choices)).value
            case "date":
                return "2010-09-01" if section in _PLANNED else "2009-12-01"
            case "money":
                return str(draw(st.integers(1, 10**7)))
            case "rows":
                return rows(section, entry)
            case _:
                return _REFERENCES.get(entry.key) or text(entry.kind == "prose")

    def rows(section: str, entry: Field) -> list[dict[str, Any]]:
        found = []
        for _ in range(draw(st.integers(1, 8))):
            kept = [column for column in entry.columns if column.needed or draw(st.booleans())]
            found.append({column.key: value(section, column) for column in kept or entry.columns[:1]})
        return found

    free = [
        (section.key, entry)
        for section in proposals_form.SECTIONS
        for entry in section.fields
        if section.key != "identification" and entry.kind in ("rows", "prose", "line")
    ]
    chosen = draw(st.lists(st.sampled_from(free), min_size=1, max_size=5, unique_by=lambda pair: pair[1].key))
    found: dict[str, dict[str, Any]] = {"identification": {"title": text(False), "summary": text(True)}}
    for section, entry in chosen:
        found.setdefault(section, {})[entry.key] = value(section, entry)
    return found


# Twenty rows of which each lacks another cell, some of them all but one.
_COLUMNS: Final = ("who", "when", "how", "changed")
GAPS: Final = [
    {
        column: "2009-12-01" if column == "when" else f"{column} {place}"
        for at, column in enumerate(_COLUMNS)
        if (at != place % 4 if place < 16 else at == place % 4)
    }
    for place in range(20)
]


@dataclass(frozen=True, repr=False)
class Read:
    """A proposal whose second version is being appraised, and what its pages said of it on the way."""

    version: Version
    before: Version
    draft: Content
    section: str
    items: Mapping[str, tuple[str, ...]]
    pages: Mapping[str, str]


def _leaves(content: Content, paths: Iterable[str]) -> Iterator[str]:
    """Yield every value that stands at some fields, in the words of pages; of rows, every cell."""
    for path, _, entry in proposals_form.walk():
        found = proposals_form.value(content, path)
        if not found or path not in paths:
            continue
        if entry.kind == "rows":
            for row in found:
                yield from (
                    answers.shown(column, row[column.key]) for column in entry.columns if row.get(column.key)
                )
        else:
            yield answers.shown(entry, found)


_ALL: Final = frozenset(path for path, _, _ in proposals_form.walk())


def _texts(found: Iterable[Any]) -> Counter[str]:
    """Count the texts that elements hold, apart from what only a screen reader says."""
    said = []
    for element in found:
        for hidden in element.cssselect(".govuk-visually-hidden"):
            hidden.text = ""
            for part in hidden:
                hidden.remove(part)
        said.append(element.text_content().strip())
    return Counter(text for text in said if text)


def _values(areas: Iterable[Any]) -> Counter[str]:
    """Count the values that some areas of a page show."""
    return sum(
        (_texts(area.cssselect("dd .app-prose, p.app-prose, .app-table__value")) for area in areas), Counter()
    )


def _sections(page: str) -> Counter[str]:
    return _values(html.fromstring(page).cssselect('section[aria-labelledby^="part-"]'))


def _shows_all_of(content: Callable[[Read], Content], key: str) -> Callable[[Read], None]:
    def check(read: Read) -> None:
        assert _sections(read.pages[key]) == Counter(_leaves(content(read), _ALL))

    return check


def _shows_evidence_of(content: Callable[[Read], Content], key: str) -> Callable[[Read], None]:
    def check(read: Read) -> None:
        page = html.fromstring(read.pages[key])
        for item, paths in read.items.items():
            assert _values(page.cssselect(f'[id="{item}"] .govuk-details__text')) == Counter(
                _leaves(content(read), paths)
            ), item

    return check


def _conflict(read: Read) -> None:
    page = html.fromstring(read.pages["conflict"])
    content = {read.section: read.draft[read.section]}
    assert _values(page.cssselect('section[aria-labelledby^="part-"]')) == Counter(_leaves(content, _ALL))


def _form(read: Read) -> None:
    """Every value stands in a field of its own, so that saving the page loses none."""
    assert _sent(read.pages["form"]) == dict(_fields(read.section, read.draft[read.section]))


def _sent(page: str) -> dict[str, str]:
    """Return what a browser would send of a page of the form that nobody has touched."""
    form: Any = html.fromstring(page).cssselect("main form")[0]
    keys = {entry.key for part in proposals_form.SECTIONS for entry in part.fields}
    return {
        name: value.removeprefix("\n").replace("\r\n", "\n")
        for name, value in form.form_values()
        if value and name.partition("-")[0] in keys
    }


def _fields(section: str, kept: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in kept.items():
        entry = next(found for found in proposals_form.section(section).fields if found.key == key)
        if entry.kind == "rows":
            for place, row in enumerate(value):
                yield from ((f"{key}-{place}-{column}", text) for column, text in row.items())
        else:
            yield key, ", ".join(value) if isinstance(value, list) else value


def _difference(read: Read) -> None:
    """What is new in the later version, and what is gone of the earlier one, stand whole on the page."""
    page = read.pages["difference"]
    after, before = _runs(page, "del"), _runs(page, "ins")
    new, old = (Counter(map(solid, _leaves(entry.content, _ALL))) for entry in (read.version, read.before))
    assert set(new - old) <= after
    assert set(old - new) <= before


def _runs(page: str, left_out: str) -> set[str]:
    tree = html.fromstring(page)
    for area in tree.cssselect('section[aria-labelledby^="part-"]'):
        for run in area.cssselect(left_out):
            run.drop_tree() if run.tail is None else _empty(run)
    areas = tree.cssselect('section[aria-labelledby^="part-"]')
    found = [element for area in areas for element in area.cssselect(".app-prose")]
    return {solid(text) for text in _texts(found)}


def _empty(element: Any) -> None:
    element.text = ""
    for part in list(element):
        element.remove(part)


def _mentions(key: str, *paths: str, donors: bool = False) -> Callable[[Read], None]:
    """Return a check that a page, which shows a part of the form on purpose, shows that part whole."""

    def check(read: Read) -> None:
        said = solid(html.fromstring(read.pages[key]).text_content())
        content = read.draft if key in ("draft", "overview", "authors") else read.version.content
        wanted = list(_leaves(content, paths))
        if donors:
            wanted += [row["donor"] for row in proposals_form.rows(content, "identification.contributions")]
        assert [text for text in wanted if solid(text) not in said] == []

    return check


_SUMMED_UP: Final = tuple(
    f"identification.{key}"
    for key in ("title", "kind", "countries", "region", "theme", "unit", "start", "end", "summary")
)
# Every place that shows what was written, by the name of its page in ``Read.pages``.
PLACES: Final[Mapping[str, Callable[[Read], None]]] = {
    "version": _shows_all_of(lambda read: read.version.content, "version"),
    "difference": _difference,
    "conflict": _conflict,
    "form": _form,
    "evidence for the lead": _shows_evidence_of(lambda read: read.version.content, "evidence for the lead"),
    "evidence for a reviewer": _shows_evidence_of(
        lambda read: read.version.content, "evidence for a reviewer"
    ),
    "self-check": _shows_evidence_of(lambda read: read.draft, "self-check"),
    "draft": _mentions("draft", *_SUMMED_UP, donors=True),
    "overview": _mentions("overview", proposals_form.TITLE, donors=True),
    "proposal": _mentions("proposal", *_SUMMED_UP, donors=True),
    "overlap": _mentions("overlap", proposals_form.TITLE, "identification.countries", donors=True),
    "declaration": _mentions("declaration", proposals_form.TITLE, "identification.countries", donors=True),
    "similar": _mentions("similar", proposals_form.TITLE, "identification.countries", "alignment.outcome"),
    "reconciliation": _mentions("reconciliation", proposals_form.TITLE),
}


@pytest.fixture
def visited(app: Flask) -> Iterator[set[str]]:
    """Return the templates of the pages that were drawn so far."""
    found: set[str] = set()

    def note(sender: Flask, template: Any, **rest: Any) -> None:
        found.add(template.name)

    with template_rendered.connected_to(note, app):
        yield found


@dataclass(frozen=True, repr=False)
class Office:
    """A site with its people and its pages."""

    site: Site
    app: Flask
    cast: Cast

    def opens(self, who: str, address: str, status: int = 200, **form: str) -> str:
        """Open an address for somebody, or send a form to it; return the page."""
        client = self.app.test_client()
        building.sign_in_as(client, self.site, self.cast[who])
        answer = client.post(address, data=form) if form else client.get(address)
        assert answer.status_code == status, address
        return answer.text

    def save(self, number: str, section: str, fields: Mapping[str, Any]) -> None:
        """Save a section of the draft as its author."""
        given = (self.site.library, self.cast["designer"], self.site.now(), number, section, fields)
        with self.site.database.begin() as db:
            drafts.save_section(db, *given)

    def read(self, typed: Content, code: str) -> Read:
        """Write a proposal in two versions, and open every page that shows it."""
        site, cast = self.site, self.cast
        number = building.submitted_proposal(site, cast)
        here, section = f"/proposals/{number}", list(typed)[-1]
        building.take(site, cast["desk"], number, "return_incomplete", missing="Everything.")
        for key, fields in typed.items():
            self.save(number, key, {**building.load(site, number).content[key], **fields})
        draft = building.load(site, number).content
        assert {key: {**draft[key], **fields} for key, fields in typed.items()} == {
            key: draft[key] for key in typed
        }
        pages = {
            "draft": self.opens("designer", here),
            "overview": self.opens("designer", f"{here}/form"),
            "form": self.opens("designer", f"{here}/form/{section}"),
            "self-check": self.opens("designer", f"{here}/self-check/{code}"),
            "conflict": self.opens("designer", f"{here}/form/{section}", 409, seen="1", save="1"),
        }
        building.take(site, cast["designer"], number, "submit")
        building.take(site, cast["desk"], number, "assign", lead=cast["reader"])
        with site.database.begin() as db:
            asked = (number, cast["eval"], [code], date(2010, 2, 12))
            reviews.ask(db, site.library, cast["desk"], site.now(), *asked)
        pages["declaration"] = self.opens("eval", f"{here}/review")
        with site.database.begin() as db:
            reviews.declare(db, site.library, cast["eval"], site.now(), number, conflict=None)
        pages |= {
            "proposal": self.opens("desk", here),
            "version": self.opens("desk", f"{here}/versions/2"),
            "difference": self.opens("desk", f"{here}/versions/2/difference"),
            "overlap": self.opens("designer2", here),
            "similar": self.opens("desk", f"{here}/similar"),
            "evidence for the lead": self.opens("reader", f"{here}/appraisal/{code}"),
            "evidence for a reviewer": self.opens("eval", f"{here}/review/{code}"),
            "reconciliation": self.opens("reader", f"{here}/reconciliation"),
        }
        before, version = building.load(site, number).versions
        items = {
            item.id: tuple(item.evidence)
            for entry in site.library.criteria(site.library.newest_set().key)
            if entry.checklist.code == code
            for item in entry.checklist.items
        }
        return Read(version, before, draft, section, items, pages)

    def check(self, read: Read) -> None:
        """Compare every place with what was written, in the words of the pages."""
        with self.app.test_request_context():
            for check in PLACES.values():
                check(read)


@pytest.fixture
def office(site: Site, app: Flask, cast: Cast) -> Office:
    """Return a site that is read by everybody."""
    return Office(site, app, cast)


@pytest.mark.thorough
@settings(max_examples=6, suppress_health_check=list(HealthCheck))
@given(typed=written(), code=st.sampled_from(["ALI", "TRI", "ILS", "GEN", "CAP", "RBM"]))
def test_what_was_written_is_what_every_place_shows(office: Office, typed: Content, code: str) -> None:
    office.check(office.read(typed, code))


@pytest.mark.thorough
def test_rows_of_which_each_lacks_another_cell_are_stored_shown_and_edited_whole(
    office: Office, visited: set[str]
) -> None:
    rows = {"government": GAPS, "workers": GAPS[:7], "employers": [{"how": "Alone"}]}
    read = office.read({"constituents": rows}, "TRI")
    assert {key: read.version.content["constituents"][key] for key in rows} == rows
    office.check(read)
    assert _sections(read.pages["version"])["how 0"] == 2
    assert set(PLACES) == set(read.pages)
    # Whatever page draws the form's content is opened above: a new one is added to the table.
    assert _pages_with_content(office.app) <= visited

    number = building.draft_proposal(office.site, office.cast, content={"constituents": rows})
    address = f"/proposals/{number}/form/constituents"
    kept = building.load(office.site, number).content
    sent = _sent(office.opens("designer", address))
    office.opens("designer", address, 303, **sent, save="1")
    assert building.load(office.site, number).content == kept


def _pages_with_content(app: Flask) -> set[str]:
    """Return the templates that draw content, themselves or by what they include."""
    environment = app.jinja_env
    trees = {
        name: environment.parse(environment.loader.get_source(environment, name)[0])  # type: ignore[union-attr]
        for name in environment.list_templates()
        if name.endswith(".html")
    }
    drawing = {
        name
        for name, tree in trees.items()
        for found in tree.find_all(nodes.FromImport)
        if {entry if isinstance(entry, str) else entry[0] for entry in found.names}
        & {"content", "entry", "cited"}
        if "/parts.html" in found.template.value  # type: ignore[attr-defined]
    }
    including = {
        name
        for name, tree in trees.items()
        for found in tree.find_all(nodes.Include)
        if isinstance(found.template, nodes.Const) and found.template.value in drawing
    }
    return {name for name in drawing | including if not name.endswith(("/parts.html", "/item.html"))}


@pytest.mark.thorough
def test_a_record_and_its_files_hold_what_was_written(site: Site, cast: Cast) -> None:
    """The record holds the whole form; its pages print every contribution, and the summary, whole."""
    donors = [{"donor": f"Donor {place} {said}", "amount": "1000"} for place, said in enumerate(_HOSTILE)]
    donors = [{**entry, "donor": entry["donor"].replace("\n", " ")} for entry in donors]
    number = building.appraised_proposal(
        site,
        cast,
        contributions=donors,
        title=_HOSTILE[0],
        summary="\n".join(_HOSTILE),
        content={"constituents": {"government": GAPS}},
    )
    case = building.load(site, number)
    assert case.version is not None
    with site.database.read() as db:
        [listed] = stored.list_records(db, cast["desk"])[0]
        found = stored.find_record(db, listed.digest)
    assert found is not None
    value = json.loads(found.value)
    assert canonical(value["proposal"]["content"]) == canonical(case.version.content)
    files = _bundle(site, number)
    [submitted] = [data for name, data in files.items() if name.endswith("version-1.json")]
    assert canonical(json.loads(submitted)["content"]) == canonical(case.version.content)
    [page] = [data for name, data in files.items() if name.endswith(f"{number}.html")]
    assert solid(_HOSTILE[0]) in solid(html.fromstring(page.decode()).text_content())
    for language in LANGUAGES:
        said = solid(html.fromstring(page_of(value, language)).text_content())
        # A letter that no font of the print has is spelt out.
        wanted = [_printed(text, language) for text in (*(entry["donor"] for entry in donors), *_HOSTILE)]
        assert [text for text in wanted if text not in said] == []


def _bundle(site: Site, number: str) -> dict[str, bytes]:
    out = io.BytesIO()
    with site.database.read() as db:
        order = bundles.order(db, Asked((number,)), site.now(), None)
        bundles.write(db, site.files, site.library, order, out, site.now(), "en")
    with zipfile.ZipFile(out) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _printed(text: str, language: Language) -> str:
    return solid(html.fromstring(f"<p>{printed(text, language)}</p>").text_content())
