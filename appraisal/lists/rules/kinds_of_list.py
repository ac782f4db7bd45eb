"""Each kind of list from elsewhere has columns, and some of them that name a row.

They hold what the indicators other than 2.1 are computed from (GB.306/TC/1, paras 26 to 40), and
the finance list that 2.1 is compared with. Nothing in them is typed here: they are imported.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from appraisal.language.texts import LANGUAGES, N_, translate
from appraisal.proposals.rules.form import FUNDS, MODALITIES, Choice

Kind = Literal[
    "line",
    "code",
    "prose",
    "date",
    "money",
    "currency",
    "choice",
    "country",
    "countries",
    "flag",
    "symbol",
    "year",
    "cycle",
]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its key, what it holds, and whether every row needs it; label and hint are sentences."""

    key: str
    kind: Kind
    label: str
    hint: str = ""
    needed: bool = False
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Dataset:
    """A list: ``identity`` names the columns by which two rows are the same; ``feeds`` the indicators."""

    key: str
    title: str
    lead: str
    columns: tuple[Column, ...]
    identity: tuple[str, ...]
    feeds: tuple[str, ...]

    def column(self, key: str) -> Column:
        """Return a column by its key; ``KeyError`` where there is none."""
        for column in self.columns:
            if column.key == key:
                return column
        raise KeyError(key)

    @property
    def needed(self) -> tuple[Column, ...]:
        """Return the columns that a file has to have."""
        return tuple(column for column in self.columns if column.needed)


_SYMBOL: Final = Column(
    "symbol",
    "symbol",
    N_("Project symbol"),
    N_("Like RAS/13/51M/JPN; spaces and small letters make no difference."),
    needed=True,
)
_FUND: Final = Column("fund", "choice", N_("Fund"), choices=FUNDS)
_COUNTRY: Final = Column(
    "country", "country", N_("Country"), N_("A code of ISO 3166 with two letters, like KH."), needed=True
)
_CYCLE: Final = Column("cycle", "cycle", N_("Cycle"), N_("First and last year, like 2010-2014."), needed=True)
_REFERENCE: Final = Column("reference", "line", N_("Reference"), N_("The document that says so."))
_SATISFIED: Final = N_("Yes where they took part to their satisfaction; empty where they have not answered.")
_CONSTITUENTS: Final = (
    Column("government", "flag", N_("Government satisfied"), _SATISFIED),
    Column("employers", "flag", N_("Employers satisfied"), _SATISFIED),
    Column("workers", "flag", N_("Workers satisfied"), _SATISFIED),
)
_MODALITIES: Final = (*MODALITIES, Choice("other", N_("Other funding")))

DATASETS: Final[tuple[Dataset, ...]] = (
    Dataset(
        "projects",
        N_("Newly opened projects"),
        N_(
            "The finance list of projects that were opened: what the proposals approved here are held against."
        ),
        (
            _SYMBOL,
            Column("title", "line", N_("Project title")),
            Column(
                "countries",
                "countries",
                N_("Countries"),
                N_("Codes of ISO 3166 with spaces or semicolons between, or “global”."),
            ),
            _FUND,
            Column("amount", "money", N_("Amount")),
            Column(
                "currency", "currency", N_("Currency"), N_("Three letters; US dollars where it is empty.")
            ),
            Column("opened_on", "date", N_("Opened on")),
            Column("donor", "line", N_("Donor")),
        ),
        ("symbol",),
        ("2.1",),
    ),
    Dataset(
        "deliveries",
        N_("Allocation and expenditure"),
        N_("What each project was allocated and what it spent in a calendar year, in US dollars."),
        (
            _SYMBOL,
            Column("period", "year", N_("Year"), N_("A calendar year, like 2010."), needed=True),
            Column("allocation", "money", N_("Allocation (US$)"), needed=True),
            Column("expenditure", "money", N_("Expenditure (US$)"), needed=True),
            _FUND,
        ),
        ("symbol", "period"),
        ("2.2",),
    ),
    Dataset(
        "gaps",
        N_("Resource gaps"),
        N_("The resource gaps that the outcome-based workplans name, in US dollars."),
        (
            Column(
                "gap",
                "code",
                N_("Gap"),
                N_("The code by which proposals name it in their section on alignment."),
                needed=True,
            ),
            Column("outcome", "line", N_("Outcome"), needed=True),
            Column("title", "line", N_("Title of the gap")),
            Column("amount", "money", N_("Amount (US$)"), needed=True),
            Column("recorded_on", "date", N_("Recorded on"), needed=True),
        ),
        ("gap",),
        ("1.1",),
    ),
    Dataset(
        "agreements",
        N_("Voluntary funding"),
        N_("The agreements on voluntary funding, each with its modality and what it is linked to."),
        (
            Column("reference", "line", N_("Agreement"), N_("What the agreement is known by."), needed=True),
            Column("donor", "line", N_("Donor")),
            Column("amount", "money", N_("Amount (US$)"), needed=True),
            Column("signed_on", "date", N_("Signed on"), needed=True),
            Column("modality", "choice", N_("Modality"), needed=True, choices=_MODALITIES),
            Column("linked_outcome", "line", N_("Linked programme and budget outcome")),
            Column("linked_dwcp", "line", N_("Linked Decent Work Country Programme")),
        ),
        ("reference",),
        ("1.2",),
    ),
    Dataset(
        "undafs",
        N_("UNDAFs"),
        N_(
            "United Nations Development Assistance Frameworks: whether they reflect decent work priorities, and what the constituents answered."
        ),
        (
            _COUNTRY,
            _CYCLE,
            Column(
                "reflects",
                "flag",
                N_("Reflects decent work priorities"),
                N_("Yes or no; empty where it is not known."),
            ),
            _REFERENCE,
            Column("assessed_on", "date", N_("Assessed on"), needed=True),
            *_CONSTITUENTS,
        ),
        # A cycle is longer than a biennium: what is said of one must not change what was said of another.
        ("country", "cycle", "assessed_on"),
        ("3.1", "3.3"),
    ),
    Dataset(
        "dwcps",
        N_("Decent Work Country Programmes"),
        N_("Decent Work Country Programmes, and what the constituents answered about taking part in them."),
        (
            _COUNTRY,
            _CYCLE,
            _REFERENCE,
            Column("surveyed_on", "date", N_("Surveyed on"), needed=True),
            *_CONSTITUENTS,
        ),
        ("country", "cycle", "surveyed_on"),
        ("3.2",),
    ),
)
BY_KEY: Final[Mapping[str, Dataset]] = {dataset.key: dataset for dataset in DATASETS}


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something wrong with a heading or a mapping: a sentence, and its facts."""

    sentence: str
    facts: Mapping[str, object]


# Column of a dataset to place in the heading of a file, counted from 0.
Mapped = Mapping[str, int]


def names_of(column: Column) -> frozenset[str]:
    """Return what a file may call a column, folded: its key, and its label in any of the languages."""
    return frozenset(
        folded(name) for name in (column.key, *(translate(language, column.label) for language in LANGUAGES))
    )


def folded(name: str) -> str:
    """Return the name of a column as names are compared."""
    return " ".join(name.replace("_", " ").split()).casefold()


def proposed(dataset: Dataset, heading: Sequence[str]) -> dict[str, int]:
    """Propose which column of a file is which, by their names; what two of them are called is left open."""
    found = {}
    for column in dataset.columns:
        names = names_of(column)
        places = [place for place, name in enumerate(heading) if folded(name) in names]
        if len(places) == 1:
            found[column.key] = places[0]
    return found


def mapping_faults(dataset: Dataset, heading: Sequence[str], mapping: Mapped) -> list[Complaint]:
    """Return everything wrong with a mapping: needed columns without a place, and places taken twice."""
    found = []
    missing = [column.label for column in dataset.needed if column.key not in mapping]
    for label in missing:
        found.append(Complaint(N_("No column of the file is chosen for “%(label)s”"), {"label": label}))
    taken: dict[int, list[str]] = defaultdict(list)
    for key, place in mapping.items():
        taken[place].append(dataset.column(key).label)
    for place, labels in sorted(taken.items()):
        if len(labels) > 1:
            sentence = N_(
                "The column “%(name)s” of the file is chosen twice, for “%(label)s” and “%(other_label)s”"
            )
            found.append(
                Complaint(sentence, {"name": heading[place], "label": labels[0], "other_label": labels[1]})
            )
    return found


def unclear(dataset: Dataset, heading: Sequence[str], mapping: Mapped) -> list[Complaint]:
    """Return which columns without a place have several that are called like them."""
    found = []
    for column in dataset.columns:
        names = names_of(column)
        alike = [name for name in heading if folded(name) in names]
        if len(alike) > 1 and column.key not in mapping:
            sentence = N_("Several columns of the file may be “%(label)s”: %(names)s")
            found.append(Complaint(sentence, {"label": column.label, "names": ", ".join(alike)}))
    return found
