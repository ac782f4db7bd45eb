"""The track that a proposal takes follows from its US$, and so does what a submission must hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext
from typing import Any

from appraisal.clock import geneva_date
from appraisal.definitions.checklists import Fact
from appraisal.definitions.workflows import TrackCondition, Workflow
from appraisal.language.texts import N_
from appraisal.proposals.facts import Case, Content, Contribution, Document
from appraisal.proposals.rules import form
from appraisal.vocabulary.findings import Said

CENT = Decimal("0.01")
# More than the largest amount divided by the smallest rate that a database can hold.
_DIGITS = 100


@dataclass(frozen=True, slots=True)
class Rate:
    """Units of a currency for one US$ from a day on, as the coordinators' table holds it."""

    currency: str
    on: date
    per_usd: Decimal
    source: str = ""


def rate_on(rates: Sequence[Rate], currency: str, day: date) -> Rate | None:
    """Return the newest rate of a currency that is not later than a day; US dollars need none."""
    if currency == "USD":
        return Rate("USD", day, Decimal(1))
    known = [rate for rate in rates if rate.currency == currency and rate.on <= day]
    return max(known, key=lambda rate: rate.on, default=None)


def contributions(content: Content, rates: Sequence[Rate], day: date) -> tuple[Contribution, ...]:
    """Read the contributions of a form, each with its US$ equivalent to the cent; None without a rate."""
    found = []
    for row in form.rows(content, "identification.contributions"):
        amount = decimal(row.get("amount"))
        if amount is None:
            continue
        currency = str(row.get("currency", "USD")).upper()
        rate = rate_on(rates, currency, day)
        usd = None if rate is None else cents(amount / rate.per_usd)
        found.append(
            Contribution(
                donor=str(row.get("donor", "")),
                private=row.get("private") == "yes",
                fund=str(row.get("fund", "")),
                modality=str(row.get("modality", "")),
                amount=amount,
                currency=currency,
                usd=usd,
                rate=None if rate is None else rate.per_usd,
                rate_on=None if rate is None else rate.on,
            )
        )
    return tuple(found)


def approved_outside(
    content: Content, rates: Sequence[Rate], day: date, fund: str = ""
) -> tuple[Contribution, ...]:
    """Read the contributions of a form whose approval was given outside, at the rates of its day.

    Where it names none, the fund that came with the approval pays, of an amount that nobody told.
    """
    given = contributions(content, rates, day)
    if given or not fund:
        return given
    return (
        Contribution(form.UNNAMED, False, fund, "direct", Decimal(0), "USD", Decimal(0), Decimal(1), day),
    )


def registered(
    case: Case, rates: Sequence[Rate], approved_at: datetime | None, fund: str
) -> tuple[Contribution, ...]:
    """Read the contributions of a draft whose approval is registered: of an undated one, as it came in."""
    return approved_outside(case.content, rates, geneva_date(approved_at or case.created_at), fund)


def funds_approved(case: Case) -> frozenset[str]:
    """Return the funds of what an approval given outside would approve: the version, or else the form."""
    return funds(case.version.contributions if case.version else contributions(case.content, (), date.min))


def cents(amount: Decimal) -> Decimal:
    """Round an amount to the cent, half up, however large a rate makes it."""
    with localcontext(prec=_DIGITS):
        return amount.quantize(CENT, ROUND_HALF_UP)


def decimal(text: Any) -> Decimal | None:
    """Read an amount of money; None where it is none."""
    try:
        amount = Decimal(str(text))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def is_unvalued(given: Sequence[Contribution]) -> bool:
    """Tell whether nobody knows the US$ of contributions in full: one has no rate, or no amount."""
    return any(entry.usd is None or not entry.amount for entry in given)


def total_usd(given: Sequence[Contribution]) -> Decimal:
    """Add up all contributions that have a US$ equivalent; several donors count together."""
    return sum((entry.usd for entry in given if entry.usd is not None), Decimal(0))


def known_usd(given: Sequence[Contribution]) -> Decimal | None:
    """Add up all contributions; None where nobody knows one of them in full."""
    return None if is_unvalued(given) else total_usd(given)


def derive(workflow: Workflow, content: Content, usd: Decimal, tightened: str = "") -> str:
    """Return the track: the strictest whose conditions hold, or the stricter one a coordinator chose."""
    keys = list(workflow.tracks)
    derived = strictest({key: track.when for key, track in workflow.tracks.items()}, content, usd)
    return max(derived, tightened, key=keys.index) if tightened in keys else derived


def strictest(conditions: Mapping[str, TrackCondition | None], content: Content, usd: Decimal) -> str:
    """Return the strictest track whose conditions hold, of those given from lightest to strictest.

    One of them has no condition: it is that of all other proposals.
    """
    holding = (
        key
        for key in reversed(list(conditions))
        if (condition := conditions[key]) is not None and _holds(condition, content, usd)
    )
    return next(holding, next(key for key, condition in conditions.items() if condition is None))


def conditions(when: TrackCondition | None) -> list[Said]:
    """Say what brings a proposal on a track; an ``amount`` is for the reader's language to write."""
    if when is None:
        return [(N_("every other proposal"), {})]
    found: list[Said] = []
    if when.above_usd is not None:
        found.append((N_("above US$%(amount)s"), {"amount": when.above_usd}))
    if when.up_to_usd is not None:
        found.append((N_("up to US$%(amount)s"), {"amount": when.up_to_usd}))
    if when.one_country:
        found.append((N_("one country only"), {}))
    if when.no_private_funder:
        found.append((N_("no private funder"), {}))
    return found


def _holds(condition: TrackCondition, content: Content, usd: Decimal) -> bool:
    countries = form.countries(content)
    return (
        (condition.above_usd is None or usd > condition.above_usd)
        and (condition.up_to_usd is None or usd <= condition.up_to_usd)
        and (not condition.one_country or (len(countries) == 1 and countries[0] != "global"))
        and (not condition.no_private_funder or not form.has_private_funder(content))
    )


@dataclass(frozen=True, slots=True)
class Missing:
    """A field that a submission still needs: label, and where it stands (``key`` or ``key-row-column``)."""

    label: str
    place: str


def missing_in(part: form.Section, content: Content) -> list[Missing]:
    """Return what a submission still needs in one section of the form, row by row."""
    missing = []
    for entry in part.fields:
        path = f"{part.key}.{entry.key}"
        if entry.is_needed(content) and not form.value(content, path):
            missing.append(Missing(entry.label, entry.key))
        if entry.kind == "rows":
            missing += [
                Missing(column.label, f"{entry.key}-{index}-{column.key}")
                for index, row in enumerate(form.rows(content, path))
                for column in entry.columns
                if column.needed and not row.get(column.key)
            ]
    return missing


def fields_missing(content: Content) -> list[str]:
    """Return the labels of the fields that a submission still needs."""
    found = [entry.label for part in form.SECTIONS for entry in missing_in(part, content)]
    return list(dict.fromkeys(found))


def documents_missing(
    workflow: Workflow, track: str, content: Content, attached: Sequence[Document]
) -> list[str]:
    """Return the kinds of document that the track needs and that neither a file nor the form supplies."""
    needed = list(workflow.tracks[track].documents)
    if form.has_private_funder(content):
        needed.append("ppp_clearance")
    kinds = {document.kind for document in attached}
    return [
        kind
        for kind in needed
        if kind not in kinds
        and not (kind in form.DOCUMENT_IN_FORM and form.rows(content, form.DOCUMENT_IN_FORM[kind]))
    ]


def checklist_facts(content: Content) -> Mapping[Fact, bool | None]:
    """Return what the form says about when items may be rated X."""
    return {
        "no_private_funder": not form.has_private_funder(content),
        "no_learning_component": not form.has_learning_component(content),
        "centre_is_provider": form.value(content, "turin.provider") == "turin_centre",
    }


def funds(given: Sequence[Contribution]) -> frozenset[str]:
    """Return the funds that pay for a proposal."""
    return frozenset(entry.fund for entry in given if entry.fund)
