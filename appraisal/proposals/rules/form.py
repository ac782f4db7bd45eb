"""The proposal form has sections and fields; each says what it may hold, and what a submission must.

The fields are the facts of the product's subject: what the guards, the checklists (which name
fields as ``section.field`` in ``evidence``), the record and later monitoring read. Content is a
plain mapping of section to field to value, where a value is a string, a list of strings or a
list of rows; dates are ISO 8601, money is a decimal string, empty values are left out.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from appraisal.language.texts import N_

Content = Mapping[str, Mapping[str, Any]]

Kind = Literal["line", "prose", "choice", "choices", "countries", "flag", "date", "money", "number", "rows"]

TITLE = "identification.title"
# Fields of the first section that name another proposal by its number.
REFERENCES = ("parent", "predecessor")


@dataclass(frozen=True, slots=True)
class Choice:
    """One value that a field may take, and how it is called on screen."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its key inside the section, what it holds, and when a submission needs it.

    ``columns`` belong to ``rows`` only. ``needed_when`` looks at the whole content.
    """

    key: str
    kind: Kind
    label: str
    hint: str = ""
    choices: tuple[Choice, ...] = ()
    columns: tuple["Field", ...] = ()
    needed: bool = False
    needed_when: Callable[[Content], bool] | None = field(default=None, compare=False)

    def is_needed(self, content: Content) -> bool:
        """Tell whether a submission of this content must fill the field in."""
        return self.needed or (self.needed_when is not None and self.needed_when(content))


@dataclass(frozen=True, slots=True)
class Section:
    """One page of the form."""

    key: str
    title: str
    fields: tuple[Field, ...]
    lead: str = ""


def value(content: Content, path: str) -> Any:
    """Return what stands at ``section.field``; an empty string where there is nothing."""
    section, _, key = path.partition(".")
    return content.get(section, {}).get(key, "")


def rows(content: Content, path: str) -> list[Mapping[str, Any]]:
    """Return the rows that stand at ``section.field``."""
    found = value(content, path)
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, list | tuple) else []


def countries(content: Content) -> list[str]:
    """Return the codes of the countries that a form names; none where it holds no list."""
    found = value(content, "identification.countries")
    return [str(code) for code in found] if isinstance(found, list | tuple) else []


def has_private_funder(content: Content) -> bool:
    """Tell whether any contribution comes from a private partner."""
    return any(row.get("private") == "yes" for row in rows(content, "identification.contributions"))


def has_learning_component(content: Content) -> bool:
    """Tell whether the proposal contains training or other learning; unsaid counts as yes."""
    return str(value(content, "turin.learning_component")) != "no"


def _kind_is(*kinds: str) -> Callable[[Content], bool]:
    return lambda content: value(content, "identification.kind") in kinds


YES_NO = (Choice("yes", N_("Yes")), Choice("no", N_("No")))
# What stands in the form where nobody named the donor.
UNNAMED: Final = "–"
FUNDS = (
    Choice("XBTC", N_("Extra-budgetary technical cooperation (XBTC)")),
    Choice("RBSA", N_("Regular Budget Supplementary Account (RBSA)")),
    Choice("RBTC", N_("Regular budget technical cooperation (RBTC)")),
)
MODALITIES = (
    Choice("rbsa", N_("RBSA")),
    Choice("partnership", N_("Partnership agreement")),
    Choice("one_un", N_("One UN fund")),
    Choice("direct", N_("Direct project support")),
)
KINDS = (
    Choice("new", N_("New proposal")),
    Choice("next_phase", N_("Next phase of an earlier project")),
    Choice("umbrella", N_("Umbrella programme (container for country projects)")),
    Choice("child", N_("Country project under an umbrella programme")),
)
REGIONS = (
    Choice("africa", N_("Africa")),
    Choice("americas", N_("Latin America and the Caribbean")),
    Choice("arab_states", N_("Arab States")),
    Choice("asia_pacific", N_("Asia and the Pacific")),
    Choice("europe", N_("Europe and Central Asia")),
    Choice("interregional", N_("Interregional or global")),
)
BUREAUX = (
    Choice("ACT/EMP", N_("Bureau for Employers' Activities (ACT/EMP)")),
    Choice("ACTRAV", N_("Bureau for Workers' Activities (ACTRAV)")),
)
MARKERS = (
    Choice("0", N_("0: not targeted")),
    Choice("1", N_("1: significant objective")),
    Choice("2", N_("2: principal objective")),
)
PROVIDERS = (
    Choice("turin_centre", N_("The Turin Centre")),
    Choice("other", N_("Another provider")),
    Choice("mixed", N_("The Turin Centre together with another provider")),
)
TURIN_ROLES = (
    Choice("used", N_("Used")),
    Choice("considered", N_("Considered and not used")),
    Choice("no_role", N_("No role")),
)
LEVELS = (Choice("low", N_("Low")), Choice("medium", N_("Medium")), Choice("high", N_("High")))

_CONSULTED = (
    Field("who", "line", N_("Who was consulted")),
    Field("when", "date", N_("When")),
    Field("how", "line", N_("How")),
    Field("changed", "prose", N_("What changed because of it")),
)
_ASKED = (
    Field("asked_on", "date", N_("Asked on")),
    Field("answered_on", "date", N_("Answered on"), hint=N_("Leave empty if there was no answer")),
    Field("comment", "prose", N_("Their comment")),
    Field("changed", "prose", N_("What changed because of it")),
)

SECTIONS: tuple[Section, ...] = (
    Section(
        "identification",
        N_("Identification"),
        (
            Field("title", "line", N_("Title"), needed=True),
            Field(
                "symbol",
                "line",
                N_("Project symbol"),
                hint=N_("If it is known already, for example ZAM/13/01/FIN"),
            ),
            Field("kind", "choice", N_("Kind of proposal"), choices=KINDS, needed=True),
            Field(
                "predecessor",
                "line",
                N_("Number of the earlier proposal"),
                needed_when=_kind_is("next_phase"),
                hint=N_("The earlier phase, or the proposal that was rejected or withdrawn"),
            ),
            Field("parent", "line", N_("Number of the umbrella proposal"), needed_when=_kind_is("child")),
            Field(
                "countries",
                "countries",
                N_("Countries"),
                hint=N_(
                    "ISO 3166 codes, separated by commas, for example ZM, TZ; write “global” where no country is named"
                ),
                needed=True,
            ),
            Field("region", "choice", N_("Region"), choices=REGIONS, needed=True),
            Field("theme", "line", N_("Theme")),
            Field("unit", "line", N_("Responsible unit"), needed=True),
            Field("duty_station", "line", N_("Duty station")),
            Field("contact", "line", N_("Contact")),
            Field(
                "contributions",
                "rows",
                N_("Contributions"),
                hint=N_("One row for each donor. The US$ equivalent comes from the table of rates."),
                needed=True,
                columns=(
                    Field("donor", "line", N_("Donor"), needed=True),
                    Field("private", "flag", N_("Private partner"), choices=YES_NO, needed=True),
                    Field("fund", "choice", N_("Fund"), choices=FUNDS, needed=True),
                    Field("modality", "choice", N_("Modality"), choices=MODALITIES, needed=True),
                    Field("amount", "money", N_("Amount"), needed=True),
                    Field("currency", "line", N_("Currency (ISO 4217)"), needed=True),
                ),
            ),
            Field("start", "date", N_("Planned start"), needed=True),
            Field("end", "date", N_("Planned end"), needed=True),
            Field("summary", "prose", N_("Summary and background"), needed=True),
            Field("target_groups", "prose", N_("Target groups and direct recipients")),
        ),
    ),
    Section(
        "alignment",
        N_("Alignment"),
        (
            Field("outcome", "line", N_("Lead programme and budget outcome"), needed=True),
            Field(
                "country_outcomes",
                "rows",
                N_("Country programme outcomes and global products served"),
                needed=True,
                columns=(
                    Field("code", "line", N_("Code"), needed=True),
                    Field("title", "line", N_("Title")),
                ),
            ),
            Field("resource_gap", "line", N_("Resource gap in the outcome-based workplan")),
            Field("resource_gap_amount", "money", N_("Part of the gap that this proposal fills (US$)")),
            Field(
                "dwcp", "prose", N_("Decent Work Country Programme priority, country by country"), needed=True
            ),
            Field("framework", "prose", N_("UNDAF, One UN or national plan")),
            Field("problem", "prose", N_("Situation and problem analysis"), needed=True),
            Field(
                "overlap",
                "prose",
                N_("Other ILO projects checked for overlap"),
                hint=N_(
                    "Running and planned projects in the same country or theme, and what the check showed"
                ),
            ),
            Field("office_confirmed_by", "line", N_("Confirmed by the country office: name")),
            Field("office_confirmed_on", "date", N_("Confirmed by the country office: date")),
            Field(
                "ppp_clearance",
                "line",
                N_("Reference of the public-private partnership clearance"),
                needed_when=has_private_funder,
            ),
        ),
    ),
    Section(
        "constituents",
        N_("Constituents"),
        (
            Field("government", "rows", N_("Government consulted"), columns=_CONSULTED, needed=True),
            Field(
                "employers", "rows", N_("Employers' organizations consulted"), columns=_CONSULTED, needed=True
            ),
            Field("workers", "rows", N_("Workers' organizations consulted"), columns=_CONSULTED, needed=True),
            Field(
                "bureaux",
                "rows",
                N_("Bureaux asked during design"),
                hint=N_("Both bureaux are asked, always. Asked and silent counts as asked."),
                columns=(Field("bureau", "choice", N_("Bureau"), choices=BUREAUX, needed=True), *_ASKED),
                needed=True,
            ),
            Field("roles", "prose", N_("Role of each constituent in carrying it out")),
            Field("steering", "prose", N_("Steering body and its powers")),
            Field("social_dialogue", "prose", N_("Social dialogue as a means or a result")),
            Field("representativeness", "prose", N_("How the organizations were chosen")),
            Field("support", "prose", N_("Written support from constituents")),
        ),
    ),
    Section(
        "results",
        N_("Results"),
        (
            Field("development_objective", "prose", N_("Development objective"), needed=True),
            Field(
                "objectives",
                "rows",
                N_("Immediate objectives"),
                needed=True,
                columns=(
                    Field("ref", "line", N_("No."), needed=True),
                    Field("text", "prose", N_("Objective"), needed=True),
                ),
            ),
            Field(
                "outcomes",
                "rows",
                N_("Outcomes"),
                columns=(
                    Field("ref", "line", N_("No."), needed=True),
                    Field("serves", "line", N_("Objective served")),
                    Field("text", "prose", N_("Outcome"), needed=True),
                ),
            ),
            Field(
                "outputs",
                "rows",
                N_("Outputs"),
                needed=True,
                columns=(
                    Field("ref", "line", N_("No."), needed=True),
                    Field("serves", "line", N_("Outcome or objective served")),
                    Field("text", "prose", N_("Output"), needed=True),
                ),
            ),
            Field(
                "indicators",
                "rows",
                N_("Indicators"),
                needed=True,
                columns=(
                    Field("serves", "line", N_("Result measured"), needed=True),
                    Field("text", "prose", N_("Indicator"), needed=True),
                    Field("baseline", "line", N_("Baseline")),
                    Field("target", "line", N_("Target")),
                    Field("means", "line", N_("Means of verification")),
                    Field("by_sex", "flag", N_("Split by sex"), choices=YES_NO),
                ),
            ),
            Field(
                "assumptions",
                "rows",
                N_("Assumptions"),
                columns=(
                    Field("serves", "line", N_("Result")),
                    Field("text", "prose", N_("Assumption"), needed=True),
                ),
            ),
        ),
    ),
    Section(
        "risks",
        N_("Risks"),
        (
            Field(
                "register",
                "rows",
                N_("Risk register"),
                columns=(
                    Field("text", "prose", N_("Risk"), needed=True),
                    Field("serves", "line", N_("Result threatened")),
                    Field("likelihood", "choice", N_("Likelihood"), choices=LEVELS),
                    Field("impact", "choice", N_("Impact"), choices=LEVELS),
                    Field("response", "prose", N_("Response")),
                    Field("owner", "line", N_("Owner")),
                ),
            ),
        ),
    ),
    Section(
        "standards",
        N_("International labour standards"),
        (
            Field(
                "instruments",
                "rows",
                N_("Conventions and Recommendations"),
                needed=True,
                columns=(
                    Field("number", "line", N_("Number, for example C081 or R152"), needed=True),
                    Field("status", "line", N_("Ratification in the countries")),
                    Field("comments", "prose", N_("Supervisory comments used")),
                ),
            ),
            Field(
                "output",
                "prose",
                N_("Output aimed at applying or ratifying a standard, or why there is none"),
            ),
            Field("no_conflict", "prose", N_("Why no activity conflicts with standards")),
            Field("association", "prose", N_("Freedom of association and collective bargaining")),
            Field("forced_labour", "prose", N_("Forced labour")),
            Field("child_labour", "prose", N_("Child labour")),
            Field("discrimination", "prose", N_("Discrimination")),
            Field("safety", "prose", N_("Safe and healthy working environment")),
            Field("contracts", "prose", N_("Labour clause in contracts with implementing partners")),
            Field("specialist", "rows", N_("Standards specialists asked during design"), columns=_ASKED),
        ),
    ),
    Section(
        "gender",
        N_("Gender equality and non-discrimination"),
        (
            Field("analysis", "prose", N_("How the situation differs for women and men"), needed=True),
            Field("marker", "choice", N_("DAC gender equality marker"), choices=MARKERS, needed=True),
            Field("marker_reason", "prose", N_("Reason for the marker"), needed=True),
            Field("response", "prose", N_("Results that address the inequality found")),
            Field("participation", "prose", N_("How women and men will both be able to take part")),
            Field("other_grounds", "prose", N_("Other grounds of discrimination and vulnerable groups")),
            Field("harm", "prose", N_("Possible harm and how it is managed")),
            Field("reporting", "prose", N_("Gender in reporting and evaluation")),
        ),
    ),
    Section(
        "turin",
        N_("Turin Centre"),
        (
            Field(
                "learning_component",
                "flag",
                N_("Is there a learning component?"),
                choices=YES_NO,
                needed=True,
            ),
            Field("role", "choice", N_("The Turin Centre is"), choices=TURIN_ROLES, needed=True),
            Field("reason", "prose", N_("Why"), needed=True),
            Field(
                "provider",
                "choice",
                N_("Provider of the training"),
                choices=PROVIDERS,
                needed_when=lambda content: value(content, "turin.learning_component") == "yes",
            ),
            Field("approached_on", "date", N_("Centre approached on")),
            Field("approached_who", "line", N_("Contact at the Centre")),
            Field("cost", "prose", N_("Product, role and cost in work plan and budget")),
            Field("comparison", "prose", N_("Comparison with the other provider")),
            Field("follow_up", "prose", N_("Follow-up of what was learned")),
        ),
    ),
    Section(
        "capacity",
        N_("Capacity and sustainability"),
        (
            Field(
                "assessments",
                "rows",
                N_("Capacity assessments"),
                needed=True,
                columns=(
                    Field("institution", "line", N_("Institution"), needed=True),
                    Field("date", "date", N_("Date")),
                    Field("findings", "prose", N_("Findings")),
                ),
            ),
            Field("institutional", "prose", N_("Institutional changes intended")),
            Field(
                "own_outputs", "prose", N_("Outputs of employers' and workers' organizations of their own")
            ),
            Field("exit", "prose", N_("Exit and sustainability plan"), needed=True),
            Field("afterwards", "prose", N_("Who does it and pays for it afterwards")),
            Field("contributions", "prose", N_("Partners' contributions and prior obligations")),
            Field(
                "delivery_targets",
                "prose",
                N_("Delivery targets set by donors, and constituents' capacity beside them"),
            ),
        ),
    ),
    Section(
        "monitoring",
        N_("Monitoring and evaluation"),
        (
            Field("plan", "prose", N_("Monitoring plan: milestones, means, people"), needed=True),
            Field("evaluation", "prose", N_("Evaluations planned"), needed=True),
            Field("budget", "money", N_("Money set aside for monitoring and evaluation (US$)")),
            Field("baselines", "prose", N_("Baselines still to be collected, with date and money")),
            Field("partners", "prose", N_("Part of constituents and partners in monitoring and evaluation")),
            Field(
                "milestones",
                "rows",
                N_("Milestones"),
                columns=(
                    Field("date", "date", N_("Date"), needed=True),
                    Field("serves", "line", N_("Result")),
                    Field("text", "line", N_("Value to be reached"), needed=True),
                ),
            ),
        ),
    ),
    Section(
        "budget",
        N_("Budget"),
        (
            Field(
                "lines",
                "rows",
                N_("Budget lines"),
                hint=N_("In US$, by output, and by country if there are several"),
                needed=True,
                columns=(
                    Field("output", "line", N_("Output"), needed=True),
                    Field("country", "line", N_("Country")),
                    Field("text", "line", N_("Description"), needed=True),
                    Field("amount", "money", N_("Amount (US$)"), needed=True),
                ),
            ),
            Field("sufficiency", "prose", N_("Why the budget is sufficient")),
        ),
    ),
    Section(
        "workplan",
        N_("Work plan and management"),
        (
            Field(
                "activities",
                "rows",
                N_("Activities"),
                needed=True,
                columns=(
                    Field("text", "line", N_("Activity"), needed=True),
                    Field("output", "line", N_("Output")),
                    Field("start", "date", N_("Start")),
                    Field("end", "date", N_("End")),
                    Field("responsible", "line", N_("Responsible")),
                ),
            ),
            Field("start_up", "prose", N_("Start-up period")),
            Field("management", "prose", N_("Management, roles and reporting lines")),
        ),
    ),
    Section(
        "lessons",
        N_("Lessons used"),
        (
            Field(
                "used",
                "rows",
                N_("Evaluation findings and lessons used"),
                columns=(
                    Field("reference", "line", N_("Reference"), needed=True),
                    Field("lesson", "prose", N_("Lesson")),
                    Field("changed", "prose", N_("What changed because of it")),
                ),
            ),
            Field("search", "prose", N_("Search that found none"), hint=N_("Where and when you looked")),
        ),
    ),
)

DOCUMENT_KINDS: tuple[Choice, ...] = (
    Choice("outline", N_("Summary outline (SPROUT) or concept note")),
    Choice("prodoc", N_("Project document (PRODOC)")),
    Choice("logframe", N_("Logical framework")),
    Choice("budget", N_("Budget by output")),
    Choice("workplan", N_("Work plan")),
    Choice("monitoring_plan", N_("Monitoring and evaluation plan")),
    Choice("risk_register", N_("Risk register")),
    Choice("consultation", N_("Evidence of consultation with constituents")),
    Choice("ppp_clearance", N_("Public-private partnership clearance")),
    Choice("support_letter", N_("Letter of support")),
    Choice("other", N_("Other document")),
)

# What the structured form holds need not be attached a second time.
DOCUMENT_IN_FORM: Mapping[str, str] = {
    "logframe": "results.indicators",
    "budget": "budget.lines",
    "workplan": "workplan.activities",
    "risk_register": "risks.register",
}


def section(key: str) -> Section:
    """Return a section by its key; ``KeyError`` where there is none."""
    for candidate in SECTIONS:
        if candidate.key == key:
            return candidate
    raise KeyError(key)


def paths() -> frozenset[str]:
    """Return all field paths, ``section.field``, and ``documents.kind`` for the kinds of document."""
    fields = {f"{part.key}.{entry.key}" for part in SECTIONS for entry in part.fields}
    return frozenset(fields | {f"documents.{kind.value}" for kind in DOCUMENT_KINDS})


def walk() -> Iterator[tuple[str, Section, Field]]:
    """Go through every field with its path."""
    for part in SECTIONS:
        for entry in part.fields:
            yield f"{part.key}.{entry.key}", part, entry
